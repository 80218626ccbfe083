"""What automation is told of a stale partition: why it is stale_tables, and whether a run of it would change anything."""

from pathlib import Path

import pytest

from platform_assets import FeatureView, count
from platform_assets.errors import NotReadyError
from platform_assets.steps import stale_tables
from platform_assets.steps.run import withdraw
from platform_assets.steps.staleness import MISSING, OLDER, OTHERWISE, Plan, StalePartition
from platform_assets_tests.steps.business import Business
from platform_assets_tests.steps.lifetimes import Lifetimes


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60")
    return business


def told(business: Business, found: dict[int, StalePartition]) -> dict[int, tuple[str, bool]]:
    return {p - business.first: (one.why, one.can_be) for p, one in found.items()}


def silver(business: Business) -> dict[int, StalePartition]:
    return stale_tables.stale_silver(business.source, business.first, business.last, business.run())


def gold(business: Business, view: FeatureView | None = None, *, waiting: tuple[int, ...] = ()) -> dict[int, StalePartition]:
    waits = Plan({("sales", "silver"): {business.first + day for day in waiting}})
    return stale_tables.stale_gold(view or business.view, business.first, business.last, business.run(), waits)


def test_a_missing_partition_can_be_made_when_all_that_it_reads_is_there(business: Business) -> None:
    business.make("raw", business.first, business.first + 3)
    assert told(business, silver(business)) == {day: (MISSING, day <= 3) for day in range(8)}
    business.make("silver", business.first, business.first + 3)
    assert told(business, gold(business)) == {day: (MISSING, day <= 3) for day in range(8)}


def test_a_partition_cannot_be_made_while_one_that_it_reads_is_stale_itself(business: Business) -> None:
    business.make_range()
    assert gold(business) == {}
    business.sell(2, "20 ada 2", "21 bob 60")
    business.make("raw", business.first + 2, business.first + 2)
    business.make("silver", business.first + 2, business.first + 2)
    assert told(business, gold(business)) == dict.fromkeys((2, 3, 4, 5), (OLDER, True))
    assert told(business, gold(business, waiting=(3,))) == {2: (OLDER, True), 3: (OLDER, False), 4: (OLDER, False), 5: (OLDER, False)}


def test_a_partition_that_reads_a_blocked_one_is_made_once_more_to_be_blocked_and_then_no_more(business: Business) -> None:
    business.make_range()
    business.sell(2, "20 ada -1", "21 bob -60")
    for table in ("raw", "silver"):
        business.make(table, business.first + 2, business.first + 2)
    assert told(business, gold(business)) == dict.fromkeys((2, 3, 4, 5), (OLDER, True))
    business.make("gold", business.first, business.last)
    assert told(business, gold(business)) == dict.fromkeys((2, 3, 4, 5), (OLDER, False))


def test_what_was_made_of_a_withdrawn_checkpoint_is_asked_for_though_that_has_no_later_version(tmp_path: Path) -> None:
    business = Lifetimes(tmp_path / "lake")
    for week in range(business.first, business.last + 1):
        business.sell_in(week, f"{week}0 ada 1")
    business.make_range()
    run, table, april = business.run(), ("spending", "checkpoints"), business.months.first + 1
    withdraw(table, {business.months.key(april): NotReadyError("for the test")}, run, business.months, business.view.version)
    found = stale_tables.stale_gold(business.view, business.first, business.last, run)
    assert {business.source.partitions.key(p): (one.why, one.can_be) for p, one in found.items()} == {"2024-04-01": (OLDER, True)}
    assert list(business.make("gold", business.last, business.last).refused) == ["2024-04-01"]
    assert stale_tables.stale_gold(business.view, business.first, business.last, business.run()) == {}, "once"


def test_what_is_declared_otherwise_says_so(business: Business) -> None:
    business.make_range()
    other = FeatureView("spending", entity=business.entity, source=business.source, features=[count().over("1d")])
    assert told(business, gold(business, other)) == dict.fromkeys(range(8), (OTHERWISE, True))
    renamed = Business(Path(business.lake.root), declared={"rules": {"positive": "amount > 0"}})
    assert told(renamed, silver(renamed)) == dict.fromkeys(range(8), (OTHERWISE, True))
    assert told(renamed, gold(renamed)) == dict.fromkeys(range(8), (OTHERWISE, False)), "until silver is of the new declaration"


def test_there_is_something_else_to_make_it_of_when_what_it_reads_was_written_or_it_was_made_again(business: Business) -> None:
    business.make_range()

    def of(table: str) -> str:
        for layer in ("raw", "silver"):
            business.make(layer, business.first + 2, business.first + 2)
        found = silver(business) if table == "silver" else gold(business)
        return found[business.first + 2].of

    business.sell(2, "20 ada 7")
    first = of("gold")
    assert gold(business)[business.first + 2].of == first, "while nothing is written it is the same"
    business.sell(2, "20 ada 8")
    assert of("gold") != first
