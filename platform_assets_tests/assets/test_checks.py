"""Checks: one evaluation a partition, of that partition, pointing at the materialization that it judged."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from platform_assets_tests.assets.shop import RANGE_END, RANGE_START, Shop, evaluations
from platform_assets_tests.steps.business import Business


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60", f"{day}2 cy -1", f"{day}0 ada 1", f"{day}3 cy 4")
    business.sell(3, "30 ada -1", "31 ada much", "32 ada 1")
    return business


def test_a_range_evaluates_each_check_once_a_partition(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.source)
    found = evaluations(shop.run(business.day(0), business.day(7)))
    days = [business.day(day) for day in range(8)]
    assert sorted((e.partition or "", e.check_name) for e in found) == [
        (day, name) for day in days for name in ("accepted_share", "nothing_lost")
    ]
    failed = [(e.partition, e.check_name) for e in found if not e.passed]
    assert failed == [(business.day(3), "accepted_share")]
    assert {(e.severity, e.blocking) for e in found} == {(dg.AssetCheckSeverity.ERROR, False)}, "the ledger blocks, partition by partition"


def test_an_evaluation_shows_the_counts_and_the_reasons_most_frequent_first(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.source)
    found = {(e.partition, e.check_name): e for e in evaluations(shop.run(business.day(0), business.day(7)))}
    counts = {name: value.value for name, value in found[business.day(0), "nothing_lost"].metadata.items()}
    assert counts == {"received": 5, "accepted": 3, "quarantined": 1, "duplicates": 1, "flag large": 1}
    blocked = {name: value.value for name, value in found[business.day(3), "accepted_share"].metadata.items()}
    assert blocked["accepted share"] == 1 / 3
    assert blocked["needed"] == 0.7
    held = "blocked: fewer than 70% of the partition's rows were acceptable"
    assert blocked["reasons"] == f"|reason|rows|\n|-|-:|\n|amount: not float|1|\n|{held}|1|\n|positive|1|"


def test_an_evaluation_points_at_the_materialization_of_its_own_partition_and_run(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.source)
    for _ in range(2):  # the second run must not point at what the first one made
        result = shop.run(business.day(0), business.day(7))
    records = shop.instance.fetch_materializations(dg.AssetKey(["sales", "silver"]), limit=8).records
    newest = {record.partition_key: record.storage_id for record in records}
    for evaluation in evaluations(result):
        target = evaluation.target_materialization_data
        assert target is not None
        assert (target.run_id, target.storage_id) == (result.run_id, newest[evaluation.partition])


def test_library_an_asset_check_result_loses_its_partition_in_a_range_run() -> None:
    """Why we yield AssetCheckEvaluation ourselves. When this fails, AssetCheckResult may do."""
    partitions = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-04")
    spec, check = dg.AssetSpec("table", partitions_def=partitions), dg.AssetCheckSpec("fine", asset="table", partitions_def=partitions)

    @dg.multi_asset(specs=[spec], check_specs=[check], backfill_policy=dg.BackfillPolicy.single_run(), can_subset=True)
    def table(context: dg.AssetExecutionContext):  # type: ignore[no-untyped-def]
        yield dg.MaterializeResult(asset_key="table")
        yield dg.AssetCheckResult(asset_key="table", check_name="fine", passed=True)

    tags = {RANGE_START: "2024-01-01", RANGE_END: "2024-01-03"}
    result = dg.materialize([table], instance=dg.DagsterInstance.ephemeral(), tags=tags)
    assert [evaluation.partition for evaluation in result.get_asset_check_evaluations()] == [None]


def test_library_the_private_class_of_a_checks_target_is_where_and_what_we_take_it_for() -> None:
    """Dagster exports no public name for it; without it a check's partition bar stays empty."""
    assert AssetCheckEvaluationTargetMaterializationData._fields == ("storage_id", "run_id", "timestamp")
    target = AssetCheckEvaluationTargetMaterializationData(storage_id=1, run_id="run", timestamp=2.0)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("table"),
        check_name="fine",
        passed=True,
        metadata={},
        partition="2024-01-01",
        target_materialization_data=target,
    )
    assert (evaluation.target_materialization_data, evaluation.partition) == (target, "2024-01-01")
