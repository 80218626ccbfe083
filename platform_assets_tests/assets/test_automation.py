"""What conditions ask for: what a restated day made stale, once; months when they are complete; nothing for a model's sake."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets import Estimator, FeatureService, TrainingData, TrainingSet, every, model, no_event
from platform_assets.assets.data_versions import TAG, data_versions
from platform_assets.declare.model import Model
from platform_assets.stores.ledger import ROWS_SINCE, Entry
from platform_assets_tests.assets.shop import Shop
from platform_assets_tests.steps.business import Business

LAYERS = ("sales/silver", "sales/quarantine", "spending/gold", "leaving/training", "leaving/model", "leaving/predictions")


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    return business


class Automation:
    """The conditions of a shop, evaluated tick after tick."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._cursor: Any = None

    def tick(self) -> dict[str, list[str]]:
        """What is asked for now, by asset."""
        offline = dg.AssetSelection.all() - dg.AssetSelection.tag("layer", "online")
        result = dg.evaluate_automation_conditions(self._shop.definitions, self._shop.instance, offline, cursor=self._cursor)
        self._cursor = result.cursor
        asked = {name: result.get_requested_partitions(dg.AssetKey.from_user_string(name)) for name in LAYERS if name in self._names()}
        return {name: sorted(partition or "" for partition in partitions) for name, partitions in asked.items() if partitions}

    def _names(self) -> set[str]:
        return {key.to_user_string() for key in self._shop.definitions.resolve_asset_graph().get_all_asset_keys()}


def days(business: Business, numbers: Iterable[int]) -> list[str]:
    return [business.day(number) for number in numbers]


_ROWS = count()


def told(table: str, partition: str) -> dg.AssetMaterialization:
    """A partition with other rows than ever before."""
    return dg.AssetMaterialization(dg.AssetKey.from_user_string(table), partition=partition, tags={TAG: str(next(_ROWS))})


def test_a_restated_old_day_asks_for_what_reads_it_once(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    automation = Automation(shop)
    assert shop.run(business.day(0), business.day(7)).success
    automation.tick()
    assert automation.tick() == {}, "all is made"
    business.sell(2, "20 ada 1", "21 bob 3")
    assert shop.run(business.day(2), select=["sales/raw"]).success
    silver = days(business, (2, 3, 4))  # and where its rows are looked for as duplicates
    assert automation.tick() == {
        "sales/silver": silver,
        "sales/quarantine": silver,
        "spending/gold": days(business, range(2, 8)),
    }
    assert automation.tick() == {}, "what was asked for is not asked for again"
    assert shop.run(business.day(2), select=["sales/silver", "sales/quarantine"]).success
    assert automation.tick() == {"spending/gold": days(business, (2, 3, 4, 5))}
    assert automation.tick() == {}


@pytest.mark.parametrize("first_made", ["in one run", "day by day"])
def test_a_day_made_again_with_the_same_rows_asks_for_nothing(tmp_path: Path, business: Business, first_made: str) -> None:
    shop = Shop(tmp_path, business.view)
    automation = Automation(shop)
    for first, last in [(0, 7)] if first_made == "in one run" else [(day, day) for day in range(8)]:
        assert shop.run(business.day(first), business.day(last)).success
    automation.tick()
    assert automation.tick() == {}, "all is made"
    silver = ["sales/silver", "sales/quarantine"]
    for _ in range(2):
        assert shop.run(business.day(2), select=silver).success
        assert automation.tick() == {}, "the same rows"
    if first_made == "in one run":  # a step's own result has one data version for all its partitions
        assert shop.run(business.day(2), business.day(5), select=silver).success
        assert automation.tick() == {}, "several days, the same rows"
    assert shop.run(business.day(2), select=["sales/raw"]).success
    assert automation.tick() == {}, "what is received again is what raw has"
    business.sell(2, "20 ada 1", "21 bob 3")
    assert shop.run(business.day(2), select=["sales/raw", *silver]).success
    asked = automation.tick()
    assert business.day(2) in asked["spending/gold"], "other rows"
    assert asked.get("sales/silver", []) == days(business, (3, 4)), "its rows are looked for there as duplicates"


def test_several_days_of_which_one_has_other_rows_ask_for_what_reads_them(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    automation = Automation(shop)
    assert shop.run(business.day(0), business.day(7)).success
    automation.tick()
    business.sell(3, "30 ada 1", "31 bob 3")
    assert shop.run(business.day(2), business.day(5), select=["sales/raw", "sales/silver", "sales/quarantine"]).success
    asked = automation.tick()
    assert {business.day(day) for day in (3, 4, 5, 6)} <= set(asked["spending/gold"])
    assert automation.tick() == {}


def test_a_day_of_another_declaration_asks_for_what_reads_it_with_the_same_rows_too(business: Business) -> None:
    entry = Entry("sales/silver", "2024-02-26", 7, "declared", 3, details={ROWS_SINCE: 4})
    other = replace(entry, declaration_version="declared otherwise")
    with dg.DagsterInstance.ephemeral() as instance:
        asset = dg.AssetKey(["sales", "silver"])
        versions = data_versions(instance, asset, {"2024-02-26": entry}, {}, "id")
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition="2024-02-26", tags={TAG: versions["2024-02-26"]}))
        later, unlike = replace(entry, delta_version=9), replace(entry, delta_version=9, details={ROWS_SINCE: 8})
        assert data_versions(instance, asset, {"2024-02-26": later}, {}, "id") == versions, "the rows since version 4 were told"
        for another, identity in ((unlike, "id"), (replace(other, delta_version=9), "id"), (later, "of another table")):
            assert data_versions(instance, asset, {"2024-02-26": another}, {}, identity) != versions


