"""The vocabulary of steps and stores for tables: a table's name, a span of it, what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from platform_assets.errors import LakeError

Table = tuple[str, str]
"""Declaration and layer: ("orders", "silver"), written 'orders/silver' in the ledger and in messages."""

RESPONSES = "responses"
"""Beside the layers of a source that is an API: its answers as they came. No table."""

Moment = date | datetime
"""A value of a partition column: a date, or for hours a time in UTC."""

HOURS = pl.Datetime("us", "UTC")


def name_of(table: Table) -> str:
    """The table's name for people, such as 'orders/silver'."""
    return "/".join(table)


def table_named(name: str) -> Table:
    """The table with a name such as 'orders/silver'."""
    declaration, _, layer = name.partition("/")
    return (declaration, layer)


def key_of(value: Moment) -> str:
    """The key of the partition that starts at this value, as in Partitions.key.

    >>> key_of(date(2024, 3, 5)), key_of(datetime(2024, 3, 5, 13, tzinfo=UTC))
    ('2024-03-05', '2024-03-05T13')
    """
    return value.strftime("%Y-%m-%dT%H") if isinstance(value, datetime) else value.isoformat()


def moment_of(key: str) -> Moment:
    """The value at which the partition with this key starts.

    >>> moment_of("2024-03-05"), moment_of("2024-03-05T13")
    (datetime.date(2024, 3, 5), datetime.datetime(2024, 3, 5, 13, 0, tzinfo=datetime.timezone.utc))
    """
    return datetime.strptime(key, "%Y-%m-%dT%H").replace(tzinfo=UTC) if "T" in key else date.fromisoformat(key)


@dataclass(frozen=True)
class Span:
    """The values of a partition column from `start` to before `end`: both dates, or both times in UTC."""

    start: Moment
    end: Moment

    def __post_init__(self) -> None:
        times = [isinstance(bound, datetime) for bound in (self.start, self.end)]
        zones = [bound.utcoffset() for bound in (self.start, self.end) if isinstance(bound, datetime)]
        if any(times) != all(times) or any(zone is None or zone for zone in zones):
            raise LakeError(f"a span from {self.start!r} to {self.end!r}: give two dates, or two times in UTC.")
        if self.end <= self.start:
            raise LakeError(f"the span {self} is empty: its end must be later than its start.")

    @staticmethod
    def of_one(value: Moment) -> "Span":
        """The span of the single partition that starts at this value."""
        return Span(value, value + (timedelta(hours=1) if isinstance(value, datetime) else timedelta(days=1)))

    def __str__(self) -> str:
        return f"[{self.start.isoformat()}, {self.end.isoformat()})"

    @property
    def type(self) -> pl.DataType:
        """The type of the partition column."""
        return HOURS if isinstance(self.start, datetime) else pl.Date()

    def holds(self, column: str) -> pl.Expr:
        return pl.col(column).is_between(pl.lit(self.start, self.type), pl.lit(self.end, self.type), closed="left")

    def predicate(self, column: str) -> str:
        """The same for Delta, whose literals are untyped: a timestamp would be read as nanoseconds, and no comparison would match."""
        name = '"' + column.replace('"', '""') + '"'
        return f"{name} >= {_literal(self.start)} AND {name} < {_literal(self.end)}"


def equals(column: str, value: Moment | str) -> str:
    """A Delta predicate for one partition."""
    name = '"' + column.replace('"', '""') + '"'
    text = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else _literal(value)
    return f"{name} = {text}"


def _literal(value: Moment) -> str:
    if isinstance(value, datetime):
        return f"arrow_cast('{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    return f"DATE '{value.isoformat()}'"


@dataclass(frozen=True)
class PartitionFacts:
    """What a step records about a partition that it wrote."""

    partition: str
    """The partition's key."""
    rows: int
    status: str = "ok"
    """The status: ok, blocked, no model, not trained."""
    tier: str = ""
    """The tier: HIGH, MEDIUM or LOW; empty if the table has no tiers."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Details as JSON: counts, Delta versions that were read, metrics."""


@dataclass(frozen=True)
class Written:
    """What one commit wrote: its Delta version, and the rows and bytes of its data files."""

    version: int
    rows: int
    bytes: int
    uri: str
    files: Mapping[str, str] = field(default_factory=dict)
    """The file names of each partition that has files."""
