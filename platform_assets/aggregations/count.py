"""The number of rows in a window, or of those with a value in a column."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.stored_state import StoredState, filled, said
from platform_assets.expressions.types import DataType


@dataclass(frozen=True)
class Count:
    """The number of rows; with a column, the number of its non-null values.

    State: n. Empty window: 0. Unit: rows.

    >>> count().over("7d"); count("coupon").over("7d")
    """

    name: str = "count"
    state: str = "count"
    argument: str = "optional"
    parameter: None = None
    empty: int = 0

    def result(self, argument: DataType) -> DataType | None:
        return "int"

    def prepare(self, column: Column) -> Ints:
        return column.valid.astype(np.int64)

    def over(self, state: Ints, lo: Ints, hi: Ints) -> Ints:
        return ranges.count(state, lo, hi)

    def merge(self, whole: Ints, part: Ints, at: Ints) -> Ints:
        whole[at] += part
        return whole

    def finalize(self, state: Ints, column: Column) -> pl.Series:
        return pl.Series(state, dtype=pl.Int64)

    def keep(self, state: Ints, column: Column) -> StoredState:
        return said(state > 0, n=state)

    def restore(self, kept: StoredState, column: Column, size: int) -> Ints:
        return filled(kept, "n", size, 0)
