"""The lines of a partition's CSV files that are not rows, as a source's function and receiving find them."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from platform_assets.frames.spill import Spill, in_batches


@dataclass(frozen=True)
class Unparsed:
    """A line of a file that is not a row: it cannot be parsed, or has another number of values than the header."""

    file: str
    line: int
    """Its number in the file, counted from 1."""
    text: str
    """The line as received, without its end."""
    reason: str


class UnparsedLines:
    """Such lines of all files of a partition, in their order.

    laid: where they lie, in memory without it.
    """

    def __init__(self, laid: Spill | None = None) -> None:
        self._laid = Spill(bytes_in_memory=None) if laid is None else laid

    def add(self, lines: Spill) -> None:
        """Takes over the lines of a file that has been read to its end."""
        for part in in_batches(lines.rows(), is_small=not lines.is_on_disk) if lines.height else ():
            self._laid.add(part)

    def __len__(self) -> int:
        return self._laid.height

    def __iter__(self) -> Iterator[Unparsed]:
        for part in in_batches(self._laid.rows(), is_small=not self._laid.is_on_disk) if len(self) else ():
            for text, file, line, reason in part.iter_rows():
                yield Unparsed(file, line, text, reason)

    @property
    def bytes(self) -> int:
        """About what they take in memory."""
        return self._laid.bytes

    def rows(self) -> pl.LazyFrame:
        """As raw keeps them; there is at least one."""
        return self._laid.rows()
