"""Frames on disk while they are needed in another order than they come in."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import polars as pl

ROWS_A_GROUP = 125_000
"""How many rows lie together: of a file only the groups that hold the rows asked for are read."""


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
            begun.pop(0).write_parquet(files[-1], compression="lz4", row_group_size=ROWS_A_GROUP)
            begun += islice(coming, 1 - len(begun))
        yield pl.scan_parquet(files, glob=False)
