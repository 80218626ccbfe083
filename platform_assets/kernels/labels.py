"""Labels from silver: the entities active at each time of the spine, and what followed; or rows that are labels (semantics.md 6)."""

from typing import Any

import polars as pl

from platform_assets.declare.label_times import label_times
from platform_assets.declare.labels import LABEL_TIME, Labels
from platform_assets.declare.training import TrainingSet
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.entity_keys import has_entity, keys_of
from platform_assets.kernels.report import aggregated
from platform_assets.kernels.times import index_of, microseconds, physical, since_epoch, start_of
from platform_assets.kernels.windows import prepared


def labels(data: TrainingSet, silver: pl.LazyFrame, partition: int) -> pl.DataFrame:
    """The labels of a training partition: keys, label_time, and the label; sorted by time and keys.

    silver: accepted rows of at least the arrivals from the first label's `active` period until the partition's end.
    """
    declared, keys = data.labels, list(data.entity.keys)
    assert isinstance(declared, Labels), "given labels are not made from events"
    source, measure = declared.source, declared.measure
    arrived = start_of(index_of("arrival", source.partitions) + 1, source.partitions)
    events = silver.filter(has_entity(data.key_columns), arrived <= data.partitions.ends_at(partition))
    if declared.where is not None:
        events = events.filter(declared.where.polars())
    order = [] if measure is None else list(dict.fromkeys((*source.order, "arrival")))
    rows = events.select(
        *keys_of(data.key_columns),
        physical(source.event_time).alias("__time"),
        arrived.dt.timestamp("us").alias("__arrived"),
        *(pl.col(column).alias(f"__order_{column}") for column in order),
        *([] if measure is None else [prepared(measure).alias(f"__measure_{measure.name}")]),
    ).collect()
    if measure is not None:
        rows = rows.sort("__time", *(f"__order_{column}" for column in order))
    found = []
    for time in label_times(data, partition):
        t = since_epoch(time)
        active = (
            rows.filter(
                pl.col("__arrived") <= t - microseconds(source.data_delay),
                pl.col("__time") >= t - microseconds(declared.spine.active),
                pl.col("__time") < t,
            )
            .select(keys)
            .unique()
        )
        after = rows.filter(pl.col("__time") > t, pl.col("__time") <= t + microseconds(declared.horizon))
        labelled = active.join(_following(data, after), on=keys, how="left").with_columns(_label(declared).alias(data.label))
        found.append(labelled.select(*keys, pl.lit(time, POLARS["datetime"]).alias(LABEL_TIME), data.label))
    nobody = rows.clear().select(
        *keys, pl.lit(None, POLARS["datetime"]).alias(LABEL_TIME), pl.lit(None, POLARS[data.label_type]).alias(data.label)
    )
    return pl.concat([nobody, *found]).sort(LABEL_TIME, *keys)


def _following(data: TrainingSet, after: pl.DataFrame) -> pl.DataFrame:
    """The entities with a row in a label's interval, and the measure of those rows."""
    keys, measure = list(data.entity.keys), data.labels.measure if isinstance(data.labels, Labels) else None
    if measure is None:
        return after.select(keys).unique().with_columns(pl.lit(True).alias("__follows"))
    # The rows are in the order of their times; sorting by keys keeps that order.
    return (
        aggregated([measure], after.sort(keys, maintain_order=True), keys)
        .rename({measure.name: "__measured"})
        .with_columns(pl.lit(True).alias("__follows"))
    )


def _label(declared: Labels) -> pl.Expr:
    follows = pl.col("__follows").fill_null(False)
    if declared.measure is None:
        return follows if declared.event == "any" else ~follows
    empty: Any = pl.lit(declared.measure.empty, POLARS[declared.measure.type])
    return pl.when(follows).then(pl.col("__measured").cast(POLARS[declared.measure.type])).otherwise(empty)
