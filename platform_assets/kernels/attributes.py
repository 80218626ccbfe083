"""Attribute views: each entity's latest update per arrival partition, and which update is in force when (semantics.md 4)."""

from collections.abc import Sequence

import polars as pl

from platform_assets.declare.attributes import EVENT_TIME, AttributeView
from platform_assets.kernels.entity_keys import keys_of
from platform_assets.kernels.times import index_of, start_of


def attributes_log(view: AttributeView, silver: pl.LazyFrame, first: int, last: int) -> pl.DataFrame:
    """The rows of the view's table for the partitions first..last. Each partition depends only on its own arrival partition.

    silver: accepted rows of at least these arrival partitions. Returns the columns: the keys, partition, valid_from, is_empty (always
    false), the update's event time, the attributes.
    """
    source, columns = view.source, view.key_columns
    arrival = index_of("arrival", source.partitions)
    updates = silver.filter(arrival.is_between(first, last)).sort(source.event_time, "delivery", "row_number")
    latest = updates.unique([*columns.values(), "arrival"], keep="last", maintain_order=True)
    return latest.select(
        *keys_of(columns),
        pl.col("arrival").alias("partition"),
        (start_of(arrival + 1, source.partitions) + pl.lit(source.data_delay, pl.Duration("us"))).alias("valid_from"),
        pl.lit(False).alias("is_empty"),
        pl.col(source.event_time).alias(EVENT_TIME),
        *view.attributes,
    ).collect()


def in_force(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The rows that are at some time the value of their entity, sorted by valid_from: rows older than an earlier one are dropped."""
    rows = rows.sort("valid_from")
    return rows.filter(pl.col(EVENT_TIME) >= pl.col(EVENT_TIME).cum_max().over(keys))
