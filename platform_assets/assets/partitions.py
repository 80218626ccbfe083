"""Converts time partitions to Dagster's, and gets the partitions of a run."""

from datetime import timedelta
from functools import lru_cache

import dagster as dg

from platform_assets.declare.partitions import EPOCH, MICROSECOND, Partitions
from platform_assets.errors import DeclarationError


@lru_cache
def partitions_definition(partitions: Partitions, *, from_their_beginning: bool = False) -> dg.TimeWindowPartitionsDefinition:
    """The same object for the same partitions, so that the layers of a source share it.

    from_their_beginning: whether a month exists from its start on, rather than from its end on.
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
    """Refuses days if the zone skipped one of them: Dagster would create a partition for it, with the hours of the next day."""
    for number in partitions.skipped:
        day = EPOCH.date() + timedelta(days=number)
        first, last = partitions.local_date(partitions.first), partitions.last
        if first < day and (last is None or day < partitions.local_date(last)):
            raise DeclarationError(
                f"partitions from {first} on: {partitions.zone} skipped the day {day}, for which Dagster would create a partition. Start "
                f"with daily('{day + timedelta(days=1)}', timezone={partitions.zone!r}), end before it, or use timezone='UTC'."
            )


def selected_partitions(context: dg.AssetExecutionContext, partitions: Partitions, *, newest: int | None = None) -> tuple[int, int]:
    """The first and last partition of the run: the same for one key and a range.

    newest: used for a run without a partition. Only check-only runs have none: "Execute all" in the UI does not set one.
    """
    if newest is not None and not (context.has_partition_key or context.has_partition_key_range):
        return newest, newest
    window = context.partition_time_window
    return partitions.index(window.start), partitions.index(window.end - MICROSECOND)
