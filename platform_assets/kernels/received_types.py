"""The types in which received columns are stored: one per column, wide enough for every value received.

A delivery is converted to a few types that Delta stores exactly (`kept_exactly`). If two deliveries of a column differ, the column gets
the narrowest type that can hold the values of both (`wider`), which is text if nothing else can. A value is never narrowed, and
`as_delivered` returns it in the type in which it was delivered.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from polars.datatypes import DataType, DataTypeClass

_TIME = pl.Datetime("us", "UTC")
_EXACT_IN_FLOAT = 2**53
"""Integers up to this magnitude are exact as floats, too."""
_MOST_DIGITS = 38
_INTEGER_DIGITS = 19


def kept_exactly(values: pl.Series) -> pl.Series | None:
    """A received column in its stored type; None for a column of only nulls, which has no type.

    Integers are stored as Int64, floats as Float64, times with a zone as microseconds in UTC. Categories, local times, times of day,
    durations, integers beyond 64 bits and times finer than microseconds become text. So does a nested value with such parts, as
    JSON.
    """
    if isinstance(values.dtype, pl.Null):
        return None
    kept = kept_type(values.dtype)
    if kept is not None and (not may_lose(values.dtype) or fits(values)):
        return values.cast(kept, strict=False)
    return as_text(values)


def may_lose(dtype: DataType) -> bool:
    """Whether the stored type depends on the values: integers beyond 64 bits and times finer than microseconds become text."""
    return kept_type(dtype) is not None and (
        dtype.is_nested() or dtype in (pl.UInt64, pl.Int128, pl.UInt128) or (isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns")
    )


def fits(values: pl.Series) -> bool:
    """Whether every value can be stored without loss in the usual stored type."""
    kept = kept_type(values.dtype)
    return kept is not None and values.cast(kept, strict=False).cast(values.dtype, strict=False).equals(
        values, check_dtypes=False, null_equal=True
    )


def kept_schema_of(schema: Mapping[str, DataType]) -> dict[str, str]:
    """The type of each non-text column, by the name that `as_delivered` uses."""
    return {column: str(dtype) for column, dtype in schema.items() if dtype != pl.String}


def wider(kept: DataType, came: DataType, *, is_exact_in_float: bool) -> DataType:
    """The type that can hold the values of both.

    is_exact_in_float: whether the integers among them are exact as floats.

    >>> wider(pl.Int64(), pl.Float64(), is_exact_in_float=True), wider(pl.Int64(), pl.Float64(), is_exact_in_float=False)
    (Float64, String)
    >>> wider(pl.Decimal(5, 2), pl.Int64(), is_exact_in_float=True), wider(pl.Date(), pl.Boolean(), is_exact_in_float=True)
    (Decimal(precision=21, scale=2), String)
    """
    if kept == came:
        return kept
    if {type(kept), type(came)} == {pl.Int64, pl.Float64} and is_exact_in_float:
        return pl.Float64()
    digits = [_digits(dtype) for dtype in (kept, came)]
    if all(digits):
        whole, fraction = (max(side) for side in zip(*digits, strict=True))
        if whole + fraction <= _MOST_DIGITS:
            return pl.Decimal(whole + fraction, fraction)
    return pl.String()


def integers_of(frame: pl.LazyFrame, column: str) -> bool:
    """Whether all integers of a column are exact as floats."""
    found = frame.select(pl.col(column).min().alias("least"), pl.col(column).max().alias("greatest")).collect()
    return all(value is None or abs(value) <= _EXACT_IN_FLOAT for value in found.row(0))


def widened(column: str, kept: DataType, wide: DataType) -> pl.Expr:
    """The column in a wider type."""
    value = pl.col(column)
    if kept == wide:
        return value
    return text_of(value) if wide == pl.String else value.cast(wide)


def text_of(value: pl.Expr) -> pl.Expr:
    """Like `as_text`, for an expression."""
    return value.map_batches(as_text, return_dtype=pl.String, is_elementwise=True)


def as_text(values: pl.Series) -> pl.Series:
    """Values as text that can be read back: plain numbers, times in ISO 8601, bytes in hex, lists as JSON."""
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        digits = "%.9f" if dtype.time_unit == "ns" else "%.6f"
        zoned = values if dtype.time_zone is None else values.dt.convert_time_zone("UTC")
        # Local times in the format that silver has always read.
        return zoned.dt.strftime(f"%Y-%m-%d %H:%M:%S{digits}" if dtype.time_zone is None else f"%Y-%m-%dT%H:%M:%S{digits}Z")
    if isinstance(dtype, pl.Time):
        return values.dt.strftime("%H:%M:%S%.9f")
    if isinstance(dtype, pl.Duration):
        return values.dt.to_string("iso")
    if isinstance(dtype, pl.Date):
        return values.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Binary):
        return values.bin.encode("hex")
    if dtype.is_nested():
        said = [None if value is None else json.dumps(value, default=_as_json, ensure_ascii=False) for value in values.to_list()]
        return pl.Series(values.name, said, dtype=pl.String)
    if isinstance(dtype, pl.Object):
        return pl.Series(values.name, [None if value is None else str(value) for value in values.to_list()], dtype=pl.String)
    return values.cast(pl.String)


def as_delivered(column: str, kept: DataType, delivered: str) -> tuple[pl.Expr, DataType] | None:
    """The column in its delivered type, and that type; None if it is stored in that type, or as JSON.

    delivered: the name from `kept_schema_of`.
    """
    value, wanted = pl.col(column), _named(delivered)
    if wanted is None or wanted == kept:
        return None
    if kept == pl.String:
        return _from_text(value, wanted), wanted
    return value.cast(wanted), wanted


def _from_text(text: pl.Expr, wanted: DataType) -> pl.Expr:
    if isinstance(wanted, pl.Boolean):
        return text == "true"
    if isinstance(wanted, pl.Int64):  # it may have been a float or a decimal in between: 2, 2.0, 2.00
        return pl.coalesce(text.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False), text.cast(pl.Float64).cast(pl.Int64, strict=False))
    if isinstance(wanted, pl.Date):
        return text.str.to_date("%Y-%m-%d")
    if isinstance(wanted, pl.Datetime):
        return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us").dt.replace_time_zone("UTC")
    if isinstance(wanted, pl.Binary):
        return text.str.decode("hex")
    if isinstance(wanted, pl.Decimal):
        return text.str.to_decimal(scale=wanted.scale).cast(wanted)
    return text.cast(wanted)


def _named(delivered: str) -> DataType | None:
    plain = {str(dtype): dtype for dtype in (pl.Boolean(), pl.Int64(), pl.Float64(), pl.Date(), _TIME, pl.Binary(), pl.String())}
    if delivered.startswith("Decimal(precision="):
        precision, scale = (int(part.partition("=")[2]) for part in delivered[len("Decimal(") : -1].split(", "))
        return pl.Decimal(precision, scale)
    return plain.get(delivered)


def kept_type(dtype: DataType | DataTypeClass) -> DataType | None:
    """The type in which Delta stores every value of this type, or every one that fits; None if only text can."""
    dtype = dtype() if isinstance(dtype, DataTypeClass) else dtype
    if dtype.is_integer():
        return pl.Int64()
    if dtype.is_float():
        return pl.Float64()
    if isinstance(dtype, pl.Datetime):
        return None if dtype.time_zone is None else _TIME
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String()
    if isinstance(dtype, pl.List | pl.Array):
        inner = kept_type(dtype.inner)
        return None if inner is None else pl.List(inner)
    if isinstance(dtype, pl.Struct):
        inside = {field.name: kept_type(field.dtype) for field in dtype.fields}
        names = {name.lower() for name in inside if name and "\x00" not in name}  # Delta names are case-insensitive
        if not inside or len(names) < len(inside) or None in inside.values():
            return None
        return pl.Struct({name: kept for name, kept in inside.items() if kept is not None})
    return dtype if isinstance(dtype, pl.Boolean | pl.String | pl.Binary | pl.Date | pl.Decimal) else None


def _digits(dtype: DataType) -> tuple[int, int] | None:
    """Digits before and after the point that a type may have; None for one that is not exact."""
    if isinstance(dtype, pl.Int64):
        return _INTEGER_DIGITS, 0
    if isinstance(dtype, pl.Decimal):
        return dtype.precision - dtype.scale, dtype.scale
    return None


def _as_json(value: Any) -> Any:
    """Values without a JSON type, as text; Polars returns the parts of nested values as Python objects."""
    if isinstance(value, pl.Series):
        return value.to_list()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta | Decimal):
        return str(value)
    return str(value)
