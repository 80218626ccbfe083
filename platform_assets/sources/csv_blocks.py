"""A CSV file cut into blocks of good records, and the lines that are none.

Lines are judged with whole-array operations, since almost all of them are good; only those with an odd quote or an escape are looked at
one by one (csv_records).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from platform_assets.sources.csv_dialect import Dialect
from platform_assets.sources.csv_records import LONGEST, Data, LineTooLongError, Record, let_go, record_at, wrong_number

SIZE = 1 << 20
"""Bytes of a block: its arrays fit into a processor's cache."""
_READ_AT_ONCE = 1 << 24

_Positions = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


class BadLine(NamedTuple):
    """A record of a file that is not a row. A file may have nothing else, so it is made in a fraction of a dataclass's time."""

    line: int
    """Its number in the file, counted from 1."""
    text: bytes
    reason: str
    values: int
    """How many values were found in it."""

    @property
    def is_parsed(self) -> bool:
        """Whether it could be parsed, and just has another number of values than the header."""
        return " instead of " in self.reason


@dataclass
class Block:
    """A stretch of a file that holds whole records."""

    rows: bytes
    """The good records alone, each ended by a line feed, as Polars reads them."""
    records: int
    end: int
    """Where the next block begins."""
    lines: int
    """How many lines it has."""
    bad: list[BadLine] = field(default_factory=list)


def blocks(data: Data, start: int, line: int, dialect: Dialect, width: int) -> Iterator[Block]:
    """The records from a position on, the first of which stands in line number `line`."""
    while start < len(data):
        block = _block(data, start, line, dialect, width, SIZE)
        yield block
        start, line = block.end, line + block.lines


def _block(data: Data, start: int, line: int, dialect: Dialect, width: int, size: int) -> Block:
    end = _line_end(data, start, size)
    text = data[start:end]
    lines = _clean(text, dialect, width)
    if lines:
        return Block(text, lines, end, lines)
    return _Lines(data, start, end, text, line, dialect, width).block()


def _line_end(data: Data, start: int, size: int) -> int:
    """The end of the last line that fits into a block, or of the first one if none does."""
    end = min(start + size, len(data))
    if end == len(data):
        return end
    most = min(start + LONGEST, len(data))
    for find, begin, stop in ((data.rfind, start, end), (data.find, end, most)):
        for mark in (b"\n", b"\r"):
            if (found := find(mark, begin, stop)) >= 0:
                return found + (2 if data[found : found + 2] == b"\r\n" else 1)
    if most < len(data):
        raise LineTooLongError(f"a line has more than {LONGEST >> 20} MB: it is not a CSV file")
    return len(data)


def _clean(text: bytes, dialect: Dialect, width: int) -> int:
    """The number of lines if each has just the separators that it should have and no quotes, or all values in quotes; 0 if that is not so.

    It looks at counts alone, which settle it: every quote is in one of the places where a value begins or ends.
    """
    escape, quote, separator = dialect.escape, dialect.quote, dialect.separator
    if width == 1 or not text.endswith(b"\n") or (escape is not None and escape in text):
        return 0
    marks = text.translate(None, bytes({*range(256)} - {*separator, *b"\n"}))
    lines = len(marks) // width
    if marks != (separator * (width - 1) + b"\n") * lines:
        return 0
    end = b"\n"
    if b"\r" in text:
        end = b"\r\n"
        if not text.count(b"\r") == text.count(end) == lines:
            return 0
    if quote is None or quote not in text:
        return lines
    is_framed = text.startswith(quote) and text.endswith(quote + end) and text.count(quote) == 2 * width * lines
    is_framed = is_framed and text.count(quote + separator + quote) == lines * (width - 1)
    return lines if is_framed and text.count(quote + end + quote) == lines - 1 else 0


