"""Reductions over many index ranges of one array: values[lo[i]:hi[i]] for each i. Ranges may overlap and may be empty."""

from dataclasses import dataclass

import numpy as np

from platform_assets.aggregations.column import Array, Bools, Ints


def reduce(ufunc: np.ufunc, values: Array, lo: Ints, hi: Ints, empty: float) -> Array:
    """Reduces each range with the ufunc; `empty` for an empty range."""
    if not len(values) or not len(lo):
        return np.full(len(lo), empty, values.dtype)
    bounds = np.empty(2 * len(lo), np.int64)
    bounds[0::2], bounds[1::2] = lo, hi
    # reduceat needs every bound to be an index; one extra element makes the end a valid index.
    reduced = ufunc.reduceat(np.append(values, values[-1:]), bounds)[::2]
    return np.where(hi > lo, reduced, np.asarray(empty, values.dtype))


def count(values: Ints, lo: Ints, hi: Ints) -> Ints:
    """The sum of small integers over each range. Only integers may be subtracted: semantics.md 4."""
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(values, dtype=np.int64)))
    return before[np.maximum(lo, hi)] - before[lo]


def expand(lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
    """All pairs (range, index in it), in order."""
    lengths = np.maximum(hi - lo, 0)
    owners = np.repeat(np.arange(len(lo)), lengths)
    starts = np.cumsum(lengths) - lengths
    return owners, np.arange(len(owners)) - np.repeat(starts - lo, lengths)


def first_of_each(owner: Ints, n: int) -> Bools:
    """Whether each element is among the first n of its owner; the elements are sorted by owner."""
    return np.arange(len(owner)) - np.searchsorted(owner, owner) < n


@dataclass(frozen=True)
class Counts:
    """How often each value occurs for each of `size` owners: triples, sorted by owner and then by code."""

    size: int
    owner: Ints
    code: Ints
    times: Ints

    def over(self, lo: Ints, hi: Ints) -> "Counts":
        """The counts of ranges of owners."""
        starts, ends = np.searchsorted(self.owner, lo), np.searchsorted(self.owner, np.maximum(lo, hi))
        owners, items = expand(starts, ends)
        return counted(len(lo), owners, self.code[items], self.times[items])

    def joined(self, part: "Counts", at: Ints) -> "Counts":
        """These counts and those of a part, whose i-th owner is our owner at[i]."""
        return counted(
            self.size, *(np.concatenate(pair) for pair in ((self.owner, at[part.owner]), (self.code, part.code), (self.times, part.times)))
        )


def counted(size: int, owner: Ints, code: Ints, times: Ints) -> Counts:
    """Counts from triples in any order; equal (owner, code) are added up."""
    order = np.lexsort((code, owner))
    owner, code, times = owner[order], code[order], times[order]
    new = np.ones(len(owner), np.bool_)
    new[1:] = (owner[1:] != owner[:-1]) | (code[1:] != code[:-1])
    starts = np.flatnonzero(new)
    return Counts(size, owner[starts], code[starts], np.add.reduceat(times, starts) if len(starts) else times)
