"""A blocked day at the command line: it is looked at, accepted, and what waited for it can be made, also as Dagster knows it."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner, Result

from platform_assets import historical_features
from platform_assets.cli.main import cli
from platform_assets.cli.materialize import materialize
from platform_assets.errors import DeclarationError, NotReadyError, PlatformError
from platform_assets_tests.cli import blocked_shop
from platform_assets_tests.cli.blocked_shop import defs, incomes, receipts, takings, tills
from platform_assets_tests.rotation import in_turn

MODULE = blocked_shop.__name__
DAY = "2024-03-02"
FIRST, LAST = receipts.partitions.first, receipts.partitions.first + 2
LAYERS = (("receipts", "raw"),), (("receipts", "silver"), ("receipts", "quarantine"))


@pytest.fixture
def instance(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """The instance in the folder where commands look for it, with the history of three days, one of them blocked."""
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    monkeypatch.setenv("PLATFORM_LAKE", f"{home}/lake")
    history = tmp_path / "dagster"
    history.mkdir()
    (history / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(history))
    monkeypatch.setenv("COLUMNS", "80")
    blocked_shop.write_files()
    instance = dg.DagsterInstance.get()
    for tables in LAYERS:
        materialize(defs, tables, receipts.partitions, FIRST, LAST, instance)
    return instance


def run(*words: str) -> Result:
    """The command; an error of the platform is raised, as main() would show it."""
    return CliRunner().invoke(cli, [*words, "--module", MODULE], catch_exceptions=False)


def materializations(instance: dg.DagsterInstance, table: str) -> list[tuple[str | None, dict[str, object]]]:
    records = instance.fetch_materializations(dg.AssetKey.from_user_string(table), limit=100).records
    return [
        (r.partition_key, {name: value.value for name, value in r.asset_materialization.metadata.items()})
        for r in records
        if r.asset_materialization
    ]


def test_quarantine_shows_the_counts_the_reasons_and_the_rows_as_they_came(instance: dg.DagsterInstance) -> None:
    shown = run("quarantine", "receipts", DAY).output
    assert all(len(line) <= 80 for line in shown.splitlines() if "platform-assets accept" not in line), "a command stays in one piece"
    words = " ".join(shown.split())
    assert "receipts 2024-03-02 is blocked: of 3 rows received 0 were accepted, 3 quarantined, 0 were duplicates." in words
    assert "33.3% were good, 70.0% are required, so none were accepted." in words
    assert "row 2 of delivery 1: positive receipt=1 at=2024-03-02T10:00:00Z till=1 amount=-5" in words
    assert "row 3 of delivery 1: amount: not float" in words
    assert f"platform-assets accept receipts {DAY} --module {MODULE} --why '...'" in words
    assert "... and 2 more: --rows 3" in " ".join(run("quarantine", "receipts", DAY, "--rows", "1").output.split())


def test_an_accepted_day_is_told_to_dagster_and_opens_what_waits_for_it(instance: dg.DagsterInstance) -> None:
    report = (("takings", "gold"),)
    with pytest.raises(PlatformError, match=f"takings/gold {DAY} needs receipts/silver {DAY}, which is blocked"):
        materialize(defs, report, takings.source.partitions, FIRST, LAST, instance)
    said = run("accept", "receipts", DAY, "--why", "the till was new", "--by", "ada").output
    assert said == (
        f"receipts/silver {DAY}: 1 row accepted as it is; 2 stay in quarantine. Tables that waited for it can now be materialized: "
        "income/gold, takings/gold.\n"
    )
    (partition, newest), *_ = materializations(instance, "receipts/silver")
    assert (partition, newest["status"], newest["tier"], newest["dagster/row_count"]) == (DAY, "ok", "LOW", 1)
    assert str(newest["accepted as it is"]).startswith("by ada at ")
    assert str(newest["accepted as it is"]).endswith(": the till was new")
    materialize(defs, report, takings.source.partitions, FIRST, LAST, instance)
    rows = {p: m["dagster/row_count"] for p, m in reversed(materializations(instance, "takings/gold"))}
    assert rows == {"2024-03-01": 1, DAY: 1, "2024-03-03": 1}
    shown = " ".join(run("quarantine", "receipts", DAY).output.split())
    assert f"receipts {DAY} is open" in shown
    assert "Accepted as it is by ada at " in shown
    with pytest.raises(NotReadyError, match=f"receipts/silver {DAY} is not blocked"):
        run("accept", "receipts", DAY, "--why", "again")


@in_turn("platform_assets/cli/accept.py", "platform_assets/steps/accept.py", "platform_assets/assets/")
def test_making_the_day_again_through_dagster_keeps_it_open(instance: dg.DagsterInstance) -> None:
    run("accept", "receipts", DAY, "--why", "the till was new")
    for tables in LAYERS:
        materialize(defs, tables, receipts.partitions, FIRST, LAST, instance)
    statuses = {partition: shown["status"] for partition, shown in reversed(materializations(instance, "receipts/silver"))}
    assert statuses == {"2024-03-01": "ok", DAY: "ok", "2024-03-03": "ok"}


def test_an_acceptance_by_mistake_is_taken_back(instance: dg.DagsterInstance) -> None:
    run("accept", "receipts", DAY, "--why", "the till was new")
    said = run("accept", "receipts", DAY, "--undo", "--why", "it was the wrong day").output
    assert said == (
        f"receipts/silver {DAY}: blocked again, its 3 rows are in quarantine. No other partition that can be blocked was computed from "
        "it.\n"
    )
    with pytest.raises(NotReadyError, match="nothing to revoke"):
        run("accept", "receipts", DAY, "--undo", "--why", "again")


@in_turn("platform_assets/cli/accept.py", "platform_assets/steps/accept.py", "platform_assets/assets/")
def test_what_was_made_of_a_day_that_is_taken_back_is_blocked_at_once(instance: dg.DagsterInstance) -> None:
    run("accept", "receipts", DAY, "--why", "the till was new")
    for table in ("takings", "income"):
        materialize(defs, ((table, "gold"),), takings.source.partitions, FIRST, LAST, instance)
    said = run("accept", "receipts", DAY, "--undo", "--why", "it was the wrong day").output
    assert f"Also blocked until it is fixed and they are rematerialized: takings/gold {DAY}, income/gold {DAY} to 2024-03-03.\n" in said
    labels = pl.DataFrame({"till": [1], "label_time": [datetime(2024, 3, 4, tzinfo=UTC)]})
    with pytest.raises(NotReadyError, match=f"needs income/gold {DAY}, which is blocked because the acceptance of its input was revoked"):
        historical_features(incomes, labels, features_from="gold")


@in_turn("platform_assets/cli/accept.py", "platform_assets/steps/accept.py", "platform_assets/assets/")
def test_attributes_of_a_day_that_is_taken_back_are_to_be_made_again(instance: dg.DagsterInstance) -> None:
    for tables in (("tills", "raw"),), (("tills", "silver"), ("tills", "quarantine")):
        materialize(defs, tables, tills.partitions, FIRST, LAST, instance)
    run("accept", "tills", DAY, "--why", "there is a new floor")
    said = run("accept", "tills", DAY, "--undo", "--why", "there is none").output
    assert said.endswith(" Rematerialize places/gold: without its rows, readers get the last good values.\n")


@pytest.mark.parametrize("command", [["quarantine"], ["accept", "--why", "x"]], ids=lambda words: str(words[0]))
def test_a_misspelt_source_or_day_is_named_with_the_nearest_right_one(instance: dg.DagsterInstance, command: list[str]) -> None:
    with pytest.raises(DeclarationError, match=r"there is no source 'reciepts'\. Did you mean 'receipts'\?"):
        run(*command, "reciepts", DAY)
    with pytest.raises(DeclarationError, match="'yesterday' is not a day: write it as 2024-03-01"):
        run(*command, "receipts", "yesterday")
    with pytest.raises(DeclarationError, match="there is no module 'nowhere'"):
        CliRunner().invoke(cli, [*command, "receipts", DAY, "--module", "nowhere"], catch_exceptions=False)
