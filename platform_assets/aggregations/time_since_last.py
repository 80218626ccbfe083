"""The time that has passed since the last row of a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.column import Column, Ints, masked
from platform_assets.aggregations.stored_state import StoredState, filled, said
from platform_assets.expressions.types import DataType

_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class TimeSinceLast:
    """Seconds from the last row (with a column: the last row with a value in it) until the value is read.

    State, and stored value: the last event time. It becomes seconds at read time, on every path: the
    label's time in a training set, the request's time online. Empty window: null. Unit: seconds, as a float.

    >>> time_since_last().over("90d")
    """

    name: str = "time_since_last"
    state: str = "time_since_last"
    argument: str = "optional"
    parameter: None = None
    empty: None = None

    def result(self, argument: DataType) -> DataType | None:
        return "datetime"

    def prepare(self, column: Column) -> Ints:
        return np.where(column.valid, column.times, _NEVER)

    def over(self, state: Ints, lo: Ints, hi: Ints) -> Ints:
        return ranges.reduce(np.maximum, state, lo, hi, _NEVER)

    def merge(self, whole: Ints, part: Ints, at: Ints) -> Ints:
        whole[at] = np.maximum(whole[at], part)
        return whole

    def finalize(self, state: Ints, column: Column) -> pl.Series:
        found = state != _NEVER
        return masked(np.where(found, state, 0), found, "datetime")

    def keep(self, state: Ints, column: Column) -> StoredState:
        return said(state != _NEVER, last=state)

    def restore(self, kept: StoredState, column: Column, size: int) -> Ints:
        return filled(kept, "last", size, _NEVER)
