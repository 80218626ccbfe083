"""Dagster's history with open connections: the same files, live to whoever watches, for several processes at once."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from platform_assets.cli.dagster_storage import OPEN_AT_MOST, SqliteEventLog
from platform_assets.cli.environment import DAGSTER_YAML
from platform_assets_tests.rotation import in_turn

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("fine", asset="orders")])
def orders(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization | dg.Output[None] | dg.AssetCheckResult]:
    """Rows of a day."""
    yield dg.Output(None, metadata={"rows": 3})
    yield dg.AssetCheckResult(passed=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    return tmp_path


def materialize(home: Path, day: str) -> str:
    """A run of one day, in whatever process calls this; its id."""
    os.environ["DAGSTER_HOME"] = str(home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        result = dg.materialize([orders], partition_key=day, instance=instance)
        assert result.success
        return result.run_id


def events(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    return [str(record.event_log_entry.dagster_event_type) for record in instance.get_records_for_run(run_id).records]


def test_dagsters_own_storage_reads_the_same_history(home: Path) -> None:
    run_id = materialize(home, "2024-01-01")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, SqliteEventLog)
        ours = events(instance, run_id)
        assert run_id in instance.event_log_storage._open, "Dagster connects in another way now"
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        assert events(instance, run_id) == ours
        assert instance.get_materialized_partitions(dg.AssetKey("orders")) == {"2024-01-01"}
        assert materialize(home, "2024-01-02") != run_id
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("orders")) == {"2024-01-01", "2024-01-02"}


@in_turn("platform_assets/cli/dagster_storage.py")
def test_processes_that_write_at_once_lose_no_event(home: Path) -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 7)]
    runs = [materialize(home, days[0])]  # two processes that make the folder at once fail in Dagster's own tables
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        runs += pool.starmap(materialize, [(home, day) for day in days[1:]])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("orders")) == set(days)
        assert len({tuple(events(instance, run_id)) for run_id in runs}) == 1


def test_who_watches_a_run_is_told_while_it_runs(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as writer, dg.DagsterInstance.from_config(str(home)) as watcher:
        run = dg.materialize([orders], partition_key="2024-01-01", instance=writer).dagster_run
        seen, told = [], threading.Event()

        def notice(entry: dg.EventLogEntry, cursor: str) -> None:
            seen.append(entry.message)
            told.set()

        last = watcher.get_records_for_run(run.run_id).cursor
        watcher.event_log_storage.watch(run.run_id, last, notice)
        # The writer's connection is open, so the database itself does not change: only the log beside it.
        writer.report_engine_event("still here", run)
        assert told.wait(20), "nothing was told"
        assert seen == ["still here"]


def test_no_more_files_stay_open_than_said_and_a_removed_one_is_made_anew(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        storage = instance.event_log_storage
        assert isinstance(storage, SqliteEventLog)
        for _ in range(OPEN_AT_MOST + 3):
            run = dg.materialize([orders], partition_key="2024-01-01", instance=instance).dagster_run
        assert len(storage._open) == OPEN_AT_MOST
        for file in (home / "history" / "runs").glob(f"{run.run_id}.db*"):
            file.unlink()
        instance.report_engine_event("once more", run)
        assert events(instance, run.run_id) == ["DagsterEventType.ENGINE_EVENT"]
    assert not storage._open
