"""Days, weeks and months of a time zone: where they begin, what they are called, and which a source has."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from platform_assets import FeatureService, FeatureView, TrainingSet, any_event, count, daily, every, hourly, monthly, weekly
from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.declare.timezones import midnight
from platform_assets.engines.reference_partitions import containing, ends_at, first_shown, starts_at
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.shop import CUSTOMER, orders
from platform_assets_tests.declare.zones import CHANGES

MAKERS = {"day": daily, "week": weekly, "month": monthly}


def around(zone: str, day: str, unit: str = "day") -> tuple[Partitions, range]:
    """Partitions that begin long before a day, and those near it."""
    first = {"day": 60, "week": 90, "month": 400}[unit]
    start = date.fromisoformat(day) - timedelta(days=first)
    start = start - timedelta(days=start.weekday()) if unit == "week" else start.replace(day=1) if unit == "month" else start
    partitions = MAKERS[unit](str(start), timezone=zone)
    middle = partitions.number(day)
    return partitions, range(middle - 4, middle + 6)


@pytest.mark.parametrize("unit", MAKERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_partition_begins_when_the_clocks_of_its_zone_first_show_its_date(change: str, unit: str) -> None:
    partitions, near = around(*CHANGES[change], unit)
    for index in near:
        assert partitions.starts_at(index) == starts_at(partitions, index), partitions.key(index)
        assert partitions.ends_at(index) == ends_at(partitions, index)
        assert partitions.starts_at(index) < partitions.ends_at(index), "none is empty"
        assert partitions.number(partitions.key(index)) == partitions.index_of(partitions.key(index)) == index
        for at in (partitions.starts_at(index), partitions.ends_at(index) - MICROSECOND, partitions.starts_at(index) + timedelta(hours=1)):
            assert partitions.index(at) == containing(partitions, at) == index


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2024-03-10", 23),
        ("America/New_York", "2024-11-03", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("Australia/Lord_Howe", "2024-10-06", 23.5),
        ("America/Havana", "2024-11-03", 25),
        ("Pacific/Apia", "2011-12-29", 24),
        ("Pacific/Kwajalein", "1969-09-30", 47),
        ("Asia/Kolkata", "2024-03-10", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, day: str, hours: float) -> None:
    partitions, _ = around(zone, day)
    index = partitions.index_of(day)
    assert (partitions.ends_at(index) - partitions.starts_at(index)) / timedelta(hours=1) == hours


def test_a_day_that_a_zone_skipped_is_no_partition() -> None:
    days = daily("2011-12-01", timezone="Pacific/Apia")
    before = days.index_of("2011-12-29")
    assert (days.key(before + 1), days.ends_at(before)) == ("2011-12-31", datetime(2011, 12, 30, 10, tzinfo=UTC))
    with pytest.raises(DeclarationError, match="there is no day '2011-12-30'"):
        days.index_of("2011-12-30")
    with pytest.raises(DeclarationError, match="'2011-12-30', a day that Pacific/Apia skipped: write 2011-12-31"):
        daily("2011-12-30", timezone="Pacific/Apia")


def test_before_zones_had_rules_and_after_all_that_are_known_days_begin_at_midnight_too() -> None:
    for day in (date(1000, 1, 1), date(1799, 12, 31), date(1883, 11, 18), date(2039, 3, 13), date(2399, 12, 31), date(9998, 7, 1)):
        assert midnight(day, "America/New_York") == first_shown("America/New_York", day)


REFUSED: dict[str, tuple[Any, str]] = {
    "an unknown zone": (lambda: daily("2024-03-01", timezone="Europe/Lodnon"), "there is no time zone 'Europe/Lodnon'. Did you mean"),
    "hours of a zone": (lambda: hourly("2024-03-01", timezone="Asia/Kolkata"), "hourly partitions are UTC hours: when clocks go back"),
    "a time within a day": (lambda: daily("2024-03-01T05:00", timezone="America/New_York"), "start at 2024-03-01T05:00: that is within a"),
    "a week from Friday": (lambda: weekly("2024-03-01", timezone="America/New_York"), "Write '2024-02-26' or '2024-03-04'"),
    "an offset": (lambda: daily("2024-03-01T00:00+00:00", timezone="Europe/London"), "remove the offset, the time is in Europe/London"),
    "local times in hours": (
        lambda: orders(timezone="America/New_York", partitions=hourly("2024-03-01")),
        r"hourly partitions are hours of UTC, the times are of America/New_York. .* hourly\('2024-03-01T00', timezone='UTC'\)",
    ),
    "labels and features of different zones": (
        lambda: trained(orders(timezone="Europe/London", partitions=daily("2024-01-01")), orders(partitions=daily("2024-01-01"))),
        "labels come from 'orders', with days of Europe/London; view 'spend' reads 'orders', with days of UTC. Dagster maps",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_with_what_to_write(case: str) -> None:
    declare, says = REFUSED[case]
    with pytest.raises(DeclarationError, match=says):
        declare()


def trained(of_labels: Any, of_features: Any) -> TrainingSet:
    spend = FeatureView("spend", entity=CUSTOMER, source=of_features, features=[count().over("7d")])
    labels = any_event(of_labels, within="7d", spine=every("7d", active="30d"))
    return TrainingSet("churn", features=FeatureService("spending", [spend]), labels=labels)


def test_days_without_a_zone_are_those_of_the_source() -> None:
    plain, west = orders(), orders(timezone="America/New_York", partitions=daily("2024-03-01", end="2024-04-01"))
    said = orders(timezone="America/New_York", partitions=daily("2024-03-01", timezone="Asia/Tokyo"))
    universal = orders(timezone="America/New_York", partitions=daily("2024-03-01", timezone="UTC"))
    hours = orders(timezone="America/New_York", partitions=hourly("2024-03-01", timezone="UTC"))
    assert [of.partitions.zone for of in (plain, west, said, universal, hours)] == ["UTC", "America/New_York", "Asia/Tokyo", "UTC", "UTC"]
    assert (west.partitions.start, west.partitions.end) == (datetime(2024, 3, 1, 5, tzinfo=UTC), datetime(2024, 4, 1, 4, tzinfo=UTC))
    assert list(west.partitions.keys(west.partitions.first, west.partitions.last or 0))[::30] == ["2024-03-01", "2024-03-31"]


def test_months_of_checkpoints_and_of_training_are_those_of_the_zone() -> None:
    west = orders(timezone="America/New_York", partitions=daily("2024-03-01", end="2024-05-01"))
    months = trained(west, west).partitions
    assert list(months.keys(months.first, months.last or 0)) == ["2024-03-01", "2024-04-01"]
    assert months.ends_at(months.first) == datetime(2024, 4, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize("window", ["1h", "12h", "1d", "7d", "30d"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_snapshot_reads_the_day_of_every_row_that_leaves_it_and_no_more_than_is_mapped(change: str, window: str) -> None:
    zone, day = CHANGES[change]
    partitions, near = around(zone, day)
    view = FeatureView("spend", entity=CUSTOMER, source=orders(partitions=partitions), features=[count().over(window)])
    for index in range(near.start, near.stop + 40):
        oldest = starts_at(partitions, index) - view.reach  # of the rows that were inside when the snapshot before ended
        assert partitions.starts_at(view.reads_from(index)) <= oldest < partitions.ends_at(view.reads_from(index))
        assert index - view.reads_from(index) <= view.reads_back
