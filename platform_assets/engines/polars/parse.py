"""Received values to declared types: what does not fit becomes null, and its row will say why."""

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.errors import SourceError
from platform_assets.expressions.types import POLARS, DataType

_OFFSET = r"(?:[zZ]|[+-]\d{2}:?\d{2})$"
_TRUE, _FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")


def parsed(source: Source, column: str, stored: pl.DataType) -> pl.Expr:
    """The column in its declared type; null where a value is missing, cannot be read, or is not finite."""
    wanted = source.columns[column].type
    value = _converted(source, column, stored, wanted)
    if wanted in ("date", "datetime"):  # a .NET export writes no time as the year 1: no partition and no calendar goes so far back
        value = pl.when(value.dt.year().is_between(1000, 9999)).then(value)
    return value.alias(column)


def why_unreadable(wanted: DataType, stored: pl.DataType) -> str:
    """Why no value of a delivered type can be read as the declared one; empty when some can."""
    if stored.is_nested() or stored == pl.Binary or (wanted == "datetime" and stored not in (pl.String, pl.Null, pl.Datetime)):
        return f"{wanted} was declared, {stored} was delivered. Convert it in the source's function"
    return ""


def _converted(source: Source, column: str, stored: pl.DataType, wanted: DataType) -> pl.Expr:
    if reason := why_unreadable(wanted, stored):
        raise SourceError(f"source {source.name!r}, column {column!r}: {reason}.")
    value = pl.col(column)
    if stored == pl.Null:
        return pl.lit(None, POLARS[wanted])
    if stored == pl.String:
        return _from_text(value, wanted, source.timezone)
    if wanted == "datetime":
        return _from_time(value, column, stored, source)
    if wanted == "date" and isinstance(stored, pl.Datetime):  # of a time within a day nobody knows on whose calendar
        return pl.when(value == value.dt.truncate("1d")).then(value.dt.date())
    if (wanted in ("int", "float") and not stored.is_numeric()) or (wanted in ("bool", "date") and stored != POLARS[wanted]):
        return pl.lit(None, POLARS[wanted])  # a cast would take days since 1970 for a number, and any number for true
    if wanted == "int" and (stored.is_float() or stored.is_decimal()):
        return pl.when(value == value.round()).then(value).cast(pl.Int64, strict=False)
    cast = value.cast(POLARS[wanted], strict=False)
    return _finite(cast) if wanted == "float" else cast


def is_local_time(received: pl.Expr) -> pl.Expr:
    """Whether a text is a time without a zone."""
    at = _spaced(received)
    return (~at.str.contains(_OFFSET) & _naive(at).dt.year().is_between(1000, 9999)).fill_null(False)


def is_not_finite(column: str, stored: pl.DataType) -> pl.Expr:
    """Whether a received number is NaN or infinite: it becomes null, and is counted."""
    number = (
        pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)
        if stored == pl.String
        else pl.col(column).cast(pl.Float64, strict=False)
    )
    return (number.is_nan() | number.is_infinite()).fill_null(False)


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def _from_text(value: pl.Expr, wanted: DataType, timezone: str | None) -> pl.Expr:
    if wanted == "str":
        return value
    text = value.str.strip_chars()
    if wanted == "float":
        return _finite(text.cast(pl.Float64, strict=False))
    if wanted == "int":  # exports write whole numbers as 17850.0 when a column has gaps
        number = text.cast(pl.Float64, strict=False)
        whole = (
            pl.when(number.is_finite() & (number == number.round()) & (number.abs() < 2.0**53)).then(number).cast(pl.Int64, strict=False)
        )
        return pl.coalesce(text.cast(pl.Int64, strict=False), whole)
    if wanted == "bool":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False)
    if wanted == "date":
        return text.str.to_date("%Y-%m-%d", strict=False)
    at = _spaced(text)
    with_offset = at.str.contains(_OFFSET)
    shifted = pl.when(with_offset).then(at.str.replace(r"[zZ]$", "+00:00"))
    zoned = _first_readable(shifted, "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z").dt.convert_time_zone("UTC")
    if timezone is None:
        return zoned
    return pl.coalesce(zoned, _in_zone(_naive(pl.when(~with_offset).then(at)), timezone))


def _spaced(text: pl.Expr) -> pl.Expr:
    """A time's text with a blank between day and hour."""
    return text.str.strip_chars().str.replace(r"^(\d{4}-\d{2}-\d{2})[tT]", "${1} ")


def _naive(at: pl.Expr) -> pl.Expr:
    return _first_readable(at, "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


def _first_readable(text: pl.Expr, *forms: str) -> pl.Expr:
    return pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in forms)


def _in_zone(naive: pl.Expr, timezone: str) -> pl.Expr:
    """Local times to UTC: of an hour that comes twice the earlier, none for one that never comes."""
    return (
        naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    )


def _from_time(value: pl.Expr, column: str, stored: pl.DataType, source: Source) -> pl.Expr:
    assert isinstance(stored, pl.Datetime), "all others are unreadable"
    if stored.time_zone is not None:
        return value.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    if source.timezone is None:
        raise SourceError(
            f"source {source.name!r}, column {column!r}: its times are naive, nobody says where their clock stood. "
            f"Declare timezone='Europe/London' (or 'UTC') in @source, or add the zone in the source's function."
        )
    return _in_zone(value, source.timezone)
