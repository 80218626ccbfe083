"""The last lines of a run: what it made, and all that is stale because of it."""

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from platform_assets import (
    Arrival,
    Entity,
    FeatureService,
    FeatureView,
    TrainingSet,
    count,
    daily,
    every,
    materialize,
    outcome,
    source,
    sum,
)
from platform_assets.assets.summary import RunSummary, stale_readers
from platform_assets.sources.receive import raw_table
from platform_assets.steps.layers import Graph
from platform_assets.steps.run import Run
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

NOW = datetime(2024, 4, 10, tzinfo=UTC)
PRICES = dict.fromkeys([date(2024, 3, 1) + timedelta(day) for day in range(36)], 1.0)


class Sale:
    user: str
    at: datetime
    price: float


@source(schema=Sale, event_time="at", partitions=daily("2024-03-01", end="2024-04-06"))
def sales(arrival: Arrival) -> pl.DataFrame:
    """One sale a day."""
    return pl.DataFrame({"user": ["ada"], "at": [arrival.start], "price": [PRICES[arrival.start.date()]]})


user = Entity("user", keys=["user"])
spend = FeatureView("spend", entity=user, source=sales, features=[count().over("1d"), sum("price").over("2d")], online=True)
history = FeatureView("history", entity=user, source=sales, features=[sum("price").over("lifetime")])
service = FeatureService("service", [spend])
data = TrainingSet(
    "next_days", features=service, labels=outcome(sales, sum("price").within("2d"), spine=every("1d", active="3d")), period="week"
)


def test_a_run_names_all_that_a_restated_day_made_stale_with_what_follows(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    materialize(data, spend, history, lake=lake.root, now=NOW).check()
    run = Run(lake, Ledger(lake), "later", NOW)
    graph = Graph([spend, history, data])
    assert stale_readers(graph, [raw_table(sales), silver_table(sales)], run) == []
    PRICES[date(2024, 3, 10)] = 5.0
    materialize(sales, lake=lake.root, now=NOW).check()
    said = stale_readers(graph, [raw_table(sales), silver_table(sales)], run)
    assert said == [
        "Now stale, because their inputs have changed:",
        "  spend/gold: 3 partitions, 2024-03-10 to 2024-03-12",
        "  history/checkpoints: 1 partition, 2024-04-01",
        "  history/gold: 27 partitions, 2024-03-10 to 2024-04-05",
        "  next_days/training: 2 partitions, 2024-03-04 to 2024-03-11",
        "  spend/online: published before spend/gold changed",
        "Rematerialize them: platform-assets backfill -m your_module",
    ]
    again = materialize(data, spend, history, lake=lake.root, now=NOW).tables
    made = {name: len(again[name].made) for name in ("spend/gold", "history/checkpoints", "history/gold", "next_days/training")}
    assert made == {"spend/gold": 3, "history/checkpoints": 1, "history/gold": 27, "next_days/training": 2}, "all that was named, no more"
    assert stale_readers(graph, [raw_table(sales), silver_table(sales)], run) == []


def test_what_was_published_and_what_waits_stand_in_the_summary(caplog: pytest.LogCaptureFixture) -> None:
    summary = RunSummary()
    summary.add_published(("spend", "online"), ["2024-03-01", "2024-03-02"], [])
    summary.add_published(("bought", "online"), ["2024-03-01"], ["2024-03-02"])
    with caplog.at_level(logging.INFO):
        summary.report(logging.getLogger("run"))
    (record,) = caplog.records
    assert record.levelname == "WARNING", "something was refused"
    assert record.message.splitlines() == [
        "What this run did:",
        "  spend/online: 2 partitions made",
        "  bought/online: 1 partition made, 1 refused (2024-03-02)",
    ]
