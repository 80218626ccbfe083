"""Aggregations put to arrays of values: whole, and cut into tiles that are merged in some order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
import polars as pl

from platform_assets.aggregations import Aggregation, Column, column_of
from platform_assets.engines.reference_values import AGGREGATE
from platform_assets.expressions.types import POLARS, DataType

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def column(values: Sequence[Any], dtype: DataType) -> Column:
    """A column of these values; None is null."""
    return column_of(pl.Series(values, dtype=POLARS[dtype]), dtype, np.zeros(len(values), np.int64))


def whole(aggregation: Aggregation, values: Sequence[Any], dtype: DataType) -> Any:
    """The value of one window that holds all of them."""
    of = column(values, dtype)
    ends = np.array([0]), np.array([len(values)])
    return aggregation.finalize(aggregation.over(aggregation.prepare(of), *ends), of).item()


def merged(aggregation: Aggregation, values: Sequence[Any], dtype: DataType, random: Random) -> Any:
    """The same from tiles of random lengths, some merged by `over`, others one by one by `merge`, in another order."""
    of = column(values, dtype)
    cuts = sorted({0, len(values), *(random.randint(0, len(values)) for _ in range(random.randint(0, 12)))})
    lo, hi = np.array(cuts[:-1], np.int64), np.array(cuts[1:], np.int64)
    tiles = aggregation.over(aggregation.prepare(of), lo, hi)
    first = random.randint(0, len(lo))
    total = aggregation.over(tiles, np.array([0]), np.array([first]))
    rest = list(range(first, len(lo)))
    random.shuffle(rest)
    for tile in rest:
        total = aggregation.merge(total, aggregation.over(tiles, np.array([tile]), np.array([tile + 1])), np.array([0]))
    return aggregation.finalize(total, of).item()


def checkpointed(aggregation: Aggregation, values: Sequence[Any], dtype: DataType, random: Random) -> Any:
    """The same, of what a checkpoint keeps of the first values, and the others."""
    cut = random.randint(0, len(values))
    before, later = column(values[:cut], dtype), list(values[cut:])
    kept = aggregation.keep(aggregation.over(aggregation.prepare(before), np.array([0]), np.array([cut])), before)
    assert kept.values is not None
    witnesses = before.series(kept.values, np.ones(len(kept.values), np.bool_)).to_list()
    of = column([*later, *witnesses], dtype)
    restored = aggregation.restore(replace(kept, values=None, rows=len(later) + np.arange(len(witnesses))), of, 1)
    rest = aggregation.over(aggregation.prepare(of), np.array([0]), np.array([len(later)]))
    return aggregation.finalize(aggregation.merge(restored, rest, np.array([0])), of).item()


def oracle(aggregation: Aggregation, values: Sequence[Any]) -> Any:
    """What the reference says."""
    kept = [value for value in values if value is not None]
    return AGGREGATE[aggregation.name](kept, [NOW] * len(kept), aggregation)
