"""Durations as strings: "30s", "5m", "6h", "7d", "2w". A day is 24 hours."""

import re
from datetime import timedelta
from typing import Any

from platform_assets.declare.arguments import shown
from platform_assets.errors import DeclarationError

_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = 36_525  # days: a century. Looking back further would leave the range of years that a time can have.


def duration(text: Any, where: str) -> timedelta:
    """The length of a duration such as "7d".

    >>> duration("36h", "example")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = re.fullmatch(r"([0-9]+)([smhdw])", text) if isinstance(text, str) else None
    if not found:
        raise DeclarationError(f"{where}: {shown(text)} is not a duration. {_meant(text)}")
    try:
        length = timedelta(**{_UNIT[found[2]]: int(found[1])})
    except (OverflowError, ValueError):
        length = timedelta.max
    if length > timedelta(days=_LONGEST):
        raise DeclarationError(f"{where}: {shown(text)} is longer than a century ({_LONGEST}d).")
    return length


_WRITTEN = r"(?P<number>[0-9]+) *(?P<unit>s|m|h|d|w|sec|min|hr|second|minute|hour|day|week|mo|month|y|year)s?"


def _meant(given: Any) -> str:
    """The correct spelling of a duration that was written differently."""
    how = "Write a whole number followed by s, m (minutes), h, d or w, such as '7d'."
    if isinstance(given, timedelta):
        seconds, left = divmod(given, timedelta(seconds=1))
        unit, size = next((u, s) for u, s in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)) if seconds % s == 0)
        return how if left or seconds <= 0 else f"Write '{seconds // size}{unit}'."
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return f"Add the unit: '{given}d' or '{given}h'."
    if isinstance(given, list | tuple) and given and all(is_duration(one) for one in given):
        return f"Remove the brackets: {', '.join(map(repr, given))}."
    found = re.fullmatch(_WRITTEN, given.strip(), re.I) if isinstance(given, str) else None
    if not found:
        return how
    number, unit = int(found["number"]), found["unit"].lower()
    if found["unit"] == "M" or unit.startswith(("mo", "y")):
        days = number * (365 if unit.startswith("y") else 30)
        return f"Months and years vary in length: write days, such as '{days}d'. (m means minutes.)"
    return f"Write '{number}{unit[0]}'."


def positive(text: Any, where: str) -> timedelta:
    """The length of a duration that must be longer than zero."""
    length = duration(text, where)
    if not length:
        raise DeclarationError(f"{where}: {text!r} is zero. It must be longer, such as '1d'.")
    return length


def in_words(length: timedelta) -> str:
    """A length in readable form: its two largest units.

    >>> in_words(timedelta(days=233, hours=4, minutes=10)), in_words(timedelta(hours=12)), in_words(timedelta(seconds=0.25))
    ('233 days 4 hours', '12 hours', '0.25 seconds')
    """
    if length < timedelta(0):
        return f"-{in_words(-length)}"
    seconds = length // timedelta(seconds=1)
    counts = {"day": seconds // 86_400, "hour": seconds // 3600 % 24, "minute": seconds // 60 % 60, "second": seconds % 60}
    parts = [f"{number} {unit}{'' if number == 1 else 's'}" for unit, number in counts.items() if number]
    return " ".join(parts[:2]) if parts else f"{length.total_seconds():g} seconds"


class Age(timedelta):
    """How long ago something was, printed in readable form: "5 days", not "5 days, 0:00:00".

    >>> Age.of(timedelta(days=233, hours=4, minutes=10)), str(Age(minutes=90))
    (233 days 4 hours, '1 hour 30 minutes')
    """

    @classmethod
    def of(cls, length: timedelta) -> "Age":
        """A length as an age."""
        return cls(length.days, length.seconds, length.microseconds)

    def __str__(self) -> str:
        return in_words(self)

    __repr__ = __str__


def is_duration(text: object) -> bool:
    """Whether a string is written as a duration.

    >>> is_duration("7d"), is_duration("price")
    (True, False)
    """
    return isinstance(text, str) and re.fullmatch(r"[0-9]+[smhdw]", text) is not None
