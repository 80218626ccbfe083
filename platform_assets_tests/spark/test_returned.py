"""What users' functions return may be a DataFrame of Spark: sources and labels have the rows that a frame of Polars would have given."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, FeatureService, TrainingSet, daily, labels_from, source
from platform_assets.engines.choice import Engines
from platform_assets.errors import ComputeError, SourceError
from platform_assets.sources.receive import raw_table
from platform_assets.steps.raw import receive_all
from platform_assets.steps.run import Run
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.spark.session import F, spark, spark_frame
from platform_assets_tests.steps.business import Business

pytestmark = pytest.mark.slow
NOW = datetime(2025, 1, 1, tzinfo=UTC)


class Visit:
    at: datetime
    user: str | None
    amount: float


def visits(rows: int) -> pl.DataFrame:
    """Some rows of one day, sorted by all columns; a time and a list beside what is declared."""
    start = datetime(2024, 3, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "at": [start + timedelta(seconds=n * 7919 % 86_400) for n in range(rows)],
            "user": [f"u{n % 13}" if n % 17 else None for n in range(rows)],
            "amount": [n / 4 for n in range(rows)],
            "local": [datetime(2024, 3, 1, n % 24) for n in range(rows)],
            "tags": [["a", "b"][: n % 3] for n in range(rows)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    return frame.sort(frame.columns)


def received(home: Path, returned: Any, *, times: int = 1) -> tuple[pl.DataFrame, list[int]]:
    """Raw after a source's function has returned this, and how many rows each of several runs has written."""

    @source(schema=Visit, event_time="at", partitions=daily("2024-03-01"))
    def visited(arrival: Arrival) -> Any:
        return returned()

    lake, written = Lake(str(home)), []
    for _ in range(times):
        done = receive_all(visited, visited.partitions.first, visited.partitions.first, Run(lake, Ledger(lake), "run", NOW))
        if done.broken:
            raise done.broken
        written.append(sum(entry.rows for entry in done.entries.values()))
    return lake.scan(raw_table(visited)).collect(), written


def test_a_source_may_return_a_dataframe_of_spark(tmp_path: Path) -> None:
    """Its rows come in any order, yet a second reading of the same is no other delivery."""
    expected, _ = received(tmp_path / "polars", lambda: visits(5000))
    # Hours without a zone are not instants: Spark has a type of its own for them.
    frame = spark_frame(spark(), visits(5000)).withColumn("local", F.col("local").cast("timestamp_ntz"))
    shuffled = iter((frame.repartition(3), frame.repartition(5, "user")))
    found, written = received(tmp_path / "spark", lambda: next(shuffled), times=2)
    assert written == [5000, 0]
    order = ["delivery", "row_number"]
    assert found.sort(order).select(expected.columns).equals(expected.sort(order))


def test_a_dataframe_that_cannot_be_computed_is_the_partitions_error(tmp_path: Path) -> None:
    frame = spark_frame(spark(), visits(3)).coalesce(1).withColumn("amount", F.raise_error(F.lit("no amount today")).cast("double"))
    with pytest.raises(SourceError, match=r"(?s)source 'visited', partition 2024-03-01: the DataFrame of Spark .* no amount today"):
        received(tmp_path, lambda: frame)


class Labelled(Business):
    """The tiny business, and labels that a function returns."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        for number in range(8):
            self.sell(number, f"{number} ada {number + 1}", f"{number + 10} bob 5")
        self.make_range()

    def made(self, returned: Any, engine: Any) -> tuple[pl.DataFrame, dict[str, Any]]:
        def mine() -> Any:
            return returned()

        labels = labels_from(mine, value="value", type=float, horizon="0d", keys={"user": "who"})
        data = TrainingSet("given", features=FeatureService("served", [self.view]), labels=labels)
        month = data.partitions.index_of("2024-02-01")
        run = Run(self.lake, Ledger(self.lake), "run", NOW, engines=Engines(engine, spark))
        make_training(data, month, month, run).check()
        rows = self.lake.scan((data.name, "training")).sort("label_time", "user").collect()
        return rows, self.entries("given/training")["2024-02-01"].details


def test_labels_may_be_a_dataframe_of_spark_whatever_computes_them(tmp_path: Path) -> None:
    start = datetime(2024, 2, 26, tzinfo=UTC)
    table = pl.DataFrame(
        {
            "value": [None if n % 7 == 0 else n % 7 / 2 for n in range(60)],
            "who": [("ada", "bob", "zoe", None)[n % 4] for n in range(60)],
            "label_time": [start + timedelta(hours=n % 20) for n in range(60)],
            "note": [f"n{n}" for n in range(60)],
        },
        schema_overrides={"label_time": pl.Datetime("us", "UTC")},
    )
    table = table.vstack(table[1:4])
    business = Labelled(tmp_path)
    expected, said = business.made(lambda: table.sort(table.columns), "polars")
    assert said["reasons"].keys() == {"user is missing", "value is missing", "the same label once more", "another label came before it"}
    for engine in ("polars", "spark"):
        found, told = business.made(lambda: spark_frame(spark(), table).repartition(4), engine)
        assert found.equals(expected), engine
        volatile = ("read", "read_from", "artifact", "delta_version", "rows_since")
        assert {k: v for k, v in told.items() if k not in volatile} == {k: v for k, v in said.items() if k not in volatile}, engine


def test_labels_of_spark_of_another_type_are_refused_with_the_fix(tmp_path: Path) -> None:
    frame = spark_frame(spark(), pl.DataFrame({"who": ["ada"], "label_time": ["2024-02-27"], "value": [1.0]}))
    with pytest.raises(ComputeError, match=r"'label_time' is string, but must be timestamp\. Convert it: \.withColumn\('label_time'"):
        Labelled(tmp_path).made(lambda: frame, "spark")
    with pytest.raises(ComputeError, match=r"have no column 'who'"):
        Labelled(tmp_path / "more").made(lambda: frame.drop("who"), "spark")


def test_a_dataframe_without_rows_is_an_empty_delivery_with_its_columns(tmp_path: Path) -> None:
    expected, _ = received(tmp_path / "polars", lambda: visits(3)[:0])
    found, written = received(tmp_path / "spark", lambda: spark_frame(spark(), visits(3)[:0]))
    assert (found.schema, found.height, written) == (expected.schema, 0, [0])
