"""A range, day by day, and single days in any order end in equal tables; so do corrections."""

from pathlib import Path
from random import Random

import pytest

from platform_assets_tests.steps.business import Business, deliver, same


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_range_run_day_by_day_runs_and_a_random_order_end_in_equal_tables(tmp_path: Path, seed: int) -> None:
    businesses = [Business(tmp_path / name) for name in ("range", "daily", "random")]
    for business in businesses:
        deliver(business, Random(seed))
    whole, daily, shuffled = businesses
    whole.make_range()
    for partition in range(daily.first, daily.last + 1):
        for table in ("raw", "silver", "gold", "report"):
            daily.make(table, partition, partition)
    daily.make_stale()
    shuffled.make_stale(Random(seed))
    same(whole.tables(), daily.tables())
    same(whole.tables(), shuffled.tables())
    same(whole.ledger(), daily.ledger())
    same(whole.ledger(), shuffled.ledger())


def test_nothing_is_stale_after_a_run_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    business = Business(tmp_path)
    deliver(business, Random(1))
    business.make_range()
    before, ledger = business.tables(), business.ledger()
    assert business.stale("raw") == business.stale("silver") == [], "what could be made is made"
    business.make_range()
    same(before, business.tables())
    same(ledger, business.ledger())
    assert business.lake.version(("sales", "raw")) == 0, "raw has one commit for the range, and none for deliveries that came before"


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_restated_day_reaches_every_table_in_any_order(tmp_path: Path, seed: int) -> None:
    """The same as if the corrected day had come at once: other contents, a row less, an entity's only row gone."""
    corrected, fresh = (Business(tmp_path / name, declared={"accepted_share": 0}) for name in ("corrected", "fresh"))
    for business in (corrected, fresh):
        deliver(business, Random(seed))
    key = corrected.source.partitions.key(corrected.first + 4)
    lonely = {"sale_id": "999", "user": "once", "at": f"{key}T10:00:00+00:00", "amount": "3"}
    corrected.deliveries[key] = [*(corrected.deliveries.get(key) or []), lonely]
    corrected.make_range()
    assert "once" in {row[-1] for row in corrected.lake.scan(("spending", "gold")).select("user").collect().rows()}
    for business in (corrected, fresh):
        rows = [row for row in business.deliveries.get(key) or [] if row is not lonely]
        business.deliveries[key] = [{**row, "amount": "11"} for row in rows[1:]]
    corrected.make_stale(Random(seed))
    fresh.make_range()
    ours, theirs = corrected.tables(), fresh.tables()
    for name in ("sales/silver", "sales/quarantine"):  # they tell the delivery, which is the second here
        ours[name], theirs[name] = ([row[:1] + row[3:] for row in sorted(table, key=repr)] for table in (ours[name], theirs[name]))
    superseded = ours.pop("sales/raw"), theirs.pop("sales/raw")
    assert len(superseded[0]) > len(superseded[1]), "the first delivery stays in raw"
    assert ours["spending/gold"] == theirs["spending/gold"]
    assert ours["takings/gold"] == theirs["takings/gold"]
    assert "once" not in repr(ours)
