"""Checkpoints of lifetime windows: the months with whose beginnings their states are kept, and what a snapshot reads beside them.

The checkpoint of a month holds what has entered the windows at the last snapshot whose partition ends with the month's beginning or before.
A snapshot in a month starts from its checkpoint, and reads silver since; one in the source's first month reads silver from its first
partition on. (Dagster can map a day to its own month, and not to the one before: so a state at the end of March is April's.)
"""

from dataclasses import replace
from datetime import timedelta

from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.declare.version import version_of
from platform_assets.declare.view import FeatureView


def months_of(view: FeatureView) -> Partitions:
    """The months that have a checkpoint: all after that in which the source's first partition ends, to that in which its last one does."""
    partitions = view.source.partitions
    calendar = partitions.months
    first = calendar.index(partitions.ends_at(partitions.first) - MICROSECOND) + 1
    last = None if partitions.end is None else max(first, calendar.index(partitions.end - MICROSECOND))
    return replace(calendar, start=calendar.starts_at(first), end=None if last is None else calendar.ends_at(last))


def snapshot_of(view: FeatureView, month: int) -> int:
    """The snapshot whose state a month's checkpoint is."""
    partitions = view.source.partitions
    last = partitions.index(months_of(view).starts_at(month)) - 1
    return last if partitions.last is None else min(last, partitions.last)


def month_of(view: FeatureView, partition: int) -> int | None:
    """The month from whose checkpoint a snapshot starts; None in the first month."""
    months = months_of(view)
    month = months.index(view.source.partitions.ends_at(partition) - MICROSECOND)
    return month if month >= months.first else None


def waits(view: FeatureView) -> timedelta:
    """For how long a row may have arrived and not yet have entered a lifetime window: the largest offset of one, and its clock_skew."""
    return max((feature.window.offset for feature in view.lifetime), default=timedelta(0)) + view.source.clock_skew


def waiting_from(view: FeatureView, snapshot: int) -> int:
    """The first arrival partition with rows that had not entered a lifetime window at a snapshot."""
    partitions = view.source.partitions
    return partitions.index(partitions.ends_at(snapshot) - waits(view))


def arrivals_of_snapshot(view: FeatureView, partition: int) -> range:
    """The arrival partitions of silver that a snapshot reads, beside the checkpoint of its month."""
    since = view.reads_from(partition)
    if view.lifetime:
        since = min(since, _since(view, month_of(view, partition)))
    return range(since, partition + 1)


def arrivals_of_checkpoint(view: FeatureView, month: int) -> range:
    """The arrival partitions of silver that a checkpoint reads, beside the checkpoint of the month before."""
    before = month - 1 if month > months_of(view).first else None
    return range(_since(view, before), snapshot_of(view, month) + 1)


def state_columns(view: FeatureView) -> dict[str, str]:
    """For each lifetime feature the column of the checkpoints that holds its states.

    The name says how they are laid out too, by aggregation and types: another aggregation under the old name has a column of its own,
    since a Delta table cannot change the type of one. Months of older versions keep theirs until they are made again.
    """
    order = [[column, view.source.types.get(column)] for column in view.source.order if column not in view.key_columns.values()]
    columns = {}
    for feature in view.lifetime:
        argument = feature.measure.argument
        layout = [feature.measure.aggregation.name, argument and argument.type, order]
        columns[feature.name] = f"{feature.name}_{version_of(layout)[:6]}"
    return columns


def _since(view: FeatureView, month: int | None) -> int:
    """The first arrival partition with rows that are not in a month's checkpoint; without one, the first of all."""
    first = view.source.partitions.first
    return first if month is None else max(first, waiting_from(view, snapshot_of(view, month)))
