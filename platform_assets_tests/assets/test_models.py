"""Training sets, models and predictions through Dagster: months beside days, and a model that cannot be trained fails nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
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
    at_least,
    at_most,
    count,
    daily,
    every,
    model,
    no_event,
    not_worse_than_baseline,
    source,
    time_since_last,
)
from platform_assets.steps.model import make_model
from platform_assets.steps.model_verdict import verdict
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.assets.shop import Shop, evaluations, failure
from platform_assets_tests.rotation import in_turn

START = datetime(2024, 1, 1, tzinfo=UTC)


class Visit:
    user: int
    at: datetime


@source(schema=Visit, event_time="at", partitions=daily("2024-01-01", end="2024-03-06"), owners=["team:tests"])
def visits(arrival: Arrival) -> pl.DataFrame:
    """Sixty users come every other day, until they leave for good: user n on day n + 20."""
    day = (arrival.start - START).days
    random = Random(day)
    rows = [(user, arrival.start + timedelta(hours=9)) for user in range(60) if day < user + 20 and random.random() < 0.5]
    return pl.DataFrame(rows, schema={"user": pl.Int64, "at": pl.Datetime("us", "UTC")}, orient="row")


habits = FeatureView(
    "habits", entity=Entity("user", keys=["user"]), source=visits, features=[count().over("7d", "14d"), time_since_last().over("14d")]
)
data = TrainingSet(
    "leaving", features=FeatureService("of_habits", [habits]), labels=no_event(visits, within="7d", spine=every("3d", active="14d"))
)


@model(data, checks=[at_least("auc", 0.6), not_worse_than_baseline(tolerance=0.2)])
def leaving(train: TrainingData) -> Estimator:
    """Who does not come again within a week."""
    from platform_assets.models.boosting import lightgbm_classifier

    return lightgbm_classifier(train, n_estimators=20, learning_rate=0.1, num_leaves=4, min_child_samples=10)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("visits"), leaving)
    assert shop.run("2024-01-01", "2024-03-05", select=["visits/raw", "visits/silver", "visits/quarantine", "habits/gold"]).success
    yield shop


def shown(shop: Shop, table: str) -> dict[str, dict[str, Any]]:
    found = shop.materializations(table)
    return {key: {name: value.value for name, value in found[key].metadata.items()} for key in sorted(found)}


MONTHS = ["2024-01-01", "2024-02-01"]


@in_turn("platform_assets/assets/", "platform_assets/models/", "platform_assets/steps/model.py")
def test_months_and_days_run_one_after_the_other(shop: Shop) -> None:
    result = shop.run(*MONTHS, select=["leaving/training", "leaving/model"])
    assert result.success
    lake = Lake(shop.platform.lake_root or "")
    training = shown(shop, "leaving/training")
    assert {key: month["dagster/row_count"] > 0 for key, month in training.items()} == dict.fromkeys(MONTHS, True)
    for table in ("visits/silver", "habits/gold"):
        declaration, layer = table.split("/")
        pinned = {month[f"version of {table}"] for month in training.values()}
        assert pinned == {lake.version((declaration, layer))}

    january, february = shown(shop, "leaving/model").values()
    assert january["status"] == "not trained", "nobody had left yet: that fails nothing"
    assert "all 168 rows of the training split have the label false" in january["reason"]
    assert february["status"] == "ok"
    assert february["auc"] > 0.6
    told = {(found.partition, found.check_name): found for found in evaluations(result)}
    assert {about: (found.passed, found.severity) for about, found in sorted(told.items())} == {
        (MONTHS[0], "auc_at_least"): (True, dg.AssetCheckSeverity.WARN),
        (MONTHS[0], "not_worse_than_baseline"): (True, dg.AssetCheckSeverity.WARN),
        (MONTHS[1], "auc_at_least"): (True, dg.AssetCheckSeverity.ERROR),
        (MONTHS[1], "not_worse_than_baseline"): (True, dg.AssetCheckSeverity.ERROR),
    }
    says = str(told[MONTHS[0], "auc_at_least"].metadata["says"].value)
    assert says.startswith("not trained yet: all 168 rows"), "skipped, it would hide what other months' checks say"
    figures = told[MONTHS[1], "auc_at_least"].metadata
    assert (figures["value"].value, figures["bound"].value) == (pytest.approx(february["auc"], abs=1e-4), 0.6), "Dagster plots numbers"

    assert shop.run("2024-02-27", "2024-03-03", select=["leaving/predictions"]).success
    predictions = shown(shop, "leaving/predictions")
    used = {key: (day["status"], day["model"]) for key, day in predictions.items()}
    assert used == {
        **{f"2024-02-{day}": ("no model", "none yet") for day in (27, 28, 29)},
        **{f"2024-03-0{day}": ("ok", MONTHS[1]) for day in (1, 2, 3)},
    }, "a model is used from the day on that begins when its month has ended"
    scored = lake.scan(("leaving", "predictions")).collect()
    assert scored.height == sum(day["dagster/row_count"] for day in predictions.values()) > 0
    assert scored["score"].is_between(0, 1).all()
    assert Ledger(lake).entries("leaving/predictions")["2024-02-29"].rows == 0


def test_the_table_says_why_a_model_is_not_good(shop: Shop) -> None:
    if not Ledger(shop.platform.lake()).entries("leaving/training"):  # each test can run alone
        assert shop.run(*MONTHS, select=["leaving/training"]).success

    @model(data, checks=[at_least("auc", 0.0), at_most("log_loss", 0.0)])
    def hopeless(train: TrainingData) -> Estimator:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=1, random_state=train.seed).fit(train.features, train.target)

    february = data.partitions.number(MONTHS[1])
    run = shop.platform.run("test")
    entry = make_model(hopeless, february, february, run).entries[MONTHS[1]]
    [(good, reason)] = run.lake.scan(("hopeless", "model")).select("good", "reason").collect().rows()
    assert not good
    assert reason.startswith("log_loss ")
    assert "exceeds the bound, 0.0000, on " in reason
    assert "auc" not in reason, "what it passed is not a reason"
    assert verdict(entry) == f"not good, so it makes no predictions: {reason}"


@in_turn("platform_assets/assets/", "platform_assets/models/", "platform_assets/steps/model.py")
def test_a_month_without_a_model_after_one_that_had_it_is_warned_of(tmp_path: Path) -> None:
    """Of a source that ends in February, whose labels are all purged there: a month's training data are of one week only."""

    @source(schema=Visit, event_time="at", partitions=daily("2024-01-01", end="2024-02-10"), owners=["team:tests"])
    def calls(arrival: Arrival) -> pl.DataFrame:
        day, random = (arrival.start - START).days, Random(arrival.start.day)
        rows = [(user, arrival.start + timedelta(hours=9)) for user in range(60) if day < user // 2 + 3 and random.random() < 0.5]
        return pl.DataFrame(rows, schema={"user": pl.Int64, "at": pl.Datetime("us", "UTC")}, orient="row")

    called = FeatureView("called", entity=habits.entity, source=calls, features=[count().over("7d", "14d")])
    silent = TrainingSet(
        "silent", features=FeatureService("of_calls", [called]), labels=no_event(calls, within="7d", spine=every("1d", active="14d"))
    )

    @model(silent, train_on=1, checks=[at_least("auc", 0.0)])
    def silence(train: TrainingData) -> Estimator:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=2, random_state=train.seed).fit(train.features, train.target)

    shop = Shop(tmp_path, silence)
    assert shop.run("2024-01-01", "2024-02-09", select=["calls/raw", "calls/silver", "calls/quarantine", "called/gold"]).success
    result = shop.run(*MONTHS, select=["silent/training", "silence/model"])
    assert result.success, failure(result)
    january, february = evaluations(result)
    assert (january.partition, january.passed) == (MONTHS[0], True)
    assert (february.partition, february.passed, february.severity) == (MONTHS[1], False, dg.AssetCheckSeverity.WARN)
    assert str(february.metadata["says"].value).startswith("not trained, though an earlier month was: ")

    table = ("silence", "model")
    version = Lake(shop.platform.lake_root or "").version(table)
    again = shop.run_checks("silence/model", *MONTHS)
    assert again.success, failure(again)
    assert [(found.partition, found.passed) for found in evaluations(again)] == [(MONTHS[0], True), (MONTHS[1], False)]
    assert [(found.partition, found.passed) for found in evaluations(shop.run_checks("silence/model"))] == [(MONTHS[1], False)]
    assert Lake(shop.platform.lake_root or "").version(table) == version, "nothing is trained for it"
