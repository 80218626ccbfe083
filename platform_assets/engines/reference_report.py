"""The oracle's reports: what semantics.md 1 says of gold tables, in loops."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from platform_assets.declare.report import GoldTable
from platform_assets.engines.reference import Row, value


def report(table: GoldTable, rows: Sequence[Row], partition: int) -> list[Row]:
    """The rows of a report for one event partition, from silver rows (all arrivals)."""

    def belongs(row: Row) -> bool:
        at: datetime = row[table.source.event_time]
        if table.timezone == "UTC":
            return table.source.partitions.index(at) == partition
        return at.astimezone(ZoneInfo(table.timezone)).date() == table.source.partitions.starts_at(partition).date()

    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if belongs(row):
            groups.setdefault(tuple(row[c] for c in table.by), []).append(row)
    return [
        {
            **dict(zip(table.by, group, strict=True)),
            "partition": partition,
            **{m.name: value(m, members, table.source) for m in table.measures},
        }
        for group, members in groups.items()
    ]
