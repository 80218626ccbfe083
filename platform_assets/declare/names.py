"""Names, and the other things that every declaration carries: description, owners, tags."""

import re
from typing import Any

from platform_assets.declare.arguments import list_of, shown, text, texts_by_name
from platform_assets.errors import DeclarationError

UNPARSED, UNPARSED_REASON = "unparsed", "unparsed_reason"
"""Columns of raw: the text of a line that is no row, and why it is none."""

REPLAY_OF = "replay_of"
"""A column of raw and quarantine: of a row that was replayed from quarantine, where it was: partition/delivery/row number."""

READ_AS = "read_as"
"""A column of raw: how the texts of a row are written, if not as usual (`declare.formats`)."""

UNPARSED_COLUMNS = (UNPARSED, "unparsed_file", "unparsed_line", UNPARSED_REASON)
"""Columns of raw for lines that are no rows. Rows have null there, and such a line has null in all others."""

RESERVED_COLUMNS = (
    "arrival",
    "delivery",
    "row_number",
    "origin",
    "superseded",
    "partition",
    "valid_from",
    "is_empty",
    "reasons",
    "run",
    READ_AS,
    REPLAY_OF,
    *UNPARSED_COLUMNS,
)
"""Columns that the platform adds to tables."""


def check_name(name: Any, where: str) -> None:
    """A name becomes a folder, an asset key, a column prefix: lower case letters, digits and single underscores."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        fitting = (
            re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_") if isinstance(name, str) else ""
        )
        example = fitting if re.match(r"[a-z]", fitting) else "customer_spend"
        raise DeclarationError(
            f"{where}: the name {shown(name)} does not fit. Use lower case letters, digits and single underscores, such as {example!r}."
        )


def check_description(description: Any, where: str) -> str:
    """Any text, which the tables of a declaration show."""
    return text(description, f"{where}, description", "description='...'")


def check_owners(owners: Any, where: str) -> tuple[str, ...]:
    """Owners as Dagster takes them: teams and e-mail addresses."""
    found = list_of(owners, f"{where}, owners", f"owners=[{owners!r}]" if isinstance(owners, str) else "owners=['team:growth']")
    for owner in found:
        if not isinstance(owner, str) or not re.fullmatch(r"team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
            raise DeclarationError(
                f"{where}: the owner {shown(owner)} is neither a team nor an e-mail address. Write 'team:growth' or 'ada@example.org'."
            )
    return found


def check_tags(tags: Any, where: str) -> tuple[tuple[str, str], ...]:
    """Tags as Dagster takes them, sorted by name."""
    found = texts_by_name(tags, f"{where}, tags", "tags={'team': 'growth'}")
    for key, value in found.items():
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", key) or not re.fullmatch(r"[A-Za-z0-9_.-]{0,63}", value):
            raise DeclarationError(f"{where}: the tag {key!r}: {value!r} does not fit. Use at most 63 letters, digits, '_', '-' and '.'.")
    return tuple(sorted(found.items()))


_SECRET = r"(^|_)(password|passwd|passphrase|secret|token|api_?key|credential|private_key|card_number|cvv|iban|ssn)s?($|_)"


def is_secret(column: str) -> bool:
    """Whether a column's name says that its values are not for everybody's eyes."""
    return re.search(_SECRET, column, re.I) is not None
