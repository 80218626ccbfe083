"""Durations as text: "30s", "5m", "6h", "7d", "2w". A day is 24 hours."""

import re
from datetime import timedelta
from typing import Any

from platform_assets.declare.arguments import shown
from platform_assets.errors import DeclarationError

_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = 36_525  # days: a century. What looks back further leaves the years that a time can have.


def duration(text: Any, where: str) -> timedelta:
    """The length of a text such as "7d".

    >>> duration("36h", "example")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = re.fullmatch(r"([0-9]+)([smhdw])", text) if isinstance(text, str) else None
    if not found:
        raise DeclarationError(f"{where}: {shown(text)} is no duration. Write a whole number and s, m (minutes), h, d or w, such as '7d'.")
    try:
        length = timedelta(**{_UNIT[found[2]]: int(found[1])})
    except (OverflowError, ValueError):
        length = timedelta.max
    if length > timedelta(days=_LONGEST):
        raise DeclarationError(f"{where}: {shown(text)} is longer than a century ({_LONGEST}d).")
    return length


def positive(text: Any, where: str) -> timedelta:
    """The same, longer than nothing."""
    length = duration(text, where)
    if not length:
        raise DeclarationError(f"{where}: {text!r} is empty. It must last longer than nothing, such as '1d'.")
    return length
