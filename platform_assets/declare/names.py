"""Names, and the other metadata of every declaration: description, owners, tags."""

import re
from typing import Any

from platform_assets.declare.arguments import list_of, shown, text, texts_by_name
from platform_assets.errors import DeclarationError

UNPARSED, UNPARSED_REASON = "unparsed", "unparsed_reason"
"""Columns of raw: the text of an unparsed line, and why it could not be parsed."""

REPLAY_OF = "replay_of"
"""A column of raw and quarantine: of a row that was replayed from quarantine, where it was: partition/delivery/row number."""

READ_AS = "read_as"
"""A column of raw: the number and date formats of a row, if they are not the usual ones (`declare.formats`)."""

AS_OF, REMOVED = "as_of", "is_removed"
"""Columns of a snapshot's silver: the time of the picture, and whether a row says that its key has gone."""

UNPARSED_COLUMNS = (UNPARSED, "unparsed_file", "unparsed_line", UNPARSED_REASON)
"""Columns of raw for unparsed lines. Parsed rows have null in them, and unparsed lines have null in all others."""

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
    """Checks a name: it becomes a folder, an asset key and a column prefix, so it has lower-case letters, digits and single underscores."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        fitting = (
            re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_") if isinstance(name, str) else ""
        )
        example = fitting if re.match(r"[a-z]", fitting) else "customer_spend"
        raise DeclarationError(
            f"{where}: the name {shown(name)} is invalid. Use lower-case letters, digits and single underscores, such as {example!r}."
        )


def check_description(description: Any, where: str) -> str:
    """Any string; it is shown on the tables of a declaration."""
    return text(description, f"{where}, description", "description='...'")


def check_owners(owners: Any, where: str) -> tuple[str, ...]:
    """Owners as Dagster accepts them: teams and e-mail addresses."""
    found = list_of(owners, f"{where}, owners", f"owners=[{owners!r}]" if isinstance(owners, str) else "owners=['team:growth']")
    for owner in found:
        if not isinstance(owner, str) or not re.fullmatch(r"team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
            raise DeclarationError(
                f"{where}: the owner {shown(owner)} is neither a team nor an e-mail address. Write 'team:growth' or 'ada@example.org'."
            )
    return found


def check_tags(tags: Any, where: str) -> tuple[tuple[str, str], ...]:
    """Tags as Dagster accepts them, sorted by name."""
    found = texts_by_name(tags, f"{where}, tags", "tags={'team': 'growth'}")
    for key, value in found.items():
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", key) or not re.fullmatch(r"[A-Za-z0-9_.-]{0,63}", value):
            raise DeclarationError(f"{where}: the tag {key!r}: {value!r} is invalid. Use at most 63 letters, digits, '_', '-' and '.'.")
    return tuple(sorted(found.items()))


_SECRET = r"(^|_)(password|passwd|passphrase|secret|token|api_?key|credential|private_key|card_number|cvv|iban|ssn)s?($|_)"


def is_secret(column: str) -> bool:
    """Whether a column's name suggests that its values are confidential."""
    return re.search(_SECRET, column, re.I) is not None
