"""The SQL by which rows of PostgreSQL are read: names in quotes, a half-open range of a cursor, and columns as Arrow has types for them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from platform_assets.errors import SourceError

CursorUnit = Literal["s", "ms", "us"]
_MICROSECONDS: Mapping[str, int] = {"s": 1_000_000, "ms": 1_000, "us": 1}
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")

AS_THEY_ARE = ("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bytea", "date", "timestamp", "timestamptz")
"""Types that Arrow has. All others are text as the server writes them, lists and composite types JSON."""
INTEGERS = ("int2", "int4", "int8")
CURSORS = ("timestamptz", "timestamp", "date", *INTEGERS)
SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "row_security": "off",
}
"""Of the transaction: texts are the same whatever is set for the user or database. Without row_security policies would leave out rows in
silence: with it off, the server refuses instead."""


@dataclass(frozen=True)
class Column:
    """A column as the server has it."""

    name: str
    type: str
    """The name of its type, of a domain that of the type below it."""
    is_nested: bool
    """A list or a composite type."""


def quoted(name: str) -> str:
    """A name in SQL.

    >>> quoted('say "hi"; drop table x')
    '"say ""hi""; drop table x"'
    """
    return '"' + name.replace('"', '""') + '"'


def parts_of(table: str) -> list[str] | None:
    """Schema and name of a table, as they are written in SQL but with their case; None if that is no name.

    >>> parts_of("public.orders"), parts_of('sales."a.b"'), parts_of("a.b.c"), parts_of("orders; drop")
    (['public', 'orders'], ['sales', 'a.b'], None, None)
    """
    one = r'(?:"(?:[^"\x00]|"")+"|[^\s".;,()\'\x00]+)'
    if not re.fullmatch(rf"{one}(?:\.{one})?", table):
        return None
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in re.findall(one, table)]


def from_clause(table: Sequence[str], query: str) -> str:
    """What stands behind FROM. A query stands on lines of its own, since it may end with a comment."""
    return f"(\n{query}\n) AS q" if query else f"{'.'.join(map(quoted, table))} AS q"


def types_query(columns: Sequence[str], source: str) -> str:
    """Gives the types of columns, in one row, and reads no row: nothing is joined."""
    asked = ", ".join(f"pg_typeof(q.{quoted(column)})::oid::int8 AS t{number}" for number, column in enumerate(columns))
    return f"SELECT {asked} FROM (SELECT 1) AS one LEFT JOIN {source} ON false"


def type_names_query(oids: Sequence[int]) -> str:
    listed = ", ".join(map(str, sorted(set(oids))))
    return (
        "SELECT oid::int8 AS oid, typname::text AS name, typtype::text AS kind, typbasetype::int8 AS below, "
        f"(typcategory = 'A' AND typlen = -1 AND typelem <> 0) AS is_list FROM pg_catalog.pg_type WHERE oid IN ({listed})"
    )


def select_list(columns: Sequence[Column]) -> str:
    return ", ".join(f"{_as_arrow_has_it(column)} AS {quoted(column.name)}" for column in columns)


def _as_arrow_has_it(column: Column) -> str:
    name = f"q.{quoted(column.name)}"
    if column.is_nested:
        return f"to_json({name})::text"
    if column.type == "money":
        return f"{name}::numeric::text"
    return f"{name}::pg_catalog.{column.type}" if column.type in AS_THEY_ARE else f"{name}::text"


@dataclass(frozen=True)
class Range:
    """From when to when rows are read: [start, end)."""

    start: datetime
    end: datetime
    overlap: timedelta
    timezone: str | None
    """The source's, for naive times."""
    days_of: str
    """The time zone whose days the partitions are."""
    unit: CursorUnit | None
    """What a cursor of integers counts since 1970."""

    def condition(self, cursor: Column, where: str) -> str:
        """The condition that a row lies in it, written so that an index serves it.

        Raises:
            SourceError: the cursor's type has no place in time.
        """
        first, last = (self._bound(at, cursor, where) for at in (self.start - self.overlap, self.end))
        name = f"q.{quoted(cursor.name)}"
        return f"{name} >= {first} AND {name} < {last}"

    def _bound(self, at: datetime, cursor: Column, where: str) -> str:
        if cursor.type in INTEGERS and self.unit is not None:
            return f"{(at - _EPOCH) // timedelta(microseconds=1) // _MICROSECONDS[self.unit]}::int8"
        if cursor.type == "timestamptz":
            return f"'{at.isoformat(sep=' ', timespec='microseconds')}'::timestamptz"
        if cursor.type == "date":
            return f"'{at.astimezone(ZoneInfo(self.days_of)).date().isoformat()}'::date"
        if cursor.type == "timestamp" and self.timezone is not None:
            local = at.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)
            return f"'{local.isoformat(sep=' ', timespec='microseconds')}'::timestamp"
        raise SourceError(f"{where}: {self._why_no_bound(cursor)}")

    def _why_no_bound(self, cursor: Column) -> str:
        said = f"the cursor {cursor.name!r} is of type {cursor.type}"
        if cursor.type == "timestamp":
            return f"{said}: its times have no time zone. Declare the source's, such as timezone='Europe/London', or 'UTC'."
        if cursor.type in INTEGERS:
            return (
                f"{said}. If it counts time since 1970, declare cursor_unit='s', 'ms' or 'us'. A number from a sequence says nothing of "
                "when its row was written: add a column such as created_at timestamptz DEFAULT now()."
            )
        return f"{said}, which has no place in time. A cursor is a timestamptz, timestamp, date, or an integer with cursor_unit=."


def without_cursor(cursor: Column, source: str, at_most: int) -> str:
    """Counts the rows that no range contains, up to a number of them."""
    name = f"q.{quoted(cursor.name)}"
    never = "" if cursor.type in INTEGERS else f" OR {name} = 'infinity' OR {name} = '-infinity'"
    return f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {name} IS NULL{never} LIMIT {at_most}) AS rows"
