"""A file of JSON lines: its rows as frames of text, some at a time, and the lines that are no objects, as they came.

A value is kept as it is written: `1.10` and `1e3` are no floats here, so that silver reads numbers, times and identifiers exactly as it
reads those of a CSV file, whatever a day's other values are. JSON's syntax is checked by msgspec, strictly.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import polars as pl

from platform_assets.declare.names import UNPARSED_COLUMNS
from platform_assets.errors import SourceError
from platform_assets.frames.spill import Spill
from platform_assets.sources.csv_records import LONGEST, Data, LineTooLongError, let_go
from platform_assets.sources.file_content import content_of, why_unreadable
from platform_assets.sources.header import nearest
from platform_assets.sources.json_objects import OBJECT, Fields, columns_of, frame_of, reason_against, with_repeated_names

_AT_ONCE = 1 << 22
"""Bytes of lines that are read at once."""
_ENOUGH_TO_TELL = 1000
"""After so many bad lines and not one good one, a file is not read to its end."""
_READER = "read_json_lines"
_UNPARSED = pl.Schema(zip(UNPARSED_COLUMNS, (pl.String, pl.String, pl.Int64, pl.String), strict=True))
Line = tuple[int, bytes]
"""A line's number in its file, counted from 1, and its text."""


def read_file(file: Path, where: str, rename: Mapping[str, str], bad: Spill, encoding: str = "utf8") -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time; at least one frame. The columns of two frames may differ: a name that no line has is in none.

    Bad lines are laid aside in `bad`.

    Raises:
        SourceError: the file was cut off, is in another encoding, or none of its lines is an object.
    """
    if not file.stat().st_size:  # an hour in which nothing was logged
        yield pl.DataFrame()
        return
    reading = _Reading(file.name, where, rename, bad)
    try:
        data = content_of(file, where, encoding, _READER)
        for lines in _blocks(data):
            yield from reading.rows(lines)
    except (OSError, EOFError, zlib.error, UnicodeError, LookupError, LineTooLongError) as error:
        raise SourceError(f"{where}: it cannot be read as JSON lines in {encoding}: {why_unreadable(error, _READER)}") from None
    reading.check(data)
    if not reading.good:
        yield pl.DataFrame()


def _blocks(data: Data) -> Iterator[list[Line]]:
    """The lines that are not blank, some megabytes at a time."""
    size, number = len(data), 0
    start = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    while start < size:
        end = min(start + _AT_ONCE, size)
        while end < size:  # to the end of a line
            block = data[start:end]
            if (cut := block.rfind(b"\n")) >= 0:
                end = start + cut + 1
                break
            if end - start > LONGEST:
                raise LineTooLongError(f"a line has more than {LONGEST >> 20} MB: these are no JSON lines")
            end = min(end + _AT_ONCE, size)
        texts = data[start:end].split(b"\n")
        if data[end - 1 : end] == b"\n":
            texts.pop()
        yield [(number + n, text) for n, text in enumerate((t.strip(b" \t\r") for t in texts), 1) if text]
        number += len(texts)
        let_go(data, end)
        start = end


class _Reading:
    """Takes the lines of one file apart."""

    def __init__(self, file: str, where: str, rename: Mapping[str, str], bad: Spill) -> None:
        self.good = 0
        self._file, self._where, self._rename, self._laid = file, where, rename, bad
        self._first: tuple[Line, str] | None = None
        """The first bad line, and why."""
        self._last: Line | None = None
        """The last line, if it is bad."""
        self._bad = 0
        self._seen: set[str] = set()
        """All names of fields."""

    def rows(self, lines: Sequence[Line]) -> Iterator[pl.DataFrame]:
        """A frame of the lines that are rows, or none; the others are laid aside."""
        good, texts, reasons = list[Fields](), list[Line](), list[tuple[Line, str]]()
        for line in lines:
            try:
                line[1].decode()  # msgspec takes a value apart without it
                fields = OBJECT.decode(line[1])
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                reasons.append((line, reason_against(line[1], error)))
                if not self.good and not good and len(reasons) > _ENOUGH_TO_TELL:
                    break
                continue
            good.append(fields)
            texts.append(line)
        columns = columns_of(good)
        repeated = with_repeated_names(columns, [text for _, text in texts])
        if repeated:
            reasons += [(texts[row], f"the name {name!r} stands twice in it") for row, name in repeated.items()]
            good = [fields for row, fields in enumerate(good) if row not in repeated]
            columns = columns_of(good)
        self._lay_aside(sorted(reasons))
        self._last = lines[-1] if lines and any(line == lines[-1] for line, _ in reasons) else None if lines else self._last
        self.good += len(good)
        if self._first is not None and (self._first[0][1] == b"[" or (not self.good and self._bad > _ENOUGH_TO_TELL)):
            self._refuse()
        if good:
            self._seen.update(columns)
            yield frame_of(columns, len(good), self._rename, self._where)

    def check(self, data: Data) -> None:
        """Refuses a file of which something is missing: rows, or its end."""
        if self._first is not None and not self.good:
            self._refuse()
        if self._last is not None and data[len(data) - 1 :] != b"\n":
            raise SourceError(f"{self._where}: its last line has no end, and is no whole object: the file was cut off. Deliver it again.")
        for name in self._rename:
            if self.good and name not in self._seen and name.split(".")[0] not in self._seen:
                near = nearest(name, sorted(self._seen))
                raise SourceError(
                    f"{self._where}: rename= has the name {name!r}, which no line has. {f'Nearest is {near!r}. ' if near else ''}"
                    f"Names are: {', '.join(sorted(self._seen))}."
                )

    def _lay_aside(self, reasons: Sequence[tuple[Line, str]]) -> None:
        if not reasons:
            return
        self._first = self._first or reasons[0]
        self._bad += len(reasons)
        rows = [(text.decode(errors="backslashreplace"), self._file, number, reason) for (number, text), reason in reasons]
        self._laid.add(pl.DataFrame(rows, schema=_UNPARSED, orient="row"))

    def _refuse(self) -> None:
        assert self._first is not None
        (number, text), reason = self._first
        how = 'Each line has to be one object, such as {"id": 1}.'
        if text.startswith(b"["):
            how = "If it is one list of objects, have it written as lines: one object a line, without brackets and commas around them."
        elif text in (b"{", b"{}"):
            how = "If its objects are spread over several lines, have them written without line ends: one object a line."
        raise SourceError(
            f"{self._where}: none of its lines is a JSON object. Line {number} is {text[:60].decode(errors='replace')!r}: {reason}. {how}"
        )
