"""Equality of results (semantics.md 10): floats to 1e-9 relative, everything else exactly; tables are compared by key, not by order."""

import math
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]

TOLERANCE = 1e-9


class Disagreement(AssertionError):
    """A wrong value, as opposed to a failing engine."""


def same(expected: Any, got: Any) -> bool:
    """Whether two values are equal. The generated floats are multiples of 1/8, so that their sums are exact in any order."""
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=TOLERANCE) or (math.isnan(expected) and math.isnan(got))
    return type(expected) is type(got) and bool(expected == got)


def require_same_table(what: str, expected: Sequence[Row], got: Sequence[Row], keys: Sequence[str]) -> None:
    """Requires both tables to have the same rows, in any order."""
    wanted, found = ({_key(row, keys): row for row in rows} for rows in (expected, got))
    if len(wanted) < len(expected) or len(found) < len(got):
        raise Disagreement(f"{what}: a key {tuple(keys)} occurs twice among {[_key(row, keys) for row in [*expected, *got]]}")
    missing, extra = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    if missing or extra:
        raise Disagreement(f"{what}, rows by {tuple(keys)}: missing {_sorted(missing)}, not expected {_sorted(extra)}")
    for key, row in wanted.items():
        require_same_row(f"{what}, {dict(zip(keys, key, strict=True))}", row, found[key])


def require_same_rows(what: str, expected: Sequence[Row], got: Sequence[Row]) -> None:
    """Requires both to have the same rows in the same order."""
    if len(expected) != len(got):
        raise Disagreement(f"{what}: {len(got)} rows, {len(expected)} expected")
    for number, (row, other) in enumerate(zip(expected, got, strict=True)):
        require_same_row(f"{what}, row {number}", row, other)


def require_same_row(where: str, expected: Row, got: Row) -> None:
    """Requires both rows to have the same columns and values."""
    if expected.keys() != got.keys():
        raise Disagreement(f"{where}: the columns are {sorted(got)}, expected {sorted(expected)}")
    wrong = [f"{name} is {got[name]!r}, expected {value!r}" for name, value in expected.items() if not same(value, got[name])]
    if wrong:
        raise Disagreement(f"{where}: {'; '.join(wrong[:5])}" + (f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""))


def _key(row: Row, keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[key] for key in keys)


def _sorted(keys: set[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(keys, key=repr)
