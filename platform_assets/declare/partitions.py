"""Partitions of time: UTC hours, days, weeks (from Monday) or months, numbered without gaps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from platform_assets.declare.arguments import checked_arguments
from platform_assets.errors import DeclarationError

Unit = Literal["hour", "day", "week", "month"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_STEP: dict[str, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_FIRST_MONDAY = datetime(1969, 12, 29, tzinfo=UTC)
_A: dict[Unit, str] = {"hour": "an hour", "day": "a day", "week": "a week, which begins on Monday", "month": "a month"}
_KEY_FORMAT: dict[Unit, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m-%d"}


@dataclass(frozen=True)
class Partitions:
    """Consecutive stretches of UTC time, from `start` on; until `end` where a source has dried up.

    A partition has a number (its index: units since 1970), a start, an end (the next one's start), and a key: the text
    that Dagster shows, its start as 2024-03-05, for hours as 2024-03-05T13.
    """

    unit: Unit
    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.starts_at(self.index(self.start)) != self.start:
            raise DeclarationError(f"partitions cannot start at {self._written(self.start)}: {self._mend(self.start)}")
        if self.end is None:
            return
        if self.starts_at(self.index(self.end)) != self.end:
            raise DeclarationError(f"partitions cannot end at {self._written(self.end)}: {self._mend(self.end)}")
        if self.end <= self.start:
            raise DeclarationError(f"partitions cannot end at {self._written(self.end)}: they start at {self._written(self.start)}")

    def _written(self, at: datetime) -> str:
        return at.replace(tzinfo=None).isoformat(timespec="minutes" if at.second == at.microsecond == 0 else "auto")

    def _mend(self, at: datetime) -> str:
        """Where a partition begins that is near to a moment at which none does."""
        before = self.index(at)
        bounds = (self.key(before), self.key(before + 1))
        return f"that is inside {_A[self.unit]}. Write {bounds[0]!r} or {bounds[1]!r}."

    @property
    def first(self) -> int:
        """The index of the first partition."""
        return self.index(self.start)

    @property
    def step(self) -> timedelta:
        """The length of a partition; months have none."""
        if self.unit == "month":
            raise DeclarationError("months have no fixed length: a feature view needs a source with partitions of an hour, a day or a week")
        return _STEP[self.unit]

    @property
    def origin(self) -> datetime:
        """The start of the partition with index 0 (weeks: the Monday before 1970)."""
        return _FIRST_MONDAY if self.unit == "week" else EPOCH

    def index(self, at: datetime) -> int:
        """The partition that contains a moment."""
        if self.unit == "month":
            return (at.year - 1970) * 12 + at.month - 1
        return (at - self.origin) // self.step

    def starts_at(self, index: int) -> datetime:
        if self.unit == "month":
            return datetime(1970 + index // 12, index % 12 + 1, 1, tzinfo=UTC)
        return self.origin + index * self.step

    def ends_at(self, index: int) -> datetime:
        return self.starts_at(index + 1)

    def key(self, index: int) -> str:
        return self.starts_at(index).strftime(_KEY_FORMAT[self.unit])

    def number(self, key: str) -> int:
        """The index that a key stands for, also before the first partition: the ledger may know of a time before `start` was moved."""
        return self.index(datetime.fromisoformat(key).replace(tzinfo=UTC))

    def index_of(self, key: str) -> int:
        """The partition with this key; an error when there is none."""
        try:
            at = datetime.strptime(key, _KEY_FORMAT[self.unit]).replace(tzinfo=UTC)
        except ValueError:
            raise DeclarationError(f"{key!r} is no {self.unit}: write it as {self.key(self.first)}") from None
        index = self.index(at)
        if self.key(index) != key and self.starts_at(index) == at:
            raise DeclarationError(f"{key!r} is written {self.key(index)}")
        if self.starts_at(index) != at or index < self.first:
            raise DeclarationError(
                f"there is no {self.unit} {key!r}: the first is {self.key(self.first)}, each begins where the one before ends"
            )
        return index

    def keys(self, first: int, last: int) -> Iterator[str]:
        """The keys of the partitions first..last, both included."""
        return map(self.key, range(first, last + 1))

    @property
    def last(self) -> int | None:
        """The index of the last partition, where there is one."""
        return None if self.end is None else self.index(self.end - MICROSECOND)

    def value(self, index: int) -> date | datetime:
        """How tables store the partition: its start, as a date, or for hours as a UTC time."""
        start = self.starts_at(index)
        return start if self.unit == "hour" else start.date()

    @property
    def key_format(self) -> str:
        return _KEY_FORMAT[self.unit]


def _partitions(unit: Unit, start: str, end: str | None) -> Partitions:
    return Partitions(unit, _moment(start, "start"), None if end is None else _moment(end, "end"))


def _moment(text: str, what: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise DeclarationError(f"partitions {what} at {text!r}, which is no date: write it as '2024-01-31'") from None
    if at.tzinfo is not None and at.utcoffset() != timedelta(0):
        raise DeclarationError(f"partitions {what} at {text!r}, a local time: partitions are UTC, leave the offset out")
    return at.replace(tzinfo=UTC)


@checked_arguments("hourly")
def hourly(start: str, *, end: str | None = None) -> Partitions:
    """One partition an hour, from `start` (such as '2024-01-31T06:00', UTC) on, until `end` (excluded)."""
    return _partitions("hour", start, end)


@checked_arguments("daily")
def daily(start: str, *, end: str | None = None) -> Partitions:
    """One partition a UTC day, from `start` (such as '2024-01-31') on, until `end` (excluded)."""
    return _partitions("day", start, end)


@checked_arguments("weekly")
def weekly(start: str, *, end: str | None = None) -> Partitions:
    """One partition a week, from the Monday `start` on, until `end` (excluded)."""
    return _partitions("week", start, end)


@checked_arguments("monthly")
def monthly(start: str, *, end: str | None = None) -> Partitions:
    """One partition a calendar month, from `start` (the first of a month) on, until `end` (excluded)."""
    return _partitions("month", start, end)
