"""Names of time zones, and the years in which all engines know their transitions."""

from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

YEARS = 1000, 2099
"""Polars knows clock changes until 2099; Python continues with the last rule."""


def no_such_zone(name: str) -> str | None:
    """Why a name is not that of a time zone; None if it is.

    >>> no_such_zone("Europe/Lodnon")
    "there is no time zone 'Europe/Lodnon'. Did you mean 'Europe/London'?"
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones, such as "Europe"
        known = {zone.lower(): zone for zone in available_timezones()}
        close = get_close_matches(name.lower(), known, n=1)
        return f"there is no time zone {name!r}. " + (f"Did you mean {known[close[0]]!r}?" if close else "Write it as 'Europe/London'.")
    return None
