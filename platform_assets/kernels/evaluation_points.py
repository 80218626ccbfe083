"""Which rows are inside windows at marks: moments of entities at which values are asked for.

Time goes in ticks: of snapshots their indexes, of temporal accuracy microseconds. A row is inside a window at the ticks
enter <= t < exit. Of both only the first mark at or after them matters, their place; so marks that are few make few tiles.

    rows sorted by entity and time, each with the ticks at which it enters and exits
    -> classes of rows that enter in the order of their times: nearly all do, rows that arrived late are in a class of their own, or in
       several. In each class the rows inside a window at a mark are one index range, from the first that has not left to the last that has
       entered
    -> tiles: consecutive rows with the same places, combined to one state
    -> a range of tiles a mark and window; the states of long ranges are combined block by block

The classes are merged by the aggregation's algebra. Nothing is subtracted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from platform_assets.aggregations.column import Ints

_BLOCK = 8
"""How many states a block combines; a range of n takes 2 * 7 * log8(n) of them at most."""
_SHORT = 32
"""Ranges of so many states on average are combined one by one."""


@dataclass(frozen=True)
class EvaluationPoints:
    """Ticks of entities at which values are asked for: ascending by entity and then by tick, each once."""

    entity: Ints
    """Numbers of entities, as their rows have them: 0, 1, ..."""
    tick: Ints

    def __len__(self) -> int:
        return len(self.tick)

    def places(self, entity: Ints, tick: Ints) -> Ints:
        """For each tick of an entity the index of its first mark at or after it; where there is none, the index after its last mark."""
        return np.searchsorted(self._numbers, self._number(entity, tick), "left")

    @cached_property
    def _numbers(self) -> Ints:
        """The marks as one ascending number each."""
        return self._number(self.entity, self.tick)

    def _number(self, entity: Ints, tick: Ints) -> Ints:
        if self._ticks is not None:
            return entity * (len(self._ticks) + 1) + np.searchsorted(self._ticks, tick, "left")
        first, span = self._span
        return entity * (span + 1) + np.clip(tick - first, 0, span)

    @cached_property
    def _span(self) -> tuple[int, int]:
        """The first tick, and how many there are from it to the last."""
        if not len(self):
            return 0, 1
        first = int(self.tick.min())
        return first, int(self.tick.max()) - first + 1

    @cached_property
    def _ticks(self) -> Ints | None:
        """The different ticks, where entities times microseconds would leave 64 bits."""
        entities = int(self.entity[-1]) + 1 if len(self) else 1
        return np.unique(self.tick) if entities * (self._span[1] + 1) >= 2**62 else None


@dataclass(frozen=True)
class Class:
    """Rows that enter in the order of their times, combined to tiles."""

    rows: Ints
    lo: Ints
    """Tile i combines rows[lo[i]:hi[i]], all of one entity."""
    hi: Ints
    at: Ints
    """The marks at which some of the rows are in some window; of the first class all marks."""
    since: Mapping[int, Ints]
    """By the window's length: its tiles at mark at[i] are since[i]:until[i]."""
    until: Ints


def classes(entity: Ints, enter: Ints, exits: Mapping[int, Ints], marks: EvaluationPoints) -> Iterator[Class]:
    """The rows of windows that end together, class by class; at least one class, which may have no rows.

    entity, enter: of each row, sorted by entity and time; exits: by the window's length. A longer window is left later.
    """
    begin = marks.places(entity, enter)
    ends = {length: marks.places(entity, leaves) for length, leaves in exits.items()}
    left = np.flatnonzero(begin < ends[max(ends)])
    yield from [_class(left[:0], begin, ends, marks, True)] if not len(left) else []
    is_first = True
    while len(left):
        # No later row enters earlier: so the rows that arrived on time stay together, however late others are.
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
    """How many of the ascending places are at each of these marks or before it: counted for all marks, or searched for a few."""
    if len(at) * 8 < size:
        return np.searchsorted(places, at, "right")
    return np.cumsum(np.bincount(places, minlength=size + 1))[at]


def _touched(begin: Ints, end: Ints, size: int) -> Ints:
    """The indexes in 0..size - 1 that lie in some begin[i]:end[i]."""
    depth = np.bincount(begin, minlength=size + 1) - np.bincount(end, minlength=size + 1)
    return np.flatnonzero(np.cumsum(depth[:-1]) > 0)


def combined(aggregation: Any, state: Any, size: int, lo: Ints, hi: Ints) -> Any:
    """One state a range lo[i]:hi[i] of `size` states.

    Windows of many marks overlap: to combine each range state by state would cost marks times window. So long ones are made of blocks
    of 8, 64, ... states, which are combined once.
    """
    if np.maximum(hi - lo, 0).sum() <= _SHORT * len(lo):
        return aggregation.over(state, lo, hi)
    whole = aggregation.over(state, lo, lo)
    lo, hi, at = lo.copy(), hi.copy(), np.flatnonzero(hi > lo)
    while len(at):
        begin, end = lo[at], hi[at]
        inner_begin, inner_end = -(-begin // _BLOCK), end // _BLOCK
        apart = inner_begin < inner_end
        # The ends of a range that are no whole blocks; of a range without a whole block, all of it.
        head_end = np.where(apart, inner_begin * _BLOCK, end)
        tail_begin = np.where(apart, inner_end * _BLOCK, end)
        for first, last in ((begin, head_end), (tail_begin, end)):
            some = first < last
            whole = aggregation.merge(whole, aggregation.over(state, first[some], last[some]), at[some])
        lo[at], hi[at], at = inner_begin, inner_end, at[apart]
        blocks = np.arange(0, size, _BLOCK)
        state, size = aggregation.over(state, blocks, np.minimum(blocks + _BLOCK, size)), len(blocks)
    return whole
