"""An example value for each quarantine reason, so that people understand it without opening the table."""

import re
from typing import Any

import polars as pl

from platform_assets.declare.names import is_secret
from platform_assets.declare.source import Source
from platform_assets.expressions.types import DataType

_WIDEST = 60
_DAY_MONTH_YEAR = re.compile(r"\s*\d{1,2}([./-])\d{1,2}\1(\d{4}|\d{2})\b")
_DATE_AND_TIME = re.compile(
    r"(?P<first>\d{1,2})(?P<sign>[./-])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})"
    r"((?P<between>[T ])(?P<time>\d{1,2}:\d{2}(:\d{2})?))?"
)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}([, ']\d{3})+(\.\d+)?\s*")
_CURRENCY = re.compile(r"\s*[+-]?\s*([$€£¥]|[A-Z]{3}\s)|.*\d\s*([$€£¥]|[A-Z]{3})\s*$")


def examples_of(source: Source, quarantine: pl.DataFrame) -> dict[Any, dict[str, str]]:
    """By arrival partition as tables store it: for each reason the first value that was quarantined for it."""
    first = (
        quarantine.select("arrival", "reasons")
        .with_row_index("at")
        .explode("reasons")
        .group_by("arrival", "reasons", maintain_order=True)
        .agg(pl.col("at").min())
    )
    found: dict[Any, dict[str, str]] = {}
    for arrival, reason, at in first.iter_rows():
        columns = [column for column in _columns(source, reason) if column in quarantine.columns]
        if columns:
            found.setdefault(arrival, {})[reason] = _example(source, reason, columns, [quarantine[column][at] for column in columns])
    return found


def _columns(source: Source, reason: str) -> list[str]:
    """The columns that a reason is about."""
    column, _, why = reason.partition(": ")
    if column in source.columns:
        return [] if why == "missing" else [column]
    if reason in source.rules:
        return [column for column in source.rules[reason].columns if column in source.columns]
    return [source.event_time] if reason == "in the future" else []


def _example(source: Source, reason: str, columns: list[str], values: list[Any]) -> str:
    shown = ["***" if is_secret(column) else _shown(value) for column, value in zip(columns, values, strict=True)]
    if reason in source.rules:
        return ", ".join(f"{column} = {value}" for column, value in zip(columns, shown, strict=True))
    hint = looks_like(values[0], source.columns[columns[0]].type)
    return shown[0] + (f" ({hint})" if hint else "")


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def looks_like(value: Any, wanted: DataType) -> str:
    """The format that the text seems to be in, and the option that reads it; empty if none is recognized."""
    if not isinstance(value, str):
        return ""
    if wanted in ("datetime", "date") and _DAY_MONTH_YEAR.match(value):
        return f"day and month in digits: {_date_option(value)}, or convert it in the function; then materialize raw and silver again"
    if wanted in ("int", "float"):
        if _DECIMAL_COMMA.fullmatch(value):
            return "a decimal comma: an option of read_csv"
        if _THOUSANDS.fullmatch(value):
            return "a separator of thousands: an option of read_csv"
        if _CURRENCY.match(value) and any(character.isdigit() for character in value):
            return "a currency: an option of read_csv"
    return ""


def _date_option(value: str) -> str:
    """The option of read_csv that reads a date beginning with day and month, as far as its format can be recognized."""
    found = _DATE_AND_TIME.fullmatch(value.strip())
    if found is None:
        return "name its format, read_csv(..., date_formats=[...])"
    sign, time = found["sign"], "".join(("T" if part == "T" else " ") for part in [found["between"]] if part)
    time += {None: "", 1: "%H:%M", 2: "%H:%M:%S"}[found["time"].count(":") if found["time"] else None]
    year = "%Y" if len(found["year"]) == 4 else "%y"
    if int(found["second"]) > 12:
        return f"read_csv(..., date_formats=['%m{sign}%d{sign}{year}{time}'])"
    first = "" if int(found["first"]) > 12 else ", if the day comes first"
    return f"read_csv(..., date_formats=['%d{sign}%m{sign}{year}{time}']){first}"


def with_example(reason: str, examples: dict[str, str]) -> str:
    """A reason with its example: "price: not float, such as '1,5'"."""
    return f"{reason}, such as {examples[reason]}" if reason in examples else reason
