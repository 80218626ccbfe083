"""What happens to a business in time, on Spark and on Polars: each step leaves the same lake."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, GoldTable, count, hourly, materialize, source
from platform_assets import sum as sum_
from platform_assets.declare.source import Source
from platform_assets.steps.accept import accept
from platform_assets.stores.delta import Lake
from platform_assets_tests.spark.lakes import require_same_lake
from platform_assets_tests.spark.session import spark
from platform_assets_tests.steps.pipeline import DAYS, Pipeline, pipeline_with

pytestmark = pytest.mark.slow
OFFLINE = ("raw", "silver", "gold", "checkpoints", "history", "report", "training", "model", "predictions")


@pytest.fixture(autouse=True)
def one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine finds the session of the tests, which is running."""
    spark()


def on_each(home: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]) -> dict[str, int]:
    """Does the same with both engines, in lakes of their own, and compares these."""
    for engine in ("polars", "spark"):
        monkeypatch.setenv("PLATFORM_ENGINE", engine)
        act(home / engine)
    return require_same_lake(*(Lake(str(home / engine / "lake")) for engine in ("polars", "spark")))


def accepted(pipeline: Pipeline) -> None:
    accept(pipeline.source, pipeline.first + DAYS - 1, pipeline.run("by ada"), by="ada", why="the shop knows")


def test_corrections_blocked_days_other_columns_and_other_declarations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def brings_up(edition: str) -> Callable[[Path], None]:
        return lambda home: pipeline_with(home, edition).bring_up(*OFFLINE)

    def accepts(home: Path) -> None:
        pipeline = pipeline_with(home, "withdrawn")
        accepted(pipeline)
        pipeline.bring_up(*OFFLINE)

    rows = on_each(tmp_path, monkeypatch, brings_up("new"))
    assert min(rows.values()) > 0, rows
    on_each(tmp_path, monkeypatch, brings_up("corrected"))
    on_each(tmp_path, monkeypatch, brings_up("withdrawn"))
    on_each(tmp_path, monkeypatch, accepts)
    on_each(tmp_path, monkeypatch, brings_up("typed"))
    on_each(tmp_path, monkeypatch, brings_up("redeclared"))


def test_what_was_replayed_counts_once_and_where_it_was_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replays(home: Path) -> None:
        pipeline = pipeline_with(home)
        pipeline.bring_up("raw", "silver", "replay", "silver", "gold", "report")
        pipeline.make("silver", pipeline.first, pipeline.last)  # now the rows are set aside as replayed, where they were

    def restates(home: Path) -> None:
        pipeline_with(home, "corrected").bring_up("raw", "silver", "gold", "report")

    assert on_each(tmp_path, monkeypatch, replays)["sales/quarantine"] > 0
    aside = Lake(str(tmp_path / "spark" / "lake")).scan(("sales", "quarantine")).collect()
    assert "replayed" in aside["reasons"].explode().to_list()
    on_each(tmp_path, monkeypatch, restates)


class Reading:
    meter: str | None
    at: datetime
    value: float


HOURS = {
    "2025-01-01T00": pl.DataFrame({"meter": ["a", "a", "b", None], "at": ["2025-01-01 00:10:00"] * 4, "value": [1.5, 1.5, 2.0, 3.0]}),
    "2025-01-01T01": pl.DataFrame({"meter": ["a", "b"], "at": ["2025-01-01 00:50:00", "soon"], "value": ["2.5", "7"]}),
    "2025-01-01T02": None,
    "2025-01-01T03": pl.DataFrame({"meter": ["c"] * 5, "at": ["2025-01-01 03:59:59.999999"] * 5, "value": [3, 3, 3, 4, 5]}),
    "2025-01-01T04": pl.DataFrame({"meter": [], "at": [], "value": []}, schema={"meter": pl.String, "at": pl.String, "value": pl.Float64}),
    "2025-01-01T05": pl.DataFrame({"meter": ["a"], "at": ["2025-01-01 05:00:00"], "value": [8.0]}),
}
"""Exact copies, a late row, one that cannot be read, a closed hour, one without rows; and values as numbers, texts, whole numbers."""


def readings() -> Source:
    @source(
        schema=Reading,
        event_time="at",
        partitions=hourly("2025-01-01T00:00", end="2025-01-01T06:00"),
        timezone="UTC",
        empty_after="10m",
        accepted_share=0.0,
    )
    def readings(arrival: Arrival) -> pl.DataFrame | None:
        return HOURS[arrival.partition]

    return readings


def test_hours_without_a_key_in_changing_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = readings()
    lately = FeatureView(
        "lately",
        entity=Entity("meter", keys=["meter"]),
        source=found,
        features=[count().over("1h", "3h", "lifetime"), sum_("value").over("2h")],
    )
    hourly_sum = GoldTable("used", source=found, by=["meter"], measures=[count().named("n"), sum_("value").named("used")])
    now = datetime.fromisoformat("2025-06-01T00:00Z")

    def make(home: Path) -> None:
        materialize(lately, hourly_sum, lake=str(home / "lake"), now=now)

    rows = on_each(tmp_path, monkeypatch, make)
    assert (rows["readings/raw"], rows["readings/silver"], rows["readings/quarantine"]) == (12, 11, 1)
    assert rows["lately/gold"] > 0
