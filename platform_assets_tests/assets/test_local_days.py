"""Dagster's partitions of a time zone are ours: the same keys, and the same moments to the microsecond."""

from datetime import UTC, date, timedelta

import dagster as dg
import pytest

from platform_assets import daily, monthly, weekly
from platform_assets.assets.partitions import partitions_definition
from platform_assets.declare.partitions import Partitions
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.zones import CHANGES

HAD_EVERY_DAY = {change: place for change, place in CHANGES.items() if not change.startswith("a day was skipped")}


def about(zone: str, day: str) -> list[Partitions]:
    """Half a year of days, of weeks, and of months, around a day."""
    first, last = (date.fromisoformat(day) + timedelta(days=days) for days in (-90, 90))
    mondays = [str(one - timedelta(days=one.weekday())) for one in (first, last)]
    firsts = [str(one.replace(day=1)) for one in (first, last)]
    return [
        daily(str(first), end=str(last), timezone=zone),
        weekly(mondays[0], end=mondays[1], timezone=zone),
        monthly(firsts[0], end=firsts[1], timezone=zone),
    ]


@pytest.mark.parametrize("change", HAD_EVERY_DAY)
def test_dagster_has_the_same_partitions(change: str) -> None:
    for partitions in about(*CHANGES[change]):
        definition = partitions_definition(partitions)
        assert definition.timezone == partitions.zone
        assert partitions.last is not None
        keys = list(partitions.keys(partitions.first, partitions.last))
        assert definition.get_partition_keys() == keys
        for index, key in enumerate(keys, start=partitions.first):
            window = definition.time_window_for_partition_key(key)
            assert (window.start.astimezone(UTC), window.end.astimezone(UTC)) == (partitions.starts_at(index), partitions.ends_at(index)), (
                key
            )
            assert (partitions.index(window.start), partitions.index(window.end)) == (index, index + 1)


def test_dagster_makes_a_partition_of_a_day_that_was_skipped() -> None:
    """Why such days are refused: the key has the window of the next one. If this fails, they need not be refused any more."""
    days = dg.DailyPartitionsDefinition(start_date="2011-12-29", timezone="Pacific/Apia")
    assert days.get_partition_keys()[:3] == ["2011-12-29", "2011-12-30", "2011-12-31"]
    skipped, next_day = (days.time_window_for_partition_key(key) for key in ("2011-12-30", "2011-12-31"))
    assert (skipped.start.astimezone(UTC), skipped.end.astimezone(UTC)) == (next_day.start.astimezone(UTC), next_day.end.astimezone(UTC))


def test_days_over_a_skipped_one_are_refused_and_those_on_either_side_are_not() -> None:
    with pytest.raises(DeclarationError, match="Pacific/Apia skipped the day 2011-12-30, for which Dagster would create"):
        partitions_definition(daily("2011-12-01", timezone="Pacific/Apia"))
    assert partitions_definition(daily("2011-12-31", timezone="Pacific/Apia"))
    assert partitions_definition(daily("2011-12-01", end="2011-12-31", timezone="Pacific/Apia"))
    assert partitions_definition(weekly("2011-12-26", timezone="Pacific/Apia"))
