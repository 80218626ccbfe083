"""Finds the rows inside windows at marks: the times at which an entity's values are evaluated.

Time is counted in ticks: partition indexes for snapshots, microseconds for temporal accuracy. A row is inside a window at the ticks
enter <= t < exit. Of both, only the first mark at or after them matters, called their place; so few marks make few tiles.

    rows sorted by entity and time, each with the ticks at which it enters and exits
    -> classes of rows that enter in the order of their times: nearly all do; rows that arrived late are in a class of their own, or in
       several. In each class the rows inside a window at a mark form one index range, from the first that has not left to the last that has
       entered
    -> tiles: consecutive rows with the same places, combined into one state
    -> one range of tiles per mark and window; the states of long ranges are combined block by block

The classes are merged by the aggregation's algebra. Nothing is subtracted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from platform_assets.aggregations.column import Ints

_BLOCK = 8
"""How many states a block combines; a range of n states needs at most 2 * 7 * log8(n) blocks."""
_SHORT = 32
"""Ranges of up to this many states on average are combined directly."""


@dataclass(frozen=True)
class EvaluationPoints:
    """The ticks at which entities' values are evaluated: distinct, ascending by entity and then by tick."""

    entity: Ints
    """Entity numbers, as in the rows: 0, 1, ..."""
    tick: Ints

    def __len__(self) -> int:
        return len(self.tick)

    def places(self, entity: Ints, tick: Ints) -> Ints:
        """For each tick of an entity the index of its first mark at or after it; if there is none, the index after its last mark."""
        return np.searchsorted(self._numbers, self._number(entity, tick), "left")

    @cached_property
    def _numbers(self) -> Ints:
        """The marks as ascending numbers."""
        return self._number(self.entity, self.tick)

    def _number(self, entity: Ints, tick: Ints) -> Ints:
        if self._ticks is not None:
            return entity * (len(self._ticks) + 1) + np.searchsorted(self._ticks, tick, "left")
        first, span = self._span
        return entity * (span + 1) + np.clip(tick - first, 0, span)

    @cached_property
    def _span(self) -> tuple[int, int]:
        """The first tick, and the number of ticks from the first to the last."""
        if not len(self):
            return 0, 1
        first = int(self.tick.min())
        return first, int(self.tick.max()) - first + 1

    @cached_property
    def _ticks(self) -> Ints | None:
        """The distinct ticks, if entities times microseconds would exceed 64 bits."""
        entities = int(self.entity[-1]) + 1 if len(self) else 1
        return np.unique(self.tick) if entities * (self._span[1] + 1) >= 2**62 else None


@dataclass(frozen=True)
class Class:
    """Rows that enter in the order of their times, combined into tiles."""

    rows: Ints
    lo: Ints
    """Tile i combines rows[lo[i]:hi[i]], all of one entity."""
    hi: Ints
    at: Ints
    """The marks at which some of the rows are in some window; for the first class all marks."""
    since: Mapping[int, Ints]
    """By window length: the tiles at mark at[i] are since[i]:until[i]."""
    until: Ints


def classes(entity: Ints, enter: Ints, exits: Mapping[int, Ints], marks: EvaluationPoints) -> Iterator[Class]:
    """The rows of windows that end together, class by class; at least one class, which may have no rows.

    entity, enter: one per row, sorted by entity and time; exits: by window length. Rows leave a longer window later.
    """
    begin = marks.places(entity, enter)
    ends = {length: marks.places(entity, leaves) for length, leaves in exits.items()}
    left = np.flatnonzero(begin < ends[max(ends)])
    yield from [_class(left[:0], begin, ends, marks, True)] if not len(left) else []
    is_first = True
    while len(left):
        # No later row enters earlier, so the rows that arrived on time stay together, however late others are.
        in_order = np.minimum.accumulate(begin[left][::-1])[::-1] == begin[left]
        yield _class(left[in_order], begin, ends, marks, is_first)
        left, is_first = left[~in_order], False


def _class(rows: Ints, begin: Ints, ends: Mapping[int, Ints], marks: EvaluationPoints, everywhere: bool) -> Class:
    begin, ends = begin[rows], {length: places[rows] for length, places in ends.items()}
    new = np.zeros(len(rows), np.bool_)
    for places in (begin, *ends.values()):
        new |= np.diff(places, prepend=-1) != 0
    lo = np.flatnonzero(new)
    hi = np.append(lo[1:], len(rows)) if len(lo) else lo
    begin, ends = begin[lo], {length: places[lo] for length, places in ends.items()}
    at = np.arange(len(marks)) if everywhere else _touched(begin, ends[max(ends)], len(marks))
    since = {length: _up_to(places, at, len(marks)) for length, places in ends.items()}
    return Class(rows, lo, hi, at, since, _up_to(begin, at, len(marks)))


def _up_to(places: Ints, at: Ints, size: int) -> Ints:
    """How many of the ascending places are at or before each of these marks: counted for all marks, or searched for a few."""
    if len(at) * 8 < size:
        return np.searchsorted(places, at, "right")
    return np.cumsum(np.bincount(places, minlength=size + 1))[at]


def _touched(begin: Ints, end: Ints, size: int) -> Ints:
    """The indexes in 0..size - 1 that are in some begin[i]:end[i]."""
    depth = np.bincount(begin, minlength=size + 1) - np.bincount(end, minlength=size + 1)
    return np.flatnonzero(np.cumsum(depth[:-1]) > 0)


def combined(aggregation: Any, state: Any, size: int, lo: Ints, hi: Ints) -> Any:
    """One state per range lo[i]:hi[i] of `size` states.

    Windows of many marks overlap: combining each range state by state would cost marks times window. So long ranges are composed of blocks
    of 8, 64, ... states, each combined once.
    """
    if np.maximum(hi - lo, 0).sum() <= _SHORT * len(lo):
        return aggregation.over(state, lo, hi)
    whole = aggregation.over(state, lo, lo)
    lo, hi, at = lo.copy(), hi.copy(), np.flatnonzero(hi > lo)
    while len(at):
        begin, end = lo[at], hi[at]
        inner_begin, inner_end = -(-begin // _BLOCK), end // _BLOCK
        apart = inner_begin < inner_end
        # The ends of a range that are not whole blocks; the entire range if it contains no whole block.
        head_end = np.where(apart, inner_begin * _BLOCK, end)
        tail_begin = np.where(apart, inner_end * _BLOCK, end)
        for first, last in ((begin, head_end), (tail_begin, end)):
            some = first < last
            whole = aggregation.merge(whole, aggregation.over(state, first[some], last[some]), at[some])
        lo[at], hi[at], at = inner_begin, inner_end, at[apart]
        blocks = np.arange(0, size, _BLOCK)
        state, size = aggregation.over(state, blocks, np.minimum(blocks + _BLOCK, size)), len(blocks)
    return whole
