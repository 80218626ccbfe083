"""The sum of a column in a window."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.algebra import NUMERIC
from platform_assets.aggregations.column import Array, Column, Ints, masked
from platform_assets.aggregations.stored_state import StoredState, filled, said
from platform_assets.errors import ComputeError
from platform_assets.expressions.types import DataType

Sums = tuple[Ints, Array, Array]


@dataclass(frozen=True)
class Sum:
    """The sum of the non-null values.

    State: n, sum, and for integers also the sum in floats, which detects overflow: a sum that wrapped around 64 bits is
    off by a multiple of 2**64, far more than the float sum can be. Empty window: null, or `default=`. Integers stay
    integers; a sum beyond 64 bits raises a ComputeError. Unit: that of the column.

    >>> sum("quantity * unit_price").over("30d").named("spend_30d")
    """

    default: float | None = None
    name: str = "sum"
    state: str = "sum"
    argument: str = "required"
    parameter: None = None

    @property
    def empty(self) -> float | None:
        return self.default

    def result(self, argument: DataType) -> DataType | None:
        return argument if argument in NUMERIC else None

    def prepare(self, column: Column) -> Sums:
        values = np.where(column.valid, column.values, np.zeros(1, column.values.dtype))
        return column.valid.astype(np.int64), values, values.astype(np.float64)

    def over(self, state: Sums, lo: Ints, hi: Ints) -> Sums:
        n, total, approximate = state
        summed = ranges.reduce(np.add, total, lo, hi, 0)
        return ranges.count(n, lo, hi), summed, summed if total.dtype == np.float64 else ranges.reduce(np.add, approximate, lo, hi, 0.0)

    def merge(self, whole: Sums, part: Sums, at: Ints) -> Sums:
        n, total, approximate = whole
        n[at] += part[0]
        total[at] += part[1]
        if approximate is not total:
            approximate[at] += part[2]
        return n, total, approximate

    def finalize(self, state: Sums, column: Column) -> pl.Series:
        n, total, approximate = state
        if column.type == "int":
            wrapped = np.abs(total.astype(np.float64) - approximate) > 2.0**62
            if wrapped.any():
                raise ComputeError(
                    f"an integer sum is about {approximate[wrapped][0]:.3g}, beyond 64 bits: cast the column to float, or correct its unit"
                )
        series = masked(total, n > 0, "int" if column.type == "int" else "float")
        return series if self.default is None else series.fill_null(self.default)

    def keep(self, state: Sums, column: Column) -> StoredState:
        n, total, approximate = state
        return said(n > 0, n=n, sum=total, **({"approximate": approximate} if column.type == "int" else {}))

    def restore(self, kept: StoredState, column: Column, size: int) -> Sums:
        total = filled(kept, "sum", size, column.values.dtype.type(0))
        return filled(kept, "n", size, 0), total, filled(kept, "approximate", size, 0.0) if column.type == "int" else total
