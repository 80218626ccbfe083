"""One CSV file: its header, its rows as frames of text, some at a time, and the lines that are not rows, as they came."""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from platform_assets.errors import SourceError
from platform_assets.frames.spill import Spill
from platform_assets.sources.bad_lines import BadLines
from platform_assets.sources.csv_blocks import blocks, records
from platform_assets.sources.csv_dialect import Dialect
from platform_assets.sources.csv_hints import how_it_is_written, how_its_lines_are_written
from platform_assets.sources.csv_records import OPEN, Data, LineTooLongError, let_go, line_at, record_at
from platform_assets.sources.file_content import SMALL, content_of, no_content, why_unreadable


@dataclass
class _Opened:
    """A file whose header has been read."""

    where: str
    data: Data
    dialect: Dialect
    encoding: str
    names: list[str]
    start: int
    """Where the rows begin, and in which line."""
    line: int

    @property
    def width(self) -> int:
        return len(self.names)


def read_file(
    file: Path,
    where: str,
    dialect: Dialect,
    bad: Spill,
    encoding: str = "utf8",
    skip_lines: int = 0,
    columns: Sequence[str] | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time: every value as text, null where it is empty; columns named as in the file. At least one frame.

    A line that cannot be parsed or has another number of values than the header is not a row: it is laid aside in `bad`, and the others go
        on.

    columns: the names of the columns of a file without a header.

    Raises:
        SourceError: the file is empty, was cut off, is in another encoding, or its header is not that of its lines. It may be found only
            after rows have been given.
    """
    rows = 0
    try:
        data = content_of(file, where, encoding, "read_csv")
        opened = _open(data, where, dialect, encoding, skip_lines, columns)
        lines = BadLines(file.name, opened.dialect, opened.width, bad)
        for frame in _rows(opened, lines) if dialect.is_simple else _rows_of_any_dialect(opened, lines):
            rows += frame.height
            yield frame
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error, UnicodeError, LookupError, LineTooLongError) as error:
        raise SourceError(f"{where}: it cannot be read as CSV in {encoding}: {why_unreadable(error, 'read_csv')}") from None
    lines.flush()
    _check_lines(opened, rows, lines)
    _check_escapes(opened, lines)
    _check_end(opened, lines)


def _open(data: Data, where: str, dialect: Dialect, encoding: str, skip_lines: int, columns: Sequence[str] | None) -> _Opened:
    start, line = 3 if data[:3] == b"\xef\xbb\xbf" else 0, 1
    while start < len(data):
        text_end, following = line_at(data, start)
        if line > skip_lines and data[start:text_end].strip(b" \t"):
            break
        if start // SMALL < following // SMALL:
            let_go(data, start)
        start, line = following, line + 1
    if columns is not None:
        return _Opened(where, data, dialect, encoding, list(columns), start, line)
    if start >= len(data):
        skipped = f"skip_lines={skip_lines} leaves nothing of it. Skip fewer lines." if skip_lines else ""
        raise SourceError(f"{where}: {skipped}" if skipped else no_content(where, "it has not even a header"))
    header = record_at(data, start, dialect, None)
    if header.reason:
        how = how_it_is_written(data, start, dialect)
        raise SourceError(f"{where}: its header cannot be parsed: {header.reason}. {how or 'Deliver it with a correct header.'}")
    names = [(value or b"").decode() for value in header.values]
    if how := how_its_lines_are_written(data, start, dialect, names):
        raise SourceError(f"{where}: {how}")
    lines = max(1, len(re.findall(rb"\r\n?|\n", data[start : header.end])))
    opened = _Opened(where, data, dialect, encoding, names, header.end, line + lines)
    _check_names(opened, start)
    # pandas writes the index of a frame without a name, as the first column.
    opened.names = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    return opened


def _check_names(opened: _Opened, start: int) -> None:
    lower = [name.lower() for name in opened.names]
    alike = next((name for name in opened.names if lower.count(name.lower()) > 1), None)
    if alike is None:
        return
    if not alike:
        how = how_it_is_written(opened.data, start, opened.dialect)
        raise SourceError(f"{opened.where}: {lower.count('')} of its columns have no name. {how or 'Deliver it with a name for each.'}")
    raise SourceError(
        f"{opened.where}: two of its columns have the same name but for case: {alike!r}. "
        "Delta does not tell them apart. Have one of them delivered under another name."
    )


_ENOUGH_TO_TELL = 1000
"""After so many bad lines and not one good one, a file is not read to its end."""


def _rows(opened: _Opened, bad: BadLines) -> Iterator[pl.DataFrame]:
    """By Polars, which gets nothing but whole records with the right number of values."""
    schema = {str(number): pl.String for number in range(opened.width)}
    names = dict(zip(schema, opened.names, strict=True))
    waiting, size, records, any_good = list[bytes](), 0, 0, False
    needed = opened.start
    for block in blocks(opened.data, opened.start, opened.line, opened.dialect, opened.width):
        for line in block.bad:
            bad.add(line)
        waiting.append(block.rows)
        size += len(block.rows)
        records += block.records
        if not any_good and bad.number > _ENOUGH_TO_TELL:
            _check_lines(opened, records, bad)
        if size >= _AT_ONCE:
            yield _parsed(opened, b"".join(waiting), records, schema).rename(names)
            waiting, size, records, any_good = [], 0, 0, any_good or records > 0
        if block.end - needed >= _AT_ONCE:
            let_go(opened.data, block.end)
            needed = block.end
    if waiting or not any_good:
        yield _parsed(opened, b"".join(waiting), records, schema).rename(names)


_AT_ONCE = 1 << 24
"""Bytes that Polars parses at once: enough for its threads, and little beside the frame."""


def _parsed(opened: _Opened, text: bytes, records: int, schema: dict[str, type[pl.String]]) -> pl.DataFrame:
    if not records:
        return pl.DataFrame(schema=schema)
    dialect = opened.dialect
    rows = pl.read_csv(
        text,
        has_header=False,
        schema=schema,
        separator=dialect.separator.decode(),
        quote_char=None if dialect.quote is None else dialect.quote.decode(),
        null_values=list(dialect.null_values) or None,
        encoding="utf8",
    )
    if rows.height != records:  # counted before parsing, so that nothing is lost in silence
        raise SourceError(f"{opened.where}: {records} records were counted and {rows.height} parsed. Please report this file.")
    return rows


def _rows_of_any_dialect(opened: _Opened, bad: BadLines) -> Iterator[pl.DataFrame]:
    """By our own parser, record by record and far slower: separators of several characters, and quotes that a character escapes."""
    markers = {*opened.dialect.null_values}
    coming = records(opened.data, opened.start, opened.line, opened.dialect, opened.width, bad.add)
    begun = False
    while (some := list(islice(coming, _RECORDS_AT_ONCE))) or not begun:
        begun = True
        columns: list[list[str | None]] = [[] for _ in opened.names]
        for record in some:
            for column, value in zip(columns, record.values, strict=True):
                text = None if value is None else value.decode()
                column.append(None if text in markers else text)
        yield pl.DataFrame(dict(zip(opened.names, columns, strict=True)), schema=dict.fromkeys(opened.names, pl.String))


_RECORDS_AT_ONCE = 100_000


def _check_lines(opened: _Opened, good: int, bad: BadLines) -> None:
    """Refuses a file whose header is another one than its lines have: then it is the header that is wrong."""
    is_title = opened.width == 1 and bad.of_another_width > good
    if is_title or (not good and bad.number == bad.of_another_width > 1 and bad.fewest == bad.most):
        fewest, most = bad.fewest, bad.most
        how = how_it_is_written(opened.data, 0, opened.dialect) if most > opened.width else "Deliver it with a correct header."
        raise SourceError(
            f"{opened.where}: its header has {opened.width} {'name' if opened.width == 1 else 'names'} "
            f"({', '.join(opened.names)[:80]}), its lines have {fewest if fewest == most else f'{fewest} to {most}'} values. "
            f"{how or 'If other lines stand before the header: read_csv(..., skip_lines=1). Otherwise deliver it with a correct header.'}"
        )


def _check_escapes(opened: _Opened, bad: BadLines) -> None:
    """Refuses a file whose quotes are escaped by a backslash: its other lines may have backslashes too, which would stay in their values.

    Where some quote within a value is doubled it is not written so, and such a line is just a bad one.
    """
    quote = opened.dialect.quote
    if bad.with_escapes is not None and quote is not None and not _has_doubled_quote(opened.data, opened.dialect.separator, quote):
        raise SourceError(
            f"{opened.where}: line {bad.with_escapes.line} has quotes that are escaped by a backslash: read_csv(..., escape='\\\\'). "
            "Or have them doubled."
        )


def _has_doubled_quote(data: Data, separator: bytes, quote: bytes) -> bool:
    """Whether a quote within a value is doubled somewhere."""
    within = re.escape(separator) + b"\r\n"
    doubled = re.compile(rb"[^%b%b](?:%b){2}[^%b%b]" % (within, quote, quote, within, quote))
    for start in range(0, len(data), SMALL):
        if doubled.search(data[start : start + SMALL + 4 * len(quote)]):
            return True
        let_go(data, start)
    return False


def _check_end(opened: _Opened, bad: BadLines) -> None:
    """Refuses a file whose last line stops early: what followed it is missing too."""
    size, last = len(opened.data), bad.last
    if last is None or opened.data[size - 1 :] in (b"\n", b"\r") or opened.data[size - len(last.text) :] != last.text:
        return
    if last.reason == OPEN or last.values < opened.width:
        what = OPEN if last.reason == OPEN else "it has fewer values than the header"
        raise SourceError(f"{opened.where}: its last line has no end, and {what}: the file was cut off. Deliver it again.")
