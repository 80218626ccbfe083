"""The check of tables that Spark computes judges what their newest run has said. It needs no Spark."""

from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, count, daily, source
from platform_assets.assets.materialization_events import ADVICE, SKEW
from platform_assets_tests.assets.shop import Shop

KEYS = ("2024-01-01", "2024-01-02", "2024-01-03")


class Sale:
    sale_id: str
    at: datetime
    customer: str


def shop_on(home: Path, engine: Any) -> Shop:
    @source(schema=Sale, event_time="at", partitions=daily("2024-01-01"), engine=engine)
    def sales(arrival: Arrival) -> pl.DataFrame:
        raise AssertionError("nothing is made")

    return Shop(home, FeatureView("spending", entity=Entity("customer", keys=["customer"]), source=sales, features=[count().over("7d")]))


def judged(shop: Shop, *asked: str) -> dict[str | None, dg.AssetCheckEvaluation]:
    result = shop.run_checks("spending/gold", *asked)
    assert result.success
    return {one.partition: one for one in result.get_asset_check_evaluations()}


def say(shop: Shop, key: str, **metadata: Any) -> None:
    shop.instance.report_runless_asset_event(dg.AssetMaterialization(["spending", "gold"], partition=key, metadata=metadata))


def test_skewed_tasks_are_a_warning_of_every_partition_of_the_run(tmp_path: Path) -> None:
    shop = shop_on(tmp_path, "spark")
    for key in KEYS[:2]:
        say(shop, key)
    say(shop, KEYS[2], **{SKEW: 7.9, ADVICE: dg.MetadataValue.md("- one key has a third of all rows")})
    found = judged(shop, KEYS[0], KEYS[2])
    assert found.keys() == {*KEYS}
    for one in found.values():
        assert (one.passed, one.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert (one.metadata["value"].value, one.metadata["bound"].value) == (7.9, 3.0)
        assert one.metadata[ADVICE].value == "- one key has a third of all rows"


@pytest.mark.parametrize(("skew", "says"), [(1.0, "no stage"), (2.9, "took 2.9 times the median")])
def test_what_is_even_passes(tmp_path: Path, skew: float, says: str) -> None:
    shop = shop_on(tmp_path, "spark")
    say(shop, KEYS[0], **{SKEW: skew})
    [one] = judged(shop).values()
    assert one.partition == KEYS[0], "a run of checks that names no partition judges the newest one"
    assert one.passed
    assert says in str(one.metadata["says"].value)


def test_a_partition_that_polars_made_passes_with_the_reason(tmp_path: Path) -> None:
    shop = shop_on(tmp_path, "spark")
    say(shop, KEYS[0])
    [one] = judged(shop, KEYS[0], KEYS[0]).values()
    assert (one.passed, "not on Spark" in str(one.metadata["says"].value)) == (True, True)


def test_tables_that_polars_computes_have_no_such_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(shop: Shop) -> set[str]:
        return {
            key.asset_key.to_user_string() for key in shop.definitions.resolve_asset_graph().asset_check_keys if key.name == "task_skew"
        }

    assert not checked(shop_on(tmp_path, None))
    monkeypatch.setenv("PLATFORM_ENGINE", "spark")
    assert checked(shop_on(tmp_path, None)) == {"sales/silver", "spending/gold"}
    assert not checked(shop_on(tmp_path, "polars"))
