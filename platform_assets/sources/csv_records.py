"""One CSV record at a time: where it ends, its values, or why it cannot be parsed.

A record ends with its line, unless a quoted value goes on in the next one. A quote that does not belong there must not join the lines after
it, so a record of several lines is believed only if it closes properly and its lines are not complete records by themselves (ADR 19).
"""

import mmap
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from platform_assets.sources.csv_dialect import Dialect

LONGEST = 1 << 26
"""Bytes of a line or a quoted value: a longer one is in no CSV file, and is not looked at as a whole."""
LINE_END = re.compile(rb"\r\n?|\n")

OPEN = "a quote is opened and not closed"
JOINED = "a quote is opened that would join lines which are complete by themselves"
AFTER_QUOTE = "text follows a closing quote"
INNER_QUOTE = "a quote stands in a value that is not quoted"


class LineTooLongError(ValueError):
    """A line is longer than any of a CSV file."""


class Data(Protocol):
    """Bytes, or a file mapped to memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> bytes: ...
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...
    def rfind(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


@dataclass(frozen=True)
class Record:
    """What was found at a position."""

    end: int
    """Where the next record begins."""
    values: list[bytes | None]
    """The values, None for an empty one without quotes; of a record that was not parsed those before the fault."""
    reason: str = ""
    """Why it cannot be parsed. Empty if it can."""


def line_at(data: Data, start: int) -> tuple[int, int]:
    """Where a line's text ends, and where the next line begins."""
    found = LINE_END.search(data, start, start + LONGEST)  # type: ignore[call-overload]
    if found is None and len(data) - start > LONGEST:
        raise LineTooLongError(f"a line has more than {LONGEST >> 20} MB: it is not a CSV file")
    return found.span() if found else (len(data), len(data))


