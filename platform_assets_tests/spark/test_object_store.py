"""A lake in S3 on Spark: the tables are those of Polars in a folder, whoever wrote which edition, and two engines write at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets import historical_features
from platform_assets.engines.choice import Engines
from platform_assets.engines.spark.session import event_log
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.silver import make_silver
from platform_assets_tests.lakes import new_url
from platform_assets_tests.s3_server import SECRET, S3Server
from platform_assets_tests.spark.session import spark, spark_frame
from platform_assets_tests.steps.business import same
from platform_assets_tests.steps.pipeline import DAYS, pipeline_with

pytestmark = pytest.mark.slow
LAYERS = ("raw", "silver", "gold", "checkpoints", "history", "report", "training", "model", "predictions")


def test_engines_take_turns_on_a_lake_in_s3(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = new_url()
    spark()
    for edition, engine in (("new", "spark"), ("corrected", "polars"), ("withdrawn", "spark")):
        monkeypatch.setenv("PLATFORM_ENGINE", engine)
        there = pipeline_with(url, edition)
        there.bring_up(*LAYERS)
        monkeypatch.setenv("PLATFORM_ENGINE", "polars")
        here = pipeline_with(tmp_path, edition)
        here.bring_up(*LAYERS)
        same(there.state(exact=False), here.state(exact=False))
    log = event_log()
    assert log is not None
    assert SECRET not in "".join(file.read_text() for file in log.place.rglob("*") if file.is_file()), "Spark's log is shown to people"
    service, labels = here.training.features, here.lake.scan(("coming", "training")).select("user", "label_time").collect()
    expected = historical_features(service, labels, lake=here.lake.root)
    found = historical_features(service, spark_frame(spark(), labels), lake=there.lake, engine="spark")
    assert found.frame.count() == expected.frame.height
    assert sorted(map(tuple, found.frame.select(*service.features).collect()), key=repr) == sorted(
        expected.frame.select(*service.features).rows(), key=repr
    )


def test_two_engines_write_a_lake_in_s3_at_once(s3: S3Server, tmp_path: Path) -> None:
    spark()
    there, here = pipeline_with(new_url()), pipeline_with(tmp_path)
    for pipeline in (there, here):
        pipeline.bring_up("raw")
    middle = there.first + DAYS // 2
    halves = {"spark": (there.first, middle - 1), "polars": (middle, there.last)}

    def make(engine: str) -> None:
        """Tables do not exist yet: both may be the first to create them."""
        run = replace(there.run(engine), engines=Engines(engine))  # type: ignore[arg-type]
        make_silver(there.source, *halves[engine], run).check()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, halves))
    here.bring_up("silver")
    same(there.state(exact=False), here.state(exact=False))
    with ThreadPoolExecutor(2) as pool:
        runs = [replace(there.run(engine), engines=Engines(engine)) for engine in halves]  # type: ignore[arg-type]
        list(pool.map(lambda run: make_change_log(there.view, *halves[run.id], run).check(), runs))
    here.bring_up("gold")
    same(there.state(exact=False), here.state(exact=False))
