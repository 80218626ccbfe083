"""The most frequent value in a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.ranges import Counts, counted, first_of_each
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import DataType


@dataclass(frozen=True)
class Mode:
    """The value that occurs most often; ties go to the smallest.

    State: the counts of all values: counts cut off at the top k miss the true mode in most windows.
    Empty window: null. Unit: that of the column.

    >>> mode("category").over("30d")
    """

    name: str = "mode"
    state: str = "counts"
    argument: str = "required"
    parameter: None = None
    empty: None = None

    def result(self, argument: DataType) -> DataType | None:
        return argument

    def prepare(self, column: Column) -> Counts:
        return counts_of(column)

    def over(self, state: Counts, lo: Ints, hi: Ints) -> Counts:
        return state.over(lo, hi)

    def merge(self, whole: Counts, part: Counts, at: Ints) -> Counts:
        return whole.joined(part, at)

    def finalize(self, state: Counts, column: Column) -> pl.Series:
        order = by_frequency(state)
        owner = state.owner[order]
        first = first_of_each(owner, 1)
        distinct = column.ranked[1]
        values, found = np.zeros(state.size, distinct.dtype), np.zeros(state.size, np.bool_)
        values[owner[first]] = distinct[state.code[order][first]]
        found[owner[first]] = True
        return column.series(values, found)

    def keep(self, state: Counts, column: Column) -> StoredState:
        return kept_counts(state, column)

    def restore(self, kept: StoredState, column: Column, size: int) -> Counts:
        return restored_counts(kept, column, size)


def by_frequency(state: Counts) -> Ints:
    """The order by owner, then frequency (highest first), then value (smallest first)."""
    return np.lexsort((state.code, -state.times, state.owner))


def counts_of(column: Column) -> Counts:
    """One count for each row with a value."""
    rows = np.flatnonzero(column.valid)
    return counted(len(column), rows, column.ranked[0][rows], np.ones(len(rows), np.int64))


def kept_counts(state: Counts, column: Column) -> StoredState:
    """The values and how often each occurs."""
    return StoredState(state.owner, {"times": state.times}, values=column.ranked[1][state.code])


def restored_counts(kept: StoredState, column: Column, size: int) -> Counts:
    return counted(size, kept.of, column.ranked[0][kept.places], kept.numbers["times"])
