"""Ranges in batches of partitions, so that memory does not grow with a range's length."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import polars as pl

ROWS_AT_ONCE = 1_000_000
"""A batch holds about this many rows, and at least one partition."""


def batches(partitions: Sequence[int], rows: Callable[[int], int], at_once: int | None = None) -> Iterator[list[int]]:
    """The partitions in their order, as many at a time as have `at_once` rows together.

    >>> list(batches([1, 2, 3, 7], lambda partition: 400, at_once=1000))
    [[1, 2], [3, 7]]
    """
    batch: list[int] = []
    held, limit = 0, ROWS_AT_ONCE if at_once is None else at_once
    for partition in partitions:
        if batch and held + rows(partition) > limit:
            yield batch
            batch, held = [], 0
        batch.append(partition)
        held += rows(partition)
    if batch:
        yield batch


@contextmanager
def laid_aside(chunks: Iterable[pl.DataFrame]) -> Iterator[pl.LazyFrame]:
    """All rows of these chunks, each sorted by partition, to be read in another order: on disk while they are needed.

    Of a single chunk nothing is written.
    """
    coming = iter(chunks)
    begun = list(islice(coming, 2))
    if len(begun) == 1:
        yield begun[0].lazy()
        return
    with tempfile.TemporaryDirectory(prefix="platform-assets-") as folder:
        files: list[Path] = []
        while begun:
            files.append(Path(folder, f"{len(files)}.parquet"))
            begun.pop(0).write_parquet(files[-1], compression="lz4", row_group_size=ROWS_AT_ONCE // 8)
            begun += islice(coming, 1 - len(begun))
        yield pl.scan_parquet(files, glob=False)
