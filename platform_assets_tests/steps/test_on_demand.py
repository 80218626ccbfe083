"""On-demand features in training sets, models and predictions: ordinary features, whose request is the label's row."""

from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from platform_assets import (
    Arrival,
    Entity,
    Estimator,
    FeatureService,
    FeatureView,
    TrainingData,
    TrainingSet,
    count,
    daily,
    every,
    historical_features,
    max,
    model,
    no_event,
    on_demand,
    source,
)
from platform_assets.models.artifact import load
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.model import make_model, make_predictions
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

START = datetime(2024, 1, 1, tzinfo=UTC)


class Visit:
    user: int
    at: datetime


@source(schema=Visit, event_time="at", partitions=daily("2024-01-01", end="2024-02-12"))
def visits(arrival: Arrival) -> pl.DataFrame:
    """Sixty users come every other day, until they leave for good: user n after n / 2 days."""
    day = (arrival.start - START).days
    random = Random(day)
    rows = [(user, arrival.start + timedelta(hours=user % 24)) for user in range(60) if day < user / 2 and random.random() < 0.5]
    return pl.DataFrame(rows, schema={"user": pl.Int64, "at": pl.Datetime("us", "UTC")}, orient="row")


habits = FeatureView(
    "habits", entity=Entity("user", keys=["user"]), source=visits, features=[count().over("7d"), max("at").over("14d").named("last_at")]
)
service = FeatureService(
    "of_habits",
    [habits],
    on_demand=[on_demand("hours_away", "hours_between(last_at, request_time)"), on_demand("weekday", "day_of_week(request_time)")],
)
data = TrainingSet("leaving", features=service, labels=no_event(visits, within="4d", spine=every("2d", active="14d")))


@model(data)
def leaving(train: TrainingData) -> Estimator:
    """Who does not come again within a week."""
    from platform_assets.models.baseline import logistic_baseline

    return logistic_baseline(train.features, train.target, train.seed)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    run = Run(lake, Ledger(lake), "test", datetime(2024, 3, 7, tzinfo=UTC))
    first, last = visits.partitions.first, visits.partitions.last
    assert last is not None
    make_raw(visits, first, last, run).check()
    make_silver(visits, first, last, run).check()
    make_change_log(habits, first, last, run).check()
    make_training(data, data.partitions.first, data.partitions.first + 1, run).check()
    return run


def test_a_training_set_has_the_features_that_historical_features_gives_its_labels(run: Run) -> None:
    made = run.lake.scan(("leaving", "training")).collect()
    again = historical_features(service, made.select("user", "label_time"), lake=run.lake).frame
    assert made.select("user", "label_time", *service.features).equals(again)
    assert made.height > 100
    at = made["label_time"]
    assert made["weekday"].to_list() == at.dt.weekday().to_list()
    assert made["hours_away"].to_list() == ((at - made["habits__last_at"]).dt.total_microseconds() / 3.6e9).to_list()


def test_a_model_learns_from_them_and_predicts_with_them(run: Run) -> None:
    month = data.partitions.first
    done = make_model(leaving, month, month, run)
    done.check()
    (entry,) = done.entries.values()
    assert entry.status == "ok", entry.details
    loaded = load(run.lake.models.below(entry.details["artifact"]))
    day = visits.partitions.index_of("2024-02-09")
    make_predictions(leaving, day, day, run).check()
    predicted = run.lake.scan(("leaving", "predictions")).collect()
    assert predicted.height >= 5
    asked = predicted.select("user", pl.col("predicted_at").alias("label_time"))
    features = historical_features(service, asked, lake=run.lake).frame
    assert loaded.predict(features).to_list() == predicted["score"].to_list()
    moved = features.with_columns(pl.col("hours_away") + 1000.0)
    assert loaded.predict(moved).to_list() != predicted["score"].to_list(), "the feature counts"
