"""The smallest and the largest value in a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.column import Array, Column, Ints
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import DataType

Extremes = tuple[Ints, Array]


@dataclass(frozen=True)
class Extreme:
    """The smallest ('min') or largest ('max') non-null value; texts are ordered by code point, false before true.

    State: n and the value. Empty window: null. Unit: that of the column.

    >>> min("amount").over("7d"); max("ordered_at").over("30d")
    """

    name: str
    argument: str = "required"
    parameter: None = None
    empty: None = None

    @property
    def _ufunc(self) -> np.ufunc:
        return np.minimum if self.name == "min" else np.maximum

    @property
    def state(self) -> str:
        return self.name

    def result(self, argument: DataType) -> DataType | None:
        return argument

    def prepare(self, column: Column) -> Extremes:
        return column.valid.astype(np.int64), np.where(column.valid, column.values, self._neutral(column.values.dtype))

    def _neutral(self, dtype: np.dtype) -> Array:
        if dtype == np.float64:
            return np.asarray(np.inf if self.name == "min" else -np.inf)
        limits = np.iinfo(np.int64)
        return np.asarray(limits.max if self.name == "min" else limits.min)

    def over(self, state: Extremes, lo: Ints, hi: Ints) -> Extremes:
        n, value = state
        return ranges.count(n, lo, hi), ranges.reduce(self._ufunc, value, lo, hi, self._neutral(value.dtype).item())

    def merge(self, whole: Extremes, part: Extremes, at: Ints) -> Extremes:
        whole[0][at] += part[0]
        whole[1][at] = self._ufunc(whole[1][at], part[1])
        return whole

    def finalize(self, state: Extremes, column: Column) -> pl.Series:
        return column.series(state[1], state[0] > 0)

    def keep(self, state: Extremes, column: Column) -> StoredState:
        of = np.flatnonzero(state[0])
        return StoredState(of, values=state[1][of])

    def restore(self, kept: StoredState, column: Column, size: int) -> Extremes:
        n, value = np.zeros(size, np.int64), np.full(size, self._neutral(column.values.dtype), column.values.dtype)
        n[kept.of], value[kept.of] = 1, column.values[kept.places]
        return n, value
