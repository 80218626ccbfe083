"""Accepting a blocked partition as it is: its good rows are let in, its bad ones stay out, until something else is delivered."""

from pathlib import Path

import pytest

from platform_assets.errors import NotReadyError
from platform_assets.steps.accept import accept, take_back
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business, same

BLOCKED = 3


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60")
    business.sell(BLOCKED, "30 ada 1", "31 bob 2", "33 ada -1", "34 ada much")
    business.make_range()
    return business


def accepted(business: Business, day: int = BLOCKED, why: str = "the till was broken, the shop knows") -> None:
    accept(business.source, business.first + day, business.run("by ada"), by="ada", why=why)


def sales_of(business: Business, table: str, day: int = BLOCKED) -> list[int | str]:
    rows = business.lake.scan(("sales", table)).collect()
    return sorted(row["sale_id"] for row in rows.to_dicts() if str(row["arrival"]) == business.day(day))


def test_its_good_rows_are_let_in_and_its_bad_ones_stay_in_quarantine(business: Business) -> None:
    assert sales_of(business, "silver") == []
    accepted(business)
    business.make_stale()
    assert (sales_of(business, "silver"), sales_of(business, "quarantine")) == ([30, 31], ["33", "34"])
    entry = business.entries("sales/silver")[business.day(BLOCKED)]
    assert (entry.status, entry.tier, entry.rows) == ("ok", "LOW", 2), "it is open, and no better than it was"
    assert entry.details["accepted_as_it_is"] == {
        "by": "ada",
        "why": "the till was broken, the shop knows",
        "at": "2025-03-31T00:00:00+00:00",
    }
    assert {name: entry.details[name] for name in ("received", "accepted", "quarantined")} == {
        "received": 4,
        "accepted": 2,
        "quarantined": 2,
    }
    reasons = business.lake.scan(("sales", "quarantine")).select("reasons").collect()["reasons"].to_list()
    assert sorted(reasons) == [["amount: not float"], ["positive"]], "none is held any more"


def test_only_that_partition_becomes_stale_and_what_waited_for_it_is_made(business: Business) -> None:
    assert business.stale("silver") == []
    accepted(business)
    assert business.stale("silver") == [business.first + BLOCKED]
    business.make_stale()
    assert [table for table in ("silver", "gold", "report") if business.stale(table)] == []
    assert list(business.entries("spending/gold")) == [business.day(day) for day in range(8)]


def test_it_gives_what_a_lower_share_would_have_given(business: Business, tmp_path: Path) -> None:
    accepted(business)
    business.make_stale()
    lower = Business(tmp_path / "lower", declared={"accepted_share": 0.4})
    lower.deliveries.update(business.deliveries)
    lower.make_range()
    same(business.tables(), lower.tables())


@in_turn("platform_assets/steps/accept.py", "platform_assets/steps/silver.py")
def test_making_it_again_keeps_the_decision_alone_and_in_a_range(business: Business) -> None:
    accepted(business)
    business.make_stale()
    tables, ledger = business.tables(), business.ledger()
    for first, last in ((BLOCKED, BLOCKED), (0, 7)):
        for table in ("raw", "silver", "gold", "report"):
            assert business.make(table, business.first + first, business.first + last).refused == {}
        same(business.tables(), tables)
        same(business.ledger(), ledger)


@in_turn("platform_assets/steps/accept.py", "platform_assets/steps/silver.py")
def test_another_delivery_makes_the_decision_anew(business: Business) -> None:
    accepted(business)
    business.make_stale()
    business.sell(BLOCKED, "30 ada 1", "33 ada -1", "34 ada much")
    business.make_stale()
    entry = business.entries("sales/silver")[business.day(BLOCKED)]
    assert (entry.status, sales_of(business, "silver")) == ("blocked", [])
    business.sell(BLOCKED, "30 ada 1", "31 bob 2", "33 ada -1", "34 ada much")
    business.make_stale()
    assert business.entries("sales/silver")[business.day(BLOCKED)].status == "blocked", "what was accepted once is looked at again"


