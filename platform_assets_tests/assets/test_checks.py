"""Checks: one evaluation a partition, of that partition, pointing at the materialization that it judged."""

from base64 import b64decode
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from platform_assets import Arrival, daily, source
from platform_assets.assets.silver_checks import verdicts
from platform_assets.engines.engine import KeyFaults
from platform_assets.errors import DeclarationError
from platform_assets.steps.key_checks import key_faults
from platform_assets.stores.delta import PartitionFacts, Span
from platform_assets.stores.ledger import Entry
from platform_assets_tests.assets.shop import RANGE_END, RANGE_START, Shop, evaluations, failure
from platform_assets_tests.steps.business import START, Business


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60", f"{day}2 cy -1", f"{day}0 ada 1", f"{day}3 cy 4")
    business.sell(3, "30 ada -1", "31 ada much", "32 ada 1")
    return business


def test_a_range_tells_of_every_partition_whether_all_is_there_and_accepted(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.source)
    found = [e for e in evaluations(shop.run(business.day(0), business.day(7))) if e.check_name in ("accepted_share", "nothing_lost")]
    days = [business.day(day) for day in range(8)]
    assert sorted((e.partition or "", e.check_name) for e in found) == [
        (day, name) for day in days for name in ("accepted_share", "nothing_lost")
    ]
    failed = [(e.partition, e.check_name) for e in found if not e.passed]
    assert failed == [(business.day(3), "accepted_share")]
    assert {(e.severity, e.blocking) for e in found} == {(dg.AssetCheckSeverity.ERROR, False)}, "the ledger blocks, partition by partition"


def told(result: dg.ExecuteInProcessResult, check: str) -> dict[str, bool]:
    return {e.partition or "": e.passed for e in evaluations(result) if e.check_name == check}


def test_a_rule_is_a_warning_with_its_sql_and_the_rows_that_broke_it(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.source)
    result = shop.run(business.day(0), business.day(7))
    assert told(result, "rule_positive") == dict.fromkeys([business.day(day) for day in range(8)], False)
    broken = {e.partition: e for e in evaluations(result) if e.check_name == "rule_positive"}
    assert {e.severity for e in broken.values()} == {dg.AssetCheckSeverity.WARN}
    figures = {name: value.value for name, value in broken[business.day(0)].metadata.items()}
    assert figures == {"broken %": 20.0, "tolerated %": 1.0, "rows that break it": 1, "received": 5}
    plots = {day: e.metadata["over partitions"] for day, e in broken.items() if "over partitions" in e.metadata}
    assert list(plots) == [business.day(7)], "the newest partition of a run shows all before it"
    drawing = b64decode(str(plots[business.day(7)].value).rpartition("base64,")[2].rstrip(")")).decode()
    assert drawing.count("<rect") == 8
    assert "stroke-dasharray" in drawing, "the bound is a line across"
    node = shop.definitions.resolve_asset_graph().get_check_spec(dg.AssetCheckKey(dg.AssetKey(["sales", "silver"]), "rule_positive"))
    assert (node.description or "").startswith("amount >= 0\n")


def test_a_rule_tolerates_a_share_of_bad_rows_before_it_warns(tmp_path: Path) -> None:
    """One bad row of a hundred is what any export has: it is quarantined and counted, and no alarm."""
    rows = {"a": 1, "b": 2, "c": 3}
    entry = Entry(
        "sales/silver", "2024-03-01", 0, "v", 97, details={
            "received": 100, "accepted": 94, "quarantined": 6, "duplicates": 0, "flags": {}, "reasons": rows,
            "accepted_share": 0.94, "needed_share": 0.7,
        },
    )  # fmt: skip

    class Sale:
        at: datetime
        amount: float

    days, rules = daily("2024-03-01"), dict.fromkeys(rows, "amount > 0")

    @source(schema=Sale, event_time="at", partitions=days, rules=rules, tolerates={"c": 0.03})
    def declared(arrival: Arrival) -> pl.LazyFrame | None:
        return None

    told = {v.check: v for v in verdicts(declared, {entry.partition: entry}, {entry.partition: entry}, {}) if v.check.startswith("rule_")}
    assert {check: v.passed for check, v in told.items()} == {"rule_a": True, "rule_b": False, "rule_c": True}
    assert [v.metadata["tolerated %"] for v in told.values()] == [1.0, 1.0, 3.0]
    with pytest.raises(DeclarationError, match=r"tolerates: there is no rule 'd'"):
        source(schema=Sale, event_time="at", partitions=days, rules=rules, tolerates={"d": 0.1})(declared.read)


def test_every_check_is_told_of_every_partition_of_a_range(tmp_path: Path) -> None:
    """Dagster draws one of which nothing is told as skipped, in red."""
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 ada 1", f"{day}2 ada {-1 if day == 2 else 1}", f"{day}3 ada 1")
    shop = Shop(tmp_path, business.source)
    result, days = shop.run(business.day(0), business.day(7)), {business.day(day) for day in range(8)}
    assert told(result, "rule_positive") == {**dict.fromkeys(days, True), business.day(2): False}
    specs = shop.definitions.resolve_asset_graph().asset_check_keys
    assert {check.name: set(told(result, check.name)) for check in specs} == {check.name: days for check in specs}


