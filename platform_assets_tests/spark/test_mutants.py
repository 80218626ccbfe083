"""The groups of cases would notice: each patch of the Spark engine is found out by a wrong value."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets_tests.conformance.mutant import Mutant, mutants
from platform_assets_tests.conformance.quick import WRONG_VALUE
from platform_assets_tests.conformance.test_mutants import ROOT, copied, patched
from platform_assets_tests.spark.session import JARS

TASKS, JUDGE, ENGINE, SESSION = (f"engines/spark/{file}.py" for file in ("tasks", "silver", "engine", "session"))
SPARK_MUTANTS: list[Mutant] = mutants(
    "spark",
    (
        "a bucket is of another column than the keys",
        TASKS,
        "bucket_of(keys, buckets)).repartition",
        "bucket_of(frame.columns[-1:], buckets)).repartition",
    ),
    ("a bucket is lost", TASKS, ".repartition(buckets, BUCKET)", ".filter(F.col(BUCKET) != 1).repartition(buckets, BUCKET)"),
    (
        "a bucket is there twice",
        TASKS,
        "return bucketed(frame, keys, buckets).applyInArrow(in_task, out)",
        "return (made := bucketed(frame, keys, buckets).applyInArrow(in_task, out)).unionByName(made)",
    ),
    ("the two sides of a pair are spread otherwise", TASKS, "bucketed(right, keys[1], buckets)", "bucketed(right, keys[1], buckets + 1)"),
    ("rows of the horizon are left out", JUDGE, "isin(GOOD, EARLIER)", "isin(GOOD)"),
    ("rows of a blocked partition are written", JUDGE, "{source.partitions.value(p) for p in blocked})", "set())"),
    (
        "the session has a time zone of its own",
        SESSION,
        '"spark.sql.session.timeZone": "UTC"',
        '"spark.sql.session.timeZone": "America/New_York"',
    ),
    (
        "joined rows come in the order of the tasks",
        ENGINE,
        "polars(found.toArrow()).sort(_ORDER)",
        "polars(found.toArrow())",
    ),
)


@pytest.mark.parametrize("mutant", SPARK_MUTANTS, ids=lambda mutant: mutant.mistake)
def test_the_text_that_a_mutant_replaces_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / "platform_assets" / mutant.file).read_text().count(mutant.old) == 1


def run_quick(folder: Path) -> subprocess.CompletedProcess[str]:
    """The short suite on a copy of the package."""
    shutil.copytree(ROOT / "platform_assets_tests" / "spark", folder / "platform_assets_tests" / "spark")
    (folder / JARS.parent.name).symlink_to(JARS.parent)
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "platform_assets_tests.spark.quick"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False)


@pytest.mark.slow
@pytest.mark.rotating()
@pytest.mark.parametrize("mutant", [None, *SPARK_MUTANTS], ids=lambda mutant: mutant.mistake if mutant else "none")
def test_a_mutant_is_killed_by_a_wrong_value(mutant: Mutant | None, tmp_path: Path) -> None:
    ended = run_quick(patched(mutant, tmp_path) if mutant else copied(tmp_path))
    print(ended.stdout[:500])
    wanted = WRONG_VALUE if mutant else 0
    assert ended.returncode == wanted, f"exit code {ended.returncode}:\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
