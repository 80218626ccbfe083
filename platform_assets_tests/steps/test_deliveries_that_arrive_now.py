"""deliveries="arrives_now": a second delivery leaves its partition as it is, and its rows are received in the newest (docs/adr/0007)."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets.declare.partitions import daily
from platform_assets.declare.source import source
from platform_assets.errors import DeclarationError
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business, Sale, same


def business_of(home: Path, duplicates_within: int = 7) -> Business:
    business = Business(home, declared={"deliveries": "arrives_now", "duplicates_within": duplicates_within})
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    return business


def raw(business: Business) -> list[tuple[Any, ...]]:
    rows = business.lake.scan(("sales", "raw")).filter(pl.col("delivery") > 1)
    return sorted(rows.select(pl.col("arrival").cast(pl.String), "delivery", "row_number", "sale_id", "superseded").collect().rows())


def values_until(business: Business, day: int) -> list[tuple[Any, ...]]:
    log = business.lake.scan(("spending", "gold")).filter(pl.col("partition").cast(pl.String) < business.day(day)).collect()
    return sorted(log.rows(), key=repr)


def test_the_rows_are_received_in_the_newest_partition_and_values_change_only_from_it_on(tmp_path: Path) -> None:
    business = business_of(tmp_path)
    business.make_range()
    before = values_until(business, 7)
    business.sell(2, "20 ada 1", "22 eve 5")
    done = business.make("raw", business.first + 2, business.first + 2)
    assert list(done.entries) == [business.day(7)]
    assert list(done.unchanged) == [business.day(2)]
    assert raw(business) == [(business.day(7), 2, 1, "20", False), (business.day(7), 2, 2, "22", False)]
    business.make_stale()
    assert values_until(business, 7) == before
    newest = business.entries("sales/silver")[business.day(7)]
    assert (newest.details["received"], newest.details["accepted"], newest.details["duplicates"]) == (4, 3, 1), "ada's sale 20 was there"
    assert "eve" not in {row[-1] for row in business.lake.scan(("spending", "gold")).select("user").collect().rows()}, (
        "her sale left 3 days ago"
    )
    report = dict(business.lake.scan(("takings", "gold")).select(pl.col("partition").cast(pl.String), "sales").collect().rows())
    assert report[business.day(2)] == 3, "a report is restated for the event day"


@in_turn("platform_assets/steps/raw.py", "platform_assets/sources/")
def test_nothing_is_received_twice_in_any_order_of_runs(tmp_path: Path) -> None:
    tables = []
    for number, order in enumerate([(2, 5, 7), (7, 5, 2), (5, 7, 2)]):
        business = business_of(tmp_path / str(number))
        business.make_range()
        for day in (2, 5, 7):
            business.sell(day, f"{day}0 ada 1", f"{day}2 eve 5 -1")
        for day in order:
            for _ in range(2):
                business.make("raw", business.first + day, business.first + day)
        business.make("raw", business.first, business.last)
        assert business.stale("raw") == []
        business.make_stale()
        assert len(raw(business)) == 6
        found = business.tables()
        # Raw and silver have delivery numbers, which follow the order in which the deliveries were noticed.
        tables.append({name: found[name] for name in ("spending/gold", "takings/gold")})
    for other in tables[1:]:
        same(tables[0], other)


def test_a_daily_run_that_looks_back_keeps_the_rows_in_its_own_new_day(tmp_path: Path) -> None:
    business = business_of(tmp_path)
    business.make("raw", business.first, business.first + 3)
    business.sell(3, "30 ada 1", "32 eve 5")
    business.make("raw", business.first + 2, business.first + 4)
    assert raw(business) == [(business.day(4), 2, 1, "30", False), (business.day(4), 2, 2, "32", False)]


def test_a_first_delivery_stays_in_its_own_partition_however_late_it_is_loaded(tmp_path: Path) -> None:
    business = business_of(tmp_path)
    business.make("raw", business.first + 4, business.last)
    business.make("raw", business.first, business.first + 3)
    assert raw(business) == []
    assert business.lake.scan(("sales", "raw")).select("arrival").unique().collect().height == 8


def test_the_newest_partition_delivered_again_keeps_both_editions(tmp_path: Path) -> None:
    business = business_of(tmp_path)
    business.make_range()
    business.sell(7, "70 ada 1", "72 eve 5")
    business.make_stale()
    entry = business.entries("sales/silver")[business.day(7)]
    assert (entry.details["received"], entry.rows, entry.details["duplicates_exact"]) == (4, 3, 1)
    assert not any(row[-1] for row in raw(business))


def test_going_back_to_earlier_contents_brings_nothing(tmp_path: Path) -> None:
    business = business_of(tmp_path)
    business.make_range()
    earlier = business.deliveries[business.day(6)]
    business.sell(6, "62 eve 5")
    business.make("raw", business.first + 6, business.first + 6)
    business.deliveries[business.day(6)] = earlier
    assert business.stale("raw") == []
    assert not business.make("raw", business.first, business.last).entries
    assert len(raw(business)) == 1


def test_a_file_after_its_day_was_taken_for_empty_arrives_now_however_late(tmp_path: Path) -> None:
    business = business_of(tmp_path, duplicates_within=1)
    late = business.deliveries.pop(business.day(1))
    business.make_range()
    business.deliveries[business.day(1)] = late
    business.make_stale()
    assert [row[0] for row in raw(business)] == [business.day(7)] * 2
    assert business.entries("sales/silver")[business.day(1)].rows == 0
    assert business.entries("sales/silver")[business.day(7)].rows == 4


def test_a_second_delivery_beyond_the_horizon_of_duplicates_is_refused_with_the_mend(tmp_path: Path) -> None:
    business = business_of(tmp_path, duplicates_within=3)
    business.make_range()
    business.sell(3, "30 ada 1", "32 eve 5")
    business.sell(4, "40 ada 1", "42 eve 5")
    done = business.make("raw", business.first, business.last)
    assert list(done.entries) == [business.day(7)], "day 4 is near enough"
    assert list(done.refused) == [business.day(3)]
    says = str(done.refused[business.day(3)])
    assert "came again with other rows, 4 partitions later" in says
    assert "Declare duplicates_within=4 or more" in says


def test_it_cannot_be_declared_without_a_way_to_know_the_same_rows() -> None:
    with pytest.raises(DeclarationError, match=r"source 'sales', deliveries: .*key=\[\.\.\.\], and duplicates_within="):

        @source(schema=Sale, event_time="at", partitions=daily("2024-01-01"), key=["sale_id"], deliveries="arrives_now")
        def sales(arrival: Any) -> None: ...
