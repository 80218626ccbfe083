"""Two weeks of a business under a real daemon: what it runs, nothing twice, and the tables of one straight run in the end."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from platform_assets.steps.gold import make_change_log, make_report
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.stale_tables import stale_gold, stale_report, stale_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.assets import daemon_shop, quick_daemon
from platform_assets_tests.assets.shop import RANGE_END, RANGE_START

MODULE = "platform_assets_tests.assets.daemon_shop"
START = daemon_shop.sales.partitions.start
FIRST, LAST = daemon_shop.sales.partitions.first, daemon_shop.sales.partitions.first + 13
BIN = Path(sys.executable).parent
LOOKS = 2
"""After so many looks of each sensor without a run nothing more is to come."""
DEQUEUE = """
run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
"""
IN_THE_DAEMON = """
run_launcher:
  module: dagster._core.launcher.sync_in_memory_run_launcher
  class: SyncInMemoryRunLauncher
"""
"""Runs in the daemon's process: one of its own takes five CPU seconds, four of them for its imports."""

Made = dict[str, list[int]]
"""By table the days that runs were asked to make, each as often as it was."""


class World:
    """The folder that files come to, the platform's clock, and Dagster's instance."""

    def __init__(self, home: Path, redis: str, launcher: str = "") -> None:
        self.home, self._now = home, home / "now"
        (home / "in").mkdir(parents=True)
        (home / "dagster").mkdir()
        (home / "dagster" / "dagster.yaml").write_text(f"telemetry:\n  enabled: false\n{DEQUEUE}{launcher}")
        self.at(0)
        own = {
            "PLATFORM_HOME": str(home),
            "PLATFORM_NOW": str(self._now),
            "PLATFORM_REDIS_URL": redis,
            "DAGSTER_HOME": str(home / "dagster"),
        }
        self.environment = {**os.environ, **own}
        self.instance = dg.DagsterInstance.from_config(str(home / "dagster"))
        self._seen: set[str] = set()
        self._has_daemon = False

    def at(self, days: float) -> None:
        """Moves the clock to so many days after the business began, in one piece."""
        new = self.home / "now.new"
        new.write_text((START + timedelta(days=days)).isoformat())
        new.rename(self._now)

    def deliver(self, day: int, *sales: str) -> None:
        """The file of a day: each sale as 'id user amount', with '-2' behind it when it happened two days before."""
        lines = ["sale_id,user,at,amount"]
        for sale in sales:
            sale_id, user, amount, *before = sale.split()
            happened = START + timedelta(days=day + int(before[0] if before else 0), hours=10)
            lines.append(f"{sale_id},{user},{happened.isoformat()},{amount}")
        new = self.home / "file.new"
        new.write_text("\n".join(lines) + "\n")
        new.rename(self.home / "in" / f"{_key(day)}.csv")

    @contextmanager
    def daemon(self) -> Iterator[None]:
        with (self.home / "daemon.log").open("w") as log:
            command = [sys.executable, "-m", quick_daemon.__name__, "run", "-m", MODULE]
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
            self._has_daemon = True
            try:
                yield
            except BaseException:
                print((self.home / "daemon.log").read_text()[-8000:])
                raise
            finally:
                self._has_daemon = False
                process.terminate()
                process.wait(300)

    def settled(self, *, until: Callable[[], bool] = lambda: True) -> Made:
        """Waits until something is the case and then no run has been asked for a while; what was made since the last time."""
        give_up, begun = time.monotonic() + 1200, time.time()
        while not (self._have_looked_since(begun) and until() and not self._busy()):
            assert time.monotonic() < give_up, f"not settled: {self._unseen()}"
            assert not self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=1)
            time.sleep(0.5)
        made: Made = {}
        for run in self._unseen():
            self._seen.add(run.run_id)
            for key in run.asset_selection or ():
                made.setdefault(key.to_user_string(), []).extend(_days(run))
        return {table: sorted(days) for table, days in made.items()}

    def _unseen(self) -> list[dg.DagsterRun]:
        return [run for run in self.instance.get_runs() if run.run_id not in self._seen]

    def _have_looked_since(self, moment: float) -> bool:
        """Whether each sensor has looked twice after a moment and after the last run, and asked for nothing. True without a daemon."""
        if not self._has_daemon:
            return True
        quiet_since = max([moment, *(record.update_timestamp.timestamp() for record in self.instance.get_run_records(limit=10))])
        sensors = self.instance.all_instigator_state()
        looks = [self.instance.get_ticks(sensor.instigator_origin_id, sensor.selector_id, limit=LOOKS + 1) for sensor in sensors]
        quiet = [[tick for tick in ticks if tick.status == TickStatus.SKIPPED and tick.timestamp > quiet_since] for ticks in looks]
        return len(quiet) == len(list(daemon_shop.defs.sensors or ())) and all(len(ticks) >= LOOKS for ticks in quiet)

    def _busy(self) -> bool:
        active = [backfill for backfill in self.instance.get_backfills() if backfill.status.value in ("REQUESTED",)]
        return bool(active) or any(not run.is_finished for run in self.instance.get_runs())

    def has(self, table: str, day: int) -> Callable[[], bool]:
        """Whether a table has a day."""
        return lambda: _key(day) in self.instance.get_materialized_partitions(dg.AssetKey.from_user_string(table))


