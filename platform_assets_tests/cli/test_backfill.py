"""`status` says what is missing, stale, blocked or failed; `backfill` makes it, whatever partitions the tables have."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner, Result

from platform_assets import Arrival
from platform_assets.cli.main import cli
from platform_assets.cli.materialize import materialize
from platform_assets.errors import DeclarationError, PlatformError
from platform_assets_tests.cli import two_calendars
from platform_assets_tests.cli.visits_and_orders import files as two_calendars_files
from platform_assets_tests.cli.visits_and_orders import orders, write_files, write_orders


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("PLATFORM_REDIS_URL", raising=False)
    write_files()
    return tmp_path


def run(*words: str) -> Result:
    """The command; an error of the platform is raised, as main() would show it."""
    return CliRunner().invoke(cli, [*words, "--module", two_calendars.__name__], catch_exceptions=False)


def status() -> Mapping[str, Any]:
    return {table["table"]: table for table in json.loads(run("status", "--json").output)}


def spend(home: Path) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(home / "lake/spend/gold")).sort("partition")
    return [(str(day), value) for day, value in rows.select("partition", "amount_sum_2d").rows()]


def test_one_command_brings_hours_and_days_up_to_date_and_says_what_it_could_not(home: Path) -> None:
    plan = run("backfill", "--dry-run")
    assert "visits/raw: 2024-03-01T00 to 2024-03-01T03 (4): missing" in plan.output
    assert "interest/gold: 2024-03-01T00 to 2024-03-01T03 (4): missing" in plan.output, "what follows is named, too"
    assert "cannot be made yet: spend/gold: 2024-03-04 (1): missing; waits for orders/silver 2024-03-04, which is missing" in plan.output
    assert "A backfill would make 28 partitions of 8 tables." in plan.output
    assert not (home / "lake").exists(), "a dry run writes nothing"
    before = status()
    assert before["orders/raw"]["missing"] == {
        **dict.fromkeys(("2024-03-01", "2024-03-02", "2024-03-03"), "missing"),
        "2024-03-04": "missing: no delivery was found",
    }
    made = run("backfill")
    assert made.exit_code == 0
    assert "interest/gold: 4 partitions made" in made.output
    assert "warning: orders/silver 2024-03-03 is blocked: 0% of its 2 rows were good, 70% are required." in made.output
    assert "materialize its raw and silver again" in made.output
    assert "cannot be made yet: spend/gold: 2024-03-03 to 2024-03-04 (2). See why: platform-assets status spend/gold -m " in made.output
    assert spend(home) == [("2024-03-01", 3.0), ("2024-03-02", 6.0)]
    after = status()
    assert after["visits/silver"]["up_to_date"] == after["interest/gold"]["up_to_date"] == 4
    assert after["orders/silver"]["blocked"] == {"2024-03-03": "0% of its rows were good"}
    waits = "missing; waits for orders/silver 2024-03-03, which is blocked"
    assert after["spend/gold"]["missing"] == {"2024-03-03": waits, "2024-03-04": waits}
    assert after["orders/silver"]["missing"] == {"2024-03-04": "missing; waits for orders/raw 2024-03-04, which is missing"}
    shown = run("status", "spend/gold").output
    assert "spend/gold missing: 2024-03-03 to 2024-03-04 (2): waits for orders/silver 2024-03-03, which is blocked" in shown


@pytest.mark.slow
def test_a_restated_day_makes_later_days_stale_until_a_backfill_makes_them_again(home: Path) -> None:
    write_orders("2024-03-03", 5)
    write_orders("2024-03-04", 7)
    assert run("backfill").exit_code == 0
    assert "Nothing to do" in run("backfill").output
    assert "Everything is up to date" in run("status").output
    write_orders("2024-03-02", 30)
    assert status()["orders/raw"]["stale"] == {"2024-03-02": "delivered again with other rows"}
    assert run("backfill", "orders").exit_code == 0
    stale = status()["spend/gold"]["stale"]
    assert list(stale) == ["2024-03-02", "2024-03-03", "2024-03-04"], "of windows that have lost the day, the expiry row too"
    assert "spend/gold stale: 2024-03-02 to 2024-03-04 (3): older than its inputs" in run("status").output
    assert run("backfill", "spend", "--to", "2024-03-02").exit_code == 0
    assert list(status()["spend/gold"]["stale"]) == ["2024-03-03", "2024-03-04"]
    assert run("backfill", "spend/gold").exit_code == 0
    assert spend(home) == [("2024-03-01", 3.0), ("2024-03-02", 33.0), ("2024-03-03", 35.0), ("2024-03-04", 12.0)]


def test_a_partition_whose_run_failed_is_told_once_with_its_error(home: Path) -> None:
    (two_calendars_files() / "orders-2024-03-02.csv").write_text("customer,at\nada,2024-03-02T10:00:00Z\n")
    write_orders("2024-03-03", 5)
    assert run("backfill", "orders/raw").exit_code == 1
    raw = status()["orders/raw"]
    assert list(raw["failed"]) == ["2024-03-02"]
    assert "amount" in raw["failed"]["2024-03-02"]
    assert (raw["up_to_date"], list(raw["missing"]), list(raw["stale"])) == (2, ["2024-03-04"], []), "each partition counts once"
    shown = run("status", "orders").output
    assert "waits for orders/raw 2024-03-02, 2024-03-04, which are missing" in shown
    assert "orders/raw failed: 2024-03-02 (1): source 'orders'" in shown
    write_orders("2024-03-02", 3)
    assert run("backfill", "orders/raw").exit_code == 0
    assert status()["orders/raw"]["failed"] == {}


def test_raw_that_another_version_of_the_function_has_read_is_told_with_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("backfill", "orders/raw").exit_code == 0
    assert "another version" not in run("status", "orders").output

    def doubled(arrival: Arrival) -> pl.LazyFrame | None:
        rows = arrival.read_csv(two_calendars_files() / "orders-{day}.csv")
        return None if rows is None else rows.with_columns(pl.col("amount").cast(pl.Float64) * 2)

    monkeypatch.setitem(orders.__dict__, "read", doubled)
    monkeypatch.delitem(orders.__dict__, "read_by")
    said = "orders/raw: 2024-03-01 to 2024-03-03 (3) were read by another version of the source's function. To read again: dagster asset"
    shown = run("status", "orders")
    assert (
        f"{said} materialize -m {two_calendars.__name__} --select 'key:\"orders/raw\"' --partition-range 2024-03-01...2024-03-03"
        in shown.output
    )
    assert status()["orders/raw"]["read_by_another_version"] == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert status()["orders/raw"]["up_to_date"] == 3, "raw keeps what was received: it is not stale"
    assert said in run("backfill", "orders/raw").output
    first = orders.partitions.first
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(two_calendars.defs, (("orders", "raw"),), orders.partitions, first, first + 2, instance)
    assert "read_by_another_version" not in status()["orders/raw"]


def test_names_and_days_that_are_not_there_are_refused(home: Path) -> None:
    with pytest.raises(PlatformError, match=r"there is no table or declaration 'spnd' here\. Did you mean 'spend'"):
        run("status", "spnd")
    with pytest.raises(DeclarationError, match=r"--from 'march' is not a date\. Write it as 2024-03-05"):
        run("backfill", "--from", "march")


def test_a_run_warns_of_what_it_blocked_and_ends_with_a_summary(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        job = two_calendars.defs.resolve_implicit_global_asset_job_def()
        days = {"dagster/asset_partition_range_start": "2024-03-01", "dagster/asset_partition_range_end": "2024-03-03"}
        keys = [dg.AssetKey(["orders", layer]) for layer in ("raw", "silver", "quarantine")]
        result = job.execute_in_process(asset_selection=keys, tags=days, instance=instance)
        assert result.success
        said = logged(instance, result.run_id)
        warning = next(text for level, text in said if "is blocked" in text)
        assert warning.startswith("orders/silver 2024-03-03 is blocked: 0% of its 2 rows were good, 70% are required. ")
        assert "Most often: paid, such as amount = '-1' (2 rows). See them: platform-assets quarantine orders 2024-03-03 -m " in warning
        level, summary = said[-1]
        assert level == "WARNING"
        assert "orders/raw: 3 partitions made" in summary
        assert "orders/silver: 2 partitions made, 1 blocked (2024-03-03)" in summary


def logged(instance: dg.DagsterInstance, run_id: str) -> list[tuple[str, str]]:
    """What the run's log says beside Dagster's own events."""
    records = instance.all_logs(run_id)
    return [(logging.getLevelName(int(one.level)), one.user_message) for one in records if one.dagster_event is None]
