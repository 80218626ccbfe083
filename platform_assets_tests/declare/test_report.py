"""What reports and partitions refuse, word for word."""

from datetime import UTC, date, datetime

import pytest

from platform_assets import count, daily, derive, hourly, monthly, sum, time_since_last, weekly
from platform_assets.declare.partitions import Partitions
from platform_assets_tests.declare.shop import HOURLY, Wrong, orders, refused, spend, takings

TAKINGS = "gold table 'takings'"
NO_WINDOWS = "a report has no windows: it aggregates the rows of an event day. Remove over, within, offset and closed."

REPORTS: Wrong = {
    "an argument is misspelt": (lambda: takings(mesures=[]), f"{TAKINGS}: there is no argument 'mesures'. Did you mean 'measures'?"),
    "the source is a view": (lambda: takings(source=spend()), f"{TAKINGS}, source: FeatureView('spend') is not a source. Declare it"),
    "by is a text": (lambda: takings(by="country"), f"{TAKINGS}, by: 'country' is not a list. Write by=['country']."),
    "by is misspelt": (lambda: takings(by=["contry"]), f"{TAKINGS}, by, source 'orders': there is no column 'contry'. Did you mean 'count"),
    "by has a column twice": (lambda: takings(by=["country", "country"]), f"{TAKINGS}, by: 'country' is listed twice. Leave one out."),
    "a time zone is unknown": (lambda: takings(timezone="Europe/Londn"), f"{TAKINGS}, timezone: there is no time zone 'Europe/Londn'. Did"),
    "an hourly report has a time zone": (
        lambda: takings(timezone="Europe/London", source=HOURLY),
        f"{TAKINGS}, timezone: only a report by day can have its own time zone, but the partitions of 'orders' are each one hour of UTC",
    ),
    "its days have one that the source's zone skipped": (
        lambda: takings(timezone="UTC", source=orders(partitions=daily("2011-12-01", timezone="Pacific/Apia"))),
        f"{TAKINGS}, timezone: UTC has the day 2011-12-30, which Pacific/Apia skipped: its events would belong to no partition",
    ),
    "there is no measure": (lambda: takings(measures=[]), f"{TAKINGS} has no measures. Write measures=[count().named('rows')]."),
    "measures are one measure": (lambda: takings(measures=count().named("n")), f"{TAKINGS}, measures: Feature('n') is not a list."),
    "a measure is a text": (lambda: takings("count"), f"{TAKINGS}, measures: 'count' is not an aggregation. Write count().named('rows')."),
    "a measure is derived": (lambda: takings(derive("a", "1")), f"{TAKINGS}, measures: Derived('a') is not an aggregation."),
    "a measure has no name": (lambda: takings(count()), f"{TAKINGS}, count(), source 'orders': a measure needs a name. Add .named('...')."),
    "a measure has a window": (lambda: takings(count().over("7d").named("n")), f"{TAKINGS}, count(), source 'orders': {NO_WINDOWS}"),
    "a measure has an offset": (
        lambda: takings(count(offset="1d").named("n")),
        f"{TAKINGS}, count(offset='1d'), source 'orders': {NO_WINDOWS}",
    ),
    "a measure has an edge": (
        lambda: takings(count(closed="both").named("n")),
        f"{TAKINGS}, count(closed='both'), source 'orders': {NO_WINDOWS}",
    ),
    "a measure is a time since": (
        lambda: takings(time_since_last().named("n")),
        f"{TAKINGS}, time_since_last(), source 'orders': a report is not computed at read time, so it has no time since. Use "
        f"max('ordered_at').",
    ),
    "a measure is misspelt": (lambda: takings(sum("amout").named("n")), f"{TAKINGS}, sum('amout'), source 'orders': 'amout': there is no"),
    "a measure is not a number": (
        lambda: takings(sum("country").named("n")),
        f"{TAKINGS}, sum('country'), source 'orders': sum needs a number, but",
    ),
    "a measure is named as a column": (
        lambda: takings(count().named("country")),
        f"{TAKINGS}: there are two columns 'country'. Give the",
    ),
    "a measure is named as the partition": (
        lambda: takings(count().named("partition")),
        f"{TAKINGS}: there are two columns 'partition'.",
    ),
    "two measures have one name": (
        lambda: takings(count().named("n"), sum("amount").named("n")),
        f"{TAKINGS}: there are two columns 'n'. Give the measure another name: .named('...').",
    ),
    "a name has the window": (
        lambda: takings(count().named("n_{window}")),
        f"{TAKINGS}, count(), source 'orders': the name 'n_{{window}}'",
    ),
    "a description is None": (lambda: takings(description=None), f"{TAKINGS}, description: None is not a string."),
}