def test_checks_alone_judge_what_is_there_and_make_nothing(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 ada 1", f"{day}2 ada {-1 if day == 2 else 1}", f"{day}3 ada 1")
    shop = Shop(tmp_path, business.source)
    made = shop.run(business.day(0), business.day(7))
    versions = [business.lake.version(("sales", layer)) for layer in ("raw", "silver", "quarantine")]
    again = shop.run_checks("sales/silver", business.day(1), business.day(3))
    assert again.success, failure(again)
    assert [business.lake.version(("sales", layer)) for layer in ("raw", "silver", "quarantine")] == versions
    assert again.get_asset_materialization_events() == []
    for check in ("rule_positive", "nothing_lost", "accepted_share", "volume", "keys"):
        days = {business.day(day): told(made, check)[business.day(day)] for day in (1, 2, 3)}
        assert told(again, check) == days
    of_no_partition = shop.run_checks("sales/silver")
    assert of_no_partition.success, failure(of_no_partition)
    assert told(of_no_partition, "rule_positive") == {business.day(7): True}, "the newest"
    assert [business.lake.version(("sales", layer)) for layer in ("raw", "silver", "quarantine")] == versions


def test_a_key_that_another_row_has_within_the_horizon_fails(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    shop = Shop(tmp_path, business.source)
    assert told(shop.run(business.day(0), business.day(7)), "keys") == {business.day(day): True for day in range(8)}
    # Only rows that were written past the platform can have it: day 3 again has what day 2 had.
    silver, arrival = ("sales", "silver"), pl.col("arrival")
    rows = business.lake.scan(silver).collect()
    third = START.date() + timedelta(days=3)
    doubled = rows.with_columns(pl.when(arrival == third).then(pl.col("sale_id") - 10).otherwise("sale_id").alias("sale_id"))
    span = Span(third, third + timedelta(days=1))
    facts = [PartitionFacts(business.day(3), 2)]
    version = business.source.version
    business.lake.replace(
        silver, doubled.filter(arrival == third), by="arrival", span=span, facts=facts, declaration_version=version, run="x"
    )
    found = key_faults(business.source, [business.first + number for number in range(2, 6)], business.run())
    assert [found[business.first + number] for number in range(2, 6)] == [
        KeyFaults(0, 0),
        KeyFaults(0, 2),
        KeyFaults(0, 0),
        KeyFaults(0, 0),
    ]


@pytest.mark.parametrize(
    ("received", "passed"), [(100, True), (50, True), (49, False), (200, True), (201, False), (0, False)], ids=lambda value: str(value)
)
def test_volume_is_compared_with_the_median_of_the_same_weekdays(received: int, passed: bool) -> None:
    weeks = {visits.partitions.key(visits.partitions.first + 7 * week): rows for week, rows in enumerate((90, 100, 100, 5000, received))}
    entries = {key: entry(key, rows) for key, rows in weeks.items()}
    newest = visits.partitions.key(visits.partitions.first + 28)
    [verdict] = [v for v in verdicts(visits, {newest: entries[newest]}, entries, {}) if v.check == "volume"]
    assert (verdict.passed, verdict.severity, verdict.metadata["usual"]) == (passed, dg.AssetCheckSeverity.WARN, 100)


def test_volume_says_so_while_there_are_fewer_than_four_partitions_to_compare_with() -> None:
    keys = [visits.partitions.key(visits.partitions.first + 7 * week) for week in range(4)]
    entries = {key: entry(key, 100) for key in keys}
    [verdict] = [v for v in verdicts(visits, {keys[3]: entries[keys[3]]}, entries, {}) if v.check == "volume"]
    assert verdict.passed
    assert verdict.metadata["compared"] == "with nothing yet: it takes 4 partitions, and there are 3"


def test_few_rows_that_chance_explains_are_no_alarm() -> None:
    keys = [visits.partitions.key(visits.partitions.first + 7 * week) for week in range(6)]
    entries = {key: entry(key, rows) for key, rows in zip(keys, (4, 4, 4, 4, 9, 11), strict=True)}
    found = {v.partition: v.passed for v in verdicts(visits, {k: entries[k] for k in keys[4:]}, entries, {}) if v.check == "volume"}
    assert found == {keys[4]: True, keys[5]: False}


class Visit:
    at: datetime


@source(schema=Visit, event_time="at", partitions=daily("2024-01-01"))
def visits(arrival: Arrival) -> None:
    """Who came."""


def entry(key: str, received: int) -> Entry:
    details = {"received": received, "accepted": received, "quarantined": 0, "duplicates": 0, "flags": {}, "reasons": {}}
    return Entry("visits/silver", key, 0, "v", received, details={**details, "accepted_share": 1.0, "needed_share": 0.7})


@pytest.mark.parametrize("last", [None, 7], ids=["a partition", "a range"])
def test_dagster_does_not_take_the_checks_for_forgotten(tmp_path: Path, business: Business, last: int | None) -> None:
    """They are yielded as events with partitions; without an output for each check it logs 'did not yield or return expected outputs'."""
    shop = Shop(tmp_path, business.view)
    result = shop.run(business.day(0), None if last is None else business.day(last))
    messages = [record.message for record in shop.instance.all_logs(result.run_id)]
    assert [message for message in messages if "did not yield" in message] == []


def test_an_evaluation_shows_the_counts_and_the_reasons_most_frequent_first(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.source)
    found = {(e.partition, e.check_name): e for e in evaluations(shop.run(business.day(0), business.day(7)))}
    counts = {name: value.value for name, value in found[business.day(0), "nothing_lost"].metadata.items()}
    assert counts == {"received": 5, "accepted": 3, "quarantined": 1, "duplicates": 1, "flag large": 1}
    blocked = {name: value.value for name, value in found[business.day(3), "accepted_share"].metadata.items()}
    assert (blocked["accepted %"], blocked["needed %"]) == (33.3, 70.0)
    held = "blocked: fewer than 70% of the partition's rows were acceptable"
    assert blocked["reasons"] == (f"|reason|rows|such as|\n|-|-:|-|\n|amount: not float|1|'much'|\n|{held}|1||\n|positive|1|amount = '-1'|")


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
