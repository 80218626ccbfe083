"""Standard deviation and variance of the values in a window (of the sample: n - 1)."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.algebra import NUMERIC
from platform_assets.aggregations.column import Array, Column, Ints, masked
from platform_assets.aggregations.stored_state import StoredState, filled, said
from platform_assets.expressions.types import DataType

Moments = tuple[Ints, Array, Array, Array]


@dataclass(frozen=True)
class Spread:
    """Spread of a column within a window: the standard deviation ('std'), or its square ('variance').

    State: n, the mean as an origin plus a distance from it, M2 (the sum of squared distances from the mean). States are merged as
    in Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance": adding up squares instead gives 0 for
    values near 1e9. The origin is one of the values: as a single number, a mean near 1e9 would be off by 1e-7, and so would everything
    merged with it. Fewer than two values give null. Unit: that of the column, or its square for a variance.

    >>> std("amount").over("7d"); variance("amount").over("7d")
    """

    name: str
    state: str = "moments"
    argument: str = "required"
    parameter: None = None
    empty: None = None

    def result(self, argument: DataType) -> DataType | None:
        return "float" if argument in NUMERIC else None

    def prepare(self, column: Column) -> Moments:
        origin = np.where(column.valid, column.values.astype(np.float64), 0.0)
        return column.valid.astype(np.int64), origin, np.zeros(len(column)), np.zeros(len(column))

    def over(self, state: Moments, lo: Ints, hi: Ints) -> Moments:
        n, origins, distances, m2 = state
        size = ranges.count(n, lo, hi)
        owners, items = ranges.expand(lo, hi)
        # The origin of the first state that has a value: that of an empty state may be far from all values of the range.
        with_values = np.flatnonzero(n)
        first = np.minimum(np.searchsorted(with_values, lo), max(len(with_values) - 1, 0))
        origin = origins[with_values[first]] if len(with_values) else np.zeros(len(lo))
        away = (origins[items] - origin[owners]) + distances[items]
        # Without items bincount returns integers, and fractions merged into them later would be lost.
        distance = (np.bincount(owners, n[items] * away, len(lo)) / np.maximum(size, 1)).astype(np.float64)
        spread = np.bincount(owners, m2[items] + n[items] * (away - distance[owners]) ** 2, len(lo)).astype(np.float64)
        return size, origin, distance, spread

    def merge(self, whole: Moments, part: Moments, at: Ints) -> Moments:
        n, origin, distance, m2 = (array[at] for array in whole)
        more = part[0]
        both = np.maximum(n + more, 1)
        apart = np.where((n == 0) | (more == 0), 0.0, (part[1] - origin) + (part[2] - distance))
        whole[0][at] = n + more
        whole[1][at] = np.where(n == 0, part[1], origin)
        whole[2][at] = np.where(n == 0, part[2], distance + apart * more / both)
        whole[3][at] = m2 + part[3] + apart**2 * n * more / both
        return whole

    def finalize(self, state: Moments, column: Column) -> pl.Series:
        n, m2 = state[0], state[3]
        variance = m2 / np.maximum(n - 1, 1)
        return masked(np.sqrt(variance) if self.name == "std" else variance, n > 1, "float")

    def keep(self, state: Moments, column: Column) -> StoredState:
        n, origin, distance, m2 = state
        return said(n > 0, n=n, origin=origin, distance=distance, m2=m2)

    def restore(self, kept: StoredState, column: Column, size: int) -> Moments:
        origin, distance, m2 = (filled(kept, name, size, 0.0) for name in ("origin", "distance", "m2"))
        return filled(kept, "n", size, 0), origin, distance, m2