PARTITIONS: Wrong = {
    "a day begins at five": (
        lambda: daily("2024-01-01T05:00"),
        "partitions cannot start at 2024-01-01T05:00: that is within a day. Write '2024-01-01' or '2024-01-02'.",
    ),
    "a week begins on Tuesday": (
        lambda: weekly("2024-01-02"),
        "partitions cannot start at 2024-01-02T00:00: that is within a week, which begins on Monday. Write '2024-01-01' or '2024-01-08'.",
    ),
    "a month begins on the 15th": (
        lambda: monthly("2024-01-15"),
        "partitions cannot start at 2024-01-15T00:00: that is within a month. Write '2024-01-01' or '2024-02-01'.",
    ),
    "an hour begins at half past": (
        lambda: hourly("2024-01-01T05:30"),
        "partitions cannot start at 2024-01-01T05:30: that is within an hour. Write '2024-01-01T05' or '2024-01-01T06'.",
    ),
    "the end is inside a day": (
        lambda: daily("2024-01-01", end="2024-01-03T10:00"),
        "partitions cannot end at 2024-01-03T10:00: that is within a day. Write '2024-01-03' or '2024-01-04'.",
    ),
    "the end comes before the start": (
        lambda: daily("2024-01-02", end="2024-01-01"),
        "partitions cannot end at 2024-01-01T00:00: they start at 2024-01-02T00:00",
    ),
    "the end is the start": (lambda: daily("2024-01-02", end="2024-01-02"), "partitions cannot end at 2024-01-02T00:00: they start at"),
    "the start is a word": (lambda: daily("today"), "partitions start at 'today', which is not a date: write it as '2024-01-31'"),
    "the start is None": (lambda: daily(None), "partitions start at None, which is not a date: write it as '2024-01-31'"),  # type: ignore[arg-type]
    "the start is a date": (lambda: daily(date(2024, 1, 1)), "partitions start at datetime.date(2024, 1, 1), which is not a date: write"),  # type: ignore[arg-type]
    "the start is local": (
        lambda: daily("2024-01-01T00:00+02:00"),
        "partitions start at '2024-01-01T00:00+02:00', a time with an offset: remove the offset, the time is in UTC",
    ),
    "the start is missing": (lambda: daily(), "daily is missing the argument 'start'."),  # type: ignore[call-arg]
    "an argument is unknown": (lambda: daily("2024-01-01", until="2025-01-01"), "daily('2024-01-01'): there is no argument 'until'."),  # type: ignore[call-arg]
    "an end has no name": (lambda: weekly("2024-01-01", "2025-01-01"), "weekly('2024-01-01'): only start may be positional."),  # type: ignore[call-arg]
    "a key is not a day": (lambda: daily("2024-01-01").index_of("2024-1"), "'2024-1' is not a day: write it as 2024-01-01"),
    "a key comes before the first": (
        lambda: daily("2024-01-01").index_of("2023-12-31"),
        "there is no day '2023-12-31': the first is 2024-01-01, and each begins where the previous one ends",
    ),
    "a key is inside a week": (lambda: weekly("2024-01-01").index_of("2024-01-03"), "there is no week '2024-01-03': the first is"),
    "months are measured": (
        lambda: monthly("2024-01-01").step,
        "months have no fixed length: a feature view needs a source with partitions",
    ),
}


@pytest.mark.parametrize("what", REPORTS)
def test_a_wrong_report_says_what_is_wrong(what: str) -> None:
    refused(*REPORTS[what])


@pytest.mark.parametrize("what", PARTITIONS)
def test_wrong_partitions_say_what_is_wrong(what: str) -> None:
    refused(*PARTITIONS[what])


@pytest.mark.parametrize(
    ("partitions", "key", "end"),
    [
        (hourly("2024-02-28T22:00"), "2024-02-29T23", datetime(2024, 3, 1, tzinfo=UTC)),
        (daily("2024-02-28"), "2024-02-29", datetime(2024, 3, 1, tzinfo=UTC)),
        (weekly("2024-02-26"), "2024-12-30", datetime(2025, 1, 6, tzinfo=UTC)),
        (monthly("2024-02-01"), "2024-12-01", datetime(2025, 1, 1, tzinfo=UTC)),
        (monthly("1969-11-01"), "1969-12-01", datetime(1970, 1, 1, tzinfo=UTC)),
        (daily("1969-12-30"), "1969-12-31", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_partition_ends_where_the_next_begins(partitions: Partitions, key: str, end: datetime) -> None:
    index = partitions.index_of(key)
    assert partitions.key(index) == key
    assert partitions.ends_at(index) == end == partitions.starts_at(index + 1)
    assert partitions.index(end) == index + 1


def test_an_end_is_excluded() -> None:
    days = daily("2024-01-01", end="2024-01-03")
    assert days.last is not None
    assert list(days.keys(days.first, days.last)) == ["2024-01-01", "2024-01-02"]
