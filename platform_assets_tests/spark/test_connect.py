"""A server of Spark Connect makes the same tables: a session there has no Java, and no context of Spark, in its process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.stores.delta import Lake
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.spark.killed import OFFLINE
from platform_assets_tests.spark.lakes import require_same_lake
from platform_assets_tests.spark.session import SETTINGS
from platform_assets_tests.steps.pipeline import pipeline_with


@pytest.mark.slow
def test_tables_made_through_spark_connect_are_those_of_polars(tmp_path: Path) -> None:
    settings = {**SETTINGS, "SPARK_REMOTE": "local[2]"}
    del settings["PLATFORM_SPARK_MASTER"]
    command = [sys.executable, "-m", "platform_assets_tests.spark.connected", str(tmp_path / "connected")]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.endswith("pyspark.sql.connect.session, 2 tasks at once\n")
    pipeline_with(tmp_path / "polars").bring_up(*OFFLINE)
    assert sum(require_same_lake(*(Lake(str(tmp_path / home / "lake")) for home in ("polars", "connected"))).values()) > 1000
