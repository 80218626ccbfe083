"""The oracle's parser of times as text: a character scanner, with one function for each format."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_FIRST, _LAST = datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)


@dataclass(frozen=True)
class Unreadable:
    """A received value that cannot be read, with the reason if there is more to say than its type."""

    reason: str = ""


class _NoForm(Exception):
    """The text does not have this format."""


@dataclass
class _Written:
    """The parts of a parsed text."""

    year: int
    month: int
    day: int
    clock: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Hours, minutes, seconds, microseconds."""
    zone: str | None = None
    weekday: str | None = None


def read_time(text: str, timezone: str | None) -> datetime | Unreadable:
    """The UTC time of a text. timezone: the zone of times without one."""
    text = text.strip()
    written = _first_form(text)
    if written is not None and _is_leap_second(written):
        return Unreadable("a leap second (:60), which has no UTC time here")
    local = None if written is None else _local(written)
    if written is None or local is None:
        return Unreadable(_no_form(text))
    if written.zone is None:
        return _of_local(local, timezone)
    offset = _offset(written.zone)
    if offset is None:
        half = written.zone.lower().replace(".", "", 1)
        is_half = half[:2] in ("am", "pm") and not (half[2:3].isalnum() or half[2:3] == "_")
        return Unreadable(_no_form(text) if is_half else "offset not understood (write it as +01:00, or Z)")
    return _checked(local - offset)


def read_date(text: str) -> date | Unreadable:
    """The date of a text: a date, or a midnight without a zone."""
    text = text.strip()
    written = _first_form(text)
    local = None if written is None else _local(written)
    if written is None or local is None:
        return Unreadable(_no_form(text))
    midnight = _checked(local)
    if isinstance(midnight, Unreadable):
        return midnight
    return midnight.date() if written.zone is None and not local % timedelta(days=1) else Unreadable()


def _local(written: _Written) -> timedelta | None:
    """The local time since 1970; None if there is no such day or time of day."""
    days, (hours, minutes, seconds, fraction) = _days(written), written.clock
    if days is None or minutes > 59 or seconds > 59 or hours > 24 or (hours == 24 and (minutes or seconds or fraction)):
        return None
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=fraction)


def _is_leap_second(written: _Written) -> bool:
    hours, minutes, seconds, _ = written.clock
    return _days(written) is not None and hours < 24 and minutes < 60 and seconds == 60


def _checked(since_epoch: timedelta) -> datetime | Unreadable:
    if _FIRST - datetime(1970, 1, 1) <= since_epoch <= _LAST - datetime(1970, 1, 1):
        return _EPOCH + since_epoch
    return Unreadable("outside the years 1000 to 9999")


def _of_local(local: timedelta, timezone: str | None) -> datetime | Unreadable:
    on_clock = _checked(local)
    if isinstance(on_clock, Unreadable):
        return on_clock
    if timezone is None:
        return Unreadable("no time zone (declare timezone=)")
    naive, zone = on_clock.replace(tzinfo=None), ZoneInfo(timezone)
    offset = naive.replace(tzinfo=zone).utcoffset() or timedelta(0)  # the earlier one, if an hour occurs twice
    at = _checked(local - offset)
    if isinstance(at, datetime) and timedelta(days=1) < at - _EPOCH - (_FIRST - datetime(1970, 1, 1)) and at.year < 9999:
        shown = at.astimezone(zone).replace(tzinfo=None)
        if shown != naive:
            return Unreadable(f"does not exist in {timezone} (clocks skipped it)")
    return at


def _days(written: _Written) -> int | None:
    """Days from 1970 to the date of the text; None if there is no such date, or its weekday is wrong."""
    try:
        ordinal = date(written.year + 400, written.month, written.day).toordinal() - 146_097 if written.year < 1 else 0
        ordinal = ordinal or date(written.year, written.month, written.day).toordinal()
    except ValueError:
        return None
    if written.weekday is not None and written.weekday.lower() != _WEEKDAYS[(ordinal - 1) % 7]:
        return None
    return ordinal - _EPOCH.toordinal()


def _no_form(text: str) -> str:
    """The reason why a text is not a time."""
    lower = text.lower()
    unsigned = lower[1:] if lower[:1] in ("+", "-") and lower[:1] else lower
    if unsigned in ("inf", "infinity"):
        return "infinity is not a point in time"
    if _is_far(lower):
        return "outside the years 1000 to 9999"
    whole, _, rest = unsigned.partition(".")
    if _is_digits(whole) and 9 <= len(whole) <= 19 and (not rest or _is_digits(rest)):
        return "a number, not a time (epoch times: pl.from_epoch in the source's function)"
    return ""


