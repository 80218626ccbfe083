"""Converts received values to the declared types: values that do not fit become null, and their rows get a reason."""

from functools import partial

import polars as pl

from platform_assets.declare.arguments import shown
from platform_assets.declare.source import Source
from platform_assets.errors import SourceError
from platform_assets.expressions.types import POLARS, DataType
from platform_assets.kernels.timestamps import (
    EARLIEST,
    LATEST,
    OUT_OF_RANGE,
    dates_of,
    skipped,
    times_of,
    to_utc,
    why_no_dates,
    why_no_times,
)

_TRUE, _FALSE = ("true", "t", "1", "yes"), ("false", "f", "0", "no")


def parsed(source: Source, column: str, stored: pl.DataType) -> pl.Expr:
    """The column in its declared type; null if a value is missing, unreadable, or not finite."""
    return _converted(source, column, stored, source.columns[column].type).alias(column)


def why_unreadable(wanted: DataType, stored: pl.DataType, such_as: object = None) -> str:
    """Why no value of a delivered type can be read as the declared one; empty if some can. such_as: a delivered value."""
    example = "" if such_as is None else f", such as {shown(such_as)}"
    if wanted == "datetime" and stored.is_numeric():
        return (
            f"{wanted} was declared, {stored} was delivered{example}. If these are epoch times, convert them in the source's function: "
            "pl.from_epoch(column, time_unit='s').dt.replace_time_zone('UTC'); time_unit is 's', 'ms', 'us' or 'ns'"
        )
    if stored.is_nested() or stored == pl.Binary or (wanted == "datetime" and stored not in (pl.String, pl.Null, pl.Datetime, pl.Date)):
        return f"{wanted} was declared, {stored} was delivered{example}. Convert it in the source's function"
    return ""


def why_unread(source: Source, column: str, stored: pl.DataType, received: pl.Expr) -> pl.Expr:
    """The reasons why `parsed` made received values null; null where nothing was received."""
    wanted = source.columns[column].type
    said = pl.lit(None, pl.String)
    if stored == pl.String and wanted == "datetime":
        said = received.map_batches(partial(why_no_times, timezone=source.timezone), return_dtype=pl.String, is_elementwise=True)
    elif stored == pl.String and wanted == "date":
        said = received.map_batches(why_no_dates, return_dtype=pl.String, is_elementwise=True)
    elif wanted in ("datetime", "date") and stored in (pl.Datetime, pl.Date):
        inside = received.to_physical().is_between(*bounds_of(stored))
        was_skipped = pl.lit(skipped(source.timezone) if source.timezone and wanted == "datetime" else None, pl.String)
        said = pl.when(inside).then(was_skipped).otherwise(pl.lit(OUT_OF_RANGE))
    return pl.when(received.is_not_null()).then(pl.concat_str(pl.lit(f"{column}: "), said.fill_null(f"not {wanted}")))


