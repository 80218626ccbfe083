"""Lifetime windows as they are declared, and the months at whose ends their states are kept."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from platform_assets import FeatureView, count, daily, hourly, sum, weekly
from platform_assets.declare.checkpoints import (
    arrivals_of_checkpoint,
    arrivals_of_snapshot,
    entry_delay,
    month_of,
    months_of,
    pending_from,
    snapshot_of,
)
from platform_assets.declare.features import Feature
from platform_assets.declare.partitions import Partitions
from platform_assets_tests.declare.shop import CUSTOMER, orders

LIFETIME = count().over("lifetime")


def view(partitions: Partitions, *features: Feature) -> FeatureView:
    return FeatureView("spend", entity=CUSTOMER, source=orders(partitions=partitions), features=features or [LIFETIME])


def test_a_lifetime_is_named_as_other_windows_and_reaches_as_far_as_its_offset() -> None:
    late = sum("amount", offset="36h").over("lifetime").named("late_{window}")
    spend = view(daily("2024-01-01"), count().over("7d", "lifetime"), late)
    assert list(spend.served) == ["count_7d", "count_lifetime", "late_lifetime"]
    assert [feature.name for feature in spend.lifetime] == ["count_lifetime", "late_lifetime"]
    assert (spend.reach, spend.reads_back, entry_delay(spend)) == (timedelta(days=7), 7, timedelta(hours=36))
    assert spend.lookback is None, "the last row of an entity may lie in any partition"
    assert view(daily("2024-01-01"), late).reads_back == 2


def test_a_view_without_a_lifetime_reads_as_far_back_as_its_windows() -> None:
    spend = view(daily("2024-01-01"), count().over("7d"))
    assert spend.lifetime == ()
    assert spend.lookback == 8
    assert arrivals_of_snapshot(spend, 19_800) == range(19_793, 19_801)


@pytest.mark.parametrize(
    ("partitions", "months", "last"),
    [
        (daily("2024-01-15", end="2024-03-11"), "2024-02-01 2024-03-01", "2024-01-31 2024-02-29"),
        (hourly("2024-01-15", end="2024-02-01"), "2024-02-01", "2024-01-31T23"),
        (hourly("2024-01-31T23", end="2024-02-01T01:00"), "2024-02-01", "2024-01-31T23"),
        # A week belongs to the month in which it ends: the one from 29 January on is not in the state with which February begins.
        (weekly("2024-01-22", end="2024-03-11"), "2024-02-01 2024-03-01", "2024-01-22 2024-02-19"),
        (weekly("2024-01-29", end="2024-03-04"), "2024-03-01", "2024-02-19"),
    ],
)  # fmt: skip
def test_a_checkpoint_is_of_the_last_partition_that_ends_before_its_month(partitions: Partitions, months: str, last: str) -> None:
    spend = view(partitions)
    found = months_of(spend)
    assert found.last is not None
    numbers = range(found.first, found.last + 1)
    assert [found.key(number) for number in numbers] == months.split()
    assert [partitions.key(snapshot_of(spend, number)) for number in numbers] == last.split()


@pytest.mark.parametrize("partitions", [daily("2024-01-15"), hourly("2024-01-31T20"), weekly("2024-01-22"), weekly("2024-01-29")])
def test_a_snapshot_starts_from_the_last_checkpoint_before_it(partitions: Partitions) -> None:
    spend = view(partitions)
    months = months_of(spend)
    for partition in range(partitions.first, partitions.first + (1500 if partitions.unit == "hour" else 70)):
        ended = [month for month in range(months.first, months.first + 25) if snapshot_of(spend, month) < partition]
        assert month_of(spend, partition) == max(ended, default=None)


@pytest.mark.parametrize("offset", [None, "36h", "40d"])
def test_every_arrival_is_in_a_checkpoint_or_read_beside_it(offset: Any) -> None:
    """Of a row that arrives a day before it would enter: the checkpoint that it is in, or the snapshot, reads its arrival."""
    days = daily("2024-01-15")
    spend = view(days, count(offset=offset).over("lifetime").named("n"))
    for partition in range(days.first, days.first + 100):
        month, reads = month_of(spend, partition), [arrivals_of_snapshot(spend, partition)]
        while month is not None:
            reads.append(arrivals_of_checkpoint(spend, month))
            month = month - 1 if month > months_of(spend).first else None
        assert set().union(*reads) == set(range(days.first, partition + 1))
        for later, earlier in itertools.pairwise(reads):
            assert later.start == max(days.first, pending_from(spend, earlier.stop - 1)), "what had not entered yet is read again"


def test_a_lifetime_is_another_window_than_a_long_one() -> None:
    days = daily("2024-01-01")
    versions = {view(days, count().over(window).named("n")).version for window in ("lifetime", "36525d")}
    assert len(versions) == 2
