"""The first and the last value in a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import DataType

_NOTHING_LATER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class InOrder:
    """The non-null value with the earliest ('first') or latest ('last') event time; ties are broken by primary key.

    State: the row's position in the order of event time and primary key. Empty window: null. Unit: that of the column.

    >>> last("category").over("30d")
    """

    name: str
    argument: str = "required"
    parameter: None = None
    empty: None = None

    @property
    def state(self) -> str:
        return self.name

    def result(self, argument: DataType) -> DataType | None:
        return argument

    def prepare(self, column: Column) -> Ints:
        return np.where(column.valid, np.arange(len(column)), _NOTHING_LATER if self.name == "first" else -1)

    def over(self, state: Ints, lo: Ints, hi: Ints) -> Ints:
        if self.name == "first":
            return ranges.reduce(np.minimum, state, lo, hi, _NOTHING_LATER)
        return ranges.reduce(np.maximum, state, lo, hi, -1)

    def merge(self, whole: Ints, part: Ints, at: Ints) -> Ints:
        whole[at] = (np.minimum if self.name == "first" else np.maximum)(whole[at], part)
        return whole

    def finalize(self, state: Ints, column: Column) -> pl.Series:
        found = (state >= 0) & (state < _NOTHING_LATER)
        if not len(column):
            return column.series(np.zeros(len(state), column.values.dtype), found)
        return column.series(column.values[np.where(found, state, 0)], found)

    def keep(self, state: Ints, column: Column) -> StoredState:
        of = np.flatnonzero((state >= 0) & (state < _NOTHING_LATER))
        return StoredState(of, rows=state[of])

    def restore(self, kept: StoredState, column: Column, size: int) -> Ints:
        state = np.full(size, _NOTHING_LATER if self.name == "first" else -1)
        state[kept.of] = kept.places
        return state