def bounds_of(stored: pl.DataType) -> tuple[int, int]:
    """The earliest and latest time that can be read, in the unit of a column of times or dates."""
    if not isinstance(stored, pl.Datetime):
        return EARLIEST // 86_400_000_000, LATEST // 86_400_000_000
    if stored.time_unit == "ns":
        return -(2**63), 2**63 - 1  # the years 1677 to 2262
    return (EARLIEST, LATEST) if stored.time_unit == "us" else (EARLIEST // 1000, LATEST // 1000)


def _converted(source: Source, column: str, stored: pl.DataType, wanted: DataType) -> pl.Expr:
    if reason := why_unreadable(wanted, stored):
        raise SourceError(f"source {source.name!r}, column {column!r}: {reason}.")
    value = pl.col(column)
    if stored == pl.Null:
        return pl.lit(None, POLARS[wanted])
    if stored == pl.String:
        if wanted == "str":  # exports that quote everything write a missing text as "", like a missing number
            return pl.when(value != "").then(value) if source.empty_text == "missing" else value
        return _from_text(value, wanted, source.timezone)
    if wanted in ("datetime", "date") and stored in (pl.Datetime, pl.Date):
        value = pl.when(value.to_physical().is_between(*bounds_of(stored))).then(value)  # Polars panics on times beyond its calendar
    if wanted == "datetime":
        return _from_time(value, column, stored, source)
    if wanted == "date" and isinstance(stored, pl.Datetime):  # the calendar of a time within a day is unknown
        return pl.when(value == value.dt.truncate("1d")).then(value.dt.date())
    if (wanted in ("int", "float") and not stored.is_numeric()) or (wanted in ("bool", "date") and stored != POLARS[wanted]):
        return pl.lit(None, POLARS[wanted])  # a cast would turn days since 1970 into a number, and any number into true
    if wanted == "int" and (stored.is_float() or stored.is_decimal()):
        return pl.when(value == value.round()).then(value).cast(pl.Int64, strict=False)
    cast = value.cast(POLARS[wanted], strict=False)
    return _finite(cast) if wanted == "float" else cast


def is_not_finite(column: str, stored: pl.DataType) -> pl.Expr:
    """Whether a received number is NaN or infinite: it becomes null and is counted."""
    number = (
        pl.col(column).str.strip_chars().cast(pl.Float64, strict=False)
        if stored == pl.String
        else pl.col(column).cast(pl.Float64, strict=False)
    )
    return (number.is_nan() | number.is_infinite()).fill_null(False)


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def _from_text(value: pl.Expr, wanted: DataType, timezone: str | None) -> pl.Expr:
    text = value.str.strip_chars()
    if wanted == "float":
        return value.map_batches(_finite_numbers, return_dtype=pl.Float64, is_elementwise=True)
    if wanted == "int":
        return value.map_batches(_whole_numbers, return_dtype=pl.Int64, is_elementwise=True)
    if wanted == "bool":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False)
    if wanted == "date":
        return value.map_batches(dates_of, return_dtype=pl.Date, is_elementwise=True)
    return value.map_batches(partial(times_of, timezone=timezone), return_dtype=POLARS["datetime"], is_elementwise=True)


def _finite_numbers(texts: pl.Series) -> pl.Series:
    """The texts as finite numbers. Most are parsed by a plain cast; the rest may have blanks around them."""
    found = texts.cast(pl.Float64, strict=False)
    left = (texts.is_not_null() & found.is_null()).arg_true()
    if left.len():
        found = found.scatter(left, texts.gather(left).str.strip_chars().cast(pl.Float64, strict=False))
    is_finite = found.is_finite()
    return found if is_finite.all() else pl.select(pl.when(is_finite).then(found).alias(found.name)).to_series()


def _whole_numbers(texts: pl.Series) -> pl.Series:
    """The texts as integers. Most are parsed by a plain cast; the rest may have blanks around them, or be whole floats."""
    found = texts.cast(pl.Int64, strict=False)
    left = (texts.is_not_null() & found.is_null()).arg_true()
    if not left.len():
        return found
    text = pl.col(texts.name).str.strip_chars()
    number = text.cast(pl.Float64, strict=False)  # exports write whole numbers as 17850.0 when a column has gaps
    is_whole = number.is_finite() & (number == number.round()) & (number.abs() < 2.0**53)
    whole = pl.when(is_whole).then(number).cast(pl.Int64, strict=False)
    rest = texts.gather(left).to_frame().select(pl.coalesce(text.cast(pl.Int64, strict=False), whole))
    return found.scatter(left, rest.to_series())


def _from_time(value: pl.Expr, column: str, stored: pl.DataType, source: Source) -> pl.Expr:
    zone = stored.time_zone if isinstance(stored, pl.Datetime) else None
    if zone is not None:
        in_utc = value.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
        return pl.when(in_utc.to_physical().is_between(EARLIEST, LATEST)).then(in_utc)
    if source.timezone is None:
        raise SourceError(
            f"source {source.name!r}, column {column!r}: its times have no time zone. "
            "Declare timezone='Europe/London' (or 'UTC') in @source, or add the zone in the source's function."
        )
    naive = value.cast(pl.Datetime("us"))
    return naive.map_batches(partial(to_utc, timezone=source.timezone), return_dtype=POLARS["datetime"], is_elementwise=True)
