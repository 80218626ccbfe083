"""What people and checks read is the same by Spark as by Polars."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from platform_assets import historical_features
from platform_assets.engines.choice import Engines
from platform_assets.steps.key_checks import key_faults
from platform_assets.steps.run import slice_of
from platform_assets_tests.spark.session import spark
from platform_assets_tests.steps.pipeline import DAYS, START, Pipeline, pipeline_with

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A business whose tables Polars has made."""
    spark()
    made = pipeline_with(tmp_path_factory.mktemp("reading"))
    made.bring_up("raw", "silver", "gold")
    return made


@pytest.mark.parametrize("layer", ["gold", "silver"])
def test_historical_features_are_those_of_polars_in_the_order_of_the_labels(
    pipeline: Pipeline, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"user{number % 97}" if number % 11 else None for number in range(300)]
    times = [START + timedelta(hours=37 * number % (24 * (DAYS - 1)) + 24) for number in range(300)]
    labels = pl.DataFrame(
        {"user": users, "label_time": times, "basket": range(300)}, schema_overrides={"label_time": pl.Datetime("us", "UTC")}
    )
    found = {}
    for engine in ("polars", "spark"):
        monkeypatch.setenv("PLATFORM_ENGINE", engine)
        found[engine] = historical_features(pipeline.training.features, labels, lake=pipeline.lake.root, features_from=layer)  # type: ignore[arg-type]
    assert_frame_equal(found["spark"].frame, found["polars"].frame)
    assert found["spark"].null_keys == found["polars"].null_keys


def test_what_is_wrong_with_keys_is_counted_alike(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for engine in ("polars", "spark"):
        monkeypatch.setenv("PLATFORM_ENGINE", engine)
        found.append(key_faults(pipeline.source, range(pipeline.first, pipeline.first + DAYS), pipeline.run()))
    assert found[0] == found[1]


def test_a_sample_of_entities_has_the_values_that_they_have(pipeline: Pipeline) -> None:
    version = pipeline.lake.version(("spending", "gold"))
    assert version is not None
    gold = slice_of(("spending", "gold"), "partition", pipeline.source.partitions, pipeline.first, pipeline.first + DAYS - 1, version)
    at = START + timedelta(days=DAYS)
    every, some = (
        Engines().of(name, pipeline.lake).sample(pipeline.view, gold, at, size) for name, size in (("polars", 1000), ("spark", 20))
    )  # type: ignore[arg-type]
    known = {entity["user"]: values for entity, values in zip(every.entities, every.values, strict=True)}
    assert 0 < len(some.entities) <= 20
    assert {entity["user"]: values for entity, values in zip(some.entities, some.values, strict=True)}.items() <= known.items()
