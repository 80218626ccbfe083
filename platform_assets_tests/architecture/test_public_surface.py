"""What users may import from `platform_assets`, spelled by hand: a name comes or goes only on purpose, and with the changelog."""

import subprocess
import sys

import pytest

import platform_assets
from platform_assets_tests.architecture.modules import ROOT

PUBLIC = [
    "Arrival",
    "AttributeView",
    "Entity",
    "Estimator",
    "FeatureService",
    "FeatureView",
    "GoldTable",
    "LakeIOManager",
    "Regressor",
    "Tested",
    "TrainingData",
    "TrainingSet",
    "allowed",
    "any_event",
    "api_key",
    "at_least",
    "at_most",
    "basic_auth",
    "bearer_token",
    "better_than_baseline",
    "build_definitions",
    "compute_features",
    "count",
    "count_distinct",
    "csv_files",
    "cursor_pages",
    "daily",
    "derive",
    "drift",
    "duplicates",
    "every",
    "first",
    "fresh",
    "historical_features",
    "holds",
    "hourly",
    "in_range",
    "json_lines_files",
    "labels_from",
    "last",
    "last_n",
    "link_header_pages",
    "matches",
    "materialize",
    "max",
    "mean",
    "metric",
    "min",
    "mode",
    "model",
    "monthly",
    "no_event",
    "not_worse_than_baseline",
    "null_share",
    "offset_pages",
    "on_demand",
    "online_features",
    "outcome",
    "outliers",
    "parquet_files",
    "postgres_query",
    "postgres_snapshot",
    "postgres_table",
    "quantile",
    "refers_to",
    "rest_api",
    "source",
    "source_from",
    "std",
    "sum",
    "time_since_last",
    "top_k",
    "unique",
    "validate",
    "variance",
    "volume",
    "weekly",
]


def test_the_public_surface_is_this_and_nothing_else() -> None:
    assert sorted(platform_assets.__all__) == sorted(PUBLIC)
    assert sorted(dir(platform_assets)) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    assert getattr(platform_assets, name).__doc__


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(platform_assets, "no_such_name")  # noqa: B009 - asking for it is the test


def test_the_package_tells_type_checkers_its_types() -> None:
    assert (ROOT / "platform_assets/py.typed").exists()


def test_a_star_import_brings_the_public_surface() -> None:
    program = "from platform_assets import *; print(*sorted(name for name in globals() if not name.startswith('__')))"
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert found == sorted(PUBLIC)
