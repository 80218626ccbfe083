"""Late rows stay in the partition they arrived in: reports of the days they belong to are stale, features change from then on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    business.make_range()
    return business


def stale_days(business: Business, table: str) -> list[int]:
    return [partition - business.first for partition in business.stale(table)]


def test_only_the_event_days_that_they_touch_are_restated(business: Business) -> None:
    business.sell(6, "60 ada 1", "61 bob 5 -4")
    business.make("raw", business.first + 6, business.first + 6)
    assert stale_days(business, "silver") == [6, 7], "day 7 looks for duplicates in day 6"
    for day in (6, 7):
        business.make("silver", business.first + day, business.first + day)
    assert stale_days(business, "report") == [2, 6], "day 7 was judged again, and has the rows that it had"
    assert stale_days(business, "gold") == [6, 7]
    business.make_stale()
    taken = dict(business.lake.scan(("takings", "gold")).select(pl.col("partition").cast(pl.String), "taken").collect().rows())
    assert taken == {business.day(day): 6 if day == 2 else 1 for day in range(8)}


@in_turn("platform_assets/steps/gold.py", "platform_assets/steps/silver.py")
def test_days_that_a_corrected_delivery_no_longer_touches_are_restated_too(business: Business) -> None:
    business.sell(6, "60 ada 1", "61 bob 5 -4")
    business.make_stale()
    business.sell(6, "60 ada 1", "61 bob 5 -3")
    business.make_stale()
    taken = dict(business.lake.scan(("takings", "gold")).select(pl.col("partition").cast(pl.String), "taken").collect().rows())
    assert taken == {business.day(day): 6 if day == 3 else 1 for day in range(8)}


def test_a_day_on_which_nothing_happened_after_all_has_no_row_and_is_in_the_ledger(business: Business) -> None:
    business.sell(2)
    business.make_stale()
    assert business.entries("takings/gold")[business.day(2)].rows == 0
    assert business.lake.scan(("takings", "gold")).collect().height == 7


def test_the_promise_a_late_row_changes_no_earlier_feature_value(business: Business) -> None:
    def before(day: int) -> list[tuple[object, ...]]:
        log = business.lake.scan(("spending", "gold")).filter(pl.col("partition").cast(pl.String) < business.day(day))
        return sorted(log.collect().rows(), key=repr)

    earlier = before(6)
    business.sell(6, "60 ada 1", "61 ada 5 -1", "62 bob 5 -4")
    business.make_stale()
    assert before(6) == earlier
    values = business.lake.scan(("spending", "gold")).filter(pl.col("user") == "ada").sort("partition").collect()
    assert values.filter(pl.col("partition").cast(pl.String) == business.day(6))["amount_sum_3d"].to_list() == [8.0]
    assert values.filter(pl.col("partition").cast(pl.String) == business.day(6))["amount_last_3d"].to_list() == [1.0], "by event time"


def test_data_delay_says_from_when_a_snapshot_may_be_read(tmp_path: Path) -> None:
    starts = {}
    for delay in ("0s", "5h"):
        business = Business(tmp_path / delay, declared={"data_delay": delay})
        business.sell(0, "1 ada 1")
        business.make("raw", business.first, business.first)
        business.make("silver", business.first, business.first)
        business.make("gold", business.first, business.first)
        log = business.lake.scan(("spending", "gold")).collect()
        starts[delay] = log["valid_from"].to_list()
        assert log["count_1d"].to_list() == [1], "windows end with the partition all the same"
    end = datetime(2024, 2, 26, tzinfo=UTC)
    assert starts == {"0s": [end], "5h": [end + timedelta(hours=5)]}
