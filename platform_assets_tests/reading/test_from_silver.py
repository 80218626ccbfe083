"""historical_features straight from silver: gold's values without gold, values at any moment, and what is lacking by its name."""

from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import get_args

import pytest

from platform_assets import FeatureService, FeatureView, count, historical_features, last, sum, time_since_last
from platform_assets.declare.training import FeaturesFrom
from platform_assets.engines import reference
from platform_assets.errors import DeclarationError, NotReadyError
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.ledger_consistency import STORED_ROWS
from platform_assets.testing.equality import require_same_rows
from platform_assets_tests.reading.shop import Shop, frame, label
from platform_assets_tests.steps.business import DAYS, START, Business
from platform_assets_tests.steps.members import Members

NOON = START + timedelta(days=4, hours=12)
USERS = ("ada", "bob", None, "cy", "nobody")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def moments(shop: Shop) -> FeatureService:
    features = [
        count().over("10h", "3d"),
        sum("amount", offset="6h").over("36h").named("earlier"),
        last("sale_id").over("3d"),
        time_since_last().over("3d"),
    ]
    return FeatureService(
        "now", [FeatureView("now", entity=shop.business.entity, source=shop.business.source, features=features, accuracy="temporal")]
    )


def test_values_straight_from_silver_are_those_of_the_oracle_and_pin_silver(shop: Shop) -> None:
    edges = [shop.readable(day) + timedelta(microseconds=off) for day in range(-1, DAYS) for off in (-1, 0, 1)]
    rows = [label(user, at, basket=2.5) for at in reversed(edges) for user in USERS]
    rows += rows[:3]
    found = historical_features(shop.service, frame(shop.service, rows), features_from="silver", lake=shop.lake)
    require_same_rows("historical features", shop.expected(rows), found.frame.to_dicts())
    assert found.versions == {"sales/silver": 0}
    some = historical_features(shop.selected, frame(shop.selected, rows), features_from="silver", lake=shop.lake)
    require_same_rows("selected features", shop.expected(rows, shop.selected), some.frame.to_dicts())


def test_a_source_that_has_ended_keeps_its_last_snapshot(tmp_path: Path) -> None:
    business = Business(tmp_path)
    business.sell(DAYS - 1, "1 ada 4")
    business.make_range()
    service = FeatureService("spending_only", [business.view])
    labels = frame(service, [{"user": "ada", "label_time": START + timedelta(days=DAYS + late)} for late in (0, 1, 50)])
    both = [historical_features(service, labels, features_from=layer, lake=business.lake).frame for layer in ("gold", "silver")]  # type: ignore[arg-type]
    assert both[0].equals(both[1])
    assert both[0]["spending__count_3d"].to_list() == [1, 1, 1]


def test_a_view_without_any_gold_is_read_from_silver_and_one_with_some_from_the_cheaper(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0.0})
    for day in range(DAYS):
        business.sell(day, *(f"{day * 10 + number} user{number} 1" for number in range(3)))
    for layer in ("raw", "silver"):
        business.make(layer, business.first, business.last)
    service = FeatureService("spending_only", [business.view])
    labels = frame(service, [{"user": "user1", "label_time": NOON}])
    assert historical_features(service, labels, lake=business.lake).versions == {"sales/silver": 0}
    business.make("gold", business.first, business.last)
    assert historical_features(service, labels, lake=business.lake).versions == {"spending/gold": 0}
    ledger = Ledger(business.lake)
    from dataclasses import replace

    entries = ledger.entries("spending/gold").values()
    ledger.record([replace(entry, rows=10**6, details={**entry.details, STORED_ROWS: entry.rows}) for entry in entries])
    assert historical_features(service, labels, lake=business.lake).versions == {"sales/silver": 0}, "a million rows of gold cost more"
    assert historical_features(service, labels, features_from="gold", lake=business.lake).versions == {"spending/gold": 0}


def test_labels_before_the_first_partition_need_no_gold_where_there_is_silver_only(tmp_path: Path) -> None:
    business = Business(tmp_path)
    business.sell(0, "1 ada 4")
    for layer in ("raw", "silver"):
        business.make(layer, business.first, business.last)
    service = FeatureService("spending_only", [business.view])
    before = frame(service, [{"user": "ada", "label_time": START - timedelta(days=30)}])
    found = historical_features(service, before, lake=business.lake)
    assert found.versions == {"sales/silver": 0}
    assert found.frame["spending__count_3d"].to_list() == [0]
    assert historical_features(service, before.clear(), lake=business.lake).frame.columns == found.frame.columns


