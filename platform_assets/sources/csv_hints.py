"""How a file seems to be written that cannot be read as it was declared: the argument of read_csv that fits its first lines."""

from collections.abc import Sequence

from platform_assets.sources.csv_dialect import Dialect
from platform_assets.sources.csv_records import Data, line_at, record_at

_SEPARATORS = (b",", b";", b"\t", b"|", b":", b"||", b"::", b"\t\t", b", ", b"; ", b"\\t", b"~", b"^", b" ")
_LINES = 20
"""How many lines are looked at."""


def how_it_is_written(data: Data, start: int, dialect: Dialect) -> str:
    """Which arguments would read a file that begins at a position with several columns; empty if none would."""
    for skipped, at in enumerate(_first_lines(data, start)):
        names = record_at(data, at, dialect, None)
        if skipped and not names.reason and _fits(data, at, dialect):
            return f"Lines stand before the header: read_csv(..., skip_lines={skipped})."
        if not skipped:
            for separator in _SEPARATORS:
                for quote in (b'"', b"'"):
                    other = Dialect(separator, quote)
                    is_other = (separator, quote) != (dialect.separator, dialect.quote)
                    if is_other and quote in (dialect.quote, data[at : at + 1]) and _fits(data, at, other):
                        return _said(other, dialect)
    return ""


def how_its_lines_are_written(data: Data, start: int, dialect: Dialect, names: Sequence[str]) -> str:
    """Why a file that could be read would be read wrongly: it has one column that holds all, or quotes that are taken for text."""
    if len(names) == 1 and any(separator.decode() in names[0] for separator in _SEPARATORS[:-1]):
        for separator in (*_SEPARATORS[5:9], *_SEPARATORS[:5]):
            other = Dialect(separator, dialect.quote)
            if separator != dialect.separator and separator.decode() in names[0] and _fits(data, start, other):
                return _said(other, dialect)
    if dialect.quote != b"'" and all(len(name) > 1 and name[0] == name[-1] == "'" for name in names):
        return _said(Dialect(dialect.separator, b"'"), dialect)
    wider = Dialect(dialect.separator + b" ", dialect.quote)
    if len(names) > 1 and all(name.startswith(" ") for name in names[1:]) and _fits(data, start, wider):
        return _said(wider, dialect)
    return ""


def _said(other: Dialect, dialect: Dialect) -> str:
    separator, quote = other.separator.decode(), (other.quote or b"").decode()
    said, arguments = [], []
    if other.separator != dialect.separator:
        said.append(f"Its values are separated by {separator!r}")
        arguments.append(f"separator={separator!r}")
    if other.quote != dialect.quote:
        said.append(f"{'its' if said else 'Its'} values are quoted by {quote}")
        arguments.append(f"quote={quote!r}")
    return f"{' and '.join(said)}: read_csv(..., {', '.join(arguments)})."


def _first_lines(data: Data, start: int) -> list[int]:
    """Where the first lines begin."""
    found: list[int] = []
    while start < len(data) and len(found) < _LINES:
        found.append(start)
        start = line_at(data, start)[1]
    return found


def _fits(data: Data, start: int, dialect: Dialect) -> bool:
    """Whether the lines from a position on are a header of several names and records of as many values."""
    header = record_at(data, start, dialect, None)
    width = len(header.values)
    if header.reason or width < 2 or not all(header.values) or any(b"\n" in (value or b"") for value in header.values):
        return False
    at, seen = header.end, 0
    while at < len(data) and seen < _LINES:
        text = data[at : line_at(data, at)[0]]
        record = record_at(data, at, dialect, width)
        if text.strip(b" "):
            if record.reason:
                return False
            seen += 1
        at = record.end
    return seen > 0
