"""What people and checks read is the same by Spark as by Polars."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from platform_assets import historical_features
from platform_assets.declare.training import FeaturesFrom
from platform_assets.engines.choice import Engines
from platform_assets.errors import ComputeError, PlatformError
from platform_assets.steps.key_checks import key_faults
from platform_assets.steps.run import slice_of
from platform_assets_tests.spark.session import F, SparkLabels, spark, spark_frame
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


def asked(rows: int) -> pl.DataFrame:
    """Labels of users, a few of them nobody, at times over all days; and a column of each other type that labels may have."""
    numbers = range(rows)
    return pl.DataFrame(
        {
            "user": [f"user{number % 97}" if number % 11 else None for number in numbers],
            "label_time": [START + timedelta(hours=37 * number % (24 * (DAYS - 1)) + 24) for number in numbers],
            "number": numbers,
            "price": [Decimal(number) / 7 for number in numbers],
            "tags": [["a", None][: number % 3] for number in numbers],
        },
        schema_overrides={"label_time": pl.Datetime("us", "UTC"), "price": pl.Decimal(20, 4), "number": pl.Int64},
    )


@pytest.mark.parametrize("layer", ["gold", "silver"])
def test_a_dataframe_of_spark_gives_one_with_the_same_values(pipeline: Pipeline, layer: FeaturesFrom) -> None:
    labels, service = asked(300), pipeline.training.features
    expected = historical_features(service, labels, lake=pipeline.lake.root, features_from=layer, engine="polars")
    given = spark_frame(spark(), labels).withColumn("at", F.col("label_time").cast("timestamp_ntz"))
    found = historical_features(service, given, lake=pipeline.lake.root, features_from=layer, engine="spark")
    assert [field.dataType for field in found.frame.schema.fields[: len(given.columns)]] == [f.dataType for f in given.schema.fields]
    rows = pl.DataFrame(pl.from_arrow(found.frame.toArrow())).sort("number")
    assert rows["at"].to_list() == labels["label_time"].dt.replace_time_zone(None).to_list()
    assert_frame_equal(rows.drop("at"), expected.frame, check_dtypes=True)
    assert (found.null_keys, found.versions) == (expected.null_keys, expected.versions)


def test_no_labels_of_spark_have_the_columns_of_features(pipeline: Pipeline) -> None:
    given = spark_frame(spark(), asked(3)).filter("number < 0")
    found = historical_features(pipeline.training.features, given, lake=pipeline.lake.root, engine="spark")
    expected = historical_features(pipeline.training.features, asked(3)[:0], lake=pipeline.lake.root)
    assert found.frame.columns == expected.frame.columns
    assert found.frame.count() == 0


def test_what_is_wrong_with_labels_of_spark_is_said_with_the_fix(pipeline: Pipeline) -> None:
    service, labels = pipeline.training.features, spark_frame(spark(), asked(3))

    def refused(given: Any, error: type[PlatformError], match: str, engine: Any = "spark") -> None:
        with pytest.raises(error, match=match):
            historical_features(service, given, lake=pipeline.lake.root, engine=engine)

    refused(labels, ComputeError, r"would all enter this process. Pass engine='spark'", None)
    refused(asked(3), ComputeError, r"with engine='spark' the labels must be a Spark DataFrame, not ")
    refused(labels.drop("user"), ComputeError, r"have no column 'user'")
    refused(
        labels.withColumn("user", F.lit(3)),
        ComputeError,
        r"'user' is int, but must be string\. .*\.withColumn\('user', F\.col\('user'\)\.cast",
    )
    local = labels.withColumn("label_time", F.col("label_time").cast("timestamp_ntz"))
    refused(local, ComputeError, r"'label_time' is timestamp_ntz, but must be timestamp.* \(if its times are in UTC\)")
    refused(labels.withColumn("label_time", F.lit(None).cast("timestamp")), ComputeError, r"3 labels have no 'label_time'")
    refused(
        labels.withColumn("by", F.create_map(F.lit("a"), F.lit(1))), ComputeError, r"'by' of the type map<string,int>, which a task cannot"
    )


def test_labels_of_spark_after_a_moment_are_counted_with_an_example(pipeline: Pipeline) -> None:
    labels = SparkLabels.of(pipeline.training.features, spark_frame(spark(), asked(300)), "label_time")
    last = max(asked(300)["label_time"])
    assert labels.after(last) is None
    found = labels.after(last - timedelta(hours=1))
    assert found is not None
    assert found[0] == asked(300).filter(pl.col("label_time") == last).height
    assert found[1]["label_time"] == last
    assert labels.times()[-1][1] == last
