"""The oracle's aggregations: the values of a window as in semantics.md 4, one after the other."""

import hashlib
import math
import struct
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from platform_assets.errors import ComputeError

INT64 = range(-(2**63), 2**63)


def _sum(values: list[Any], times: list[datetime], aggregation: Any) -> Any:
    if not values:
        return aggregation.empty
    if isinstance(values[0], float):
        return math.fsum(values)
    if sum(values) not in INT64:
        raise ComputeError(f"an integer sum is {sum(values)}, beyond 64 bits")
    return sum(values)


def _variance(values: list[Any]) -> Fraction | None:
    if len(values) < 2:
        return None
    exact = [Fraction(value) for value in values]  # near 1e12 a float mean would be off by 1e-4, and so would the distances
    mean = sum(exact, Fraction()) / len(exact)
    return sum(((value - mean) ** 2 for value in exact), Fraction()) / (len(exact) - 1)


def _std(values: list[Any], times: list[datetime], aggregation: Any) -> float | None:
    variance = _variance(values)
    return None if variance is None else math.sqrt(variance)


def _var(values: list[Any], times: list[datetime], aggregation: Any) -> float | None:
    variance = _variance(values)
    return None if variance is None else float(variance)


def _mode(values: list[Any], times: list[datetime], aggregation: Any) -> Any:
    counts = Counter(values)
    return min((value for value in counts if counts[value] == max(counts.values())), default=None)


def _quantile(values: list[Any], times: list[datetime], aggregation: Any) -> float | None:
    if not values:
        return None
    many = len(set(values)) > aggregation.exact_up_to
    ordered = sorted(_rounded(float(value)) if many else float(value) for value in values)
    place: float = aggregation.parameter * (len(ordered) - 1)
    below = math.floor(place)
    lower, upper = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return lower + (upper - lower) * (place - below)


def _rounded(value: float) -> float:
    """The middle of the value's cell, one of 64 between each power of two and the next."""
    if abs(value) < sys.float_info.min:
        return 0.0
    fraction, exponent = math.frexp(abs(value))  # 0.5 <= fraction < 1
    return math.copysign(math.ldexp((math.floor(fraction * 128) + 0.5) / 128, exponent), value)


def _count_distinct(values: list[Any], times: list[datetime], aggregation: Any) -> int:
    different, bound = set(values), int(aggregation.exact_up_to)
    return len(different) if len(different) <= bound else max(_hyperloglog(different), bound + 1)


def _hyperloglog(different: set[Any]) -> int:
    """Ertl (2017), algorithm 6, with p = 12 and q = 52."""
    registers = [0] * 4096
    for value in different:
        hashed = _hash(value)
        register, rest = hashed >> 52, hashed & (2**52 - 1)
        registers[register] = max(registers[register], 53 - rest.bit_length())
    times = Counter(registers)
    z = 4096 * _tau(1 - times[53] / 4096)
    for kept in range(52, 0, -1):
        z = 0.5 * (z + times[kept])
    z += 4096 * _sigma(times[0] / 4096)
    return round(4096 * 4096 / (2 * math.log(2)) / z)


def _sigma(x: float) -> float:
    """x + x**2 * 1 + x**4 * 2 + x**8 * 4 + ..., until that changes nothing."""
    terms, total, factor, power = -1.0, x, 1.0, x
    while total != terms:
        power = power * power
        terms, total, factor = total, total + power * factor, factor * 2
    return total


def _tau(x: float) -> float:
    """A third of 1 - x - (1 - x**(1/2))**2 / 2 - (1 - x**(1/4))**2 / 4 - ..., until that changes nothing."""
    if x in (0.0, 1.0):
        return 0.0
    terms, total, factor, root = -1.0, 1 - x, 1.0, x
    while total != terms:
        root, factor = math.sqrt(root), factor * 0.5
        terms, total = total, total - (1 - root) ** 2 * factor
    return total / 3


def _hash(value: Any) -> int:
    """A 64-bit hash: for texts the first 8 bytes of BLAKE2b, otherwise splitmix64 of the stored number."""
    if isinstance(value, str):
        return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big")
    if isinstance(value, datetime):
        value = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    elif isinstance(value, date):
        value = value.toordinal() - date(1970, 1, 1).toordinal()
    z = struct.unpack("<Q", struct.pack("<d", value + 0.0) if isinstance(value, float) else struct.pack("<q", value))[0]
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return int(z ^ (z >> 31))


def _top_k(values: list[Any], times: list[datetime], aggregation: Any) -> list[Any]:
    counts = Counter(values)
    return sorted(counts, key=lambda value: (-counts[value], value))[: aggregation.parameter]


AGGREGATE: dict[str, Callable[[list[Any], list[datetime], Any], Any]] = {
    "count": lambda values, times, _: len(values),
    "sum": _sum,
    "mean": lambda values, times, _: math.fsum(values) / len(values) if values else None,
    "std": _std,
    "variance": _var,
    "min": lambda values, times, _: min(values, default=None),
    "max": lambda values, times, _: max(values, default=None),
    "first": lambda values, times, _: values[0] if values else None,
    "last": lambda values, times, _: values[-1] if values else None,
    "last_n": lambda values, times, aggregation: values[::-1][: aggregation.parameter],
    "mode": _mode,
    "top_k": _top_k,
    "quantile": _quantile,
    "count_distinct": _count_distinct,
    "time_since_last": lambda values, times, _: times[-1] if times else None,
}
"""By name of the aggregation: a function of the non-null values in order, their times, and the declared aggregation."""
