"""A partition of which too little is acceptable is blocked alone: what reads it waits, all else goes on, a new delivery opens it."""

from pathlib import Path

import polars as pl
import pytest

from platform_assets.errors import BlockedError, NotReadyError
from platform_assets.steps.missing_inputs import reported_once
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business

BLOCKED = 3


@pytest.fixture
def business(tmp_path: Path) -> Business:
    """Eight days of two sales each; of the fourth day's eight rows three are acceptable, one of them sent before."""
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60")
    business.sell(BLOCKED, "30 ada 1", "31 bob 2", "20 ada 1 -1", "33 ada -1", "34 ada much", "35 ada -2", "36 bob ?", "37 ada 1 9")
    business.make_range()
    return business


def test_its_silver_is_empty_and_all_its_rows_but_duplicates_wait_in_quarantine(business: Business) -> None:
    entry = business.entries("sales/silver")[business.day(BLOCKED)]
    counts = {name: entry.details[name] for name in ("received", "accepted", "quarantined", "duplicates")}
    assert (entry.status, entry.tier, entry.rows) == ("blocked", "LOW", 0)
    assert counts == {"received": 8, "accepted": 0, "quarantined": 7, "duplicates": 1}
    assert entry.details["accepted_share"] == 2 / 7, "duplicates count on neither side"
    quarantine = business.lake.scan(("sales", "quarantine")).sort("row_number").select("sale_id", "amount", "reasons").collect().rows()
    held = "blocked: fewer than 70% of the partition's rows were acceptable"
    assert quarantine == [
        ("30", "1", [held]),
        ("31", "2", [held]),
        ("33", "-1", ["positive"]),
        ("34", "much", ["amount: not float"]),
        ("35", "-2", ["positive"]),
        ("36", None, ["amount: missing"]),
        ("37", "1", ["in the future"]),
    ]
    silver = business.lake.scan(("sales", "silver")).select("sale_id").collect()["sale_id"].to_list()
    assert sorted(silver) == [day * 10 + sale for day in range(8) if day != BLOCKED for sale in (0, 1)]


def test_what_reads_it_is_refused_all_else_written_and_one_error_names_the_refused(business: Business) -> None:
    done = business.make("gold", business.first, business.last)
    refused = [business.day(day) for day in range(BLOCKED, BLOCKED + business.view.reads_back + 1)]
    assert list(done.refused) == refused
    assert list(done.entries) == [business.day(day) for day in range(8) if business.day(day) not in refused]
    with pytest.raises(NotReadyError) as error:
        done.check()
    first_line, *reasons = str(error.value).splitlines()
    assert first_line.strip() == f"4 partitions could not be made ({', '.join(refused)}). 4 other partitions were written."
    assert len(reasons) == 1, "what is the same for all of them is reported once"
    future = business.lake.scan(("sales", "quarantine")).filter(pl.col("sale_id") == "37").select("at").collect().item()
    assert reasons[0].startswith(
        f"spending/gold {', '.join(refused)} needs sales/silver {refused[0]}, which is blocked: 29% of its rows were good, 70% are "
        f"required (amount: missing: 1; amount: not float: 1, such as 'much'; in the future: 1, such as {future!r}; "
        "positive: 2, such as amount = '-1'). Its rows are in sales/quarantine. See "
        f"them: platform-assets quarantine sales {refused[0]} -m your_module. Have it delivered again, correct the rule, "
        "or accept it as it is: "
    )
    assert reasons[0].endswith(f"platform-assets accept sales {refused[0]} --why '...' -m your_module")
    written = {str(day) for day in business.lake.scan(("spending", "gold")).select("partition").unique().collect()["partition"]}
    assert not written & set(refused)


