"""Checkpoints of lifetime windows: the months that have one, and the partitions a snapshot reads in addition to it.

A month's checkpoint holds the rows that had entered the windows by the last snapshot whose partition ends at or before the month's start.
A snapshot starts from the checkpoint of its month and reads silver from there on; in the source's first month it reads silver from the
first partition on. (Dagster can map a day to its own month but not to the previous one, so the state at the end of March is stored as
April's.)
"""

from dataclasses import replace
from datetime import timedelta

from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.declare.version import version_of
from platform_assets.declare.view import FeatureView


def months_of(view: FeatureView) -> Partitions:
    """The months that have a checkpoint: from the one after the source's first partition ends to the one in which its last one ends."""
    partitions = view.source.partitions
    calendar = partitions.months
    first = calendar.index(partitions.ends_at(partitions.first) - MICROSECOND) + 1
    last = None if partitions.end is None else max(first, calendar.index(partitions.end - MICROSECOND))
    return replace(calendar, start=calendar.starts_at(first), end=None if last is None else calendar.ends_at(last))


def snapshot_of(view: FeatureView, month: int) -> int:
    """The snapshot whose state the checkpoint of a month holds."""
    partitions = view.source.partitions
    last = partitions.index(months_of(view).starts_at(month)) - 1
    return last if partitions.last is None else min(last, partitions.last)


def month_of(view: FeatureView, partition: int) -> int | None:
    """The month whose checkpoint a snapshot starts from; None in the first month."""
    months = months_of(view)
    month = months.index(view.source.partitions.ends_at(partition) - MICROSECOND)
    return month if month >= months.first else None


def entry_delay(view: FeatureView) -> timedelta:
    """How long after its arrival a row may enter a lifetime window: the largest offset of such a window, plus clock_skew."""
    return max((feature.window.offset for feature in view.lifetime), default=timedelta(0)) + view.source.clock_skew


def pending_from(view: FeatureView, snapshot: int) -> int:
    """The first arrival partition with rows that had not yet entered a lifetime window at a snapshot."""
    partitions = view.source.partitions
    return partitions.index(partitions.ends_at(snapshot) - entry_delay(view))


def arrivals_of_snapshot(view: FeatureView, partition: int) -> range:
    """The arrival partitions of silver that a snapshot reads in addition to the checkpoint of its month."""
    since = view.reads_from(partition)
    if view.lifetime:
        since = min(since, _since(view, month_of(view, partition)))
    return range(since, partition + 1)


def arrivals_of_checkpoint(view: FeatureView, month: int) -> range:
    """The arrival partitions of silver that a checkpoint reads in addition to the previous month's checkpoint."""
    before = month - 1 if month > months_of(view).first else None
    return range(_since(view, before), snapshot_of(view, month) + 1)


def state_columns(view: FeatureView) -> dict[str, str]:
    """For each lifetime feature the checkpoint column that holds its states.

    The name also identifies the layout, by aggregation and types: a different aggregation under the same name gets its own column,
    because a Delta table cannot change a column's type. Months of older versions keep the old column until they are recomputed.
    """
    order = [[column, view.source.types.get(column)] for column in view.source.order if column not in view.key_columns.values()]
    columns = {}
    for feature in view.lifetime:
        argument = feature.measure.argument
        layout = [feature.measure.aggregation.name, argument and argument.type, order]
        columns[feature.name] = f"{feature.name}_{version_of(layout)[:6]}"
    return columns


def _since(view: FeatureView, month: int | None) -> int:
    """The first arrival partition with rows that are not in a month's checkpoint; without a checkpoint, the first of all."""
    first = view.source.partitions.first
    return first if month is None else max(first, pending_from(view, snapshot_of(view, month)))
