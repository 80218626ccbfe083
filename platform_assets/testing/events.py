"""Events of a source, written as a small table."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source
from platform_assets.engines.polars.compute import moment
from platform_assets.errors import ComputeError, suggestion
from platform_assets.expressions.types import POLARS, DataType

Row = Mapping[str, Any]


def events(source: Source, rows: str | Sequence[Row], **same: Any) -> pl.DataFrame:
    """Typed rows of a source, for compute_features, assert_engines_agree and judged.

    Args:
        source: the source of the rows.
        rows: a table as text, its first line the names of columns, values apart by `|`, an empty value null, a line of dashes left out;
            or a list of dicts. A column `arrival` says in which partition a row arrived: "2024-03-02". Times without a zone are UTC.
        same: columns with the same value in all rows.

    Omitted columns are null if the source allows it; an omitted key of numbers or strings is numbered: 1, 2, ...

    Raises:
        ComputeError: a column is unknown or missing, or a value cannot be read as its column's type.

    >>> table = '''
    ... ordered_at       | customer_id | quantity | unit_price | arrival
    ... 2024-03-01 10:00 | 7           | 2        | 1.5        |
    ... 2024-03-01 11:00 |             | 1        | 4          | 2024-03-03
    ... '''
    >>> events(orders, table, invoice="A", country="UK").select("ordered_at", "customer_id", "quantity", "invoice", "arrival").rows()[1]
    (datetime.datetime(2024, 3, 1, 11, 0, tzinfo=...), None, 1, 'A', datetime.date(2024, 3, 3))
    """
    where = f"events of source {source.name!r}"
    given = [{**same, **row} for row in (table_rows(rows, where) if isinstance(rows, str) else rows)]
    known = {**source.types, "arrival": "arrival"}
    for row in given:
        for column in row:
            if column not in source.columns and column != "arrival":
                raise ComputeError(f"{where}: the source has no column {column!r}. {suggestion(column, [*source.columns, 'arrival'])}")
    lacking = [name for name, declared in source.columns.items() if not declared.nullable and any(name not in row for row in given)]
    if lacking := [name for name in lacking if name not in source.key or source.types[name] not in ("int", "str")]:
        raise ComputeError(f"{where}: {', '.join(lacking)} is missing. Add the column, or give all rows the same value: {lacking[0]}=...")
    typed = [
        {column: _value(source, row, column, number, where) for column in known if column in source.columns or column in row}
        for number, row in enumerate(given, start=1)
    ]
    schema = {name: POLARS[source.types[name]] for name in source.columns}
    if any("arrival" in row for row in given):
        schema["arrival"] = POLARS["datetime"] if source.partitions.unit == "hour" else POLARS["date"]
    return pl.DataFrame([tuple(row.get(name) for name in schema) for row in typed], schema=schema, orient="row")


_RULE = re.compile(r"[\s|+:]*(-{3,}[\s|+:]*)+")
"""A line below the header, as in Markdown."""


def table_rows(text: str, where: str) -> list[dict[str, str | None]]:
    """The rows of a text table. where: the start of error messages."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _RULE.fullmatch(line)]
    if not lines:
        raise ComputeError(f"{where}: the table is empty. Its first line names the columns, apart by '|'.")
    if lines[0].startswith("|"):  # as in Markdown, with bars around each line
        lines = [line.removeprefix("|").removesuffix("|") for line in lines]
    header, *cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    for number, row in enumerate(cells, start=1):
        if len(row) > len(header):
            raise ComputeError(f"{where}, row {number}: it has {len(row)} values for {len(header)} columns: {' | '.join(row)}")
    filled = [[*row, *[""] * (len(header) - len(row))] for row in cells]
    return [{column: value or None for column, value in zip(header, row, strict=True)} for row in filled]


def _value(source: Source, row: Row, column: str, number: int, where: str) -> Any:
    if column in source.key and column not in row:
        return str(number) if source.types[column] == "str" else number
    value = row.get(column)
    if value is None:
        return None
    kind = "arrival" if column == "arrival" else source.types[column]
    try:
        if column == "arrival":
            return _arrival(source.partitions, value)
        return READ[source.types[column]](value)
    except (ValueError, TypeError, ComputeError):
        raise ComputeError(
            f"{where}, row {number}: {column!r} is {value!r}, which is not {'an' if kind == 'int' else 'a'} {KIND.get(kind, kind)}."
        ) from None


KIND = {"datetime": "time with its zone, or a string such as '2024-03-05 14:30' (UTC)", "arrival": "partition, such as '2024-03-05'"}
"""The names of types in messages."""


def _arrival(partitions: Partitions, value: Any) -> date:
    """The partition that begins on a date, or that contains a time."""
    if partitions.unit != "hour" and (len(value) == len("2024-03-05") if isinstance(value, str) else not isinstance(value, datetime)):
        return partitions.value(partitions.number(str(value)))
    return partitions.value(partitions.index(moment(value, "")))


def _int(value: Any) -> int:
    if isinstance(value, str):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _bool(value: Any) -> bool:
    found = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise TypeError
    return found


def _str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _date(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else moment(value, "").date()


READ: dict[DataType, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "str": _str,
    "bool": _bool,
    "datetime": lambda value: moment(value, ""),
    "date": _date,
}
"""The parsers by type; invalid values raise a ValueError, a TypeError or a ComputeError."""
