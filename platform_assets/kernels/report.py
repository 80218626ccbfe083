"""Reports: measures of the rows of event partitions (semantics.md 1, gold tables)."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from platform_assets.aggregations import column_of
from platform_assets.declare.features import Measure
from platform_assets.declare.report import GoldTable
from platform_assets.kernels.times import index_at, index_of, physical, stored_partition
from platform_assets.kernels.windows import argument_type, prepared


def event_partition(table: GoldTable) -> pl.Expr:
    """The index of the partition that an event belongs to, by the report's clock."""
    days, mine = table.event_partitions, table.source.partitions
    index = index_at(physical(table.source.event_time), days)
    return index if days == mine else index_of(stored_partition(index, days), mine)


def report(table: GoldTable, silver: pl.LazyFrame, first: int, last: int) -> pl.DataFrame:
    """The rows of the report for the event partitions first..last: partition, the columns of `by`, the measures.

    silver: accepted rows of all arrivals with events of these partitions.
    """
    source, by = table.source, list(table.by)
    order = dict.fromkeys((*source.order, "arrival"))  # as in change_log: a key may occur in several arrivals
    rows = (
        silver.select(
            event_partition(table).alias("__partition"),
            *by,
            physical(source.event_time).alias("__time"),
            *(pl.col(c).alias(f"__order_{c}") for c in order if c not in by),
            *(prepared(measure).alias(f"__measure_{measure.name}") for measure in table.measures),
        )
        .filter(pl.col("__partition").is_between(first, last))
        .collect()
    )
    rows = rows.sort("__partition", *by, "__time", *(c for c in rows.columns if c.startswith("__order_")))
    found = aggregated(table.measures, rows, ["__partition", *by])
    return found.select(
        stored_partition(pl.col("__partition"), source.partitions).alias("partition"), *by, *(measure.name for measure in table.measures)
    )


def aggregated(measures: Sequence[Measure], rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The measures of each group of rows, in columns `name`, from their arguments in `__measure_name`.

    rows: sorted by the columns of `by`, then in the order that first and last need; `__time` in microseconds.
    """
    group = rows.select(pl.struct(by).rle_id().cast(pl.Int64)).to_series().to_numpy()
    lo = np.flatnonzero(np.diff(group, prepend=-1))
    hi = np.append(lo[1:], rows.height) if len(lo) else lo
    values = []
    for measure in measures:
        column = column_of(rows[f"__measure_{measure.name}"], argument_type(measure), rows["__time"].to_numpy())
        state = measure.aggregation.over(measure.aggregation.prepare(column), lo, hi)
        values.append(measure.aggregation.finalize(state, column).alias(measure.name))
    return rows[lo].select(by).with_columns(values)
