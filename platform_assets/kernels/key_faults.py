"""What is wrong with the keys of accepted rows: a part is missing, or another row within the horizon has the same."""

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.kernels.times import index_of


def faults_of_keys(source: Source, rows: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """By index of the arrival partition, how many rows lack a part of their key, and how many repeat one: index, missing, repeated.

    rows: all rows of silver that have any of some keys, in the partitions that are judged and in the horizon before them.
    """
    keys = rows.lazy().select(*source.unique_key, index_of("arrival", source.partitions).alias("index")).sort("index").collect()
    since = pl.col("index") - pl.col("index").shift(1).over(*source.unique_key)
    missing = pl.any_horizontal(pl.col(column).is_null() for column in source.unique_key)
    marked = keys.select("index", missing.alias("missing"), (~missing & (since <= source.duplicates_within)).alias("repeated"))
    return marked.group_by("index").agg(pl.col("missing", "repeated").sum())
