"""Faults in the keys of accepted rows: a missing part, or another row with the same key within the horizon."""

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.kernels.times import index_of


def faults_of_keys(source: Source, rows: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The number of rows with a missing key part and with a repeated key, by index of the arrival partition: index, missing, repeated.

    rows: all rows of silver with some set of keys, in the judged partitions and in the horizon before them.
    """
    keys = rows.lazy().select(*source.unique_key, index_of("arrival", source.partitions).alias("index")).sort("index").collect()
    since = pl.col("index") - pl.col("index").shift(1).over(*source.unique_key)
    missing = pl.any_horizontal(pl.col(column).is_null() for column in source.unique_key)
    marked = keys.select("index", missing.alias("missing"), (~missing & (since <= source.duplicates_within)).alias("repeated"))
    return marked.group_by("index").agg(pl.col("missing", "repeated").sum())
