"""Which rows have an earlier one with their key near enough, found without holding all keys in memory (semantics.md 7).

Rows with one key have one 64-bit hash. A hash that only one row has, is of no duplicate: that is decided by sorting hashes, in buckets
whose size does not grow with the number of rows. Only the rows whose hash occurs again are read as a whole, and compared by their keys.
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
    """The same for rows that are the same in these columns, in this process."""
    return pl.struct(columns).hash().alias(HASH)


def repeated(
    hashes: pl.LazyFrame, size: int, earlier: Callable[[], Iterable[Hashes]], rows_at_once: int, hashes_at_once: int
) -> Iterator[tuple[Hashes, Hashes]]:
    """The hashes that occur more than once, or once and among the earlier ones, each once, in portions of about so many rows; and those
    of a portion that are among the earlier ones.

    hashes: a column of them, `size` rows. earlier: what came before, a chunk at a time; read once for each bucket.
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
    """Each once, in order; np.unique would import all of numpy's masked arrays."""
    ordered = np.sort(hashes)
    once: Hashes = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    return once


class _Membership:
    """Whether hashes are among some sorted ones: most that are not are told by a table of their first bits, small enough for a cache."""

    def __init__(self, ordered: Hashes) -> None:
        self._ordered = ordered
        bits = max(8, len(ordered).bit_length() + 3)
        self._shift = np.uint64(64 - bits)
        self._occurs = np.zeros(1 << bits, np.bool_)
        self._occurs[ordered >> self._shift] = True

    def those_of(self, hashes: Hashes) -> Hashes:
        # As signed numbers, numpy takes the bits as positions without converting them. In order, neighbours are found near each other.
        near = np.sort(hashes[self._occurs[(hashes >> self._shift).view(np.int64)]])
        places = np.minimum(np.searchsorted(self._ordered, near), len(self._ordered) - 1)  # near is empty where nothing occurs
        found: Hashes = near[self._ordered[places] == near]
        return found


def marked(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Good rows with whether each has an earlier one with its key near enough, and whether that says the same.

    rows: all good rows of some keys in the partitions that are made and in the horizon before them, with the hashes of their keys. Whether
    the earlier row is a duplicate itself does not matter.
    """
    rows = rows.sort(HASH, *source.unique_key, *PLACE)
    before = [pl.col(column) == pl.col(column).shift(1) for column in source.unique_key]
    near = pl.col(INDEX) - pl.col(INDEX).shift(1) <= source.duplicates_within
    others = [pl.col(column).eq_missing(pl.col(column).shift(1)) for column in source.columns if column not in source.key]
    is_duplicate = pl.all_horizontal(*before, near).fill_null(False)
    return rows.with_columns(is_duplicate.alias(DUPLICATE), pl.all_horizontal(is_duplicate, *others).alias(EXACT))
