"""Lifetime features by checkpoints: the same in a range, week by week and in any order; what is taken back or corrected reaches them."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from platform_assets.declare import features
from platform_assets.declare.checkpoints import state_columns
from platform_assets.declare.features import Feature
from platform_assets.errors import NotReadyError
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import same
from platform_assets_tests.steps.lifetimes import WEEKS, Lifetimes, trade


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 5])
def test_a_range_week_by_week_and_a_random_order_end_in_equal_tables(tmp_path: Path, seed: int) -> None:
    whole, weekly, shuffled = businesses = [Lifetimes(tmp_path / name) for name in ("range", "weekly", "random")]
    for business in businesses:
        trade(business, Random(seed))
    whole.make_range()
    weekly.make_weekly()
    weekly.make_stale()
    shuffled.make_stale(Random(seed))
    whole.require_values()
    assert whole.lake.scan(("spending", "checkpoints")).collect().height >= 4
    for business in (weekly, shuffled):
        same(whole.tables(), business.tables())
        same(whole.ledger(), business.ledger())
        assert [business.stale(table) for table in business.layers] == [[], [], [], []]


@in_turn("platform_assets/steps/checkpoints.py", "platform_assets/steps/gold.py", "platform_assets/kernels/checkpoint")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_restated_week_reaches_every_later_checkpoint_and_value(tmp_path: Path, seed: int) -> None:
    """The same as if the corrected week had come at once; a customer is gone whom only that week knew."""
    corrected, fresh = (Lifetimes(tmp_path / name) for name in ("corrected", "fresh"))
    for business in (corrected, fresh):
        trade(business, Random(seed))
    key = WEEKS.key(corrected.first + 1)
    rows = corrected.deliveries.get(key) or []
    once = {"sale_id": "999", "user": "once", "at": f"{key}T10:00:00+00:00", "amount": "3"}
    corrected.deliveries[key] = [*rows, once]
    corrected.make_range()
    assert "once" in {user for _, user in corrected.lake.scan(("spending", "checkpoints")).select("partition", "user").collect().rows()}
    for business in (corrected, fresh):
        business.deliveries[key] = [{**row, "amount": "11"} for row in rows[1:]]
    fresh.make_range()
    week = corrected.first + 1
    corrected.make("raw", week, week)
    corrected.make("silver", week, week)
    assert corrected.stale("checkpoints") == [corrected.months.first + number for number in range(2)]
    corrected.make_stale(Random(seed))
    corrected.require_values()
    ours, theirs = corrected.tables(), fresh.tables()
    for name in ("spending/checkpoints", "spending/gold"):
        assert ours[name] == theirs[name], name
    assert "once" not in repr(ours["spending/checkpoints"])


@in_turn("platform_assets/steps/checkpoints.py", "platform_assets/steps/gold.py", "platform_assets/kernels/checkpoint")
def test_a_corrected_week_makes_only_later_checkpoints_and_their_values_stale(tmp_path: Path) -> None:
    business = Lifetimes(tmp_path)
    trade(business, Random(3))
    business.make_range()
    week = WEEKS.index_of("2024-03-11")
    business.sell_in(week, "1000 ada 5")
    business.make("raw", week, week)
    business.make("silver", week, week)
    april = business.months.first + 1
    assert business.stale("checkpoints") == [april]
    until_the_month_ends = [WEEKS.index_of(day) for day in ("2024-03-11", "2024-03-18", "2024-03-25")]
    assert business.stale("gold") == until_the_month_ends, "what starts from April's checkpoint waits until that one is made"
    business.make("checkpoints", april, april)
    assert business.stale("checkpoints") == []
    assert business.stale("gold") == list(range(week, business.last + 1))
    business.make_stale()
    assert business.stale("checkpoints") == business.stale("gold") == []
    business.require_values()


def test_values_wait_for_the_checkpoint_before_them_and_a_checkpoint_for_its_silver(tmp_path: Path) -> None:
    business = Lifetimes(tmp_path)
    trade(business, Random(4))
    for table in ("raw", "silver"):
        business.make(table, business.first, business.last)
    done = business.make("gold", business.first, business.last)
    assert list(done.entries) == ["2024-02-12", "2024-02-19"], "those of the first month need none"
    with pytest.raises(NotReadyError, match="spending/gold needs 2 partitions of spending/checkpoints that are missing: ") as error:
        done.check()
    command = """--select 'key:"spending/checkpoints"' --partition-range 2024-03-01...2024-04-01"""
    assert command in str(error.value)
    march = business.months.first
    done = business.make("checkpoints", march + 1, march + 1)
    assert "spending/checkpoints 2024-04-01 needs spending/checkpoints 2024-03-01, which is missing." in str(done.refused["2024-04-01"])


def test_a_blocked_week_takes_checkpoints_and_values_back(tmp_path: Path) -> None:
    business = Lifetimes(tmp_path, accepted_share=0.9)
    for week in range(business.first, business.last + 1):
        business.sell_in(week, f"{week} ada 5", f"{week}0 bob 7")
    business.make_range()
    week = WEEKS.index_of("2024-02-19")
    business.sell_in(week, "1 ada -5", "2 bob 7")
    business.make("raw", week, week)
    business.make("silver", week, week)
    done = business.make("checkpoints", *business.span("checkpoints"))
    assert list(done.refused) == ["2024-03-01", "2024-04-01"]
    assert "needs sales/silver 2024-02-19, which is blocked" in str(done.refused["2024-03-01"])
    assert {entry.status for entry in business.entries("spending/checkpoints").values()} == {"blocked"}
    done = business.make("gold", business.first, business.last)
    assert min(done.refused) == "2024-02-19"
    assert max(done.refused) == "2024-04-01"
    assert len(done.refused) == 7, "from the blocked week on"
    business.sell_in(week, "1 ada 5", "2 bob 7")
    business.make_range()
    assert {entry.status for entry in business.entries("spending/gold").values()} == {"ok"}
    business.require_values()


def test_a_checkpoint_of_another_version_of_the_view_is_not_read(tmp_path: Path) -> None:
    business, later = Lifetimes(tmp_path), Lifetimes(tmp_path, flags={"large": "amount > 60"})
    trade(business, Random(5))
    later.deliveries.update(business.deliveries)
    business.make_range()
    later.make("silver", later.first, later.last)
    done = later.make("gold", later.last, later.last)
    assert "needs spending/checkpoints 2024-04-01, which was made by version" in str(done.refused["2024-04-01"])
    later.make_range()
    later.require_values()


def test_a_feature_computed_otherwise_under_its_old_name_replaces_the_old_states(tmp_path: Path) -> None:
    """The months of another version are made beside the table until all are there, also when the old declaration comes back."""

    def declared(feature: Feature, **source: Any) -> Lifetimes:
        business = Lifetimes(tmp_path, [feature.over("lifetime").named("x")], **source)
        for week in range(business.first, business.last + 1):
            business.sell_in(week, f"{week} ada {week % 7}.5", f"{week}0 bob 7")
        return business

    first = declared(features.max("amount"))
    first.make_range()
    march, april = first.months.first, first.months.first + 1
    business = declared(features.sum("amount"))
    business.make("checkpoints", march, march).check()
    assert "which was made by version" in str(business.make("gold", business.last, business.last).refused["2024-04-01"])
    business.make("checkpoints", april, april).check()
    business.make("gold", business.first, business.last).check()
    business.require_values()
    for business in (declared(features.last("amount"), key=[], duplicates_within=0), declared(features.max("amount"))):
        assert business.stale("checkpoints") == [march, april]
        business.make_range()
        business.require_values()
    held = business.lake.scan(("spending", "checkpoints")).drop("user", "partition").collect()
    assert [held[column].null_count() for column in held.columns] == [0], "of other layouts nothing is left"


def test_another_window_or_condition_keeps_a_features_column(tmp_path: Path) -> None:
    total = features.sum
    declared = {"a": total("amount"), "b": total("amount", offset="1d"), "c": total("amount", where="large")}
    one, *others = (Lifetimes(tmp_path / name, [feature.over("lifetime").named("x")]) for name, feature in declared.items())
    assert len({business.view.version for business in (one, *others)}) == 3
    assert all(state_columns(other.view) == state_columns(one.view) for other in others)
