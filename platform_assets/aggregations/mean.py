"""The arithmetic mean of a column in a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations.algebra import NUMERIC
from platform_assets.aggregations.column import Column, Ints, masked
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.aggregations.sum import Sum, Sums
from platform_assets.expressions.types import DataType

_SUM = Sum()
_WRAPS = 2.0**62
"""From this value on, a sum of integers may have wrapped around 64 bits."""


@dataclass(frozen=True)
class Mean:
    """The mean of the non-null values.

    State: that of a sum. Integers are added as integers, so that small ones are not lost beside large ones of both signs; a sum that 64
    bits cannot hold is computed in floats. Empty window: null. Unit: that of the column.

    >>> mean("amount").over("7d")
    """

    name: str = "mean"
    state: str = _SUM.state
    argument: str = "required"
    parameter: None = None
    empty: None = None

    def result(self, argument: DataType) -> DataType | None:
        return "float" if argument in NUMERIC else None

    def prepare(self, column: Column) -> Sums:
        return _SUM.prepare(column)

    def over(self, state: Sums, lo: Ints, hi: Ints) -> Sums:
        return _SUM.over(state, lo, hi)

    def merge(self, whole: Sums, part: Sums, at: Ints) -> Sums:
        return _SUM.merge(whole, part, at)

    def finalize(self, state: Sums, column: Column) -> pl.Series:
        n, total, approximate = state
        if column.type == "int":
            total = np.where(np.abs(approximate) < _WRAPS, total, approximate)
        return masked(total / np.maximum(n, 1), n > 0, "float")

    def keep(self, state: Sums, column: Column) -> StoredState:
        return _SUM.keep(state, column)

    def restore(self, kept: StoredState, column: Column, size: int) -> Sums:
        return _SUM.restore(kept, column, size)
