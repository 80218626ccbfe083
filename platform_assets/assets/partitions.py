"""Partitions of time as Dagster's, and the partitions of a run."""

from datetime import timedelta
from functools import lru_cache

import dagster as dg

from platform_assets.declare.partitions import EPOCH, MICROSECOND, Partitions
from platform_assets.errors import DeclarationError


@lru_cache
def partitions_definition(partitions: Partitions, *, from_their_beginning: bool = False) -> dg.TimeWindowPartitionsDefinition:
    """The same object for the same partitions, so that the layers of a source share it.

    from_their_beginning: of months, whether one is there when it begins; else when it has ended.
    """
    _check_skipped(partitions)
    end = None if partitions.last is None else partitions.key(partitions.last + 1)
    start, timezone = partitions.key(partitions.first), partitions.zone
    if partitions.unit == "hour":
        return dg.HourlyPartitionsDefinition(start_date=start, end_date=end, fmt=partitions.key_format)
    if partitions.unit == "day":
        return dg.DailyPartitionsDefinition(start_date=start, end_date=end, timezone=timezone)
    if partitions.unit == "week":
        return dg.WeeklyPartitionsDefinition(start_date=start, end_date=end, day_offset=1, timezone=timezone)
    return dg.MonthlyPartitionsDefinition(start_date=start, end_date=end, end_offset=int(from_their_beginning), timezone=timezone)


def _check_skipped(partitions: Partitions) -> None:
    """Refuses days among which the zone skipped one: Dagster would make a partition of it, with the hours of the next."""
    for number in partitions.skipped:
        day = EPOCH.date() + timedelta(days=number)
        first, last = partitions.local_date(partitions.first), partitions.last
        if first < day and (last is None or day < partitions.local_date(last)):
            raise DeclarationError(
                f"partitions from {first} on: {partitions.zone} never had the day {day}, of which Dagster would make a partition. Begin "
                f"with daily('{day + timedelta(days=1)}', timezone={partitions.zone!r}), end before it, or use timezone='UTC'."
            )


def asked(context: dg.AssetExecutionContext, partitions: Partitions, *, newest: int | None = None) -> tuple[int, int]:
    """The first and last partition of the run: one key and a range are the same code.

    newest: what a run is about that names no partition. Only runs of checks alone do so: "Execute all" in the UI knows none.
    """
    if newest is not None and not (context.has_partition_key or context.has_partition_key_range):
        return newest, newest
    window = context.partition_time_window
    return partitions.index(window.start), partitions.index(window.end - MICROSECOND)
