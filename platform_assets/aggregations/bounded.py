"""Counts of distinct values up to a bound, and of coarser cells beyond it: states that stay small."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.mode import counts_of
from platform_assets.aggregations.ranges import Counts, counted
from platform_assets.aggregations.stored_state import StoredState

EXACT_UP_TO = 4096
"""The number of distinct values a window may hold before its value is estimated."""


@dataclass(frozen=True)
class Bounded:
    """How often each value occurs for each owner; for owners with too many distinct values, how often each cell occurs.

    Which of the two depends only on the set of values, not on how states were merged: too many for a part is too many for the
    whole. No owner has both.

    column: the column of the values. values: counted by rank in it. cells: counted by numbers that do not depend on the column.
    """

    column: Column
    values: Counts
    cells: Counts

    def over(self, lo: Ints, hi: Ints) -> "Bounded":
        """The counts of ranges of owners."""
        return replace(self, values=self.values.over(lo, hi), cells=self.cells.over(lo, hi))

    def joined(self, part: "Bounded", at: Ints) -> "Bounded":
        """These counts and those of a part, whose i-th owner is our owner at[i]."""
        return replace(self, values=self.values.joined(part.values, at), cells=self.cells.joined(part.cells, at))

    def within(self, bound: int, cells_of: Callable[[Column, Ints], Ints]) -> "Bounded":
        """With cells instead of values for owners of more than `bound` distinct values. cells_of: maps ranks to cells."""
        values, cells = self.values, self.cells
        beyond = np.bincount(values.owner, minlength=values.size) > bound
        beyond[cells.owner] = True
        moved = beyond[values.owner]
        if not moved.any():
            return self
        ranks, inverse = np.unique(values.code[moved], return_inverse=True)
        made = Counts(values.size, values.owner[moved], cells_of(self.column, ranks)[inverse], values.times[moved])
        stay = ~moved
        return replace(
            self,
            values=Counts(values.size, values.owner[stay], values.code[stay], values.times[stay]),
            cells=cells.joined(made, np.arange(cells.size)),
        )


def bounded(column: Column) -> Bounded:
    """One value for each row that has one."""
    none = np.zeros(0, np.int64)
    return Bounded(column, counts_of(column), counted(len(column), none, none, none))


def kept_bounded(state: Bounded) -> StoredState:
    """How often each value or cell occurs; for cells, the value of a piece has no meaning."""
    values, cells = state.values, state.cells
    of = np.concatenate((values.owner, cells.owner))
    order = np.argsort(of, kind="stable")
    numbers = {
        "times": np.concatenate((values.times, cells.times)),
        "cell": np.concatenate((np.zeros(len(values.code), np.int64), cells.code)),
        "is_cell": np.repeat(np.array([0, 1]), (len(values.code), len(cells.code))),
    }
    meant = state.column.ranked[1][values.code]
    every = np.append(meant, np.zeros(len(cells.code), meant.dtype))
    return StoredState(of[order], {name: number[order] for name, number in numbers.items()}, values=every[order])


def restored_bounded(kept: StoredState, column: Column, size: int) -> Bounded:
    is_cell, times = kept.numbers["is_cell"] == 1, kept.numbers["times"]
    values = counted(size, kept.of[~is_cell], column.ranked[0][kept.places[~is_cell]], times[~is_cell])
    return Bounded(column, values, counted(size, kept.of[is_cell], kept.numbers["cell"][is_cell], times[is_cell]))
