"""Time partitions: UTC hours, or days, weeks (from Monday) or months of a time zone, numbered without gaps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from platform_assets.declare.arguments import checked_arguments
from platform_assets.declare.timezones import check_timezone, midnight, skipped_days
from platform_assets.errors import DeclarationError

Unit = Literal["hour", "day", "week", "month"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_STEP: dict[str, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_FIRST_MONDAY = datetime(1969, 12, 29, tzinfo=UTC)
_DAY = timedelta(days=1)
_A: dict[Unit, str] = {"hour": "an hour", "day": "a day", "week": "a week, which begins on Monday", "month": "a month"}
_KEY_FORMAT: dict[Unit, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m-%d"}
_LARGEST_SHIFT = timedelta(hours=12)
"""More than any time zone has ever moved its clocks forward, except for moves across the date line, which skip a day."""


@dataclass(frozen=True)
class Partitions:
    """Consecutive intervals of time from `start` on, until `end` if the source has ended.

    A partition has a number (its index: units since 1970), a start, an end (the next one's start), and a key: the string that Dagster
    shows, the local date on which it begins, such as 2024-03-05, or for an hour its start in UTC, such as 2024-03-05T13.

    timezone: the zone of the days, weeks or months. None: the source's time zone once they belong to a source, until then UTC. When
    clocks change, a day lasts 23 or 25 hours. A day that the zone skipped is not a partition and has no number.
    """

    unit: Unit
    start: datetime
    end: datetime | None = None
    timezone: str | None = None

    def __post_init__(self) -> None:
        if self.starts_at(self.index(self.start)) != self.start:
            raise DeclarationError(f"partitions cannot start at {self._written(self.start)}: {self._fix(self.start)}")
        if self.end is None:
            return
        if self.starts_at(self.index(self.end)) != self.end:
            raise DeclarationError(f"partitions cannot end at {self._written(self.end)}: {self._fix(self.end)}")
        if self.end <= self.start:
            raise DeclarationError(f"partitions cannot end at {self._written(self.end)}: they start at {self._written(self.start)}")

    def _written(self, at: datetime) -> str:
        local = at.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return local.isoformat(timespec="minutes" if at.second == at.microsecond == 0 else "auto")

    def _fix(self, at: datetime) -> str:
        """The nearest starts of partitions to a time that is not one."""
        before = self.index(at)
        bounds = (self.key(before), self.key(before + 1))
        return f"that is within {_A[self.unit]}. Write {bounds[0]!r} or {bounds[1]!r}."

    @property
    def zone(self) -> str:
        """The time zone whose days, weeks or months these are."""
        return self.timezone or "UTC"

    def of_source_in(self, timezone: str | None) -> "Partitions":
        """These partitions for a source in this time zone: if they name no zone of their own, they take the source's."""
        if self.timezone is not None:
            return self
        if timezone is None or self.unit == "hour":
            return replace(self, timezone="UTC")
        return _partitions(self.unit, self.key(self.first), None if self.end is None else self.key(self.index(self.end)), timezone)

    @cached_property
    def first(self) -> int:
        """The index of the first partition."""
        return self.index(self.start)

    @property
    def step(self) -> timedelta:
        """How long a partition lasts; in a time zone with daylight saving time, how long most do. Months have no fixed length."""
        if self.unit == "month":
            raise DeclarationError("months have no fixed length: a feature view needs a source with partitions of an hour, a day or a week")
        return _STEP[self.unit]

    @cached_property
    def is_even(self) -> bool:
        """Whether all partitions have the same length and begin a multiple of `step` after `origin`."""
        return self.zone == "UTC" and self.unit != "month"

    @property
    def origin(self) -> datetime:
        """The start of the partition with index 0 (weeks: the Monday before 1970), if they are even."""
        return _FIRST_MONDAY if self.unit == "week" else EPOCH

    @cached_property
    def skipped(self) -> tuple[int, ...]:
        """The days that the zone skipped, as days since 1970. Only daily partitions can be skipped."""
        return () if self.is_even or self.unit != "day" else tuple((day - EPOCH.date()).days for day in skipped_days(self.zone))

    @cached_property
    def months(self) -> "Partitions":
        """The months of the same time zone, from the one in which these partitions begin."""
        return self.by("month")

    def by(self, unit: Unit) -> "Partitions":
        """The days, weeks or months of the same time zone, from the one in which these partitions begin, without an end."""
        first = self.start.date() if self.unit == "hour" else self.local_date(self.first)
        if unit == "month":
            first = first.replace(day=1)
        elif unit == "week":
            first -= first.weekday() * _DAY
        return Partitions(unit, midnight(first, self.zone), timezone=self.zone)

    def index(self, at: datetime) -> int:
        """The index of the partition that contains a time."""
        if self.is_even:
            return (at - self.origin) // self.step
        index = self._index_of_date(at.astimezone(ZoneInfo(self.zone)).date())
        # When clocks go back over midnight they show yesterday once more, but the new day has already begun.
        while self.starts_at(index + 1) <= at:
            index += 1
        return index

    def _index_of_date(self, day: date) -> int:
        if self.unit == "month":
            return (day.year - 1970) * 12 + day.month - 1
        if self.unit == "week":
            return (day - _FIRST_MONDAY.date()).days // 7
        number = (day - EPOCH.date()).days
        return number - sum(skipped < number for skipped in self.skipped)

    def local_date(self, index: int) -> date:
        """The local date on which a day, week or month begins."""
        if self.unit == "month":
            return date(1970 + index // 12, index % 12 + 1, 1)
        if self.unit == "week":
            return _FIRST_MONDAY.date() + index * _STEP["week"]
        return EPOCH.date() + (index + sum(day - number <= index for number, day in enumerate(self.skipped))) * _DAY

    def starts_at(self, index: int) -> datetime:
        return self.origin + index * self.step if self.is_even else midnight(self.local_date(index), self.zone)

    def ends_at(self, index: int) -> datetime:
        return self.starts_at(index + 1)

    def most_within(self, length: timedelta) -> int:
        """The most partitions before one that this length of time before its start can span."""
        shift = timedelta(0) if self.is_even or not length else _LARGEST_SHIFT
        return -(-(length + shift) // self.step)

    def key(self, index: int) -> str:
        return self.starts_at(index).strftime(_KEY_FORMAT[self.unit]) if self.unit == "hour" else self.local_date(index).isoformat()

    def number(self, key: str) -> int:
        """The index of a key, even before the first partition: the ledger may have entries from before `start` was moved."""
        at = datetime.fromisoformat(key)
        return self.index(at.replace(tzinfo=UTC)) if self.unit == "hour" else self._index_of_date(at.date())

    def around(self, key: str, *, is_last: bool = False) -> int:
        """The partition that contains a key of other partitions: the month of a day; for hours the first of a day, or the last.

        Raises a ValueError if the key is not a date.

        >>> hourly("2024-03-01").key(hourly("2024-03-01").around("2024-03-05", is_last=True))
        '2024-03-05T23'
        """
        is_day_of_hours = self.unit == "hour" and "T" not in key
        return self.number(key + ("T23" if is_last else "T00") if is_day_of_hours else key)

    def index_of(self, key: str) -> int:
        """The index of the partition with this key; an error if there is none."""
        try:
            at = datetime.strptime(key, _KEY_FORMAT[self.unit]).replace(tzinfo=UTC)
        except ValueError:
            raise DeclarationError(
                f"{key!r} is not {'an' if self.unit == 'hour' else 'a'} {self.unit}: write it as {self.key(self.first)}"
            ) from None
        index = self.index(at) if self.unit == "hour" else self._index_of_date(at.date())
        begins = self.starts_at(index) if self.unit == "hour" else datetime.combine(self.local_date(index), time(), UTC)
        if self.key(index) != key and begins == at:
            raise DeclarationError(f"{key!r} must be written {self.key(index)}")
        if begins != at or index < self.first:
            raise DeclarationError(
                f"there is no {self.unit} {key!r}: the first is {self.key(self.first)}, and each begins where the previous one ends"
            )
        return index

    def keys(self, first: int, last: int) -> Iterator[str]:
        """The keys of the partitions first..last, both included."""
        return map(self.key, range(first, last + 1))

    @cached_property
    def last(self) -> int | None:
        """The index of the last partition, if there is one."""
        return None if self.end is None else self.index(self.end - MICROSECOND)

    def ended(self, now: datetime) -> int:
        """The newest partition that has ended by a time; one before the first if none has."""
        ended = self.index(now) - 1
        return ended if self.last is None else min(ended, self.last)

    def value(self, index: int) -> date | datetime:
        """The partition as tables store it: the local date on which it begins, or for hours its start in UTC."""
        return self.starts_at(index) if self.unit == "hour" else self.local_date(index)

    @property
    def key_format(self) -> str:
        return _KEY_FORMAT[self.unit]


def _partitions(unit: Unit, start: str, end: str | None, timezone: str | None) -> Partitions:
    if timezone is not None:
        check_timezone(timezone, "partitions, timezone")
    zone = timezone or "UTC"
    return Partitions(unit, _moment(start, "start", unit, zone), None if end is None else _moment(end, "end", unit, zone), timezone)


def _moment(text: str, what: str, unit: Unit, timezone: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise DeclarationError(f"partitions {what} at {text!r}, which is not a date: write it as '2024-01-31'") from None
    if at.tzinfo is not None and (timezone != "UTC" or at.utcoffset() != timedelta(0)):
        raise DeclarationError(f"partitions {what} at {text!r}, a time with an offset: remove the offset, the time is in {timezone}")
    if unit == "hour" or timezone == "UTC":
        return at.replace(tzinfo=UTC)
    if at.date() in skipped_days(timezone) and unit == "day":
        raise DeclarationError(f"partitions {what} at {text!r}, a day that {timezone} skipped: write {at.date() + _DAY}")
    if at.time() == time():
        return midnight(at.date(), timezone)
    return at.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


@checked_arguments("hourly")
def hourly(start: str, *, end: str | None = None, timezone: str | None = None) -> Partitions:
    """One partition for each UTC hour, from `start` (such as '2024-01-31T06:00') on, until `end` (excluded).

    timezone: only "UTC", which a source with another `timezone=` must state explicitly: its files are then split by UTC hours.
    """
    if timezone not in (None, "UTC"):
        raise DeclarationError(
            f"hourly, timezone: {timezone!r}, but hourly partitions are UTC hours: when clocks go back, two local hours have the same "
            "name. Leave timezone out, or use daily(..., timezone=...)."
        )
    return _partitions("hour", start, end, timezone)


@checked_arguments("daily")
def daily(start: str, *, end: str | None = None, timezone: str | None = None) -> Partitions:
    """One partition for each day, from `start` (such as '2024-01-31') on, until `end` (excluded).

    timezone: the zone of the days, such as "America/New_York"; when clocks change, they have 23 or 25 hours. Default: the source's
    `timezone=`, or UTC if it has none.

    >>> days = daily("2024-03-01", timezone="America/New_York")
    >>> days.starts_at(days.index_of("2024-03-10")).isoformat(), days.ends_at(days.index_of("2024-03-10")).isoformat()
    ('2024-03-10T05:00:00+00:00', '2024-03-11T04:00:00+00:00')
    """
    return _partitions("day", start, end, timezone)


@checked_arguments("weekly")
def weekly(start: str, *, end: str | None = None, timezone: str | None = None) -> Partitions:
    """One partition for each week, from the Monday `start` on, until `end` (excluded). timezone: as for daily."""
    return _partitions("week", start, end, timezone)


@checked_arguments("monthly")
def monthly(start: str, *, end: str | None = None, timezone: str | None = None) -> Partitions:
    """One partition for each calendar month, from `start` (the first of a month) on, until `end` (excluded). timezone: as for daily."""
    return _partitions("month", start, end, timezone)
