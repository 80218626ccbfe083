"""Time zones: their names, and when their days begin."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from platform_assets.declare.arguments import shown
from platform_assets.errors import DeclarationError
from platform_assets.expressions.timezones import no_such_zone

_SECOND, _HALF_A_DAY, _DAY = timedelta(seconds=1), timedelta(hours=12), timedelta(days=1)
_LOOKED_AT, _LOOK_EVERY = (datetime(1840, 1, 1), datetime(2100, 1, 1)), timedelta(days=20)
"""A zone that moves across the date line stays there, so it is enough to check its offset once in a while."""


def check_timezone(name: Any, where: str) -> None:
    """Refuses anything that is not the name of a time zone.

    >>> check_timezone("Europe/London", "example")
    """
    if not isinstance(name, str):
        raise DeclarationError(f"{where}: {shown(name)} is not the name of a time zone. Write it as 'Europe/London'.")
    if reason := no_such_zone(name):
        raise DeclarationError(f"{where}: {reason}")


@lru_cache(maxsize=1 << 16)
def midnight(day: date, timezone: str) -> datetime:
    """When a local day begins, in UTC: the first moment at which local clocks show its midnight or a later time.

    If clocks go forward at midnight, that is the moment of the change; if midnight comes twice, the first one.

    >>> midnight(date(2018, 11, 4), "America/Sao_Paulo").isoformat()  # at midnight, clocks went forward to 01:00
    '2018-11-04T03:00:00+00:00'
    """
    zone = ZoneInfo(timezone)
    shown = datetime(day.year, day.month, day.day)
    before, after = (zone.utcoffset(shown.replace(fold=fold)) for fold in (0, 1))
    assert before is not None
    assert after is not None
    begins = (shown - before).replace(tzinfo=UTC)
    if before >= after:
        return begins
    earlier = (shown - after).replace(tzinfo=UTC)  # this midnight does not exist: the clocks change between the two
    while begins - earlier > _SECOND:
        between = earlier + (begins - earlier) // _SECOND // 2 * _SECOND
        if between.astimezone(zone).replace(tzinfo=None) < shown:
            earlier = between
        else:
            begins = between
    return begins


@lru_cache
def skipped_days(timezone: str) -> tuple[date, ...]:
    """The days that a time zone skipped when it moved across the date line.

    >>> skipped_days("Pacific/Apia")
    (datetime.date(2011, 12, 30),)
    """
    zone, found = ZoneInfo(timezone), []
    day, before = _LOOKED_AT[0], zone.utcoffset(_LOOKED_AT[0])
    while day < _LOOKED_AT[1]:
        later = day + _LOOK_EVERY
        after = zone.utcoffset(later)
        if before is not None and after is not None and after - before > _HALF_A_DAY:
            days = (day.date() + number * _DAY for number in range(_LOOK_EVERY // _DAY))
            found += [one for one in days if midnight(one, timezone) == midnight(one + _DAY, timezone)]
        day, before = later, after
    return tuple(found)
