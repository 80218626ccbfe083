"""The most frequent values of a window, as a list."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations.column import Column, Ints, lists
from platform_assets.aggregations.mode import by_frequency, counts_of, kept_counts, restored_counts
from platform_assets.aggregations.ranges import Counts, first_of_each
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import LISTS, DataType, FeatureType


@dataclass(frozen=True)
class TopK:
    """The `parameter` values that occur most often, most frequent first; ties are sorted by value, smaller first.

    The first one is the mode; there are fewer if the window has fewer distinct values. State: the counts of all
    values: a value that is rare in every tile may be among the most frequent of a window. Empty window: an empty list. Unit: that of
    the column.

    >>> top_k("country", 3).over("30d")
    """

    parameter: int
    name: str = "top_k"
    state: str = "counts"
    argument: str = "required"

    @property
    def empty(self) -> list[object]:
        return []

    def result(self, argument: DataType) -> FeatureType | None:
        return LISTS[argument]

    def prepare(self, column: Column) -> Counts:
        return counts_of(column)

    def over(self, state: Counts, lo: Ints, hi: Ints) -> Counts:
        return state.over(lo, hi)

    def merge(self, whole: Counts, part: Counts, at: Ints) -> Counts:
        return whole.joined(part, at)

    def finalize(self, state: Counts, column: Column) -> pl.Series:
        order = by_frequency(state)
        order = order[first_of_each(state.owner[order], self.parameter)]
        values = column.ranked[1][state.code[order]]
        return lists(column.series(values, np.ones(len(values), np.bool_)), np.bincount(state.owner[order], minlength=state.size))

    def keep(self, state: Counts, column: Column) -> StoredState:
        return kept_counts(state, column)

    def restore(self, kept: StoredState, column: Column, size: int) -> Counts:
        return restored_counts(kept, column, size)
