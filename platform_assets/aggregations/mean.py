"""The arithmetic mean of a column in a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.algebra import NUMERIC
from platform_assets.aggregations.column import Array, Column, Ints, masked
from platform_assets.aggregations.kept import Kept, filled, said
from platform_assets.expressions.types import DataType

Means = tuple[Ints, Array]


@dataclass(frozen=True)
class Mean:
    """The mean of the values that are not null.

    State: n and the sum, in floats. Of an empty window: null. Unit: that of the column.

    >>> mean("amount").over("7d")
    """

    name: str = "mean"
    argument: str = "required"
    parameter: None = None
    empty: None = None

    def result(self, argument: DataType) -> DataType | None:
        return "float" if argument in NUMERIC else None

    def prepare(self, column: Column) -> Means:
        return column.valid.astype(np.int64), np.where(column.valid, column.values.astype(np.float64), 0.0)

    def over(self, state: Means, lo: Ints, hi: Ints) -> Means:
        return ranges.count(state[0], lo, hi), ranges.reduce(np.add, state[1], lo, hi, 0.0)

    def merge(self, whole: Means, part: Means, at: Ints) -> Means:
        whole[0][at] += part[0]
        whole[1][at] += part[1]
        return whole

    def finalize(self, state: Means, column: Column) -> pl.Series:
        n, total = state
        return masked(total / np.maximum(n, 1), n > 0, "float")

    def keep(self, state: Means, column: Column) -> Kept:
        return said(state[0] > 0, n=state[0], sum=state[1])

    def restore(self, kept: Kept, column: Column, size: int) -> Means:
        return filled(kept, "n", size, 0), filled(kept, "sum", size, 0.0)
