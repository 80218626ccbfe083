"""Standard deviation of the values in a window (sample, n - 1)."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import ranges
from platform_assets.aggregations.algebra import NUMERIC
from platform_assets.aggregations.column import Array, Column, Ints, masked
from platform_assets.expressions.types import DataType

Moments = tuple[Ints, Array, Array]


@dataclass(frozen=True)
class Std:
    """Spread of a column within a window.

    State: n, mean, M2 (the sum of squared distances from the mean). States are merged as in Chan, Golub & LeVeque
    (1983), "Algorithms for computing the sample variance": adding up squares instead gives 0 for values near 1e9.
    Fewer than two values give null. Unit: that of the column.

    >>> std("amount").over("7d")
    """

    name: str = "std"
    argument: str = "required"
    empty: None = None

    def result(self, argument: DataType) -> DataType | None:
        return "float" if argument in NUMERIC else None

    def prepare(self, column: Column) -> Moments:
        values = np.where(column.valid, column.values.astype(np.float64), 0.0)
        return column.valid.astype(np.int64), values, np.zeros(len(values))

    def over(self, state: Moments, lo: Ints, hi: Ints) -> Moments:
        n, mean, m2 = state
        size = ranges.count(n, lo, hi)
        owners, items = ranges.expand(lo, hi)
        # The mean as a distance from the range's first value: near 1e9 a sum of the values would lose the digits that matter.
        origin = mean[np.minimum(lo, max(len(mean) - 1, 0))] if len(mean) else np.zeros(len(lo))
        shift = np.bincount(owners, n[items] * (mean[items] - origin[owners]), len(lo)) / np.maximum(size, 1)
        centre = origin + shift
        spread = np.bincount(owners, m2[items] + n[items] * (mean[items] - centre[owners]) ** 2, len(lo))
        # Without any item bincount gives integers, and what is merged into them later would lose its fraction.
        return size, centre.astype(np.float64), spread.astype(np.float64)

    def merge(self, whole: Moments, part: Moments, at: Ints) -> Moments:
        n, mean, m2 = (array[at] for array in whole)
        both = np.maximum(n + part[0], 1)
        distance = part[1] - mean
        whole[0][at] = n + part[0]
        whole[1][at] = np.where(n == 0, part[1], np.where(part[0] == 0, mean, mean + distance * part[0] / both))
        whole[2][at] = m2 + part[2] + distance**2 * n * part[0] / both
        return whole

    def finalize(self, state: Moments, column: Column) -> pl.Series:
        n, _, m2 = state
        return masked(np.sqrt(m2 / np.maximum(n - 1, 1)), n > 1, "float")
