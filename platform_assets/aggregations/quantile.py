"""A quantile of the values in a window: the median, the 95th percentile."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations.algebra import NUMERIC
from platform_assets.aggregations.bounded import EXACT_UP_TO, Bounded, bounded, kept_bounded, restored_bounded
from platform_assets.aggregations.column import Array, Column, Ints, masked
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import DataType

_DROPPED = 46
"""How many of a float's 52 fraction bits a cell drops: 64 cells from each power of two to the next."""


@dataclass(frozen=True)
class Quantile:
    """The value below which the share `parameter` of the values lies, interpolated between neighbours: NumPy's default, R's type 7.

    Among n sorted values, counted from 0, it is the one at q * (n - 1); between two of them it is on the line from one to the
    other. Exact up to 4,096 distinct values. Beyond that, each value counts as the middle of its cell, one of 64 of equal width from each
    power of two to the next: a histogram as in Masson, Rim & Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch with
    relative-error guarantees", with cells spaced linearly between powers of two, which needs no logarithm. So a result is off by at most
    1/128 = 0.8% of itself, between neighbours of different signs by 0.8% of the larger one; below 2.3e-308 it is 0.

    State: how often each value occurs; beyond the bound, each cell. Both depend only on the values, and so does the result: it is the same
    however a window is cut into tiles. Empty window: null. Unit: that of the column, as a float.

    >>> quantile("unit_price", 0.5).over("30d")
    """

    parameter: float
    exact_up_to: int = EXACT_UP_TO
    name: str = "quantile"
    argument: str = "required"
    empty: None = None

    @property
    def state(self) -> tuple[str, int]:
        return self.name, self.exact_up_to

    def result(self, argument: DataType) -> DataType | None:
        return "float" if argument in NUMERIC else None

    def prepare(self, column: Column) -> Bounded:
        return bounded(column)

    def over(self, state: Bounded, lo: Ints, hi: Ints) -> Bounded:
        return state.over(lo, hi).within(self.exact_up_to, _cells)

    def merge(self, whole: Bounded, part: Bounded, at: Ints) -> Bounded:
        return whole.joined(part, at).within(self.exact_up_to, _cells)

    def finalize(self, state: Bounded, column: Column) -> pl.Series:
        values, cells, size = state.values, state.cells, state.values.size
        order = np.argsort(np.concatenate((values.owner, cells.owner)), kind="stable")  # within an owner they are already ascending
        owner = np.concatenate((values.owner, cells.owner))[order]
        number = np.concatenate((column.ranked[1][values.code].astype(np.float64), _middles(cells.code)))[order]
        until = np.cumsum(np.concatenate((values.times, cells.times))[order])
        ends = np.append(0, until)[np.searchsorted(owner, np.arange(size + 1))]
        before, n = ends[:-1], np.diff(ends)
        found = n > 0
        place = self.parameter * np.maximum(n - 1, 0)
        lower = np.floor(place).astype(np.int64)
        upper = np.minimum(lower + 1, np.maximum(n - 1, 0))
        number = number if len(number) else np.zeros(1)
        low, high = (number[np.where(found, np.searchsorted(until, before + rank, "right"), 0)] for rank in (lower, upper))
        return masked(low + (high - low) * (place - lower), found, "float")

    def keep(self, state: Bounded, column: Column) -> StoredState:
        return kept_bounded(state)

    def restore(self, kept: StoredState, column: Column, size: int) -> Bounded:
        return restored_bounded(kept, column, size)


def _cells(column: Column, ranks: Ints) -> Ints:
    """The cells of some of a column's distinct values: the first bits of a float, numbered so that they ascend with the values."""
    bits = (column.ranked[1][ranks].astype(np.float64) + 0.0).view(np.int64)  # -0.0 is 0.0
    ascending = np.where(bits < 0, bits ^ np.int64(2**63 - 1), bits)
    return ascending >> _DROPPED


def _middles(cells: Ints) -> Array:
    """The middle values of cells; 0 for those next to 0."""
    magnitude = np.where(cells < 0, -1 - cells, cells)
    middle = ((magnitude << _DROPPED) + (1 << (_DROPPED - 1))).view(np.float64)
    middle = np.where(magnitude < 1 << (52 - _DROPPED), 0.0, middle)
    return np.where(cells < 0, -middle, middle)
