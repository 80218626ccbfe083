"""The number of distinct values in a window."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from platform_assets.aggregations import hyperloglog
from platform_assets.aggregations.bounded import EXACT_UP_TO, Bounded, bounded, kept_bounded, restored_bounded
from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import DataType


@dataclass(frozen=True)
class CountDistinct:
    """The number of distinct non-null values: exact up to 4,096, beyond that within 1.6% (one standard error).

    State: the set of values; beyond the bound, 4,096 registers (aggregations/hyperloglog.py). Both depend only on the set, and so does
    the estimate: it is the same however a window is cut into tiles. It is always above 4,096, the exact bound. Empty window: 0. Unit:
    values.

    >>> count_distinct("stock_code").over("30d")
    """

    exact_up_to: int = EXACT_UP_TO
    name: str = "count_distinct"
    argument: str = "required"
    parameter: None = None
    empty: int = 0

    @property
    def state(self) -> tuple[str, int]:
        return self.name, self.exact_up_to

    def result(self, argument: DataType) -> DataType | None:
        return "int"

    def prepare(self, column: Column) -> Bounded:
        return bounded(column)

    def over(self, state: Bounded, lo: Ints, hi: Ints) -> Bounded:
        return self._small(state.over(lo, hi))

    def merge(self, whole: Bounded, part: Bounded, at: Ints) -> Bounded:
        return self._small(whole.joined(part, at))

    def _small(self, state: Bounded) -> Bounded:
        state = state.within(self.exact_up_to, hyperloglog.cells)
        return replace(state, cells=hyperloglog.highest(state.cells))

    def finalize(self, state: Bounded, column: Column) -> pl.Series:
        number = np.bincount(state.values.owner, minlength=state.values.size).astype(np.int64)
        owners, estimated = hyperloglog.estimates(state.cells)
        number[owners] = np.maximum(estimated, self.exact_up_to + 1)
        return pl.Series(number)

    def keep(self, state: Bounded, column: Column) -> StoredState:
        return kept_bounded(state)

    def restore(self, kept: StoredState, column: Column, size: int) -> Bounded:
        return restored_bounded(kept, column, size)
