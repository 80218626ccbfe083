"""What the ledger has is stale and conditions have missed is asked for: once, when nobody is at it, and never what cannot be made."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.test_utils import create_run_for_test

from platform_assets import FeatureView, GoldTable, count
from platform_assets.assets.automation.stale import LOOKS
from platform_assets.steps.accept import accept
from platform_assets_tests.assets.shop import Shop
from platform_assets_tests.assets.test_automation import Automation, leaving
from platform_assets_tests.assets.test_automation_sensors import Sensor, _partitions
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business

SILVER = ("sales/silver", "sales/quarantine")
Asked = dict[str, list[tuple[str, str]]]


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    return business


class Stale(Sensor):
    """The sensor of what is stale, look after look."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop, "platform_stale")

    def look(self) -> Asked:
        """What is asked for now: by asset the first and the last partition of each run."""
        asked: Asked = {}
        for run in self.tick().run_requests or []:
            for key in run.asset_selection or ():
                asked.setdefault(key.to_user_string(), []).append(_partitions(run))
        return asked

    def looks(self, times: int = LOOKS) -> Asked:
        """What is asked for at the last of some looks; at none before it anything is."""
        assert [self.look() for _ in range(times - 1)] == [{}] * (times - 1)
        return self.look()


def asked(business: Business, first: int, last: int, tables: Sequence[str]) -> Asked:
    return {table: [(business.day(first), business.day(last))] for table in tables}


@in_turn("platform_assets/assets/automation/", "platform_assets/steps/")
def test_a_day_restated_while_silver_of_it_was_made_is_asked_for(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    conditions, stale = Automation(shop), Stale(shop)
    assert shop.run(business.day(0), business.day(7)).success
    assert stale.looks(5) == {}
    conditions.tick()
    business.sell(7, "70 ada 1", "71 bob 3")
    assert shop.run(business.day(7), select=["sales/raw"]).success
    conditions.tick()
    business.make("silver", business.first + 7, business.first + 7)  # a run has read raw and written, and has not ended
    business.sell(7, "70 ada 1", "71 bob 4")
    assert shop.run(business.day(7), select=["sales/raw"]).success
    for name in SILVER:  # now it has
        shop.instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey.from_user_string(name), partition=business.day(7)))
    assert not {*conditions.tick()} & {*SILVER}, "that silver has been made is the answer to whatever came before it: look again"
    assert stale.looks() == asked(business, 7, 7, SILVER)
    assert shop.run(business.day(7), select=SILVER).success
    assert conditions.tick() == {"spending/gold": [business.day(7)]}
    assert shop.run(business.day(7), select=["spending/gold"]).success
    assert stale.looks(5) == {}
    assert conditions.tick() == {}


def test_what_was_made_before_the_daemon_ever_ran_is_asked_for_table_by_table(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    business.make_range()
    business.sell(2, "20 ada 1", "21 bob 3")
    business.make("raw", business.first + 2, business.first + 2)
    stale = Stale(shop)
    assert stale.looks() == asked(business, 2, 4, SILVER)
    shop.run(business.day(2), business.day(4), select=SILVER)
    assert stale.looks() == asked(business, 2, 5, ["spending/gold"]), "the rows of days 3 and 4 are those that they had"
    shop.run(business.day(2), business.day(5), select=["spending/gold"])
    assert stale.looks(5) == {}


def test_nothing_is_asked_for_while_somebody_is_at_it(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    business.make("raw", business.first, business.last)
    stale, silver = Stale(shop), dg.AssetKey(["sales", "silver"])
    run = create_run_for_test(shop.instance, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset({silver}))
    assert stale.looks(5) == {}
    shop.instance.report_run_canceled(run)
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="of_a_person",
        asset_graph=shop.definitions.resolve_asset_graph(),
        partition_names=[business.day(0)],
        asset_selection=[silver],
        backfill_timestamp=business.now.timestamp(),
        tags={},
        dynamic_partitions_store=shop.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    shop.instance.add_backfill(backfill)
    assert stale.looks(5) == {}
    shop.instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert stale.looks() == asked(business, 0, 7, SILVER)


def test_what_was_asked_for_and_failed_is_not_asked_for_again(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    business.make("raw", business.first, business.last)
    stale = Stale(shop)
    assert stale.looks() == asked(business, 0, 7, SILVER)
    assert stale.looks(5) == {}
    shop.run(business.day(0), business.day(2), select=SILVER)
    assert stale.looks() == asked(business, 0, 2, ["spending/gold"]), "and what could be made goes on"
    business.sell(6, "60 ada 9")
    business.make("raw", business.first + 6, business.first + 6)
    assert stale.look() == {}
    assert stale.looks(LOOKS - 1) == asked(business, 6, 7, SILVER), "of these there is something else to make"


def test_a_month_that_was_refused_is_asked_for_when_what_it_reads_is_open(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, leaving(business))
    business.sell(5, "50 ada -1", "51 bob -2", "52 cy 1")
    for table in ("raw", "silver", "gold"):
        business.make(table, business.first, business.last)
    stale = Stale(shop)
    assert stale.looks()["leaving/training"] == [("2024-02-01", "2024-02-01")], "March reads a day that is blocked"
    assert shop.run("2024-02-01", select=["leaving/training"]).success
    accept(business.source, business.first + 5, business.run(), by="ada", why="the shop knows")
    for table in ("silver", "gold"):
        business.make(table, business.first + 5, business.last)
    assert stale.looks()["leaving/training"] == [("2024-03-01", "2024-03-01")]
    assert shop.run("2024-03-01", select=["leaving/training"]).success


def test_a_view_that_is_declared_otherwise_is_told_and_not_asked_for(tmp_path: Path, business: Business) -> None:
    business.make_range()
    view = FeatureView("spending", entity=business.entity, source=business.source, features=[count().over("1d")])
    stale = Stale(Shop(tmp_path, view))
    assert stale.looks(LOOKS - 1) == {}
    result = stale.tick()
    assert not result.run_requests
    assert str(result.skip_reason.skip_message if result.skip_reason else "").startswith(
        f"spending/gold: 8 partitions between {business.day(0)} and {business.day(7)} were made by another version of the declaration."
    )


def test_a_report_that_is_declared_otherwise_is_made_again(tmp_path: Path, business: Business) -> None:
    business.make_range()
    report = GoldTable("takings", source=business.source, measures=[count().named("sales")])
    assert Stale(Shop(tmp_path, report)).look() == asked(business, 0, 7, ["takings/gold"])


def test_a_restated_day_trains_no_month_again(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, leaving(business))
    business.make_range()
    stale = Stale(shop)
    assert stale.looks() == {
        "leaving/training": [("2024-02-01", "2024-03-01")],
        "leaving/predictions": [(business.day(0), business.day(7))],
    }
    assert shop.run("2024-02-01", "2024-03-01", select=["leaving/training"]).success
    business.sell(2, "20 ada 1", "21 bob 3")
    for table, last in (("raw", 2), ("silver", 4), ("gold", 7)):
        business.make(table, business.first + 2, business.first + last)
    assert stale.looks() == {"leaving/predictions": [(business.day(2), business.day(7))]}, "of older features; the months are pinned"
