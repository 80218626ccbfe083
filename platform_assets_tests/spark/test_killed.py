"""kill -9 of the driver, the JVM or a Python worker in the middle of a write: old partitions or new ones, and the next run ends right."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from deltalake import DeltaTable

from platform_assets.stores.delta import Lake
from platform_assets.stores.staged import FOLDER
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.rotation import PART
from platform_assets_tests.spark.killed import OFFLINE
from platform_assets_tests.spark.lakes import OF_THE_RUN, require_same_lake, tables_of
from platform_assets_tests.spark.session import spark
from platform_assets_tests.steps.pipeline import pipeline_with

pytestmark = pytest.mark.slow
STAGED = 8
"""How many writes of Spark there are at least in each edition."""
VICTIMS = ("driver", "jvm", "worker")
EDITIONS = ("corrected", "redeclared")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake as it was before, which Polars has made."""
    home = tmp_path_factory.mktemp("before")
    pipeline_with(home).bring_up(*OFFLINE)
    return home


@pytest.fixture(scope="module")
def after(before: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What an undisturbed run makes of it, by edition."""
    homes = {edition: tmp_path_factory.mktemp(edition) for edition in EDITIONS}
    for edition, home in homes.items():
        shutil.copytree(before, home, dirs_exist_ok=True)
        pipeline_with(home, edition).bring_up(*OFFLINE)
    return homes


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """The processes below one, with their command lines."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    below: dict[int, list[tuple[int, str]]] = {}
    for line in listed.splitlines():
        child, parent, arguments = line.split(maxsplit=2)
        below.setdefault(int(parent), []).append((int(child), arguments))
    parents = [pid]
    for parent in parents:
        yield from below.get(parent, [])
        parents += [child for child, _ in below.get(parent, [])]


def victim_of(driver: int, kind: str) -> int | None:
    """The process to kill; of the workers the last that was forked."""
    if kind == "driver":
        return driver
    wanted = "org.apache.spark.deploy.SparkSubmit" if kind == "jvm" else "pyspark.daemon"
    found = [pid for pid, command in descendants(driver) if wanted in command]
    return found[-1] if found else None


def staged(home: Path) -> set[Path]:
    """The folders into which Spark writes, or has written."""
    return set(home.glob(f"lake/*/**/{FOLDER}*"))


def rows_of(home: Path) -> dict[tuple[str, str], set[frozenset[tuple[str, str]]]]:
    """By table and partition all rows, without their nulls: a column that was added is null in old rows."""
    lake, found = Lake(str(home / "lake")), dict[tuple[str, str], Any]()
    for table in tables_of(lake):
        frame = lake.scan(table).collect()
        by = "arrival" if "arrival" in frame.columns else "partition"
        for row in frame.drop(column for column in OF_THE_RUN if column in frame.columns).to_dicts():
            values = sorted((name, repr(value)) for name, value in row.items() if value is not None)
            found.setdefault(("/".join(table), str(row[by])), []).append(values)
    return {key: sorted(rows) for key, rows in found.items()}  # type: ignore[misc]


@pytest.mark.rotating("platform_assets/stores/staged.py")
@pytest.mark.parametrize("number", range(10))
def test_a_killed_run_leaves_old_or_new_partitions_and_the_next_one_ends_right(
    number: int, before: Path, after: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(PART.seed * 100 + number)
    victim, edition, write = VICTIMS[number % 3], EDITIONS[number % 2], random.randint(1, STAGED)
    delay = random.choice([0, 0.05, 0.2, 0.5])
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    command = [sys.executable, "-m", "platform_assets_tests.spark.killed", str(tmp_path), edition]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    below = []
    try:
        while process.poll() is None and len(staged(tmp_path)) < write:
            time.sleep(0.02)
        time.sleep(delay)
        while (killed := victim_of(process.pid, victim)) is None and process.poll() is None:
            time.sleep(0.02)  # workers come and go
        below = [pid for pid, _ in descendants(process.pid)]
        if killed is not None and process.poll() is None:
            os.kill(killed, signal.SIGKILL)
        said, _ = process.communicate(timeout=600)
    finally:
        for pid in [process.pid, *below]:  # a JVM whose driver is gone ends by itself, a little later
            if process.poll() is None or pid != process.pid:
                _end(pid)
    print(f"killed the {victim} ({killed}) of '{edition}' {delay} s into write {write}: exit code {process.returncode}")
    assert process.returncode != 0 or victim == "worker", f"it ended before it was killed:\n{said[-2000:]}"
    old, new, now = rows_of(before), rows_of(after[edition]), rows_of(tmp_path)
    mixed = [key for key in old.keys() | new.keys() | now.keys() if now.get(key) not in (old.get(key), new.get(key))]
    assert mixed == [], f"neither the old nor the new partition: {mixed}"
    spark()
    monkeypatch.setenv("PLATFORM_ENGINE", "spark")
    pipeline_with(tmp_path, edition).bring_up(*OFFLINE)
    lakes = [Lake(str(home / "lake")) for home in (after[edition], tmp_path)]
    require_same_lake(*lakes)
    for table in tables_of(lakes[1]):  # what was never taken is not the table's, and a full vacuum finds it
        DeltaTable(lakes[1].uri(table)).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
    require_same_lake(*lakes)
    taken = {path.parent for table in tables_of(lakes[1]) for path in map(Path, DeltaTable(lakes[1].uri(table)).file_uris())}
    left = {path for folder in staged(tmp_path) for path in folder.rglob("*.parquet")}
    assert {path.parent for path in left} <= taken, "files that no commit took"


def _end(pid: int) -> None:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
