"""The argument of an aggregation as arrays: one element per event, sorted by entity, event time and primary key."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from platform_assets.expressions.types import POLARS, DataType

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Array = NDArray[Any]


@dataclass(frozen=True)
class Column:
    """The values of a masked argument: null where the argument is null or `where=` is not true.

    values: float64 for floats, int64 for everything else: dates as days, times as microseconds, texts as their rank among
    the distinct texts, so that comparing ranks compares texts. Where `valid` is false, `values` is undefined.
    times: event times in microseconds since 1970, UTC.
    """

    type: DataType
    valid: Bools
    values: Array
    times: Ints
    texts: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.valid)

    @cached_property
    def ranked(self) -> "tuple[Ints, Array]":
        """Each element's rank among the distinct values, and those values in ascending order. Ranks are defined only where valid."""
        ranks = np.zeros(len(self), np.int64)
        distinct, inverse = np.unique(self.values[self.valid], return_inverse=True)
        ranks[self.valid] = inverse
        return ranks, distinct

    def series(self, values: Array, valid: Bools) -> pl.Series:
        """Values of this column's kind as a series of its type, null where not valid."""
        if self.texts is not None:
            return self.texts.gather(pl.Series(np.where(valid, values, 0)).set(pl.Series(~valid), None))
        return masked(values, valid, self.type)


def masked(values: Array, valid: Bools, dtype: DataType) -> pl.Series:
    """Physical values as a series of a type, null where not valid."""
    series = pl.Series(values)
    if dtype == "bool":
        series = series.cast(pl.Boolean)
    elif dtype == "date":
        series = series.cast(pl.Int32, strict=False)  # invalid elements may be any number
    return series.cast(POLARS[dtype]).set(pl.Series(~valid), None)


def lists(values: pl.Series, lengths: Ints) -> pl.Series:
    """Consecutive values, none of them null, as lists of these lengths."""
    import pyarrow as pa  # loading it costs a tenth of loading Dagster, and most views have no lists

    ends = np.append(0, np.cumsum(lengths))
    return pl.Series(pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), values.to_arrow()), dtype=pl.List(values.dtype))


def column_of(series: pl.Series, dtype: DataType, times: Ints) -> Column:
    """Converts a series of one of the declared types to a Column."""
    valid = series.is_not_null().to_numpy()
    if dtype == "str":
        texts = series.drop_nulls().unique().sort()
        ranks = (
            series.replace_strict(texts, np.arange(len(texts)), default=None, return_dtype=pl.Int64)
            if len(texts)
            else pl.Series(np.zeros(len(series), np.int64))
        )
        if not len(texts):
            texts = pl.Series([""], dtype=pl.String)
        return Column(dtype, valid, ranks.fill_null(0).to_numpy(), times, texts)
    if dtype == "float":
        return Column(dtype, valid, series.fill_null(0.0).to_numpy(), times)
    physical = series.cast(pl.Int32) if dtype == "date" else series
    return Column(dtype, valid, physical.cast(pl.Int64).fill_null(0).to_numpy(), times)
