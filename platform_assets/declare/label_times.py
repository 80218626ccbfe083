"""The times of a training partition's labels, if they come from a spine (semantics.md 6)."""

from datetime import datetime

from platform_assets.declare.labels import Labels
from platform_assets.declare.partitions import MICROSECOND
from platform_assets.declare.training import TrainingSet


def label_times(data: TrainingSet, partition: int) -> list[datetime]:
    """The times of the spine whose labels end in a training partition."""
    assert isinstance(data.labels, Labels), "given labels have their own times"
    start, end = data.partitions.starts_at(partition), data.partitions.ends_at(partition)
    if data.labels.source.partitions.end is not None:  # later outcomes will never be known
        end = min(end, data.labels.source.partitions.end)
    days, horizon = data.labels.source.partitions, data.labels.horizon
    step = data.labels.spine.step // days.step
    since = days.index(start - horizon - MICROSECOND) + 1  # the first that begins at or after it
    number = max(-((days.first - since) // step), 0)
    times = []
    while (t := days.starts_at(days.first + number * step)) + horizon < end:
        times.append(t)
        number += 1
    return times
