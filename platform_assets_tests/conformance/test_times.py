"""Times as text: whatever is written in a supported format comes back exact, and engine and oracle agree on everything else."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import timezone as fixed
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.engines.reference_times import Unreadable, read_date, read_time
from platform_assets.kernels.timestamps import dates_of, times_of, to_utc, why_no_dates, why_no_times

Writer = Callable[[datetime], str]


def _offset(at: datetime, form: str) -> str:
    seconds = int((at.utcoffset() or timedelta(0)).total_seconds())
    sign, (hours, rest) = "-" if seconds < 0 else "+", divmod(abs(seconds), 3600)
    return form.format(sign=sign, h=hours, m=rest // 60, s=rest % 60)


def _iso(date_form: str, clock_form: str, offset_form: str) -> Writer:
    return lambda at: (
        f"{at:{date_form}}{clock_form.format(h=at.hour, m=at.minute, s=at.second, f=at.microsecond)}" + _offset(at, offset_form)
    )


SECONDS, HOURS = "{sign}{h:02}:{m:02}:{s:02}", "{sign}{h:02}"
WRITERS: dict[str, tuple[Writer, int, int]] = {
    # a format, the finest part of a second that it writes in microseconds, and the finest offset in seconds
    "PostgreSQL": (_iso("%Y-%m-%d ", "{h:02}:{m:02}:{s:02}.{f:06}", SECONDS), 1, 1),
    "PostgreSQL, whole hours": (_iso("%Y-%m-%d ", "{h:02}:{m:02}:{s:02}", HOURS), 1_000_000, 3600),
    "BigQuery": (lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC", 1, 1),
    "pandas": (lambda at: str(at), 1, 1),
    "pandas, nanoseconds": (_iso("%Y-%m-%d ", "{h:02}:{m:02}:{s:02}.{f:06}999", SECONDS), 1, 1),
    "Spark": (_iso("%Y-%m-%dT", "{h:02}:{m:02}:{s:02}.{f:06}", "{sign}{h:02}:{m:02}"), 1, 60),
    "Java ZonedDateTime": (_iso("%Y-%m-%dT", "{h:02}:{m:02}:{s:02}.{f:06}", "{sign}{h:02}:{m:02}[Some/Zone]"), 1, 60),
    "SQL Server": (_iso("%Y-%m-%d ", "{h:02}:{m:02}:{s:02}.{f:06}0", " {sign}{h:02}:{m:02}"), 1, 60),
    "ISO 8601 with a comma": (_iso("%Y-%m-%dT", "{h:02}:{m:02}:{s:02},{f:06}", "{sign}{h:02}{m:02}"), 1, 60),
    "ISO 8601 basic": (_iso("%Y%m%dT", "{h:02}{m:02}{s:02}", "{sign}{h:02}{m:02}"), 1_000_000, 60),
    "slashes, minutes": (_iso("%Y/%m/%d ", "{h}:{m:02}", "{sign}{h}:{m:02}"), 60_000_000, 60),
    "JavaScript toISOString": (lambda at: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z", 1000, 1),
    "JavaScript toString": (lambda at: f"{at:%a %b %d %Y %H:%M:%S} " + _offset(at, "GMT{sign}{h:02}{m:02} (Some Time)"), 1_000_000, 60),
    "RFC 2822": (format_datetime, 1_000_000, 60),
    "HTTP": (lambda at: format_datetime(at.astimezone(UTC), usegmt=True), 1_000_000, 1),
    "Unix date": (lambda at: f"{at.astimezone(UTC):%a %b %e %H:%M:%S UTC %Y}", 1_000_000, 1),
    "Go": (_iso("%Y-%m-%d ", "{h:02}:{m:02}:{s:02}.{f:06}", " {sign}{h:02}{m:02} UTC"), 1, 60),
}
ZONES = ("UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca")
MICROSECOND = timedelta(microseconds=1)
# Two days inside the ends, so that no offset leads out of Python's years.
MOMENTS = st.datetimes(datetime(1000, 1, 3), datetime(9999, 12, 29))


@settings(max_examples=60)
@given(MOMENTS, st.integers(-86_399, 86_399), st.sampled_from(sorted(WRITERS)))
def test_a_time_with_an_offset_comes_back_exact_in_every_format(at: datetime, offset: int, name: str) -> None:
    write, finest, of_offset = WRITERS[name]
    zone = fixed(timedelta(seconds=int(offset / of_offset) * of_offset))
    local = at - (at - datetime(1, 1, 1)) % timedelta(microseconds=finest)
    meant = local.replace(tzinfo=zone)
    if name in ("BigQuery", "JavaScript toISOString", "HTTP", "Unix date"):
        meant -= (meant - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(microseconds=finest)
    text = write(meant)
    assert times_of(pl.Series([text]), None).to_list() == [meant.astimezone(UTC)], text
    assert read_time(text, "Europe/London") == meant.astimezone(UTC), text


@settings(max_examples=60)
@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 29)), st.sampled_from(ZONES), st.sampled_from("T "))
def test_a_local_time_is_that_of_its_zone_also_when_polars_knows_no_summer_time(at: datetime, zone: str, between: str) -> None:
    text = at.isoformat(sep=between)
    wanted = read_time(text, zone)
    assert times_of(pl.Series([text]), zone).to_list() == [None if isinstance(wanted, Unreadable) else wanted], text
    if not isinstance(wanted, Unreadable):
        assert wanted.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == at
    found = to_utc(pl.Series([at], dtype=pl.Datetime("us")), zone)
    assert found.to_list() == times_of(pl.Series([text]), zone).to_list()


FIRST = ["2024-03-01T09:05:06Z", "2024-03-01 09:05:06Z", "2024-03-01T09:05:06", "2024-03-01 09:05:06"]
"""Whole seconds: as the first text of a column, each of these decides by which form most texts are read."""
SEEDS = [
    *FIRST * 2,
    *(write(datetime(2024, 3, 1, 9, 5, 6, 123456, tzinfo=fixed(timedelta(hours=-5, minutes=-30)))) for write, _, _ in WRITERS.values()),
    *("2024-03-01", "2024/3/1 9:05", "20240301090500", "1 Mar 2024", "24:00:00", "2024-03-01T24:00:00Z", "2016-12-31T23:59:60Z"),
    *("infinity", "0044-03-15 00:00:00 BC", "1709283900", "1709283900000.5", "2024-03-31 01:30:00", "9999-12-31 23:59:59.9-01"),
    *("0000-01-01 00:00:00Z", "-0044-03-15T00:00:00Z", "+275760-09-13T00:00:00.000Z", "2024-03-01 09:05 PM", "10/03/2026 21:34"),
]
CHARACTERS = "0123456789" * 2 + "-:+ TZ/.,()[]ABCGMUFriMarPabc\u2212\n\t"


def mutated(random: random.Random) -> str:
    text = list(random.choice(SEEDS))
    for _ in range(random.randint(0, 3)):
        place = random.randrange(len(text) + 1)
        text[place : place + random.randint(0, 1)] = random.choice([[], [random.choice(CHARACTERS)]])
    return "".join(text)


@pytest.mark.parametrize("timezone", [None, "Europe/London"])
def test_engine_and_oracle_agree_on_texts_that_are_nearly_times(timezone: str | None) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    draw = random.Random(seed)
    texts = [mutated(draw) for _ in range(4_000)]
    times = times_of(pl.Series(texts), timezone)
    for first in FIRST:
        assert times_of(pl.Series([first, *texts]), timezone)[1:].equals(times), (seed, first)
    found = zip(times, why_no_times(pl.Series(texts), timezone), strict=True)
    for text, (time, reason) in zip(texts, found, strict=True):
        wanted = read_time(text, timezone)
        assert (time or Unreadable(reason or "")) == wanted, (seed, text)
    days = zip(dates_of(pl.Series(texts)), why_no_dates(pl.Series(texts)), strict=True)
    for text, (day, reason) in zip(texts, days, strict=True):
        assert (day or Unreadable(reason or "")) == read_date(text), (seed, text)


@settings(max_examples=60)
@given(st.dates(date(1000, 1, 1), date(9999, 12, 31)), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d %b %Y", "%Y-%m-%d 00:00:00"]))
def test_a_date_comes_back_in_every_format(day: date, form: str) -> None:
    assert dates_of(pl.Series([f"{day:{form}}"])).to_list() == [day] == [read_date(f"{day:{form}}")]


def test_an_empty_column_and_one_without_values_have_no_times() -> None:
    for values in ([], [None], [None, "2024-03-01T00:00Z"]):
        texts: Any = pl.Series(values, dtype=pl.String)
        assert times_of(texts, None).null_count() == sum(value is None for value in values)
        assert len(dates_of(texts)) == len(why_no_times(texts, None)) == len(values)
