"""Durations as text: "30s", "5m", "6h", "7d", "2w". A day is 24 hours."""

import re
from datetime import timedelta

from platform_assets.errors import DeclarationError

_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str, where: str) -> timedelta:
    """The length of a text such as "7d".

    >>> duration("36h", "example")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = re.fullmatch(r"(\d+)([smhdw])", text) if isinstance(text, str) else None
    if not found:
        raise DeclarationError(f"{where}: {text!r} is no duration. Write a whole number and s, m (minutes), h, d or w, such as '7d'.")
    return timedelta(**{_UNIT[found[2]]: int(found[1])})


def positive(text: str, where: str) -> timedelta:
    """The same, longer than nothing."""
    length = duration(text, where)
    if not length:
        raise DeclarationError(f"{where}: {text!r} is empty. It must last longer than nothing, such as '1d'.")
    return length
