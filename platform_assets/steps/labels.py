"""The inputs and the times of a training partition's labels."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from platform_assets.declare.label_times import label_times
from platform_assets.declare.labels import Labels
from platform_assets.declare.training import TrainingSet
from platform_assets.engines.engine import Engine, FoundLabels
from platform_assets.steps.run import slice_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.ledger import Entry

EMPTY = "empty_partitions"
"""A detail of a training partition: how many partitions of the labels' source are empty, and the first ones."""
Times = tuple[datetime, datetime]
"""The first and the last label time."""


def times_of(data: TrainingSet, partition: int, entry: Entry | None = None) -> Times | None:
    """The range of possible label times of a training partition; None if there can be no labels.

    entry: the partition's ledger entry, if it exists: given labels may cover only a few of the possible times.
    """
    if isinstance(data.labels, Labels):
        times = label_times(data, partition)
        return (times[0], times[-1]) if times else None
    if entry is not None and "label_times_between" in entry.details:
        between = entry.details["label_times_between"]
        return (datetime.fromisoformat(between[0]), datetime.fromisoformat(between[1])) if between else None
    return data.partitions.starts_at(partition) - data.labels.horizon, data.partitions.ends_at(partition) - data.labels.horizon


def arrivals_of(data: TrainingSet, partition: int) -> range:
    """The partitions of the labels' source that a training partition reads; none for a table."""
    source, days = data.labels.source, data.calendar
    if source is None:
        return range(0)
    if isinstance(data.labels, Labels):
        times = label_times(data, partition)
        if not times:
            return range(0)
        since = times[0] - data.labels.spine.active - source.clock_skew
    else:
        since = data.partitions.starts_at(partition) - data.labels.horizon - source.clock_skew
    return range(days.index(since), days.index(data.partitions.ends_at(partition)))


def empty_outcomes(data: TrainingSet, partition: int, arrived: Mapping[str, Entry]) -> dict[str, Any]:
    """The empty partitions of the labels' source among those that can have an outcome: for the labels, nothing happened then.

    arrived: the entries of silver. The result is empty if there are none, and for given labels.
    """
    times, days = times_of(data, partition), data.calendar
    if not isinstance(data.labels, Labels) or not times:
        return {}
    end = days.index(data.partitions.ends_at(partition))
    there = range(max(days.first, days.index(times[0])), end if days.last is None else min(end, days.last + 1))
    looked_at = [days.key(p) for p in there]
    empty = [key for key in looked_at if key in arrived and arrived[key].details.get("received") == 0]
    return {EMPTY: {"source": data.labels.source.name, "number": len(empty), "of": len(looked_at), "first": empty[:3]}} if empty else {}


def find_labels(data: TrainingSet, partition: int, engine: Engine, version: int, given: Any, now: datetime) -> FoundLabels:
    """The labels of a training partition.

    version: the version at which silver is read. given: the result of the user's label function. now: when it was called.
    """
    source, arrivals = data.labels.source, arrivals_of(data, partition)
    if source is None or not arrivals:
        return engine.labels(data, partition, silver=None, given=given, now=now)
    days = source.partitions
    read = slice_of(silver_table(source), "arrival", days, max(days.first, arrivals.start), max(days.first, arrivals.stop - 1), version)
    return engine.labels(data, partition, silver=read, given=None, now=now)
