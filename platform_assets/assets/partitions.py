"""Partitions of time as Dagster's, and the partitions of a run."""

from functools import lru_cache

import dagster as dg

from platform_assets.declare.partitions import Partitions


@lru_cache
def partitions_definition(partitions: Partitions, *, from_their_beginning: bool = False) -> dg.TimeWindowPartitionsDefinition:
    """The same object for the same partitions, so that the layers of a source share it.

    from_their_beginning: of months, whether one is there when it begins; else when it has ended.
    """
    end = None if partitions.end is None else partitions.end.strftime(partitions.key_format)
    start = partitions.start.strftime(partitions.key_format)
    if partitions.unit == "hour":
        return dg.HourlyPartitionsDefinition(start_date=start, end_date=end, fmt=partitions.key_format)
    if partitions.unit == "day":
        return dg.DailyPartitionsDefinition(start_date=start, end_date=end)
    if partitions.unit == "week":
        return dg.WeeklyPartitionsDefinition(start_date=start, end_date=end, day_offset=1)
    return dg.MonthlyPartitionsDefinition(start_date=start, end_date=end, end_offset=int(from_their_beginning))


def asked(context: dg.AssetExecutionContext, partitions: Partitions, *, newest: int | None = None) -> tuple[int, int]:
    """The first and last partition of the run: one key and a range are the same code.

    newest: what a run is about that names no partition. Only runs of checks alone do so: "Execute all" in the UI knows none.
    """
    if newest is not None and not (context.has_partition_key or context.has_partition_key_range):
        return newest, newest
    window = context.partition_time_window
    return partitions.index(window.start), partitions.index(window.end) - 1