def _is_far(text: str) -> bool:
    sign = text[0] if text[:1] in ("+", "-") and text else ""
    scan = _Scanner(text[len(sign) :])
    try:
        year = scan.digits(1, 10**6)
        for _ in range(2):
            scan.literal("-")
            scan.digits(1, 2)
    except _NoForm:
        return False
    if not sign and text.endswith("bc") and text[:-2] != text[:-2].rstrip() and "\n" not in text[scan.at : -3]:
        return True
    long = len(year) >= (4 if sign == "-" else 5)
    return long and (scan.ended() or scan.peek() == "t" or scan.peek().isspace())


# --- formats of times -----------------------------------------------------------------------------------------------


def _is_digits(text: str) -> bool:
    return bool(text) and all(character in "0123456789" for character in text)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def ended(self) -> bool:
        return self.at == len(self.text)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def digits(self, least: int, most: int) -> str:
        return self._run(lambda character: character in "0123456789", least, most)

    def letters(self, number: int) -> str:
        return self._run(lambda character: character.isascii() and character.isalpha(), number, number)

    def blanks(self, least: int) -> None:
        self._run(str.isspace, least, 10**6)

    def literal(self, wanted: str) -> None:
        if self.peek() not in list(wanted):
            raise _NoForm
        self.at += 1

    def _run(self, belongs: Callable[[str], bool], least: int, most: int) -> str:
        start = self.at
        while self.at < len(self.text) and self.at - start < most and belongs(self.text[self.at]):
            self.at += 1
        if self.at - start < least:
            raise _NoForm
        return self.text[start : self.at]

    def end(self) -> None:
        if not self.ended():
            raise _NoForm


def _first_form(text: str) -> _Written | None:
    if text.lower().endswith("bc") and text[-3:-2].isspace():
        return None
    for form in (_year_first("-"), _year_first("/"), _compact, _only_digits, _day_month_year, _javascript, _unix_date):
        try:
            return form(_Scanner(text))
        except _NoForm:
            continue
    return None


def _year_first(separator: str) -> Callable[[_Scanner], _Written]:
    def form(scan: _Scanner) -> _Written:
        year = scan.digits(4, 4)
        scan.literal(separator)
        month = scan.digits(1, 2)
        scan.literal(separator)
        written = _Written(int(year), int(month), int(scan.digits(1, 2)))
        if not scan.ended():
            _between(scan)
            written.clock, written.zone = _clock(scan), _zone(scan)
        return written

    return form


def _between(scan: _Scanner) -> None:
    """A T, or blanks, between day and hour."""
    if scan.peek() in ("T", "t"):
        scan.at += 1
    else:
        scan.blanks(1)


def _clock(scan: _Scanner) -> tuple[int, int, int, int]:
    hours = scan.digits(1, 2)
    scan.literal(":")
    minutes = scan.digits(2, 2)
    if scan.peek() != ":":
        return int(hours), int(minutes), 0, 0
    scan.at += 1
    return int(hours), int(minutes), int(scan.digits(2, 2)), _fraction(scan)


def _fraction(scan: _Scanner) -> int:
    """Microseconds; finer fractions are cut off."""
    if scan.peek() not in (".", ","):
        return 0
    scan.at += 1
    return int(scan.digits(1, 9).ljust(6, "0")[:6])


def _zone(scan: _Scanner) -> str | None:
    """The rest of the text, if it begins like a time zone."""
    if scan.ended():
        return None
    scan.blanks(0)
    first = scan.peek()
    if not first or not ((first.isascii() and first.isalpha()) or first in "+-\u2212") or "\n" in scan.text[scan.at :]:
        raise _NoForm
    return scan.text[scan.at :]


def _compact(scan: _Scanner) -> _Written:
    written = _Written(int(scan.digits(4, 4)), int(scan.digits(2, 2)), int(scan.digits(2, 2)))
    if not scan.ended():
        _between(scan)
        hours, minutes = scan.digits(2, 2), scan.digits(2, 2)
        seconds, fraction = "0", 0
        if scan.peek() in list("0123456789"):
            seconds, fraction = scan.digits(2, 2), _fraction(scan)
        written.clock, written.zone = (int(hours), int(minutes), int(seconds), fraction), _zone(scan)
    return written