def test_a_delivery_that_is_good_by_itself_needs_no_decision(business: Business) -> None:
    accepted(business)
    business.sell(BLOCKED, "30 ada 1", "31 bob 2")
    business.make_stale()
    entry = business.entries("sales/silver")[business.day(BLOCKED)]
    assert (entry.status, entry.tier, "accepted_as_it_is" in entry.details) == ("ok", "HIGH", False)


def test_what_was_delivered_after_the_look_is_not_accepted_with_it(business: Business) -> None:
    business.sell(BLOCKED, "35 ada -1")
    business.make("raw", business.first + BLOCKED, business.first + BLOCKED)
    with pytest.raises(NotReadyError, match=f"sales/raw {business.day(BLOCKED)} was delivered again after sales/silver") as error:
        accepted(business)
    assert str(error.value).endswith(f"inspect it again: platform-assets quarantine sales {business.day(BLOCKED)}")


def test_what_was_delivered_before_it_after_the_look_may_make_its_rows_duplicates(business: Business) -> None:
    business.sell(BLOCKED - 1, "30 ada 1", "31 bob 2")
    business.make("raw", business.first + BLOCKED - 1, business.first + BLOCKED - 1)
    with pytest.raises(NotReadyError, match=f"sales/raw {business.day(BLOCKED - 1)} was delivered again after sales/silver"):
        accepted(business)


def test_what_is_open_or_was_never_judged_cannot_be_accepted(business: Business, tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=f"sales/silver {business.day(0)} is not blocked: 2 of its rows were accepted"):
        accepted(business, 0)
    fresh = Business(tmp_path / "fresh")
    with pytest.raises(NotReadyError, match=f"sales/silver {fresh.day(0)} has not been materialized"):
        accepted(fresh, 0)


def test_an_acceptance_that_is_taken_back_leaves_the_tables_as_they_were_before(business: Business) -> None:
    before = business.tables()
    accepted(business)
    business.make_stale()
    assert business.tables() != before
    gold = business.entries("spending/gold")
    take_back(business.source, business.first + BLOCKED, business.run("by ada"), by="ada", why="the till was right")
    assert business.stale("silver") == [business.first + BLOCKED]
    business.make("silver", business.first + BLOCKED, business.first + BLOCKED)
    assert (sales_of(business, "silver"), sales_of(business, "quarantine")) == ([], ["30", "31", "33", "34"])
    assert business.stale("silver") == []
    assert business.stale("gold") == [business.first + day for day in (3, 4, 5, 6)]
    done = business.make("gold", business.first, business.last)
    assert list(done.refused) == [business.day(day) for day in (3, 4, 5, 6)]
    assert [e.status for e in business.entries("spending/gold").values()] == ["ok"] * 3 + ["blocked"] * 4 + ["ok"], "readers are told"
    assert [e.status for e in gold.values()] == ["ok"] * 8


@in_turn("platform_assets/steps/accept.py", "platform_assets/steps/silver.py")
def test_an_acceptance_that_was_taken_back_can_be_given_again(business: Business) -> None:
    accepted(business)
    business.make_stale()
    whole = business.tables()
    take_back(business.source, business.first + BLOCKED, business.run("by ada"), by="ada", why="by mistake")
    business.make_stale()
    decision = business.entries("sales/raw")[business.day(BLOCKED)].details["acceptance_taken_back"]
    assert (decision["by"], decision["why"]) == ("ada", "by mistake")
    accepted(business, why="after all")
    business.make_stale()
    same(business.tables(), whole)
    assert business.entries("sales/silver")[business.day(BLOCKED)].details["accepted_as_it_is"]["why"] == "after all"


@in_turn("platform_assets/steps/accept.py", "platform_assets/steps/silver.py")
def test_only_what_somebody_has_accepted_can_be_taken_back(business: Business) -> None:
    for day in (0, BLOCKED):
        with pytest.raises(NotReadyError, match=f"the current rows of sales/raw {business.day(day)} holds now"):
            take_back(business.source, business.first + day, business.run(), by="ada", why="by mistake")
    accepted(business)
    business.sell(BLOCKED, "30 ada 1", "33 ada -1", "34 ada much")
    business.make_stale()
    with pytest.raises(NotReadyError, match="delivered again"):
        take_back(business.source, business.first + BLOCKED, business.run(), by="ada", why="by mistake")
