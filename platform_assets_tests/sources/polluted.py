"""One clean file, polluted in the ways of the Pollock benchmark (Vitagliano et al., VLDB 2023), with what is right for each.

The pollutions are made here, over a file that has what makes them hard: quoted values with separators, line ends and doubled quotes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]
COMMENTS = ["", "fine", 'she said "no"', "two\r\nlines", "one, two", 'ends with a quote"', '"', "a; b"]
ROWS = [
    [
        f"{1 + day % 28:02}/03/2018",
        f"{day % 24:02}:{day % 60:02}:00",
        str(day),
        f"P{day:04}",
        f"{day / 8:.2f}",
        ["Tool", "Toy", ""][day % 3],
        [f"Item {day}", 'A 5" pipe', "Red, blue"][day % 3],
        f"https://example.org/{day}?a=1&b=2",
        COMMENTS[day % len(COMMENTS)],
    ]
    for day in range(83)
]


@dataclass(frozen=True)
class Polluted:
    """A file, how it has to be read, and what it says."""

    name: str
    content: bytes
    options: dict[str, Any] = field(default_factory=dict)
    """Without these it is refused with an error that names them."""
    columns: tuple[str, ...] = tuple(HEADER)
    rows: tuple[tuple[str, ...], ...] = tuple(tuple(row) for row in ROWS)
    bad: tuple[str, ...] = ()
    """The polluted lines, as they stand in the file."""
    refused: bool = False
    """Whether no option can make the file right."""


def quoted(value: str, quote: str = '"', escape: str = '"') -> str:
    return quote + value.replace(quote, escape + quote) + quote


def line(row: list[str], separator: str = ",", **how: str) -> str:
    return separator.join(quoted(value, **how) for value in row)


def file(rows: list[str], end: str = "\r\n", last: str | None = None) -> bytes:
    return (end.join(rows) + (end if last is None else last)).encode()


LINES = [line(row) for row in [HEADER, *ROWS]]
ALL_ROWS = tuple(tuple(row) for row in ROWS)


def polluted() -> Iterator[Polluted]:
    """Every pollution."""
    yield from of_the_file()
    yield from of_the_dialect()
    yield from of_the_header()
    for number in range(1, len(LINES)):
        yield from of_a_row(number)


def of_the_file() -> Iterator[Polluted]:
    yield Polluted("source", file(LINES))
    yield Polluted("no payload", b"", refused=True)
    yield Polluted("no newline at the end", file(LINES, last=""))
    yield Polluted("two newlines at the end", file(LINES, last="\r\n\r\n"))
    # A source declares its columns: receiving says that there are none of these names, and asks whether there is a header.
    yield Polluted("no header", file(LINES[1:]), columns=(*ROWS[0][:-1], "column_9"), rows=ALL_ROWS[1:])
    yield Polluted("header only", file(LINES[:1]), rows=())
    yield Polluted("one row", file(LINES[:2]), rows=ALL_ROWS[:1])
    yield Polluted("preamble", file(["Export of shop 7", "", *LINES]), {"skip_lines": 2})
    yield Polluted("preamble with separators", file(["Export,,,,,,,,", ",,,,,,,,", *LINES]), {"skip_lines": 2})
    table = [line(row[:-1]) for row in [HEADER, *ROWS]]
    yield Polluted("a second, narrower table", file([*LINES, *table]), bad=tuple(table))
    table = [line([*row, "more"]) for row in [HEADER, *ROWS]]
    yield Polluted("a second, wider table", file([*LINES, *table]), bad=tuple(table))
    yield Polluted("a second table", file([*LINES, *LINES]), rows=(*ALL_ROWS, tuple(HEADER), *ALL_ROWS))
    yield Polluted("a footnote", file([*LINES, "3 of 7 tills"]), bad=("3 of 7 tills",))


def of_the_dialect() -> Iterator[Polluted]:
    yield Polluted("line feeds", file(LINES, "\n"))
    yield Polluted("carriage returns", file(LINES, "\r"))
    yield Polluted("a byte order mark", b"\xef\xbb\xbf" + file(LINES))
    accents = [*LINES, line(["é"] * 9)]
    for encoding in ("utf-16", "latin-1"):
        yield Polluted(encoding, file(accents).decode().encode(encoding), {"encoding": encoding}, rows=(*ALL_ROWS, ("é",) * 9))
    for separator in (";", "\t", "|", ":", ", ", " ", "\t\t", "||", "\\t"):
        content = file([line(row, separator) for row in [HEADER, *ROWS]])
        yield Polluted(f"separator {separator!r}", content, {"separator": separator})
    yield Polluted("single quotes", file([line(row, quote="'", escape="'") for row in [HEADER, *ROWS]]), {"quote": "'"})
    yield Polluted("escaped by a backslash", file([line(row, escape="\\") for row in [HEADER, *ROWS]]), {"escape": "\\"})


def of_the_header() -> Iterator[Polluted]:
    for column in range(len(HEADER)):
        cells = [quoted(name) for name in HEADER]
        more = ",".join([*cells[:column], "", *cells[column:]])
        yield Polluted(f"header: a separator more at {column}", file([more, *LINES[1:]]), refused=True)
        if column:
            less = ",".join([*cells[: column - 1], cells[column - 1] + cells[column], *cells[column + 1 :]])
            yield Polluted(f"header: a separator less at {column}", file([less, *LINES[1:]]), refused=True)
        cells[column] = '"' + cells[column]
        yield Polluted(f"header: a quote more at {column}", file([",".join(cells), *LINES[1:]]), refused=True)
    yield Polluted("header: another separator", file([line(HEADER, " "), *LINES[1:]]), refused=True)
    yield Polluted("header: a name twice", file([line([HEADER[0], *HEADER[:-1]]), *LINES[1:]]), refused=True)
    yield Polluted("header: no names", file([line([""] * 9), *LINES[1:]]), refused=True)


def of_a_row(number: int) -> Iterator[Polluted]:
    values, others = ROWS[number - 1], (*ALL_ROWS[: number - 1], *ALL_ROWS[number:])

    def with_line(name: str, text: str) -> Polluted:
        return Polluted(f"row {number}: {name}", file([*LINES[:number], text, *LINES[number + 1 :]]), rows=others, bad=(text,))

    for column in range(len(values)):
        cells = [quoted(value) for value in values]
        yield with_line(f"a separator more at {column}", ",".join([*cells[:column], "", *cells[column:]]))
        if column:
            less = ",".join([*cells[: column - 1], cells[column - 1] + cells[column], *cells[column + 1 :]])
            yield with_line(f"a separator less at {column}", less)
        cells[column] = '"' + cells[column]
        yield with_line(f"a quote more at {column}", ",".join(cells))
    yield with_line("another separator", line(values, " "))
    yield with_line("five values", line(values[:5]))
    yield with_line("fifteen values", line([*values, *["more"] * 6]))
    if number < len(ROWS):
        mixed = file([*LINES[:number], LINES[number] + "\n" + LINES[number + 1], *LINES[number + 2 :]])
        yield Polluted(f"row {number}: a line feed alone", mixed)
