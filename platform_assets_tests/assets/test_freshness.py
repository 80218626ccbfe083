"""When a table is too old: as its source's partitions and waiting times say."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from platform_assets import Estimator, FeatureService, FeatureView, TrainingData, TrainingSet, count, daily, every, hourly, model, no_event
from platform_assets.declare.entity import Entity
from platform_assets.declare.partitions import Partitions
from platform_assets_tests.assets.shop import Shop
from platform_assets_tests.steps.business import Business

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("partitions", "declared", "warns", "fails"),
    [
        (daily("2024-02-25"), {"empty_after": None}, 1.25 * DAY, 2 * DAY),
        (daily("2024-02-25"), {"empty_after": "6h"}, 1.5 * DAY, 2.25 * DAY),
        (daily("2024-02-25"), {"empty_after": "6h", "data_delay": "12h"}, 1.75 * DAY, 2.5 * DAY),
        (hourly("2024-02-25"), {"empty_after": None}, 1.25 * HOUR, 2 * HOUR),
    ],
)
def test_a_table_is_too_old_when_a_partition_has_not_come_in_time(
    tmp_path: Path, partitions: Partitions, declared: dict[str, str | None], warns: timedelta, fails: timedelta
) -> None:
    business = Business(tmp_path, declared={"partitions": partitions, **declared})
    expected = dg.FreshnessPolicy.time_window(fail_window=fails, warn_window=warns)
    assert policies(Shop(tmp_path, business.view, business.report)) == dict.fromkeys(
        ("sales/raw", "sales/silver", "sales/quarantine", "spending/gold", "spending/online", "takings/gold"), expected
    )


def test_what_is_made_by_month_may_be_a_month_older(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"partitions": daily("2024-02-25"), "empty_after": None})
    view = FeatureView("activity", entity=Entity("user", keys=["user"]), source=business.source, features=[count().over("1d")])
    labels = no_event(business.source, within="1d", spine=every("1d", active="2d"))

    @model(TrainingSet("leaving", features=FeatureService("all_of_it", [view]), labels=labels))
    def leaving(train: TrainingData) -> Estimator:
        raise NotImplementedError

    found = policies(Shop(tmp_path, leaving))
    monthly = dg.FreshnessPolicy.time_window(fail_window=62 * DAY, warn_window=38.75 * DAY)
    assert found["leaving/training"] == found["leaving/model"] == monthly
    assert found["leaving/predictions"] == found["activity/gold"]


def test_a_source_that_has_ended_is_never_too_old(tmp_path: Path) -> None:
    assert set(policies(Shop(tmp_path, Business(tmp_path).view)).values()) == {None}


def policies(shop: Shop) -> dict[str, dg.FreshnessPolicy | None]:
    graph = shop.definitions.resolve_asset_graph()
    return {key.to_user_string(): graph.get(key).freshness_policy for key in graph.get_all_asset_keys()}