def test_each_blocked_day_is_told_once_with_those_that_need_it(business: Business) -> None:
    business.sell(BLOCKED + 1, "40 ada -1", "41 bob 1")
    business.make_stale(layers=["raw", "silver"])
    with pytest.raises(NotReadyError) as error:
        business.make("gold", business.first, business.last).check()
    _, *reasons = str(error.value).splitlines()
    assert [reason.partition(", which is blocked")[0] for reason in reasons] == [
        f"spending/gold {', '.join(map(business.day, range(3, 7)))} needs sales/silver {business.day(3)}",
        f"spending/gold {business.day(7)} needs sales/silver {business.day(4)}",
    ]


def test_many_that_need_one_blocked_day_are_counted() -> None:
    errors = [BlockedError(f"spending/gold 2024-02-0{day}", "sales/silver 2024-02-01, which is blocked.") for day in range(1, 7)]
    assert reported_once(errors) == [
        "spending/gold (6 partitions, 2024-02-01 to 2024-02-06) needs sales/silver 2024-02-01, which is blocked."
    ]


def test_a_report_waits_only_for_its_own_days(business: Business) -> None:
    done = business.make("report", business.first, business.last)
    assert list(done.refused) == [business.day(BLOCKED)]
    assert len(done.entries) == 7


@in_turn("platform_assets/steps/")
def test_a_copy_of_a_row_that_waits_is_no_duplicate_of_an_accepted_one(business: Business) -> None:
    """Whether a row is a duplicate does not depend on whether a partition is blocked: opening it changes no other silver partition."""
    business.sell(4, "40 ada 1", "30 ada 1 -1")
    business.make_stale()
    entry = business.entries("sales/silver")[business.day(4)]
    assert (entry.rows, entry.details["duplicates"]) == (1, 1)


def test_a_new_delivery_opens_it_and_everything_that_waited_is_made(business: Business, tmp_path: Path) -> None:
    business.sell(BLOCKED, "30 ada 1", "31 bob 2", "33 ada 1")
    assert business.stale("raw") == [business.first + BLOCKED]
    business.make_stale()
    assert [table for table in ("raw", "silver", "gold", "report") if business.stale(table)] == []
    fresh = Business(tmp_path / "fresh")
    fresh.deliveries.update(business.deliveries)
    fresh.make_range()
    ours, theirs = business.tables(), fresh.tables()
    assert ours["spending/gold"] == theirs["spending/gold"]
    assert ours["takings/gold"] == theirs["takings/gold"]
    assert ours["sales/quarantine"] == theirs["sales/quarantine"] == []


@in_turn("platform_assets/steps/")
def test_a_partition_that_becomes_blocked_keeps_its_readers_stale_until_it_is_mended(business: Business) -> None:
    business.sell(6, "60 ada -1", "61 bob -1")
    business.make("raw", business.first + 6, business.first + 6)
    business.make("silver", business.first + 6, business.first + 6)
    assert business.first + 7 in business.stale("gold")
    assert list(business.make("gold", business.last, business.last).refused) == [business.day(7)]
    business.sell(6, "60 ada 1", "61 bob 1")
    business.make_stale()
    assert business.make("gold", business.last, business.last).refused == {}


def test_a_share_of_exactly_what_is_required_is_enough(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0.5})
    business.sell(0, "1 ada 1", "2 ada -1")
    business.sell(1, "3 ada 1", "4 ada -1", "5 ada -1")
    business.make("raw", business.first, business.first + 1)
    business.make("silver", business.first, business.first + 1)
    assert [entry.tier for entry in business.entries("sales/silver").values()] == ["MEDIUM", "LOW"]


def test_an_empty_partition_and_one_of_duplicates_only_are_not_blocked(tmp_path: Path) -> None:
    business = Business(tmp_path)
    business.sell(0, "1 ada 1")
    business.sell(1)
    business.sell(2, "1 ada 1 -2")
    business.make("raw", business.first, business.first + 2)
    business.make("silver", business.first, business.first + 2)
    assert [(entry.status, entry.rows) for entry in business.entries("sales/silver").values()] == [("ok", 1), ("ok", 0), ("ok", 0)]
