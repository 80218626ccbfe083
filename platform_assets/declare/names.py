"""Names, and the other things that every declaration carries: owners, tags, a description."""

import re
from collections.abc import Mapping, Sequence

from platform_assets.errors import DeclarationError

RESERVED_COLUMNS = ("arrival", "delivery", "row_number", "partition", "valid_from", "is_empty", "reasons", "run")
"""Columns that the platform adds to tables."""


def check_name(name: str, where: str) -> None:
    """A name becomes a folder, an asset key, a column prefix: lower case letters, digits and single underscores."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise DeclarationError(f"{where}: the name {name!r} does not fit. Use lower case letters, digits and single underscores, such as 'customer_spend'.")


def check_owners(owners: Sequence[str], where: str) -> tuple[str, ...]:
    if isinstance(owners, str):
        raise DeclarationError(f"{where}: owners={owners!r} is a text. Write a list: owners=[{owners!r}].")
    for owner in owners:
        if not re.fullmatch(r"team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+", owner):
            raise DeclarationError(f"{where}: the owner {owner!r} is neither a team nor an e-mail address. Write 'team:growth' or 'ada@example.org'.")
    return tuple(owners)


def check_tags(tags: Mapping[str, str], where: str) -> tuple[tuple[str, str], ...]:
    for key, value in tags.items():
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", key) or not re.fullmatch(r"[A-Za-z0-9_.-]{0,63}", value):
            raise DeclarationError(f"{where}: the tag {key!r}: {value!r} does not fit. Use at most 63 letters, digits, '_', '-' and '.'.")
    return tuple(sorted(tags.items()))