class _Lines:
    """The lines of a block, each judged as if it began outside of quotes, then the odd ones among them by what follows."""

    def __init__(self, data: Data, start: int, end: int, text: bytes, line: int, dialect: Dialect, width: int) -> None:
        self.data, self.start, self.end, self.text, self.line, self.dialect, self.width = data, start, end, text, line, dialect, width
        self.bytes = np.frombuffer(text, dtype=np.uint8)
        breaks = self.bytes == ord("\n")
        self.returns = self.bytes == ord("\r")
        lone = self.returns.copy()
        lone[:-1] &= ~breaks[1:]
        self.ends: _Positions = np.flatnonzero(breaks | lone)
        if not len(self.ends) or self.ends[-1] != len(text) - 1:
            self.ends = np.append(self.ends, len(text))
        self.starts: _Positions = np.concatenate(([0], self.ends[:-1] + 1))
        has_return = self.returns[np.maximum(self.ends - 1, 0)] & (self.ends > self.starts)
        has_return &= breaks[np.minimum(self.ends, len(text) - 1)] & (self.ends < len(text))
        self.text_ends: _Positions = self.ends - has_return

    def block(self) -> Block:
        found = Block(b"", 0, self.end, len(self.starts))
        separators, odd, unquoted = self._judge()
        keep = ~odd & (separators == self.width - 1)
        inner = np.zeros(len(self.starts), dtype=bool)
        blank = self._blank(keep)
        doubtful = np.flatnonzero(~keep & ~blank)
        columns = (doubtful, self.starts[doubtful], self.text_ends[doubtful], separators[doubtful] + 1, unquoted[doubtful])
        done, tail = 0, b""
        for index, begin, stop, values, is_unquoted in zip(*(column.tolist() for column in columns), strict=True):
            if begin < done:
                continue  # within a record that began in an earlier line
            if is_unquoted:  # its separators say all that there is to say
                found.bad.append(BadLine(self.line + index, self.text[begin:stop], wrong_number(values, self.width), values))
                continue
            at = self.start + begin
            record = record_at(self.data, at, self.dialect, self.width)
            done = record.end - self.start
            keep[index] = not record.reason
            last = index
            if done > self.ends[index] + 1:  # it may have several lines
                last = int(np.searchsorted(self.starts, done)) - 1
                keep[index : last + 1] = not record.reason
                blank[index : last + 1] = False
                inner[index:last] = True
            if record.end > self.end:
                found.lines += _line_count(self.data[self.end : record.end])
                tail = b"" if record.reason else _ended(self.data[self.end : record.end])
                inner[last] = True
                found.records += not record.reason
                found.end = record.end
            if record.reason:
                found.bad.append(BadLine(self.line + index, _without_end(self.data[at : record.end]), record.reason, len(record.values)))
        found.records += int(np.count_nonzero(keep & ~inner))
        found.rows = self._rows(keep, inner) + tail
        return found

    def _judge(self) -> tuple[_Positions, _Flags, _Flags]:
        """The separators outside of quotes in each line, whether its quotes are not what one looks for in a whole record, and whether it
        has none."""
        separator, quote = self.bytes == self.dialect.separator[0], self.dialect.quote
        if quote is None or quote not in self.text:
            return self._count(separator), np.zeros(len(self.starts), dtype=bool), np.ones(len(self.starts), dtype=bool)
        quotes = self.bytes == quote[0]
        number = self._count(quotes)
        odd = number % 2 == 1
        inside = np.bitwise_and(np.cumsum(quotes, dtype=np.uint8), 1)  # at a quote: 1 if it opens
        before = np.concatenate(([0], inside[self.starts[1:] - 1])).astype(np.uint8)
        if before.any():  # each line is judged as if no quote were open where it begins
            inside = inside ^ np.repeat(before, np.diff(np.append(self.starts, len(self.text))))
        at = np.flatnonzero(quotes)
        opens = inside[at] == 1
        odd |= self._count_at(at[self._misplaced(at, opens, separator, quotes)]) > 0
        return self._count(separator & (inside == 0)), odd, number == 0

    def _misplaced(self, at: _Positions, opens: _Flags, separator: _Flags, quotes: _Flags) -> _Flags:
        """Whether a quote opens behind something else than a separator, or closes before something else; a doubled one does both."""
        edge = separator | quotes | (self.bytes == ord("\n")) | self.returns
        padded = np.concatenate(([True], edge, [True]))
        return np.where(opens, ~padded[at], ~padded[at + 2])

    def _count(self, flags: _Flags) -> _Positions:
        return self._count_at(np.flatnonzero(flags))

    def _count_at(self, positions: _Positions) -> _Positions:
        """How many positions each line has."""
        return np.diff(np.searchsorted(positions, np.append(self.starts, len(self.text))))

    def _blank(self, keep: _Flags) -> _Flags:
        """Lines without any text, or with spaces alone where records have several values."""
        blank: _Flags = self.text_ends == self.starts
        if self.width > 1:
            begins_blank = self.bytes[np.minimum(self.starts, len(self.text) - 1)] == ord(" ")
            for index in np.flatnonzero(~keep & ~blank & begins_blank).tolist():
                blank[index] = not self.text[self.starts[index] : self.text_ends[index]].strip(b" ")
        keep &= ~blank
        return blank

    def _rows(self, keep: _Flags, inner: _Flags) -> bytes:
        """The lines to keep, each ended by a line feed."""
        whole = self.bytes
        ends = self.ends[keep & ~inner & (self.ends < len(self.text))]
        lone = ends[whole[ends] == ord("\r")]
        if len(lone):
            whole = whole.copy()
            whole[lone] = ord("\n")
        if not keep.all():
            whole = whole[np.repeat(keep, np.diff(np.append(self.starts, len(self.text))))]
        return whole.tobytes()


def _line_count(text: bytes) -> int:
    ends = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
    return ends + (not text.endswith((b"\n", b"\r")))


def _ended(text: bytes) -> bytes:
    return text[:-1] + b"\n" if text.endswith(b"\r") else text


def _without_end(text: bytes) -> bytes:
    return text[: -1 - text.endswith(b"\r\n")] if text.endswith((b"\n", b"\r")) else text


def records(data: Data, start: int, line: int, dialect: Dialect, width: int, bad: Callable[[BadLine], None]) -> Iterator[Record]:
    """The good records from a position on, one by one: for dialects that Polars does not know. The others are given to `bad`."""
    needed = start
    while start < len(data):
        if start - needed > _READ_AT_ONCE:
            let_go(data, start)
            needed = start
        record = record_at(data, start, dialect, width)
        text = data[start : record.end]
        lone = _without_end(text)
        if record.reason and lone and (width == 1 or lone.strip(b" ")):
            bad(BadLine(line, lone, record.reason, len(record.values)))
        elif not record.reason and (lone or width > 1):
            yield record
        start, line = record.end, line + _line_count(text)