def let_go(data: Data, end: int) -> None:
    """The pages of a mapped file up to a position are not needed in memory any more; they may be read again."""
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") and end >= mmap.PAGESIZE:
        data.madvise(mmap.MADV_DONTNEED, 0, end // mmap.PAGESIZE * mmap.PAGESIZE)


def record_at(data: Data, start: int, dialect: Dialect, width: int | None) -> Record:
    """The record that begins at a position; one that cannot be parsed, or has another number of values than `width`, is its first line.

    width: the number of values that records have; None if it is not known yet, in the header.
    """
    text_end, first_end = line_at(data, start)
    read = _read(data, start, text_end, first_end, dialect, width)
    if read.reason:
        return Record(first_end, read.values, read.reason)
    wrong = "" if width is None or len(read.values) == width else wrong_number(len(read.values), width)
    if read.end == first_end or width is None:
        return Record(read.end, read.values, wrong)
    complete = _complete_lines(data, start, read.end, dialect, width)
    if wrong:
        # A quoted text of several lines whose record is wrong is one bad record, unless it runs over lines that are records themselves.
        return Record(first_end, read.values, JOINED) if any(complete[1:]) else Record(read.end, read.values, wrong)
    if all(complete) and (len(complete) - 1) * (width - 1) >= 2:
        return Record(first_end, read.values, JOINED)
    return read


@lru_cache(maxsize=4096)
def wrong_number(values: int, width: int) -> str:
    """Why a record with so many values is not a row."""
    return f"{values} value{'' if values == 1 else 's'} instead of {width}"


def _complete_lines(data: Data, start: int, end: int, dialect: Dialect, width: int) -> list[bool]:
    """Of each line whether it has as many separators as a whole record, disregarding quotes; never where records have one value."""
    lines = LINE_END.split(data[start:end])
    lines = lines[:-1] if not lines[-1] else lines
    return [width > 1 and line.count(dialect.separator) == width - 1 for line in lines]


def _read(data: Data, start: int, text_end: int, next_line: int, dialect: Dialect, width: int | None) -> Record:
    """The values from a position on, by the standard's rules alone."""
    quote, separator = dialect.quote, dialect.separator
    values: list[bytes | None] = []
    position, most, first = start, 2 * (width or 1 << 20) + 100, text_end
    while True:
        if quote is not None and data[position : position + len(quote)] == quote:
            body = _quoted(dialect).match(data, position + len(quote), position + LONGEST)  # type: ignore[call-overload]
            position = body.end()
            if data[position : position + len(quote)] != quote:
                return Record(position, values, OPEN)
            values.append(_unescaped(body[0], dialect, is_quoted=True))
            position += len(quote)
            if position > text_end:
                text_end, next_line = line_at(data, position)
            if position < text_end and data[position : position + len(separator)] != separator:
                return Record(position, values, AFTER_QUOTE)
        else:
            value = _unquoted(data, position, text_end, dialect)
            position += len(value)
            if quote is not None and _has_quote(value, dialect):
                return Record(position, values, INNER_QUOTE)
            values.append(_unescaped(value, dialect, is_quoted=False) if value else None)
        if position >= text_end:
            return Record(next_line, values)
        position += len(separator)
        if text_end != first and len(values) > most:
            return Record(position, values, JOINED)


def _unquoted(data: Data, position: int, end: int, dialect: Dialect) -> bytes:
    cut = data.find(dialect.separator, position, end)
    if dialect.escape is None or data.find(dialect.escape, position, end if cut < 0 else cut) < 0:
        return data[position : end if cut < 0 else cut]
    found: Any = _escaped(dialect).match(data[position:end])
    return found[0]  # type: ignore[no-any-return]


def _has_quote(value: bytes, dialect: Dialect) -> bool:
    if dialect.escape is not None and dialect.escape in value:
        value = _pair(dialect).sub(b"", value)
    return dialect.quote is not None and dialect.quote in value


def _unescaped(value: bytes, dialect: Dialect, *, is_quoted: bool) -> bytes | None:
    if not is_quoted and dialect.null_values and value.decode(errors="replace") in dialect.null_values:
        return None  # such as \N, which is not an escaped N
    if is_quoted and dialect.quote is not None:
        if dialect.escape is None or dialect.escape not in value:
            return value.replace(dialect.quote * 2, dialect.quote)
        value = _pair(dialect).sub(lambda found: found[1] or dialect.quote or b"", value)
    elif dialect.escape is not None and dialect.escape in value:
        value = _pair(dialect).sub(lambda found: found[1] or found[0], value)
    return value


@lru_cache(maxsize=64)
def _quoted(dialect: Dialect) -> re.Pattern[bytes]:
    """What may stand between two quotes."""
    quote, doubled = re.escape(dialect.quote or b""), re.escape((dialect.quote or b"") * 2)
    if dialect.escape is None:
        return re.compile(
            rb"(?:(?!%b).)*+(?:%b(?:(?!%b).)*+)*+" % (quote, doubled, quote)
            if len(dialect.quote or b"") > 1
            else rb"[^%b]*+(?:%b[^%b]*+)*+" % (quote, doubled, quote),
            re.DOTALL,
        )
    escape = re.escape(dialect.escape)
    if len(dialect.quote or b"") == len(dialect.escape) == 1:
        return re.compile(rb"[^%b%b]*+(?:(?:%b.|%b)[^%b%b]*+)*+" % (escape, quote, escape, doubled, escape, quote), re.DOTALL)
    return re.compile(rb"(?:%b.|%b|(?!%b|%b).)*+" % (escape, doubled, escape, quote), re.DOTALL)


@lru_cache(maxsize=64)
def _escaped(dialect: Dialect) -> re.Pattern[bytes]:
    """A value without quotes in which any character may be escaped."""
    escape, separator = re.escape(dialect.escape or b""), re.escape(dialect.separator)
    return re.compile(rb"(?:%b.|(?!%b).)*+" % (escape, separator), re.DOTALL)


@lru_cache(maxsize=64)
def _pair(dialect: Dialect) -> re.Pattern[bytes]:
    """An escaped character, or a doubled quote."""
    doubled = b"" if dialect.quote is None else b"|" + re.escape(dialect.quote * 2)
    return re.compile(rb"%b(.)%b" % (re.escape(dialect.escape or b""), doubled), re.DOTALL)
