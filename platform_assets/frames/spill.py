"""Frames of one schema, spilled to disk until they are read again, so that memory does not grow with their number."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import polars as pl

from platform_assets.frames.stream import stream

BYTES_IN_MEMORY = 1 << 26
"""This much stays in memory; less than that is never written to disk."""
_ROWS_AT_ONCE = 250_000
_ROWS_READ_AHEAD, _BYTES_READ_AHEAD = 1 << 15, 1 << 22
"""Small, because Polars reads several batches ahead regardless of their size."""
_BYTES_OF_A_FILE = 1 << 24
"""Small, because Polars maps several whole files into memory."""


class Spill:
    """Stores frames in the order in which they are added.

    bytes_in_memory: anything beyond this is written to disk. None: everything stays in memory.
    """

    def __init__(self, bytes_in_memory: int | None = BYTES_IN_MEMORY) -> None:
        self.height = 0
        self.bytes = 0
        """The size of all frames in memory format."""
        self._limit = bytes_in_memory
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[Path] = []

    def __enter__(self) -> "Spill":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._waiting = []
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        size = int(frame.estimated_size())
        self.height += frame.height
        self.bytes += size
        if self._waiting and not self._waiting[-1].height:
            self._waiting.pop()  # it was only kept for its schema
        if frame.height or not (self._waiting or self._files):
            self._waiting.append(frame)
            self._waiting_bytes += size
        if self._limit is not None and self._waiting_bytes > self._limit:
            self.flush()

    @property
    def is_on_disk(self) -> bool:
        """Whether some rows are on disk."""
        return bool(self._files)

    def flush(self) -> None:
        """Writes the frames in memory to disk."""
        if not self._waiting_bytes:
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="platform-assets-")
        rows = self._waiting[0] if len(self._waiting) == 1 else pl.concat(self._waiting, rechunk=False)
        batch = min(_ROWS_READ_AHEAD, 1 + rows.height * _BYTES_READ_AHEAD // self._waiting_bytes)
        for part in rows.iter_slices(max(batch, rows.height * _BYTES_OF_A_FILE // self._waiting_bytes)):
            self._files.append(Path(self._folder.name, f"{len(self._files)}.arrow"))
            part.write_ipc(self._files[-1], compression="uncompressed", record_batch_size=batch)
        self._waiting, self._waiting_bytes = [], 0

    def rows(self) -> pl.LazyFrame:
        """All rows. At least one frame must have been added, possibly an empty one, for the schema."""
        assert self._waiting or self._files, "nothing was added"
        laid = [pl.scan_ipc(self._files, glob=False)] if self._files else []
        waiting = [pl.concat(self._waiting, rechunk=False).lazy()] if self._waiting else []
        return pl.concat([*laid, *waiting])  # one lazy frame per added frame would take quadratic time


def in_batches(rows: pl.LazyFrame, is_small: bool) -> Iterator[pl.DataFrame]:
    """The rows in batches, in order. is_small: whether they fit into memory."""
    if is_small:
        yield from rows.collect().iter_slices(_ROWS_AT_ONCE)
    else:
        yield from stream(rows)  # in the batches on disk: a row count would not bound their size
