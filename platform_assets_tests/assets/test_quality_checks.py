"""Checks of quality in Dagster: an evaluation for each partition, with the figure, the bound and a plot over the last partitions."""

from base64 import b64decode
from pathlib import Path

import dagster as dg
import pytest

from platform_assets import null_share
from platform_assets_tests.assets.shop import Shop, evaluations, failure
from platform_assets_tests.steps.watched import CLEAN, FAULTS, Watched

MISSING = CLEAN + list(FAULTS).index("customers are missing")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    watched = Watched(tmp_path_factory.mktemp("watched") / "lake", weeks=MISSING + 1)
    watched.make()
    return watched


def test_each_check_is_one_of_silver_with_its_dimension_and_bound(watched: Watched) -> None:
    graph = Shop(watched.home.parent, watched.orders).definitions.resolve_asset_graph()
    said = {key.name: graph.get_check_spec(key).description or "" for key in graph.asset_check_keys if key.asset_key.path[0] == "orders"}
    assert said["null_share_customer_id"] == (
        "completeness: The share of rows without customer_id.\n\nIts bound is learnt from the last 8 weeks."
    )
    assert said["few_nulls"].endswith("\n\nAt most 20%.")
    assert said["fresh_by_hand"].endswith("\n\nAt most 12 hours.")
    assert {check.name for check in watched.orders.checks} <= set(said)
    assert list(said).count("volume") == 1


def test_a_run_tells_of_each_check_and_partition_and_draws_the_newest(watched: Watched) -> None:
    shop = Shop(watched.home.parent, watched.orders)
    result = shop.run(watched.key(MISSING - 1), watched.key(MISSING), select=["orders/silver", "orders/quarantine"])
    assert result.success, failure(result)
    found = {(e.partition, e.check_name): e for e in evaluations(result) if e.asset_key.path[0] == "orders"}
    names = {check.name for check in watched.orders.checks}
    assert {name for partition, name in found if partition == watched.key(MISSING)} >= names
    failed = [(partition, name) for (partition, name), e in found.items() if not e.passed]
    assert sorted(failed) == [(watched.key(MISSING), "few_nulls"), (watched.key(MISSING), "null_share_customer_id")]
    severities = {name: found[watched.key(MISSING), name].severity for name in ("few_nulls", "null_share_customer_id")}
    assert severities == {"few_nulls": dg.AssetCheckSeverity.ERROR, "null_share_customer_id": dg.AssetCheckSeverity.WARN}
    assert not any(e.blocking for e in found.values()), "what reads silver goes on"
    figures = {name: value.value for name, value in found[watched.key(MISSING), "few_nulls"].metadata.items()}
    drawing = b64decode(str(figures.pop("over partitions")).rpartition("base64,")[2].rstrip(")")).decode()
    assert figures.pop("rows %") > 50
    assert figures == {"at most": 20.0, "bound": "as declared", "rows": 70, "of": 120, "dimension": "completeness"}
    assert drawing.count("<rect") == MISSING + 1
    assert "stroke-dasharray" in drawing, "the bound is a line across"
    drawn = {partition for (partition, name), e in found.items() if name in names and "over partitions" in e.metadata}
    assert drawn == {watched.key(MISSING)}


def test_checks_alone_judge_what_is_in_the_ledger(watched: Watched) -> None:
    shop = Shop(watched.home.parent, watched.orders)
    version = watched.run().lake.version(("orders", "silver"))
    result = shop.run_checks("orders/silver", watched.key(MISSING), watched.key(MISSING))
    assert result.success, failure(result)
    assert {e.check_name for e in evaluations(result) if not e.passed} == {"few_nulls", "null_share_customer_id"}
    assert watched.run().lake.version(("orders", "silver")) == version


def test_checks_alone_count_what_was_never_counted(tmp_path: Path) -> None:
    Watched(tmp_path / "lake", checks=[], weeks=1).make()
    later = Watched(tmp_path / "lake", checks=[null_share("customer_id", at_most=0.01)], weeks=1)
    result = Shop(tmp_path, later.orders).run_checks("orders/silver", later.key(0), later.key(0))
    assert result.success, failure(result)
    [found] = [e for e in evaluations(result) if e.check_name == "null_share_customer_id"]
    assert (found.passed, found.metadata["rows"].value) == (False, 10)


def test_a_week_that_waited_for_keys_is_judged_with_the_next_one(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "lake", weeks=3)
    watched.customers_until = 1
    watched.make()
    watched.customers_until = 3
    watched.make(watched.customers)
    result = Shop(tmp_path, watched.orders).run(watched.key(2), select=["orders/silver", "orders/quarantine"])
    assert result.success, failure(result)
    found = {e.partition: e.metadata for e in evaluations(result) if e.check_name == "refers_to_customers"}
    assert sorted(found, key=str) == [watched.key(1), watched.key(2)]
    assert all("not judged" not in metadata for metadata in found.values())
