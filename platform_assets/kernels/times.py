"""Times and partitions as integers: microseconds, and partition indexes.

UTC partitions have equal length, so indexes are divisions. Partitions of a time zone are looked up in the list of their starts.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from platform_assets.aggregations.column import Ints
from platform_assets.declare.partitions import EPOCH, MICROSECOND, Partitions


def microseconds(length: timedelta) -> int:
    return length // MICROSECOND


def since_epoch(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def physical(column: str) -> pl.Expr:
    """A UTC time as microseconds since 1970."""
    return pl.col(column).dt.timestamp("us")


def index_of(column: str | pl.Expr, partitions: Partitions) -> pl.Expr:
    """The index of a partition from its value, as tables store it: see Partitions.value."""
    value = pl.col(column) if isinstance(column, str) else column
    if partitions.unit == "hour":
        return value.cast(pl.Datetime("us")).dt.timestamp("us") // microseconds(partitions.step)
    days = value.cast(pl.Date).cast(pl.Int32).cast(pl.Int64)
    if partitions.unit == "week":
        return (days - (partitions.local_date(0) - EPOCH.date()).days) // 7
    return days - _count(days > skipped for skipped in partitions.skipped)


def index_at(time: pl.Expr, partitions: Partitions) -> pl.Expr:
    """The index of the partition that contains a time, in microseconds since 1970."""
    if partitions.is_even:
        return (time - since_epoch(partitions.origin)) // microseconds(partitions.step)
    return _looked_up(time, lambda times: indexes_at(times, partitions))


def start_of(index: pl.Expr, partitions: Partitions) -> pl.Expr:
    """The start of a partition as a UTC time."""
    if partitions.is_even:
        start = index.cast(pl.Int64) * microseconds(partitions.step) + since_epoch(partitions.origin)
    else:
        start = _looked_up(index.cast(pl.Int64), lambda indexes: _starts_at(indexes, partitions))
    return start.cast(pl.Datetime("us", "UTC"))


def stored_partition(index: pl.Expr, partitions: Partitions) -> pl.Expr:
    """A partition as tables store it: see Partitions.value."""
    if partitions.unit == "hour":
        return start_of(index, partitions)
    number = index.cast(pl.Int64)
    if partitions.unit == "week":
        days = number * 7 + (partitions.local_date(0) - EPOCH.date()).days
    else:
        days = number + _count(number >= skipped - before for before, skipped in enumerate(partitions.skipped))
    return days.cast(pl.Int32).cast(pl.Date)


def indexes_at(times: Ints, partitions: Partitions) -> Ints:
    """The indexes of the partitions that contain these times, in microseconds since 1970."""
    step = microseconds(partitions.step)
    if partitions.is_even or not len(times):
        return (times - since_epoch(partitions.origin)) // step
    # The rule of the last known year is assumed to hold for ever: clock changes then repeat every 400 years.
    cycles = np.maximum((times - _ALIKE_FROM) // _CYCLE, 0)
    within = times - cycles * _CYCLE
    known = np.maximum(within, _FIRST)
    near = (known - since_epoch(partitions.origin)) // step
    numbers, starts = _starts(partitions, near - _FAR, near + _FAR)
    place = np.searchsorted(starts, known, "right") - 1
    found: Ints = numbers[place] + np.where(within < _FIRST, (within - starts[place]) // step, 0) + cycles * (_CYCLE // step)
    return found


_FIRST, _ALIKE_FROM = since_epoch(datetime(1800, 1, 1, tzinfo=UTC)), since_epoch(datetime(2040, 1, 1, tzinfo=UTC))
_CYCLE = microseconds(timedelta(days=146_097))
_FAR = 4
"""An upper bound on the difference between an index and time divided by length: clocks differ by a day, and a day may be skipped."""
_BLOCK = 1024
"""The number of starts that are looked up and cached together."""


def _starts_at(indexes: Ints, partitions: Partitions) -> Ints:
    if not len(indexes):
        return indexes
    numbers, starts = _starts(partitions, indexes)
    return starts[np.searchsorted(numbers, indexes)]


def _starts(partitions: Partitions, *indexes: Ints) -> tuple[Ints, Ints]:
    """The indexes and starts of all partitions in the blocks that contain the given ones, in order."""
    blocks = np.unique(np.concatenate([numbers // _BLOCK for numbers in indexes])).tolist()
    numbers = np.concatenate([np.arange(block * _BLOCK, (block + 1) * _BLOCK) for block in blocks])
    return numbers, np.concatenate([_block(partitions, block) for block in blocks])


@lru_cache(maxsize=1024)
def _block(partitions: Partitions, number: int) -> Ints:
    indexes = np.arange(number * _BLOCK, (number + 1) * _BLOCK)
    # Python has no dates outside the years 1 to 9999, and a block at either end may reach beyond them.
    first, last = (partitions.index(datetime(year, month, 15, tzinfo=UTC)) for year, month in ((1, 1), (9999, 12)))
    known = np.clip(indexes, first, last)
    starts = np.array([since_epoch(partitions.starts_at(index)) for index in known.tolist()], np.int64)
    return starts + (indexes - known) * microseconds(partitions.step)


def _looked_up(numbers: pl.Expr, find: Callable[[Ints], Ints]) -> pl.Expr:
    """The result of `find` for each number; nulls stay null."""

    def found(given: pl.Series) -> pl.Series:
        filled = given.fill_null(strategy="max").fill_null(0)
        return pl.Series(given.name, find(filled.to_numpy()), pl.Int64)

    return pl.when(numbers.is_not_null()).then(numbers.map_batches(found, return_dtype=pl.Int64, is_elementwise=True))


def _count(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(pl.lit(0, pl.Int64), *(condition.cast(pl.Int64) for condition in conditions))
