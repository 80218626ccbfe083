"""The oracle's reports: gold tables as in semantics.md 1, in loops."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from platform_assets.declare.report import GoldTable
from platform_assets.engines.reference import Row, value
from platform_assets.engines.reference_partitions import containing, first_shown


def report(table: GoldTable, rows: Sequence[Row], partition: int) -> list[Row]:
    """The rows of a report for one event partition, from silver rows (all arrivals)."""

    def belongs(row: Row) -> bool:
        at: datetime = row[table.source.event_time]
        day = table.source.partitions.value(partition)
        if table.timezone == table.source.partitions.zone or isinstance(day, datetime):
            return containing(table.source.partitions, at) == partition
        return first_shown(table.timezone, day) <= at < first_shown(table.timezone, day + timedelta(days=1))

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
