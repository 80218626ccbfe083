"""How many different values a window holds."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.kept import Kept
from platform_assets.aggregations.mode import counts_of, kept_counts, restored_counts
from platform_assets.aggregations.ranges import Counts
from platform_assets.expressions.types import DataType


@dataclass(frozen=True)
class CountDistinct:
    """The number of different values that are not null, exactly.

    State: the set of values. Of an empty window: 0. Unit: values.

    >>> count_distinct("stock_code").over("30d")
    """

    name: str = "count_distinct"
    argument: str = "required"
    parameter: None = None
    empty: int = 0

    def result(self, argument: DataType) -> DataType | None:
        return "int"

    def prepare(self, column: Column) -> Counts:
        return counts_of(column)

    def over(self, state: Counts, lo: Ints, hi: Ints) -> Counts:
        return state.over(lo, hi)

    def merge(self, whole: Counts, part: Counts, at: Ints) -> Counts:
        return whole.joined(part, at)

    def finalize(self, state: Counts, column: Column) -> pl.Series:
        return pl.Series(np.bincount(state.owner, minlength=state.size).astype(np.int64))

    def keep(self, state: Counts, column: Column) -> Kept:
        return kept_counts(state, column)

    def restore(self, kept: Kept, column: Column, size: int) -> Counts:
        return restored_counts(kept, column, size)
