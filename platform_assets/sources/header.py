"""What is said of a column that a header has not: the nearest that it has, and how to fix it."""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

_SHOWN = 20


def without(column: str, header: Sequence[str], *, declared: Collection[str] = (), reader: str | None) -> str:
    """The sentences after "there is no column 'customer_id'". declared: columns that are right as they are, and no misspelling of it.
    reader: what has read files and takes rename=; None if a function made the rows.

    >>> without("customer_id", ["Customer ID", "Total"], reader="read_csv")
    "Nearest is 'Customer ID': read_csv(..., rename={'Customer ID': 'customer_id'}). It has: Customer ID, Total."
    >>> without("amount_net", ["amount", "id"], declared=["amount", "amount_net"], reader="read_csv")
    'It has: amount, id.'
    """
    said = wrong_separator(header) if reader in ("read_csv", "csv_files") else ""
    if not said and (near := nearest(column, [name for name in header if name not in declared])):
        fix = f"{reader}(..., rename={{{near!r}: {column!r}}})" if reader else f".rename({{{near!r}: {column!r}}}) in its function"
        said = f"Nearest is {near!r}: {fix}."
    if not said and any(re.match(r"[\d<{\[]", name) for name in header):
        said = "Does it begin with a header?"
    more = f" and {len(header) - _SHOWN} more" if len(header) > _SHOWN else ""
    return f"{said}{' ' if said else ''}It has: {', '.join(map(_printable, header[:_SHOWN]))}{more}."


def wrong_separator(header: Sequence[str]) -> str:
    """What a single column whose name has separators in it was; empty if it is none."""
    for separator in (";", "\t", "|", ","):
        if len(header) == 1 and separator in header[0]:
            return f"Its values are separated by {separator!r}: read_csv(..., separator={separator!r})."
    return ""


def nearest(column: str, header: Sequence[str]) -> str | None:
    """The name that is the same but for case, blanks and punctuation, or else the most alike."""
    plain = {_plain(name): name for name in reversed(header)}
    close = get_close_matches(_plain(column), plain, n=1)
    return plain[close[0]] if close else None


def _printable(name: str) -> str:
    short = name if len(name) <= 60 else f"{name[:57]}..."
    return short if short.isprintable() else repr(short)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
