"""Without the libraries of an extra everything else works, and what needs them names the extra."""

import subprocess
import sys
from tempfile import TemporaryDirectory

import pytest

WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None  # as if it were not installed
{program}
"""
OF_MODELS = ["sklearn", "scipy", "lightgbm", "joblib"]


def run_without(missing: list[str], program: str) -> subprocess.CompletedProcess[str]:
    text = WITHOUT.format(missing=missing, program=program)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=300, check=False)


def test_definitions_load_without_any_extra() -> None:
    missing = [
        *OF_MODELS,
        "pyspark",
        "dagster_pyspark",
        "dagster_postgres",
        "psycopg2",
        "obstore",
        "dagster_webserver",
        "adbc_driver_postgresql",
        "psycopg",
    ]
    done = run_without(missing, "from platform_assets.definitions import defs; print(len(list(defs.resolve_all_asset_specs())) > 10)")
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize("module", ["artifact", "baseline", "boosting", "metrics", "preparation", "train"])
def test_a_model_says_which_extra_it_needs(module: str) -> None:
    done = run_without(OF_MODELS, f"import platform_assets.models.{module}")
    assert "MissingExtraError: this needs " in done.stderr
    assert "which is not installed: pip install 'platform-assets[models]'" in done.stderr


def test_a_lake_in_an_object_store_says_which_extra_it_needs() -> None:
    done = run_without(["obstore"], "from platform_assets.stores.delta import Lake; Lake('s3://bucket/lake').version(('orders', 'raw'))")
    assert "MissingExtraError: this needs obstore, which is not installed: pip install 'platform-assets[object-store]'" in done.stderr


def test_an_api_says_which_extra_it_needs_when_it_is_read_and_not_when_it_is_declared() -> None:
    program = """
from datetime import UTC, datetime
from platform_assets import daily, materialize, rest_api, source_from
class Rate:
    at: datetime
rates = source_from("rates", rest_api("http://127.0.0.1:9/v1", cache=False), schema=Rate, event_time="at", partitions=daily("2024-03-05"))
print("declared")
materialize(rates, lake=LAKE, last="2024-03-05", now=datetime(2024, 3, 6, 1, tzinfo=UTC))
"""
    with TemporaryDirectory() as folder:
        done = run_without(["httpx", "hishel", "stamina", "pyrate_limiter"], program.replace("LAKE", repr(f"{folder}/lake")))
    assert done.stdout.strip() == "declared"
    assert "this needs hishel, which is not installed: pip install 'platform-assets[rest]'" in done.stderr


def test_the_ui_says_which_extra_it_needs() -> None:
    done = run_without(["dagster_webserver"], "from platform_assets.cli.ui import run_ui; run_ui(3000, 'platform_assets.definitions')")
    assert "MissingExtraError: this needs dagster_webserver, which is not installed: pip install 'platform-assets[ui]'" in done.stderr


@pytest.mark.parametrize("library", ["adbc_driver_manager", "adbc_driver_postgresql"])
def test_a_source_in_postgresql_says_which_extra_it_needs(library: str) -> None:
    read = """
import os
from datetime import UTC, datetime
from platform_assets import Arrival, postgres_table
os.environ["SHOP"] = "postgresql://ann:secret@127.0.0.1:1/shop"
day = datetime(2024, 3, 5, tzinfo=UTC)
list(postgres_table("public.orders", cursor="at", connection_env="SHOP").read(Arrival("orders", "2024-03-05", day, day)))
"""
    done = run_without([library], read)
    assert f"MissingExtraError: this needs {library}, which is not installed: pip install 'platform-assets[postgres]'" in done.stderr
