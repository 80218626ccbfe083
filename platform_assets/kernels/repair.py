"""Received rows with values that are set by expressions, which read them as silver would."""

from collections import Counter
from collections.abc import Mapping

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.expressions import Expression
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.judge_rows import examine
from platform_assets.kernels.number_formats import as_usual
from platform_assets.kernels.parse import parsed


def those_for_which(source: Source, rows: pl.DataFrame, condition: Expression) -> pl.DataFrame:
    """The received rows for which a condition is true."""
    return rows.filter(_as_read(source, rows).select(condition.polars().alias("__holds").fill_null(False)).to_series())


def with_values(source: Source, rows: pl.DataFrame, values: Mapping[str, Expression]) -> pl.DataFrame:
    """The received rows with columns set, all of them from what the rows held before; the other values stay as they came.

    values: by column, of its declared type, or an int for a float.
    """
    if not values:
        return rows
    read = _as_read(source, rows)
    found = read.with_columns(value.polars().cast(POLARS[source.columns[column].type]).alias(column) for column, value in values.items())
    return rows.with_columns(found[column] for column in values)


def expected(source: Source, rows: pl.DataFrame, partition: int) -> tuple[int, Counter[str]]:
    """How many received rows are good by themselves when they arrive in a partition, and the reasons against the others."""
    at, delivery = pl.lit(source.partitions.value(partition)).alias("arrival"), pl.lit(0, pl.Int64).alias("delivery")
    counts = examine(source, rows.with_row_index("row_number").with_columns(at, delivery, pl.col("row_number").cast(pl.Int64))).counts
    reasons = Counter[str]()
    for (_, reason), number in counts.reasons.items():
        reasons[reason] += number
    return counts.good.total(), reasons


def _as_read(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """The declared columns in their types; null where a value is missing or cannot be read."""
    rows = rows.with_columns(pl.lit(None, pl.String).alias(column) for column in source.columns if column not in rows.columns)
    return rows.with_columns(as_usual(source, rows.schema)).select(parsed(source, column, rows.schema[column]) for column in source.columns)
