"""Frames of one schema that are laid aside on disk until they are read again, so that memory does not grow with their number."""

import tempfile
from pathlib import Path
from types import TracebackType

import polars as pl


class Spill:
    """Keeps frames in the order in which they are added. The first stays in memory: a single one is never written."""

    def __init__(self) -> None:
        self.height = 0
        self._first: pl.DataFrame | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[Path] = []

    def __enter__(self) -> "Spill":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        self.height += frame.height
        if self._first is None or not self._first.height:
            self._first = frame
        elif frame.height:
            self._write(frame)

    def rows(self) -> pl.LazyFrame:
        """All rows. At least one frame was added, if only an empty one: it has the schema."""
        assert self._first is not None, "nothing was added"
        if not self._files:
            return self._first.lazy()
        return pl.concat([self._first.lazy(), *(pl.scan_ipc(file, glob=False) for file in self._files)])

    def _write(self, frame: pl.DataFrame) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="platform-assets-")
        self._files.append(Path(self._folder.name, f"{len(self._files)}.arrow"))
        frame.write_ipc(self._files[-1], compression="uncompressed")