def test_a_missing_day_holds_back_what_reads_it_and_nothing_else(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    automation = Automation(shop)
    automation.tick()
    for first, last in ((0, 1), (3, 7)):
        assert shop.run(business.day(first), business.day(last), select=["sales/raw"]).success
    asked = automation.tick()
    assert asked["sales/silver"] == days(business, (0, 1, 5, 6, 7))
    assert shop.run(business.day(2), select=["sales/raw"]).success
    assert automation.tick()["sales/silver"] == days(business, (2, 3, 4))


def leaving(business: Business) -> Model:
    service = FeatureService("all_of_it", [business.view])
    data = TrainingSet("leaving", features=service, labels=no_event(business.source, within="1d", spine=every("1d", active="2d")))

    def fit(train: TrainingData) -> Estimator:
        raise NotImplementedError

    fit.__name__ = "leaving"
    return model(data)(fit)


def test_a_new_model_does_not_ask_for_the_predictions_of_the_past(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, leaving(business))
    automation = Automation(shop)

    def made(name: str, partitions: list[str]) -> None:
        for partition in partitions:
            shop.instance.report_runless_asset_event(told(name, partition))

    made("spending/gold", days(business, range(8)))
    made("leaving/predictions", days(business, range(8)))
    automation.tick()
    automation.tick()
    made("leaving/model", ["2024-02-01"])
    assert automation.tick() == {}
    made("spending/gold", [business.day(3)])
    assert automation.tick() == {"leaving/predictions": days(business, (3, 4, 5, 6, 7))}, "values of a day are read for four more"


def test_predictions_are_asked_for_while_there_is_no_model_yet(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, leaving(business))
    automation = Automation(shop)
    automation.tick()
    for day in range(8):
        shop.instance.report_runless_asset_event(told("spending/gold", business.day(day)))
    assert automation.tick() == {"leaving/predictions": days(business, range(8))}


def test_a_month_is_trained_on_once_when_it_is_complete(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, leaving(business))
    automation = Automation(shop)

    def made(name: str, partitions: list[str]) -> None:
        for partition in partitions:
            shop.instance.report_runless_asset_event(told(name, partition))

    def months(asked: dict[str, list[str]]) -> dict[str, list[str]]:
        return {name: partitions for name, partitions in asked.items() if name in ("leaving/training", "leaving/model")}

    for table in ("sales/silver", "spending/gold"):
        made(table, days(business, range(4)))
    assert months(automation.tick()) == {}, "the 29th is missing"
    for table in ("sales/silver", "spending/gold"):
        made(table, days(business, range(4, 8)))
    both = ["2024-02-01", "2024-03-01"]  # the source ends in March
    assert months(automation.tick()) == {"leaving/training": both, "leaving/model": both}
    assert months(automation.tick()) == {}, "asked for: whether it failed or goes on"
    made("leaving/training", both)
    assert months(automation.tick()) == {"leaving/model": both}, "their run had failed, and the training sets were made by hand"
    for name in ("leaving/model", "sales/silver", "leaving/training"):
        made(name, [business.day(1)] if name == "sales/silver" else both)
        assert months(automation.tick()) == {}, "a restated day, or a set made anew, trains no old model again"


def test_months_that_are_complete_when_automation_begins_are_trained_on(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, leaving(business))
    for table in ("sales/silver", "spending/gold"):
        for partition in days(business, range(8)):
            shop.instance.report_runless_asset_event(told(table, partition))
    assert Automation(shop).tick()["leaving/training"] == ["2024-02-01", "2024-03-01"]
