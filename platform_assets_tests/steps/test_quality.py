"""Each check of quality finds what is wrong, and nothing in weeks as they should be; bounds are learnt from the ledger alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from platform_assets import materialize, null_share, outliers
from platform_assets.steps.figures import FIGURES, count_missing, waiting
from platform_assets.steps.quality import Judgement, judge
from platform_assets.stores.ledger import Entry
from platform_assets_tests.steps.watched import CLEAN, FAULTS, MAY_FIND_TOO, ROWS, Watched


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    shop = Watched(tmp_path_factory.mktemp("watched") / "lake")
    shop.make()
    return shop


@pytest.fixture(scope="module")
def entries(shop: Watched) -> dict[str, Entry]:
    return shop.run().ledger.entries("orders/silver")


def judged(shop: Watched, week: int, entries: Mapping[str, Entry]) -> dict[str, Judgement]:
    entry = entries[shop.key(week)]
    return {check.name: judge(shop.orders, check, entry, entries) for check in shop.orders.checks}


@pytest.mark.parametrize("week", range(CLEAN))
def test_nothing_is_found_in_weeks_as_they_should_be(shop: Watched, entries: dict[str, Entry], week: int) -> None:
    assert {name for name, one in judged(shop, week, entries).items() if not one.passed} == set()


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_found(shop: Watched, entries: dict[str, Entry], fault: str) -> None:
    week, expected = CLEAN + list(FAULTS).index(fault), FAULTS[fault][1]
    found = {name for name, one in judged(shop, week, entries).items() if not one.passed}
    assert expected <= found <= expected | MAY_FIND_TOO.get(fault, set())


def test_every_check_finds_something(shop: Watched) -> None:
    assert {check.name for check in shop.orders.checks} == set().union(*(found for _, found in FAULTS.values()))


def test_while_there_is_too_little_history_nothing_is_learnt_and_it_says_so(shop: Watched, entries: dict[str, Entry]) -> None:
    third, fifth = judged(shop, 3, entries), judged(shop, 4, entries)
    for name in ("null_share_customer_id", "fresh", "duplicates", "outliers_price", "drift_price", "volume"):
        assert third[name].high is None
        assert third[name].why == "nothing to compare with yet: it takes 4 earlier partitions, 3 are there"
        assert fifth[name].high is not None
        assert "4 are there" in fifth[name].why
    assert third["few_nulls"].high == 0.2, "what is declared holds from the first partition on"


def test_a_learnt_bound_is_the_median_and_the_spread(shop: Watched, entries: dict[str, Entry]) -> None:
    [found] = [one for name, one in judged(shop, CLEAN, entries).items() if name == "null_share_customer_id"]
    share = ROWS // 12 / ROWS  # of each of the eight weeks, so that only chance is left
    expected = (share * ROWS + 1) / (ROWS + 2)
    assert found.high == pytest.approx(share + 3 * (expected * (1 - expected) / ROWS) ** 0.5)


def test_figures_are_in_the_ledger_and_in_one_entry_with_the_counts(shop: Watched, entries: dict[str, Entry]) -> None:
    ids = {check.figure.id for check in shop.orders.checks if check.figure}
    assert {frozenset(entry.details[FIGURES]) for entry in entries.values()} == {frozenset(ids)}
    assert {entry.status for entry in entries.values()} == {"ok"}
    rows = shop.run().ledger._rows("orders/silver")
    assert rows.height == len(entries), "they cost no entry of their own"


def test_a_source_without_checks_has_no_figures(tmp_path: Path) -> None:
    shop = Watched(tmp_path, checks=[], weeks=1)
    shop.make()
    assert [FIGURES in entry.details for entry in shop.run().ledger.entries("orders/silver").values()] == [False]


def test_a_check_that_was_declared_later_is_counted_when_it_is_first_judged(tmp_path: Path) -> None:
    before, declared = (
        Watched(tmp_path, checks=[], weeks=6),
        Watched(tmp_path, checks=[null_share("customer_id"), outliers("price")], weeks=6),
    )
    before.make()
    made = declared.run().ledger.entries("orders/silver")
    later = judged(declared, 5, made)
    assert {one.why for one in later.values()} == {"its figure was never counted: run this check alone, or materialize the partition again"}
    counted = count_missing(declared.orders, made, declared.run())
    assert judged(declared, 5, counted)["null_share_customer_id"].figure == pytest.approx(1 / 12)
    again = declared.run().ledger.entries("orders/silver")
    assert again == counted, "it is in the ledger from then on"
    assert {key: (entry.delta_version, entry.rows_since) for key, entry in again.items()} == {
        key: (entry.delta_version, entry.rows_since) for key, entry in made.items()
    }, "nothing that reads silver is stale"
    assert count_missing(declared.orders, again, declared.run()) == again
    assert list(materialize(declared.orders, lake=str(tmp_path), now=declared.now).tables["orders/silver"].made) == []


def test_keys_that_arrive_later_are_waited_for(tmp_path: Path) -> None:
    shop = Watched(tmp_path, weeks=3)
    shop.customers_until = 2
    shop.make()
    run = shop.run()

    def told() -> list[tuple[bool, Any, str]]:
        entries = run.ledger.entries("orders/silver")
        found = [judged(shop, week, entries)["refers_to_customers"] for week in range(3)]
        return [(one.passed, one.figure, one.why) for one in found]

    waits = "customers/silver 2024-01-15 is not there yet: it is judged when that has been made"
    assert told() == [(True, 0.0, "as declared"), (True, 0.0, "as declared"), (True, None, waits)]
    assert waiting(shop.orders, run.ledger.entries("orders/silver"), run) == {}
    shop.customers_until = 3
    shop.make(shop.customers)
    found = waiting(shop.orders, run.ledger.entries("orders/silver"), run)
    assert list(found) == [shop.key(2)]
    count_missing(shop.orders, found, run)
    assert told() == [(True, 0.0, "as declared")] * 3
    assert waiting(shop.orders, run.ledger.entries("orders/silver"), run) == {}


def test_a_source_that_was_never_made_is_waited_for(tmp_path: Path) -> None:
    shop = Watched(tmp_path, weeks=1)
    shop.make(shop.orders)
    entries = shop.run().ledger.entries("orders/silver")
    assert judged(shop, 0, entries)["refers_to_customers"].why.startswith("customers/silver 2024-01-01 is not there yet")
