"""A checked expression as a Python function of one row: closures, built once, for online reads.

Functions here receive non-null values; `_strict` returns null for null arguments before calling them. The ones
that treat null differently are in _NULL_AWARE.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from platform_assets.errors import ComputeError
from platform_assets.expressions import text
from platform_assets.expressions.timezones import YEARS
from platform_assets.expressions.tree import Call, Case, Cast, Column, Literal, Node
from platform_assets.expressions.types import DataType

Closure = Callable[[Mapping[str, Any]], Any]

LOWEST, HIGHEST = -(2**63), 2**63 - 1


@lru_cache(maxsize=4096)
def to_python(node: Node) -> Closure:
    """The function that computes a node for a row."""
    match node:
        case Column(name=name, type=dtype):
            return _READ[dtype](name) if dtype in _READ else operator.itemgetter(name)
        case Literal(value=value):
            return lambda row: value
        case Cast(operand=operand, type=dtype):
            return _strict(CASTS[operand.type, dtype], [to_python(operand)])
        case Case(branches=branches, otherwise=otherwise):
            return _case([(to_python(condition), to_python(value)) for condition, value in branches], to_python(otherwise))
        case Call(name=name, arguments=arguments):
            if name in _PREPARED:
                first, *rest = arguments
                return _strict(_PREPARED[name](*(argument.value for argument in rest if isinstance(argument, Literal))), [to_python(first)])
            closures = [to_python(argument) for argument in arguments]
            if name in _NULL_AWARE:
                return _NULL_AWARE[name](closures)
            return _strict(_BY_TYPE.get((name, node.type)) or _FUNCTIONS[name], closures)


def _strict(function: Callable[..., Any], closures: list[Closure]) -> Closure:
    """Calls a function unless an argument is null. One and two arguments, the usual case, avoid a loop."""
    if len(closures) == 1:
        (only,) = closures

        def one(row: Mapping[str, Any]) -> Any:
            a = only(row)
            return None if a is None else function(a)

        return one
    if len(closures) == 2:
        left, right = closures

        def two(row: Mapping[str, Any]) -> Any:
            a = left(row)
            if a is None:
                return None
            b = right(row)
            return None if b is None else function(a, b)

        return two

    def several(row: Mapping[str, Any]) -> Any:
        values = [closure(row) for closure in closures]
        return None if any(value is None for value in values) else function(*values)

    return several


# Columns. Values that may come from a request are normalized as in engines: finite floats, times in UTC.


def _read_float(name: str) -> Closure:
    def read(row: Mapping[str, Any]) -> float | None:
        value = row[name]
        return None if value is None else _finite(float(value))

    return read


def _read_datetime(name: str) -> Closure:
    def read(row: Mapping[str, Any]) -> datetime | None:
        value = row[name]
        if value is None or value.tzinfo is UTC:
            return value  # type: ignore[no-any-return]
        if value.tzinfo is None:
            raise ComputeError(f"column {name!r}: {value} has no time zone. Give it one: value.replace(tzinfo=UTC).")
        return value.astimezone(UTC)  # type: ignore[no-any-return]

    return read


_READ: dict[DataType, Callable[[str], Closure]] = {"float": _read_float, "datetime": _read_datetime}


# Three-valued logic, and other null-aware functions.


def _and(closures: list[Closure]) -> Closure:
    left, right = closures

    def both(row: Mapping[str, Any]) -> bool | None:
        a = left(row)
        if a is False:
            return False
        b = right(row)
        return None if b is None else b and a  # b and a: false if b is false, otherwise a, which is true or null

    return both


def _or(closures: list[Closure]) -> Closure:
    left, right = closures

    def either(row: Mapping[str, Any]) -> bool | None:
        a = left(row)
        if a is True:
            return True
        b = right(row)
        return None if b is None else b or a

    return either


def _is_null(closures: list[Closure]) -> Closure:
    (value,) = closures
    return lambda row: value(row) is None


def _coalesce(closures: list[Closure]) -> Closure:
    return lambda row: next((value for closure in closures if (value := closure(row)) is not None), None)


def _nullif(closures: list[Closure]) -> Closure:
    left, right = closures

    def unless_equal(row: Mapping[str, Any]) -> Any:
        a = left(row)
        return None if a == right(row) else a

    return unless_equal


def _extreme(choose: Callable[..., Any]) -> Callable[[list[Closure]], Closure]:
    return lambda closures: lambda row: choose((v for closure in closures if (v := closure(row)) is not None), default=None)


_NULL_AWARE: dict[str, Callable[[list[Closure]], Closure]] = {
    "and": _and,
    "or": _or,
    "is null": _is_null,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "least": _extreme(min),
    "greatest": _extreme(max),
}


def _case(branches: list[tuple[Closure, Closure]], otherwise: Closure) -> Closure:
    def first_true(row: Mapping[str, Any]) -> Any:
        for condition, value in branches:
            if condition(row):
                return value(row)
        return otherwise(row)

    return first_true


# Numbers.


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _in_range(value: int) -> int | None:
    return value if LOWEST <= value <= HIGHEST else None


def _finite_or_null(function: Callable[..., float]) -> Callable[..., float | None]:
    def safely(*values: float) -> float | None:
        try:
            return _finite(function(*values))
        except (ValueError, OverflowError):  # the root of -1, the logarithm of 0, e to the power of 1000
            return None

    return safely


def _remainder(a: int, b: int) -> int | None:
    """With the sign of the dividend: fmod would go through floats."""
    if b == 0:
        return None
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def _quotient(a: int, b: int) -> int | None:
    if b == 0:
        return None
    whole = abs(a) // abs(b)
    return _in_range(whole if (a < 0) == (b < 0) else -whole)


def _round(digits: int = 0) -> Callable[[Any], Any]:
    factor = 10.0**digits

    def rounded(x: float) -> float:
        scaled = abs(x) * factor
        if scaled >= 2.0**52:  # no fraction left to round; also when scaling overflowed
            return x
        whole = math.floor(scaled)
        return math.copysign(whole + 1 if scaled - whole >= 0.5 else whole, x) / factor

    return rounded


# Text.


def _like(pattern: str) -> Callable[[str], bool]:
    wanted = "".join({"%": ".*", "_": "."}.get(character) or re.escape(character) for character in pattern)
    matches = re.compile(wanted, re.DOTALL).fullmatch
    return lambda value: matches(value) is not None


def _replace(old: str, new: str) -> Callable[[str], str]:
    return lambda value: value.replace(old, new) if old else value


def _substr(value: str, start: int, length: int = HIGHEST) -> str | None:
    return value[start - 1 : start - 1 + length] if start >= 1 and length >= 0 else None


def _in(*options: Any) -> Callable[[Any], bool | None]:
    wanted = frozenset(option for option in options if option is not None)
    otherwise = None if None in options else False
    return lambda value: True if value in wanted else otherwise


_PARTS: dict[str, Callable[[Any], Any]] = {
    "year": lambda value: value.year,
    "month": lambda value: value.month,
    "day": lambda value: value.day,
    "hour": lambda value: value.hour,
    "minute": lambda value: value.minute,
    "day_of_week": lambda value: value.isoweekday(),
    "to_date": lambda value: value.date(),
}
"""Clock and calendar parts of a time."""


def _shown(part: Callable[[Any], Any], name: str | None = None) -> Callable[[Any], Any]:
    if name is None:
        return part
    zone, (first, last) = ZoneInfo(name), YEARS
    return lambda value: part(value.astimezone(zone)) if first <= value.year <= last else None


_PREPARED: dict[str, Callable[..., Callable[[Any], Any]]] = {
    "in": _in,
    "like": _like,
    "replace": _replace,
    "round": _round,
    **{name: partial(_shown, part) for name, part in _PARTS.items()},
}
"""Functions whose arguments after the first are literals: called with these, they return a function of the first."""


# Times.


def _microseconds(start: datetime, end: datetime) -> float:
    span = end - start
    return float((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "/": lambda a, b: _finite(a / b) if b else None,
    "%": _remainder,
    "div": _quotient,
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "not": operator.not_,
    "floor": lambda a: float(math.floor(a)),
    "ceil": lambda a: float(math.ceil(a)),
    "sqrt": _finite_or_null(math.sqrt),
    "exp": _finite_or_null(math.exp),
    "ln": _finite_or_null(math.log),
    "power": _finite_or_null(math.pow),
    "concat": lambda *values: "".join(values),
    "length": len,
    "lower": str.lower,
    "starts_with": str.startswith,
    "substr": _substr,
    "trim": lambda value: value.strip(" "),
    "upper": str.upper,
    "hours_between": lambda start, end: _microseconds(start, end) / 3_600e6,
    "days_between": lambda start, end: _microseconds(start, end) / 86_400e6,
}

_BY_TYPE: dict[tuple[str, DataType], Callable[..., Any]] = {
    ("+", "int"): lambda a, b: _in_range(a + b),
    ("-", "int"): lambda a, b: _in_range(a - b),
    ("*", "int"): lambda a, b: _in_range(a * b),
    ("negative", "int"): lambda a: _in_range(-a),
    ("abs", "int"): lambda a: _in_range(abs(a)),
    ("+", "float"): lambda a, b: _finite(a + b),
    ("-", "float"): lambda a, b: _finite(a - b),
    ("*", "float"): lambda a, b: _finite(a * b),
    ("negative", "float"): operator.neg,
    ("abs", "float"): abs,
}


# Casts.


def _int_of_text(value: str) -> int | None:
    found = re.fullmatch(text.INT, value)
    return _in_range(int(found[1])) if found else None


def _float_of_text(value: str) -> float | None:
    found = re.fullmatch(text.FLOAT, value)
    return _finite(float(found[1])) if found else None


def _bool_of_text(value: str) -> bool | None:
    word = value.strip(" ").lower()
    return True if word in text.TRUE else False if word in text.FALSE else None


def _date_of_text(value: str) -> date | None:
    found = re.fullmatch(text.DATE, value)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:  # 30 February
        return None


def _datetime_of_text(value: str) -> datetime | None:
    found = re.fullmatch(text.TIMESTAMP, value)
    if not found:
        return None
    day, hour, minute, second, fraction, sign, ahead_hours, ahead_minutes = found.groups()
    try:
        local = datetime.fromisoformat(day).replace(
            hour=int(hour or 0),
            minute=int(minute or 0),
            second=int(second or 0),
            microsecond=int((fraction or "0").ljust(6, "0")[:6]),
            tzinfo=UTC,
        )
        ahead = timedelta(hours=int(ahead_hours or 0), minutes=int(ahead_minutes or 0))
        return local + ahead if sign == "-" else local - ahead
    except (ValueError, OverflowError):  # 30 February; before the year 1 or after 9999 in UTC
        return None


CASTS: dict[tuple[DataType, DataType], Callable[[Any], Any]] = {
    ("int", "float"): float,
    ("int", "str"): str,
    ("int", "bool"): bool,
    ("float", "int"): lambda value: _in_range(int(value)),
    ("float", "bool"): bool,
    ("str", "int"): _int_of_text,
    ("str", "float"): _float_of_text,
    ("str", "bool"): _bool_of_text,
    ("str", "date"): _date_of_text,
    ("str", "datetime"): _datetime_of_text,
    ("bool", "int"): int,
    ("bool", "float"): float,
    ("bool", "str"): lambda value: "true" if value else "false",
    ("date", "str"): date.isoformat,
    ("date", "datetime"): lambda value: datetime(value.year, value.month, value.day, tzinfo=UTC),
    ("datetime", "str"): lambda value: value.replace(tzinfo=None).isoformat(" "),
    ("datetime", "date"): datetime.date,
}
