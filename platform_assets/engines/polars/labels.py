"""Labels from silver: who was active at each time of the spine, and what followed (semantics.md 6)."""

from datetime import datetime

import polars as pl

from platform_assets.declare.partitions import MICROSECOND
from platform_assets.declare.training import TrainingSet
from platform_assets.engines.polars.keys import has_entity, keys_of
from platform_assets.engines.polars.times import index_of, microseconds, physical, since_epoch, start_of

_AT, _ARRIVED = "__at", "__arrived"
"""When a row happened and arrived, in microseconds."""


def label_times(data: TrainingSet, partition: int) -> list[datetime]:
    """The times of the spine whose labels end in a training partition."""
    start, end = data.partitions.starts_at(partition), data.partitions.ends_at(partition)
    if data.labels.source.partitions.end is not None:  # what would follow later, nobody will ever know
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


def labels(data: TrainingSet, silver: pl.LazyFrame, partition: int) -> pl.DataFrame:
    """The labels of a month: keys, label_time, and the label as a boolean; sorted by time and keys.

    silver: accepted rows of at least the arrivals from the first label's active time on, until the month's end.
    """
    declared, keys = data.labels, list(data.entity.keys)
    source = declared.source
    arrived = start_of(index_of("arrival", source.partitions) + 1, source.partitions)
    events = silver.filter(has_entity(data.key_columns), arrived <= data.partitions.ends_at(partition))
    if declared.where is not None:
        events = events.filter(declared.where.polars())
    rows = events.select(
        *keys_of(data.key_columns), physical(source.event_time).alias(_AT), arrived.dt.timestamp("us").alias(_ARRIVED)
    ).collect()
    found = []
    for time in label_times(data, partition):
        t = since_epoch(time)
        active = (
            rows.filter(
                pl.col(_ARRIVED) <= t - microseconds(source.data_delay),
                pl.col(_AT) >= t - microseconds(declared.spine.active),
                pl.col(_AT) < t,
            )
            .select(keys)
            .unique()
        )
        after = rows.filter(pl.col(_AT) > t, pl.col(_AT) <= t + microseconds(declared.horizon)).select(keys).unique()
        followed = active.join(after.with_columns(pl.lit(True).alias("__follows")), on=keys, how="left").with_columns(
            pl.col("__follows").fill_null(False)
        )
        label = pl.col("__follows") if declared.event == "any" else ~pl.col("__follows")
        found.append(followed.select(*keys, pl.lit(time, pl.Datetime("us", "UTC")).alias("label_time"), label.alias(data.label)))
    if not found:
        return rows.clear().select(
            *keys, pl.lit(None, pl.Datetime("us", "UTC")).alias("label_time"), pl.lit(None, pl.Boolean).alias(data.label)
        )
    return pl.concat(found).sort("label_time", *keys)
