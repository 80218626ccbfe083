"""Names of time zones."""

from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from platform_assets.declare.arguments import shown
from platform_assets.errors import DeclarationError


def check_timezone(name: Any, where: str) -> None:
    """Refuses what names no time zone.

    >>> check_timezone("Europe/London", "example")
    """
    if not isinstance(name, str):
        raise DeclarationError(f"{where}: {shown(name)} is no name of a time zone. Write it as 'Europe/London'.")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones, such as "Europe"
        known = {zone.lower(): zone for zone in available_timezones()}
        close = get_close_matches(name.lower(), known, n=1)
        mend = f"Did you mean {known[close[0]]!r}?" if close else "Write it as 'Europe/London'."
        raise DeclarationError(f"{where}: there is no time zone {name!r}. {mend}") from None
