"""Finds rows with an earlier row of the same key within the horizon, without holding all keys in memory (semantics.md 7).

Rows with the same key have the same 64-bit hash. A hash that occurs once is not a duplicate: this is decided by sorting hashes, in buckets
whose size does not grow with the number of rows. Only rows whose hash is repeated are read in full and compared by key.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.source import Source
from platform_assets.kernels.judge_rows import INDEX, PLACE

HASH, ROW, DUPLICATE, EXACT = "__hash", "__row", "__duplicate", "__exact"
HASHES_AT_ONCE = 1 << 24

Hashes = npt.NDArray[np.uint64]


def hash_of(columns: Sequence[str]) -> pl.Expr:
    """A hash of these columns, stable within this process."""
    return pl.struct(columns).hash().alias(HASH)


def repeated(
    hashes: pl.LazyFrame, size: int, earlier: Callable[[], Iterable[Hashes]], rows_at_once: int, hashes_at_once: int
) -> Iterator[tuple[Hashes, Hashes]]:
    """The distinct hashes that occur more than once, or once and among the earlier ones, in portions of about this many rows; and those
    of a portion that are among the earlier ones.

    hashes: a column of `size` rows. earlier: earlier hashes, a chunk at a time; read once for each bucket.
    """
    buckets = size // hashes_at_once + 1
    for bucket in range(buckets):
        column = hashes.filter(pl.col(HASH) % buckets == bucket) if buckets > 1 else hashes
        ordered = np.sort(column.select(HASH).collect(engine="streaming")[HASH].to_numpy())
        among = _Membership(ordered)
        before = np.concatenate([among.those_of(chunk) for chunk in earlier()] or [ordered[:0]])
        copies = ordered[1:][ordered[1:] == ordered[:-1]]
        again = _distinct(np.concatenate([copies, before]))
        rows = len(copies) + len(before) + len(again)
        if len(again):
            before = _distinct(before)
            for portion in np.array_split(again, min(len(again), rows // rows_at_once + 1)):
                first, last = np.searchsorted(before, portion[0]), np.searchsorted(before, portion[-1], "right")
                yield portion, before[first:last]


def _distinct(hashes: Hashes) -> Hashes:
    """The distinct hashes, sorted; np.unique would import all of NumPy's masked arrays."""
    ordered = np.sort(hashes)
    once: Hashes = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    return once


class _Membership:
    """Membership in sorted hashes: a table of their first bits, small enough for the CPU cache, rules out most non-members."""

    def __init__(self, ordered: Hashes) -> None:
        self._ordered = ordered
        bits = max(8, len(ordered).bit_length() + 3)
        self._shift = np.uint64(64 - bits)
        self._occurs = np.zeros(1 << bits, np.bool_)
        self._occurs[ordered >> self._shift] = True

    def those_of(self, hashes: Hashes) -> Hashes:
        # As signed numbers, the bits are usable as NumPy positions without conversion. In sorted order, lookups are close to each other.
        near = np.sort(hashes[self._occurs[(hashes >> self._shift).view(np.int64)]])
        places = np.minimum(np.searchsorted(self._ordered, near), len(self._ordered) - 1)  # near is empty if there are no candidates
        found: Hashes = near[self._ordered[places] == near]
        return found


def marked(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Good rows, marked by whether each has an earlier row with its key within the horizon, and whether the two are equal.

    rows: all good rows of some keys in the computed partitions and in the horizon before them, with the hashes of their keys. Whether
    the earlier row is itself a duplicate does not matter.
    """
    rows = rows.sort(HASH, *source.unique_key, *PLACE)
    before = [pl.col(column) == pl.col(column).shift(1) for column in source.unique_key]
    near = pl.col(INDEX) - pl.col(INDEX).shift(1) <= source.duplicates_within
    others = [pl.col(column).eq_missing(pl.col(column).shift(1)) for column in source.columns if column not in source.key]
    is_duplicate = pl.all_horizontal(*before, near).fill_null(False)
    return rows.with_columns(is_duplicate.alias(DUPLICATE), pl.all_horizontal(is_duplicate, *others).alias(EXACT))
