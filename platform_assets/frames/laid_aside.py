"""Spills frames to disk that are needed in a different order than they are produced in."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import polars as pl

ROWS_A_GROUP = 125_000
"""Rows per row group: a read fetches only the groups of a file that hold the requested rows."""


@contextmanager
def laid_aside(chunks: Iterable[pl.DataFrame]) -> Iterator[pl.LazyFrame]:
    """All rows of these chunks, each sorted by partition, spilled to disk to be read in a different order.

    A single chunk is not written to disk.
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