def test_silver_of_which_a_part_is_gone_is_not_the_cheaper_one_while_gold_is_whole(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0.0})
    for day in range(DAYS):
        business.sell(day, *(f"{day * 10 + number} user{number} 1" for number in range(8)))
    business.make_range()
    service = FeatureService("spending_only", [business.view])
    labels = frame(service, [{"user": "user1", "label_time": NOON}])
    rmtree(tmp_path / "sales" / "silver")
    business.make("silver", business.first + 3, business.first + 3)
    with pytest.raises(NotReadyError, match="needs 3 partitions of sales/silver that are missing"):
        historical_features(service, labels, features_from="silver", lake=business.lake)
    found = historical_features(service, labels, lake=business.lake)
    assert found.versions == {"spending/gold": 0}
    assert found.frame["spending__count_3d"].to_list() == [3]


def test_values_at_any_moment_are_those_of_the_oracle(shop: Shop, moments: FeatureService) -> None:
    times = [shop.readable(day) + timedelta(microseconds=off) for day in range(-1, DAYS) for off in (-1, 0, 20_000_000_001)]
    rows = [{"user": user, "label_time": at} for at in times for user in USERS if at < shop.readable(DAYS)]
    found = historical_features(moments, frame(moments, rows), lake=shop.lake)
    expected = reference.point_in_time(moments, {}, rows, {"now": shop.silver})
    require_same_rows("at any moment", expected, found.frame.to_dicts())
    assert found.versions == {"sales/silver": 0}
    assert found.frame["now__count_3d"].sum() > 0


def test_a_missing_partition_of_silver_is_named_with_its_mend(shop: Shop, moments: FeatureService) -> None:
    newest = shop.readable(DAYS) - timedelta(microseconds=1)
    for service, layer in ((shop.service, "silver"), (moments, None)):
        assert historical_features(service, frame(service, [label("ada", newest)]), features_from=layer, lake=shop.lake).frame.height == 1  # type: ignore[arg-type]
        later = frame(service, [label("ada", newest + timedelta(microseconds=1))])
        with pytest.raises(NotReadyError, match="needs sales/silver 2024-03-04, which is missing") as error:
            historical_features(service, later, features_from=layer, lake=shop.lake)  # type: ignore[arg-type]
        assert "dagster asset materialize" in str(error.value)


def test_a_blocked_partition_of_silver_is_named(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0.9})
    business.sell(0, "1 ada 4")
    business.sell(2, "2 ada 5", "3 ada -1", "4 bob much")
    for layer in ("raw", "silver", "gold"):
        business.make(layer, business.first, business.last)
    service = FeatureService("spending_only", [business.view])
    asked = [frame(service, [{"user": "ada", "label_time": START + timedelta(days=days)}]) for days in (2, 3)]
    assert historical_features(service, asked[0], features_from="silver", lake=business.lake).frame["spending__count_3d"].to_list() == [1]
    with pytest.raises(NotReadyError, match="sales/silver 2024-02-27, which is blocked"):
        historical_features(service, asked[1], features_from="silver", lake=business.lake)


def test_attributes_straight_from_silver_fall_back_over_a_blocked_partition_as_those_from_gold_do(tmp_path: Path) -> None:
    business = Members(tmp_path)
    for day in range(DAYS):
        business.update(day, f"ada tariff{day} {day}", "cy silver 1")
    business.update(3, "ada gold 7", "cy gold -1")
    business.make_members()
    assert business.entries("members/silver")[business.day(3)].status == "blocked"
    service = FeatureService("known", [business.profile])
    times = [START + timedelta(days=day) for day in (3, 4, 5)]
    labels = frame(service, [{"user": user, "label_time": at} for at in times for user in ("ada", "cy", "nobody")])
    gold, silver = (historical_features(service, labels, features_from=layer, lake=business.lake) for layer in get_args(FeaturesFrom))
    assert [*gold.versions, *silver.versions] == ["profile/gold", "members/silver"]
    assert silver.frame.equals(gold.frame)
    assert silver.frame.filter(user="ada")["profile__tariff"].to_list() == ["tariff2", "tariff2", "tariff4"]
    rmtree(tmp_path / "members" / "silver")
    business.make("members silver", business.first, business.first + 3)
    with pytest.raises(NotReadyError, match="members/silver 2024-02-29, which is missing"):
        historical_features(service, labels, features_from="silver", lake=business.lake)


def test_a_layer_that_there_is_not_is_refused(shop: Shop, moments: FeatureService) -> None:
    with pytest.raises(
        DeclarationError, match=r"historical_features\(served\), features_from: there is no layer 'sliver'\. Did you mean 'silver'\?"
    ):
        historical_features(shop.service, frame(shop.service, []), features_from="sliver", lake=shop.lake)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="view 'now' has temporal accuracy, and so no gold"):
        historical_features(moments, frame(moments, []), features_from="gold", lake=shop.lake)