def _key(day: int) -> str:
    return daemon_shop.sales.partitions.key(FIRST + day)


def _days(run: dg.DagsterRun) -> list[int]:
    partitions = daemon_shop.sales.partitions
    if "dagster/partition" in run.tags:
        return [partitions.index_of(run.tags["dagster/partition"]) - FIRST]
    first, last = (partitions.index_of(run.tags[tag]) - FIRST for tag in (RANGE_START, RANGE_END))
    return list(range(first, last + 1))


def every_layer(days: list[int], takings: list[int], *, raw: list[int] | None = None, gold: list[int] | None = None) -> Made:
    gold = days if gold is None else gold
    layers: Made = {"sales/raw": days if raw is None else raw, "sales/silver": days, "sales/quarantine": days}
    return {**layers, "spending/gold": gold, "spending/online": gold, "takings/gold": takings}


def tables(lake: Lake) -> dict[str, list[tuple[Any, ...]]]:
    """Silver, gold and the report, without what names a delivery."""
    found = {}
    for table in (("sales", "silver"), ("spending", "gold"), ("takings", "gold")):
        frame = lake.scan(table).collect()
        found["/".join(table)] = sorted(frame.select(c for c in sorted(frame.columns) if c != "delivery").rows(), key=repr)
    return found


def straight(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of the files as they lie there now, made in one go."""
    lake = Lake(str(home / "straight"))
    run = Run(lake, Ledger(lake), "straight", datetime(2025, 1, 1, tzinfo=UTC))
    for done in (
        make_raw(daemon_shop.sales, FIRST, LAST, run),
        make_silver(daemon_shop.sales, FIRST, LAST, run),
        make_change_log(daemon_shop.spending, FIRST, LAST, run),
        make_report(daemon_shop.takings, FIRST, LAST, run),
    ):
        done.check()
    return tables(lake)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_weeks_run_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        world = World(tmp_path / "home", server.url, IN_THE_DAEMON)
        for day in range(4):
            world.deliver(day, f"{day}0 ada 1", f"{day}1 bob 2.5", f"{day}2 cy -1" if day == 2 else f"{day}2 cy 4")
        world.at(4)
        with world.daemon():
            _two_weeks(world)
        monkeypatch.setenv("PLATFORM_HOME", str(world.home))
        assert tables(Lake(str(world.home / "lake"))) == straight(world.home)


def _two_weeks(world: World) -> None:
    begun = list(range(4))
    assert world.settled(until=world.has("takings/gold", 3)) == every_layer(begun, begun), "what lies there already, a run a table"

    world.deliver(4, "40 ada 1", "41 bob 3 -2", "42 dee 8")
    world.at(5)
    assert world.settled(until=world.has("takings/gold", 4)) == every_layer([4], [2, 4]), "a late row: its event day too, nothing else"

    world.at(6 + 5 / 24)
    assert world.settled() == {}, "a closed day: a file may still come"
    world.at(6 + 6 / 24)
    assert world.settled(until=world.has("takings/gold", 5)) == every_layer([5], [5]), "no file came: an empty day"

    world.deliver(1, "10 ada 7", "11 bob 2.5", "13 eve 1")
    for day in (6, 7, 8):
        world.deliver(day, f"{day}0 ada 1", f"{day}1 eve 2", *(["85 cy 9 -5"] if day == 8 else []))
    world.at(9)
    restated = every_layer([1, 2, 6, 7, 8], [1, 3, 6, 7, 8], raw=[1, 6, 7, 8], gold=[1, 2, 3, 4, 5, 6, 7, 8])
    made = world.settled(until=world.has("takings/gold", 8))
    assert made == restated, "a restated day asks for what reads it, once, beside three new ones"

    for day in (9, 12, 13):
        world.deliver(day, f"{day}0 ada 1", f"{day}1 fay {day}")
    world.at(14.25)
    week = list(range(9, 14))
    assert world.settled(until=world.has("takings/gold", 13)) == every_layer(week, week), "several days at once, two of them closed"

    world.deliver(10, "100 ada 5", "101 gus 6")
    made = world.settled(until=lambda: len(world.instance.get_runs()) > len(world._seen))
    assert made == every_layer([10, 11], [10, 11], raw=[10], gold=[10, 11, 12, 13]), "a file that came after its day was taken for empty"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_backfill_from_the_ui_is_one_run_and_the_same_rows_ask_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        world = World(tmp_path / "home", server.url)
        for day in range(14):
            world.deliver(day, f"{day}0 ada 1", f"{day}1 bob {day} -{min(day, 2)}")
        world.at(15)
        every_day = list(range(14))
        with world.daemon():
            assert world.settled(until=world.has("takings/gold", 13)) == every_layer(every_day, every_day)
            _backfill_silver_and_gold(world, every_day)
        monkeypatch.setenv("PLATFORM_HOME", str(world.home))
        assert tables(Lake(str(world.home / "lake"))) == straight(world.home)


def _backfill_silver_and_gold(world: World, every_day: list[int]) -> None:
    mutation = """
    mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
        __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
    assets = [{"path": ["sales", "silver"]}, {"path": ["sales", "quarantine"]}, {"path": ["spending", "gold"]}]
    variables = {"params": {"assetSelection": assets, "partitionNames": [_key(day) for day in every_day]}}
    command = [str(BIN / "dagster-graphql"), "-m", MODULE, "-t", mutation, "-v", json.dumps(variables)]
    answer = subprocess.run(command, cwd=ROOT, env=world.environment, capture_output=True, text=True, check=False)
    launched = re.search(r'"backfillId": *"(\w+)"', answer.stdout)  # between the lines of a log
    assert launched, answer.stdout + answer.stderr
    backfill = launched[1]
    made = world.settled(until=lambda: bool(world.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))))
    assert made == dict.fromkeys(["sales/silver", "sales/quarantine", "spending/gold"], every_day), "no row has changed"
    runs = world.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
    assert [len(run.asset_selection or ()) for run in runs] == [3], "one run, since all three have the same partitions"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_what_was_made_before_the_daemon_ever_ran_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        world = World(tmp_path / "home", server.url)
        for day in range(14):
            world.deliver(day, f"{day}0 ada 1", f"{day}1 bob 2.5")
        world.at(15)
        _materialize(world, "*", 0, 13)
        world.deliver(1, "10 ada 7", "11 bob 2.5")
        _materialize(world, 'group:"sales"', 1, 1)
        world.settled()
        with world.daemon():
            made = world.settled(until=lambda: not _stale(world))
        expected = every_layer([2], [1], gold=[1, 2, 3, 4])  # the second day's silver has the rows that it had
        assert made == {table: days for table, days in expected.items() if table != "sales/raw"}, "each once, and nothing else"
        monkeypatch.setenv("PLATFORM_HOME", str(world.home))
        assert tables(Lake(str(world.home / "lake"))) == straight(world.home)


