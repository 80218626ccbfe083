"""What reports and partitions refuse, word for word."""

from datetime import UTC, date, datetime

import pytest

from platform_assets import count, daily, derive, hourly, monthly, sum, time_since_last, weekly
from platform_assets.declare.partitions import Partitions
from platform_assets_tests.declare.shop import HOURLY, Wrong, orders, refused, spend, takings

TAKINGS = "gold table 'takings'"
NO_WINDOWS = "a report has no windows: it aggregates the rows of an event day. Leave over, within, offset and closed out."

REPORTS: Wrong = {
    "an argument is misspelt": (lambda: takings(mesures=[]), f"{TAKINGS}: there is no argument 'mesures'. Did you mean 'measures'?"),
    "the source is a view": (lambda: takings(source=spend()), f"{TAKINGS}, source: FeatureView('spend') is no source. Declare it"),
    "by is a text": (lambda: takings(by="country"), f"{TAKINGS}, by: 'country' is no list. Write by=['country']."),
    "by is misspelt": (lambda: takings(by=["contry"]), f"{TAKINGS}, by, source 'orders': there is no column 'contry'. Did you mean 'count"),
    "by has a column twice": (lambda: takings(by=["country", "country"]), f"{TAKINGS}, by: 'country' is listed twice. Leave one out."),
    "a time zone is unknown": (lambda: takings(timezone="Europe/Londn"), f"{TAKINGS}, timezone: there is no time zone 'Europe/Londn'. Did"),
    "an hourly report has a time zone": (
        lambda: takings(timezone="Europe/London", source=HOURLY),
        f"{TAKINGS}, timezone: only a report by day has a time zone of its own, 'orders' arrives by hour of UTC",
    ),
    "its days have one that the source's zone skipped": (
        lambda: takings(timezone="UTC", source=orders(partitions=daily("2011-12-01", timezone="Pacific/Apia"))),
        f"{TAKINGS}, timezone: UTC had the day 2011-12-30, which Pacific/Apia skipped: its events would belong to no partition",
    ),
    "there is no measure": (lambda: takings(measures=[]), f"{TAKINGS} has no measures. Write measures=[count().named('rows')]."),
    "measures are one measure": (lambda: takings(measures=count().named("n")), f"{TAKINGS}, measures: Feature('n') is no list."),
    "a measure is a text": (lambda: takings("count"), f"{TAKINGS}, measures: 'count' is no aggregation. Write count().named('rows')."),
    "a measure is derived": (lambda: takings(derive("a", "1")), f"{TAKINGS}, measures: Derived('a') is no aggregation."),
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
        f"{TAKINGS}, time_since_last(), source 'orders': a report has no moment of reading, so no time since. Use max('ordered_at').",
    ),
    "a measure is misspelt": (lambda: takings(sum("amout").named("n")), f"{TAKINGS}, sum('amout'), source 'orders': 'amout': there is no"),
    "a measure is no number": (
        lambda: takings(sum("country").named("n")),
        f"{TAKINGS}, sum('country'), source 'orders': sum needs a number,",
    ),
    "a measure is named as a column": (
        lambda: takings(count().named("country")),
        f"{TAKINGS}: the column 'country' exists twice. Give the",
    ),
    "a measure is named as the partition": (
        lambda: takings(count().named("partition")),
        f"{TAKINGS}: the column 'partition' exists twice.",
    ),
    "two measures have one name": (
        lambda: takings(count().named("n"), sum("amount").named("n")),
        f"{TAKINGS}: the column 'n' exists twice. Give the measure another name: .named('...').",
    ),
    "a name has the window": (
        lambda: takings(count().named("n_{window}")),
        f"{TAKINGS}, count(), source 'orders': the name 'n_{{window}}'",
    ),
    "a description is None": (lambda: takings(description=None), f"{TAKINGS}, description: None is no text."),
}

PARTITIONS: Wrong = {
    "a day begins at five": (
        lambda: daily("2024-01-01T05:00"),
        "partitions cannot start at 2024-01-01T05:00: that is inside a day. Write '2024-01-01' or '2024-01-02'.",
    ),
    "a week begins on Tuesday": (
        lambda: weekly("2024-01-02"),
        "partitions cannot start at 2024-01-02T00:00: that is inside a week, which begins on Monday. Write '2024-01-01' or '2024-01-08'.",
    ),
    "a month begins on the 15th": (
        lambda: monthly("2024-01-15"),
        "partitions cannot start at 2024-01-15T00:00: that is inside a month. Write '2024-01-01' or '2024-02-01'.",
    ),
    "an hour begins at half past": (
        lambda: hourly("2024-01-01T05:30"),
        "partitions cannot start at 2024-01-01T05:30: that is inside an hour. Write '2024-01-01T05' or '2024-01-01T06'.",
    ),
    "the end is inside a day": (
        lambda: daily("2024-01-01", end="2024-01-03T10:00"),
        "partitions cannot end at 2024-01-03T10:00: that is inside a day. Write '2024-01-03' or '2024-01-04'.",
    ),
    "the end comes before the start": (
        lambda: daily("2024-01-02", end="2024-01-01"),
        "partitions cannot end at 2024-01-01T00:00: they start at 2024-01-02T00:00",
    ),
    "the end is the start": (lambda: daily("2024-01-02", end="2024-01-02"), "partitions cannot end at 2024-01-02T00:00: they start at"),
    "the start is a word": (lambda: daily("today"), "partitions start at 'today', which is no date: write it as '2024-01-31'"),
    "the start is None": (lambda: daily(None), "partitions start at None, which is no date: write it as '2024-01-31'"),  # type: ignore[arg-type]
    "the start is a date": (lambda: daily(date(2024, 1, 1)), "partitions start at datetime.date(2024, 1, 1), which is no date: write"),  # type: ignore[arg-type]
    "the start is local": (
        lambda: daily("2024-01-01T00:00+02:00"),
        "partitions start at '2024-01-01T00:00+02:00', a time with an offset: leave it out, the time is one of UTC",
    ),
    "the start is missing": (lambda: daily(), "daily is missing the argument 'start'."),  # type: ignore[call-arg]
    "an argument is unknown": (lambda: daily("2024-01-01", until="2025-01-01"), "daily('2024-01-01'): there is no argument 'until'."),  # type: ignore[call-arg]
    "an end has no name": (lambda: weekly("2024-01-01", "2025-01-01"), "weekly('2024-01-01'): only start may stand without a name."),  # type: ignore[call-arg]
    "a key is no day": (lambda: daily("2024-01-01").index_of("2024-1"), "'2024-1' is no day: write it as 2024-01-01"),
    "a key comes before the first": (
        lambda: daily("2024-01-01").index_of("2023-12-31"),
        "there is no day '2023-12-31': the first is 2024-01-01, each begins where the one before ends",
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
