"""The latest values of a window, as a list."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations.column import Column, Ints, lists
from platform_assets.aggregations.ranges import Counts, counted, first_of_each
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import LISTS, DataType, FeatureType


@dataclass(frozen=True)
class LastN:
    """The `parameter` latest non-null values by event time, newest first; ties are broken by primary key.

    The first one is what `last` returns, whatever the length; there are fewer if the window has fewer. A value that occurs twice is
    listed twice. State: the rows' positions in the order of event time and primary key, counted from the end. Empty window: an empty
    list. Unit: that of the column.

    >>> last_n("category", 3).over("30d")
    """

    parameter: int
    name: str = "last_n"
    argument: str = "required"

    @property
    def state(self) -> tuple[str, int]:
        return self.name, self.parameter

    @property
    def empty(self) -> list[object]:
        return []

    def result(self, argument: DataType) -> FeatureType | None:
        return LISTS[argument]

    def prepare(self, column: Column) -> Counts:
        rows = np.flatnonzero(column.valid)
        return counted(len(column), rows, len(column) - 1 - rows, np.ones(len(rows), np.int64))

    def over(self, state: Counts, lo: Ints, hi: Ints) -> Counts:
        return self._latest(state.over(lo, hi))

    def merge(self, whole: Counts, part: Counts, at: Ints) -> Counts:
        return self._latest(whole.joined(part, at))

    def _latest(self, state: Counts) -> Counts:
        kept = first_of_each(state.owner, self.parameter)
        return Counts(state.size, state.owner[kept], state.code[kept], state.times[kept])

    def finalize(self, state: Counts, column: Column) -> pl.Series:
        values = column.values[len(column) - 1 - state.code]
        return lists(column.series(values, np.ones(len(values), np.bool_)), np.bincount(state.owner, minlength=state.size))

    def keep(self, state: Counts, column: Column) -> StoredState:
        return StoredState(state.owner, rows=len(column) - 1 - state.code)

    def restore(self, kept: StoredState, column: Column, size: int) -> Counts:
        return counted(size, kept.of, len(column) - 1 - kept.places, np.ones(len(kept.of), np.int64))
