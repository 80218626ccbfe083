"""Normalizes numbers and dates in other formats to the texts that `parse` reads."""

import re
from collections.abc import Mapping
from functools import partial

import polars as pl

from platform_assets.declare.formats import Formats
from platform_assets.declare.names import READ_AS
from platform_assets.declare.source import Source
from platform_assets.expressions.types import DataType

_HAS_TIME = re.compile(r"%[^%]*[HIkKlTRXcsMSp]")


def as_usual(source: Source, types: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """The text columns of rows with a declared format, in the usual form; a text not in that format stays unreadable.

    types: the types of raw's columns.
    """
    if READ_AS not in types:
        return []
    wanted = {column: declared.type for column, declared in source.columns.items() if declared.type not in ("str", "bool")}
    return [
        pl.struct(column, READ_AS).map_batches(partial(_usual, wanted=kind), return_dtype=pl.String, is_elementwise=True).alias(column)
        for column, kind in wanted.items()
        if types.get(column) == pl.String
    ]


def _usual(values: pl.Series, wanted: DataType) -> pl.Series:
    frame = values.struct.unnest()
    column, written = frame.columns[0], frame[READ_AS].drop_nulls().unique().sort()
    value = pl.col(column)
    for text in written:
        formats = Formats.of(text)
        usual = _number(pl.col(column), formats) if wanted in ("int", "float") else _time(pl.col(column), wanted, formats)
        value = pl.when(pl.col(READ_AS) == text).then(usual).otherwise(value)
    return frame.select(value).to_series()


def _number(value: pl.Expr, formats: Formats) -> pl.Expr:
    if (formats.decimal, formats.thousands, tuple(formats.currency)) == (".", None, ()):
        return value
    text = value.str.strip_chars()
    if formats.currency:
        sign = "|".join(map(re.escape, sorted(formats.currency, key=len, reverse=True)))
        text = text.str.replace(rf"^([+-]?)\s*(?:{sign})\s*([+-]?)", "${1}${2}").str.replace(rf"\s*(?:{sign})$", "")
    point = re.escape(formats.decimal)
    between = {None: "", " ": "[ \u00a0\u202f]"}.get(formats.thousands, re.escape(formats.thousands or ""))
    whole = rf"\d{{1,3}}(?:{between}\d{{3}})+|\d+" if between else r"\d+"
    is_written_so = text.str.contains(rf"^[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?$")
    usual = text.str.replace_all(between, "") if between else text
    usual = usual.str.replace(formats.decimal, ".", literal=True)
    # Without a digit it is a word, such as nan. "1.5" where commas are decimal is not a number and must not be read as one.
    return pl.when(is_written_so).then(usual).when(text.str.contains(r"\d")).then(pl.lit("?") + value).otherwise(value)


def _time(value: pl.Expr, wanted: str, formats: Formats) -> pl.Expr:
    text, read = value.str.strip_chars(), []
    for form in formats.date_formats:
        has_time = _HAS_TIME.search(form) is not None
        if wanted == "date" and not has_time:
            read.append(text.str.to_date(form, strict=False).dt.strftime("%Y-%m-%d"))
        elif wanted == "datetime":
            at = (
                text.str.to_datetime(form, time_unit="us", strict=False)
                if has_time
                else text.str.to_date(form, strict=False).cast(pl.Datetime("us"))
            )
            read.append(at.dt.strftime("%Y-%m-%d %H:%M:%S%.6f" + ("+00:00" if "%z" in form else "")))
    return pl.coalesce(*read, value)
