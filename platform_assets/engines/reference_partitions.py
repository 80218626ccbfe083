"""The oracle's partitions: the days of a time zone as in semantics.md 1, found by watching its clocks.

A partition is identified by its index; the declaration gives the date, or for hours the time, of an index (Partitions.value).
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from platform_assets.declare.partitions import Partitions


def starts_at(partitions: Partitions, index: int) -> datetime:
    """When a partition begins: when the clocks of its zone first show midnight of its first day, or a later time."""
    value = partitions.value(index)
    return value if isinstance(value, datetime) else first_shown(partitions.zone, value)


def ends_at(partitions: Partitions, index: int) -> datetime:
    """When a partition ends: when the next one begins."""
    return starts_at(partitions, index + 1)


def containing(partitions: Partitions, at: datetime) -> int:
    """The partition that contains a time."""
    key = at.strftime(partitions.key_format) if partitions.unit == "hour" else at.date().isoformat()
    index = partitions.number(key)  # of the UTC date: near it
    while starts_at(partitions, index) > at:
        index -= 1
    while ends_at(partitions, index) <= at:
        index += 1
    return index


@cache
def first_shown(timezone: str, day: date) -> datetime:
    """The first time, in UTC, at which a zone's clocks show a day's midnight or later, found minute by minute."""
    midnight = datetime(day.year, day.month, day.day)
    if timezone == "UTC":
        return midnight.replace(tzinfo=UTC)
    zone, moment = ZoneInfo(timezone), midnight.replace(tzinfo=UTC) - timedelta(hours=27)
    for step in (timedelta(minutes=1), timedelta(seconds=1)):
        while (moment + step).astimezone(zone).replace(tzinfo=None) < midnight:
            moment += step
    return moment + timedelta(seconds=1)