def _materialize(world: World, select: str, first: int, last: int) -> None:
    command = [str(BIN / "dagster"), "asset", "materialize", "-m", MODULE, "--select", select]
    asked = ["--partition-range", f"{_key(first)}...{_key(last)}"]
    subprocess.run([*command, *asked], cwd=ROOT, env=world.environment, check=True, capture_output=True)


def _stale(world: World) -> list[int]:
    lake = Lake(str(world.home / "lake"))
    run = Run(lake, Ledger(lake), "look", datetime(2025, 1, 1, tzinfo=UTC))
    gold, reports = stale_gold(daemon_shop.spending, FIRST, LAST, run), stale_report(daemon_shop.takings, FIRST, LAST, run)
    return [*stale_silver(daemon_shop.sales, FIRST, LAST, run), *gold, *reports]


@pytest.mark.slow
def test_a_range_is_made_from_the_command_line(tmp_path: Path) -> None:
    world = World(tmp_path / "home", "redis://127.0.0.1:1/0")
    for day in range(3):
        world.deliver(day, f"{day}0 ada 1")
    world.at(4)
    _materialize(world, 'group:"sales" or key:"spending/gold"', 0, 2)
    assert world.settled() == {
        "sales/raw": [0, 1, 2],
        "sales/silver": [0, 1, 2],
        "sales/quarantine": [0, 1, 2],
        "spending/gold": [0, 1, 2],
    }
    assert Lake(str(world.home / "lake")).scan(("spending", "gold")).collect().height == 3