def _only_digits(scan: _Scanner) -> _Written:
    year, *rest = scan.digits(4, 4), *(scan.digits(2, 2) for _ in range(5))
    scan.end()
    month, day, hours, minutes, seconds = map(int, rest)
    return _Written(int(year), month, day, (hours, minutes, seconds, 0))


def _month(scan: _Scanner) -> int:
    """The number of the month; 0, which no date has, for an unknown name."""
    name = scan.letters(3).lower()
    return _MONTHS.index(name) + 1 if name in _MONTHS else 0


def _day_month_year(scan: _Scanner) -> _Written:
    weekday = None
    if scan.peek() not in list("0123456789"):
        weekday = scan.letters(3)
        if scan.peek() == ",":
            scan.at += 1
        scan.blanks(1)
    day = scan.digits(1, 2)
    _blanks_or_hyphen(scan)
    month = _month(scan)
    _blanks_or_hyphen(scan)
    written = _Written(int(scan.digits(4, 4)), month, int(day), weekday=weekday)
    if not scan.ended():
        scan.blanks(1)
        written.clock, written.zone = _clock(scan), _zone(scan)
    return written


def _blanks_or_hyphen(scan: _Scanner) -> None:
    if scan.peek() == "-":
        scan.at += 1
    else:
        scan.blanks(1)


def _javascript(scan: _Scanner) -> _Written:
    weekday, month, day = _weekday_month_day(scan)
    written = _Written(int(scan.digits(4, 4)), month, int(day), weekday=weekday)
    if not scan.ended():
        scan.blanks(1)
        written.clock, written.zone = _clock(scan), _zone(scan)
    return written


def _unix_date(scan: _Scanner) -> _Written:
    weekday, month, day = _weekday_month_day(scan)
    clock, zone = _clock(scan), None
    scan.blanks(1)
    if scan.peek() not in list("0123456789"):
        start = scan.at
        while not scan.ended() and not scan.peek().isspace():
            scan.at += 1
        zone = scan.text[start : scan.at]
        if not ((zone[:1].isascii() and zone[:1].isalpha()) or zone[:1] in ("+", "-")):
            raise _NoForm
        scan.blanks(1)
    year = scan.digits(4, 4)
    scan.end()
    return _Written(int(year), month, int(day), clock, zone, weekday)


def _weekday_month_day(scan: _Scanner) -> tuple[str, int, str]:
    weekday = scan.letters(3)
    scan.blanks(1)
    month = _month(scan)
    scan.blanks(1)
    day = scan.digits(1, 2)
    scan.blanks(1)
    return weekday, month, day


def _offset(zone: str) -> timedelta | None:
    """How far a zone is ahead of UTC; None if it is not understood."""
    zone = zone.strip()
    for opening, closing in ("()", "[]"):
        start = zone.rfind(opening)
        if zone.endswith(closing) and start >= 0 and closing not in zone[start:-1]:
            zone = zone[:start].rstrip()
            break
    if zone.upper() in ("Z", "UTC", "GMT", "UT", "ETC/UTC"):
        return timedelta(0)
    if zone[:3] in ("UTC", "GMT"):
        zone = zone[3:]
    if zone[:1] not in ("+", "-", "\u2212") or not zone:
        return None
    scan = _Scanner(zone[1:])
    try:
        parts = _offset_parts(scan)
        if not scan.ended():
            scan.blanks(1)
            name = scan._run(lambda character: "A" <= character <= "Z", 2, 5)
            assert name
        scan.end()
    except _NoForm:
        return None
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
        return None
    offset = timedelta(hours=parts[0], minutes=parts[1], seconds=parts[2])
    return offset if zone[0] == "+" else -offset


def _offset_parts(scan: _Scanner) -> tuple[int, int, int]:
    digits = scan.digits(1, 6)
    if len(digits) in (4, 6):
        return int(digits[:2]), int(digits[2:4]), int(digits[4:] or 0)
    if len(digits) > 2:
        raise _NoForm
    found = [int(digits)]
    while len(found) < 3 and scan.peek() == ":":
        scan.at += 1
        found.append(int(scan.digits(2, 2)))
    return found[0], [*found, 0][1], [*found, 0, 0][2]
