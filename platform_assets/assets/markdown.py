"""Markdown for Dagster's UI: tables of counts, the first rows of a table."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any

import dagster as dg
import polars as pl

from platform_assets.declare.names import is_secret

WIDEST = 28
"""Longer values are truncated."""
SIDE_BY_SIDE = 9
"""A table with more columns is shown transposed, one line per column."""

_IN_A_URL = re.compile(r"(?<=://)[^/\s@]+@")


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; numbers are right-aligned.

    >>> print(table(["reason", "rows"], [["price", 1200]]))
    |reason|rows|
    |-|-:|
    |price|1,200|
    """
    right = [bool(rows) and all(type(row[i]) in (int, float, NoneType) for row in rows) for i in range(len(head))]
    lines = [head, ["-:" if to_the_right else "-" for to_the_right in right], *([said(cell) for cell in row] for row in rows)]
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)


def said(value: Any) -> str:
    """A readable value, truncated, with Markdown escaped.

    >>> said(0.123456), said(12345), said(None), said("a|b")
    ('0.1235', '12,345', '', 'a\\\\|b')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"
    if isinstance(value, datetime):
        value = value.isoformat(" ", timespec="seconds").removesuffix("+00:00")
    elif isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = _IN_A_URL.sub("***@", " ".join(str(value).split()))
    cut = text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
    return re.sub(r"([\\|<>*_`\[\]])", r"\\\1", cut)


def reasons_table(details: Mapping[str, Any]) -> dg.MarkdownMetadataValue:
    """The quarantine reasons, most frequent first, each with an example. details: from silver's ledger entry."""
    rows = sorted(details["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
    examples = details.get("examples", {})
    lines = [f"|{reason}|{number}|{said(examples.get(reason, ''))}|" for reason, number in rows]
    return dg.MetadataValue.md("\n".join(["|reason|rows|such as|", "|-|-:|-|", *lines]))


def preview(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """A preview of rows. Columns with confidential names are hidden, and so are the credentials in URLs."""
    hidden = {column: "***" for column in rows.columns if is_secret(column)}
    shown = [{**row, **hidden} for row in rows.to_dicts()]
    if not shown:
        return dg.MetadataValue.md("no rows")
    # An id is not a quantity: no thousands separators.
    cells = {column: [str(row[column]) if type(row[column]) is int else row[column] for row in shown] for column in rows.columns}
    if len(rows.columns) <= SIDE_BY_SIDE:
        return dg.MetadataValue.md(table([said(c) for c in cells], list(zip(*cells.values(), strict=True))))
    turned = [[column, *values] for column, values in cells.items()]
    return dg.MetadataValue.md(table(["column", *(f"row {number + 1}" for number in range(len(shown)))], turned))
