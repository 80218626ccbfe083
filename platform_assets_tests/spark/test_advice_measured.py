"""The advised configuration is not slower than Spark's default: three workloads, in processes that take turns."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from platform_assets.engines.spark.tuning.advice import Machines, Workload, advise
from platform_assets.engines.spark.tuning.sizes import GB, MB
from platform_assets_tests.spark.session import JARS
from platform_assets_tests.spark.workloads import ROWS

ROUNDS = 3
MAY_DIFFER = 1.15
"""Of the same configuration, CPU seconds differ by a tenth from process to process."""
BARE = {"spark.master": "local[2]", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_advised_takes_no_more_cpu_than_sparks_default(tmp_path: Path) -> None:
    advised = {one.setting: one.value for one in advise(Workload(ROWS, 60 * MB), Machines(cores=2, memory=8 * GB))}
    taken: dict[str, list[dict[str, float]]] = {"default": [], "advised": []}
    _measured(tmp_path, BARE)  # makes the tables
    for _ in range(ROUNDS):
        taken["default"].append(_measured(tmp_path, BARE))
        taken["advised"].append(_measured(tmp_path, {**advised, **BARE}))
    found = {name: {how: median(one[name] for one in taken[how]) for how in taken} for name in taken["default"][0]}
    print(json.dumps(found))
    for name, seconds in found.items():
        assert seconds["advised"] <= MAY_DIFFER * seconds["default"], (name, found)


def _measured(folder: Path, configuration: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "platform_assets_tests.spark.workloads", str(folder), json.dumps(configuration)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=JARS.parents[1])
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found
