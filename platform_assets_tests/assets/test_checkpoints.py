"""Checkpoints as Dagster has them: runs of a month and of a range, what the conditions ask for, and in which order."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets import FeatureView, count, daily, sum
from platform_assets.assets.partitions import partitions_definition
from platform_assets.declare.checkpoints import months_of
from platform_assets.steps.stale_tables import stale_checkpoints
from platform_assets_tests.assets.shop import Shop, failure
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business

FIRST, LAST = "2024-02-25", "2024-04-03"
CHECKPOINTS, GOLD = "spending/checkpoints", "spending/gold"
MONTHS = 650, 651
EARLIER = ["sales/raw", "sales/silver", "sales/quarantine"]


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake", declared={"partitions": daily(FIRST, end="2024-04-04"), "duplicates_within": 0})
    features = [count().over("2d", "lifetime"), sum("amount", offset="3d").over("lifetime").named("earlier")]
    business.view = FeatureView("spending", entity=business.entity, source=business.source, features=features)
    for day in (0, 3, 4, 5, 20, 34, 36, 38):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    return business


class Daemon:
    """Does what the conditions ask for, until they ask for nothing."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._cursor = shop, None
        self.asked: dict[str, list[str]] = {}
        """By asset what was asked for since the last time, in that order."""
        assert self.follow() == {}

    def follow(self) -> dict[str, list[str]]:
        self.asked = {}
        while asked := self._tick():
            for name, partitions in asked.items():
                self.asked.setdefault(name, []).extend(partitions)
                assert self._shop.run(partitions[0], partitions[-1], select=[name]).success, name
        return self.asked

    def _tick(self) -> dict[str, list[str]]:
        shop, offline = self._shop, dg.AssetSelection.all() - dg.AssetSelection.tag("layer", "online")
        result: Any = dg.evaluate_automation_conditions(shop.definitions, shop.instance, offline, cursor=self._cursor)
        self._cursor = result.cursor
        found = {name: result.get_requested_partitions(dg.AssetKey.from_user_string(name)) for name in (CHECKPOINTS, GOLD)}
        return {name: sorted(partition or "" for partition in partitions) for name, partitions in found.items() if partitions}


def test_the_graph_says_what_a_checkpoint_and_a_value_read(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    graph = shop.definitions.resolve_asset_graph()
    key, silver = dg.AssetKey(["spending", "checkpoints"]), dg.AssetKey(["sales", "silver"])
    assert graph.get(key).parent_keys == {silver, key}
    assert graph.get(dg.AssetKey(["spending", "gold"])).parent_keys == {silver, key}
    assert shop.definitions.resolve_assets_def(key).partitions_def == partitions_definition(
        months_of(business.view), from_their_beginning=True
    )
    assert list(partitions_definition(months_of(business.view)).get_partition_keys()) == ["2024-03-01", "2024-04-01"]


@in_turn("platform_assets/assets/", "platform_assets/steps/checkpoints.py")
def test_a_range_of_months_and_days_equals_single_runs(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    assert shop.run(FIRST, LAST, select=EARLIER).success
    assert "spending/gold needs 2 partitions of spending/checkpoints that are missing" in failure(shop.run(FIRST, LAST, select=[GOLD]))
    assert shop.run("2024-03-01", "2024-04-01", select=[CHECKPOINTS]).success
    told = shop.materializations(CHECKPOINTS)["2024-04-01"].metadata
    assert told["dagster/row_count"].value == 2
    assert "{'n': 5, 'sum': 10.0}" in str(told["first rows"].value)
    assert shop.run(FIRST, LAST, select=[GOLD]).success
    tables = business.tables([("spending", "checkpoints"), ("spending", "gold")])
    for month in ("2024-03-01", "2024-04-01"):
        assert shop.run(month, select=[CHECKPOINTS]).success
    for day in ("2024-02-29", "2024-03-01", "2024-03-15", LAST):
        assert shop.run(day, select=[GOLD]).success
    assert business.tables([("spending", "checkpoints"), ("spending", "gold")]) == tables
    values = business.lake.scan(("spending", "gold")).sort("partition", "user").select("user", "count_lifetime", "earlier").collect()
    assert values.rows()[-2:] == [("ada", 8, 6.0), ("bob", 8, 12.0)]


@in_turn("platform_assets/assets/", "platform_assets/steps/checkpoints.py")
def test_conditions_make_a_checkpoint_when_the_month_before_is_whole_and_whatever_a_restated_day_changes(
    tmp_path: Path, business: Business
) -> None:
    shop = Shop(tmp_path, business.view)
    daemon = Daemon(shop)
    assert shop.run(FIRST, "2024-03-30", select=EARLIER).success
    asked = daemon.follow()
    assert asked[CHECKPOINTS] == ["2024-03-01"], "of March the last day is missing"
    assert sorted(set(asked[GOLD])) == [business.day(number) for number in range(35)]
    assert shop.run("2024-03-31", LAST, select=EARLIER).success
    asked = daemon.follow()
    assert asked[CHECKPOINTS] == ["2024-04-01"]
    assert sorted(set(asked[GOLD])) == [business.day(number) for number in range(35, 39)]
    business.sell(2, "20 ada 10")
    assert shop.run(business.day(2), select=EARLIER).success
    asked = daemon.follow()
    assert asked[CHECKPOINTS] == ["2024-03-01", "2024-04-01"], "each reads the one before it"
    assert sorted(set(asked[GOLD])) == [business.day(number) for number in range(2, 39)]
    assert [business.stale("gold"), list(stale_checkpoints(business.view, *MONTHS, business.run()))] == [[], []]
    values = business.lake.scan(("spending", "gold")).sort("partition", "user").select("user", "count_lifetime", "earlier").collect()
    assert values.rows()[-2:] == [("ada", 9, 16.0), ("bob", 8, 12.0)]
