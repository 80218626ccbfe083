"""The lines of a CSV file that are not rows: laid aside while it is read, however many they are, with what is known of all of them."""

from dataclasses import replace

import polars as pl

from platform_assets.declare.names import UNPARSED_COLUMNS
from platform_assets.frames.spill import Spill
from platform_assets.sources.csv_blocks import BadLine
from platform_assets.sources.csv_dialect import Dialect
from platform_assets.sources.csv_records import record_at

_SCHEMA = pl.Schema(zip(UNPARSED_COLUMNS, (pl.String, pl.String, pl.Int64, pl.String), strict=True))
_LINES_AT_ONCE, _BYTES_AT_ONCE = 50_000, 1 << 23


class BadLines:
    """Takes the bad lines of one file one by one, and lays them aside."""

    def __init__(self, file: str, dialect: Dialect, width: int, laid: Spill) -> None:
        self.number = 0
        self.of_another_width = 0
        """Those that could be parsed, and have another number of values than the header."""
        self.fewest, self.most = 0, 0
        """Their numbers of values."""
        self.last: BadLine | None = None
        self.with_escapes: BadLine | None = None
        """The first one that is a row if a backslash escapes its quotes, and in which a quote stands before that."""
        self._file, self._width, self._laid = file, width, laid
        self._escaped = replace(dialect, escape=b"\\") if dialect.escape is None and dialect.quote is not None else None
        self._waiting: list[tuple[str, str, int, str]] = []
        self._bytes = 0

    def add(self, line: BadLine) -> None:
        self.number, self.last = self.number + 1, line
        if line.is_parsed:
            self.fewest = min(self.fewest, line.values) if self.of_another_width else line.values
            self.most = max(self.most, line.values)
            self.of_another_width += 1
        if self.with_escapes is None and self._is_escaped(line.text):
            self.with_escapes = line
        self._waiting.append((line.text.decode(errors="backslashreplace"), self._file, line.line, line.reason))
        self._bytes += len(line.text)
        if len(self._waiting) >= _LINES_AT_ONCE or self._bytes >= _BYTES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Lays aside what waits."""
        if self._waiting:
            self._laid.add(pl.DataFrame(self._waiting, schema=_SCHEMA, orient="row"))
            self._waiting, self._bytes = [], 0

    def _is_escaped(self, text: bytes) -> bool:
        if self._escaped is None or self._escaped.quote is None:
            return False
        mark = b"\\" + self._escaped.quote
        return mark in text and self._escaped.quote in text.split(mark)[0] and not record_at(text, 0, self._escaped, self._width).reason
