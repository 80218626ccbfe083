"""Labels of every kind through Dagster, from a training set to predictions: numbers by the week, rows of a user's own, several classes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
    Regressor,
    Tested,
    TrainingData,
    TrainingSet,
    at_most,
    better_than_baseline,
    count,
    daily,
    every,
    labels_from,
    metric,
    mode,
    model,
    not_worse_than_baseline,
    outcome,
    source,
    sum,
)
from platform_assets.models.artifact import read_record
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.assets.shop import Shop, evaluations, failure
from platform_assets_tests.rotation import in_turn

START = datetime(2024, 1, 1, tzinfo=UTC)
USERS, DAYS = 40, 35


class Purchase:
    user: int
    at: datetime
    amount: float
    kind: str


class Verdict:
    user: int
    at: datetime
    is_fraud: bool | None


@source(schema=Purchase, event_time="at", partitions=daily("2024-01-01", end="2024-02-05"), owners=["team:tests"])
def purchases(arrival: Arrival) -> pl.DataFrame:
    """User n buys about every other day, for about n, and mostly what he always buys."""
    day = (arrival.start - START).days
    random = Random(day)
    rows = [
        (user, arrival.start + timedelta(hours=9), user + random.random(), f"k{user % 3}" if random.random() < 0.8 else "k0")
        for user in range(USERS)
        if random.random() < 0.5
    ]
    return pl.DataFrame(rows, schema=["user", "at", "amount", "kind"], orient="row").cast({"at": pl.Datetime("us", "UTC")})


@source(schema=Verdict, event_time="at", partitions=daily("2024-01-01", end="2024-02-05"), accepted_share=0, owners=["team:tests"])
def verdicts(arrival: Arrival) -> pl.DataFrame:
    """Of two days before: who was a fraud. Every seventh day, somebody's verdict is not known, and one comes twice."""
    day = (arrival.start - START).days
    rows = [(user, arrival.start - timedelta(days=2), user >= 30) for user in range(USERS) if day >= 2]
    rows += [(0, arrival.start - timedelta(days=2), True), (1, arrival.start - timedelta(days=2, hours=1), None)] if day % 7 == 6 else []
    return pl.DataFrame(rows, schema={"user": pl.Int64, "at": pl.Datetime("us", "UTC"), "is_fraud": pl.Boolean}, orient="row")


buyer = Entity("user", keys=["user"])
habits = FeatureView(
    "habits",
    entity=buyer,
    source=purchases,
    features=[count().over("7d"), sum("amount", default=0.0).over("7d"), mode("kind").over("7d")],
)
served = FeatureService("of_habits", [habits])

spending_set = TrainingSet(
    "spending",
    features=served,
    labels=outcome(purchases, sum("amount", default=0.0).within("3d"), spine=every("1d", active="7d")),
    period="week",
)


@metric(higher_is_better=False)
def bias(truth: Any, predicted: Any) -> float:
    return abs(float(truth.mean() - predicted.mean()))


def large_spenders_too(tested: Tested) -> tuple[bool, str]:
    """The mean of the larger half is met within 15."""
    rows = tested.rows.with_columns(predicted=tested.predicted)
    off = rows.filter(pl.col("label") > pl.col("label").median()).select((pl.col("label") - pl.col("predicted")).mean()).item()
    return bool(abs(off) < 15), f"off by {off:.1f} on {rows.height} rows"


@model(spending_set, checks=[at_most("mae", 30), at_most(bias, 10), not_worse_than_baseline(tolerance=5), large_spenders_too], refit=True)
def spending(train: TrainingData) -> Regressor:
    """What a user will spend in three days."""
    from platform_assets.models.boosting import lightgbm_regressor

    return lightgbm_regressor(train, n_estimators=10, learning_rate=0.3, num_leaves=4, min_child_samples=10)


@model(
    TrainingSet("frauds", features=served, labels=labels_from(verdicts, value="is_fraud", horizon="3d"), label="is_fraud"),
    checks=[better_than_baseline("auc")],
)
def frauds(train: TrainingData) -> Estimator:
    """Who is a fraud."""
    from platform_assets.models.baseline import logistic_baseline

    return logistic_baseline(train.features, train.target, train.seed)


def favourites() -> pl.DataFrame:
    """What each user likes, as known each day; a value that is not a class, and a row of times to come."""
    rows = [(user, START + timedelta(days=day), f"k{user % 3}") for day in range(DAYS) for user in range(USERS)]
    rows += [(7, START + timedelta(days=8), "k9"), (8, datetime(2124, 1, 1, tzinfo=UTC), "k0")]
    return pl.DataFrame(rows, schema={"user": pl.Int64, "label_time": pl.Datetime("us", "UTC"), "favourite": pl.String}, orient="row").sort(
        pl.col("favourite") != "k9", maintain_order=True
    )


@model(
    TrainingSet(
        "favourite",
        features=served,
        labels=labels_from(favourites, value="favourite", type=str, horizon="1d", classes=["k0", "k1", "k2"]),
    )
)
def favourite(train: TrainingData) -> Estimator:
    """What a user likes."""
    from platform_assets.models.baseline import logistic_baseline

    return logistic_baseline(train.features, train.target, train.seed)


FIRST, LAST = "2024-01-01", "2024-02-04"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("kinds"), spending, frauds, favourite)
    tables = [f"{name}/{layer}" for name in ("purchases", "verdicts") for layer in ("raw", "silver", "quarantine")]
    made = shop.run(FIRST, LAST, select=[*tables, "habits/gold"])
    assert made.success, failure(made)
    yield shop


def lake_of(shop: Shop) -> Lake:
    return Lake(shop.platform.lake_root or "")


@in_turn("platform_assets/assets/", "platform_assets/models/", "platform_assets/steps/labels.py")
def test_a_number_is_learnt_week_by_week_and_predicted_day_by_day(shop: Shop) -> None:
    weeks = ["2024-01-01", "2024-01-29"]
    made = shop.run(*weeks, select=["spending/training"])
    assert made.success, failure(made)
    result = shop.run("2024-01-22", weeks[-1], select=["spending/model"])
    assert result.success, failure(result)
    lake = lake_of(shop)
    rows = lake.scan(("spending", "training")).collect()
    assert rows.schema["label"] == pl.Float64
    assert rows["partition"].unique().sort().dt.weekday().unique().to_list() == [1], "weeks begin on Monday"
    # By hand: what a user spends in (t, t + 3d] are the purchases of that day and the two after it.
    bought = lake.scan(("purchases", "silver")).collect()
    for user, at, label in rows.sample(20, seed=1).select("user", "label_time", "label").iter_rows():
        inside = bought.filter(pl.col("user") == user, pl.col("at") > at, pl.col("at") <= at + timedelta(days=3))
        assert label == pytest.approx(inside["amount"].sum())

    entry = Ledger(lake).entries("spending/model")["2024-01-29"]
    assert entry.status == "ok" and entry.details["good"], entry.details
    told = {found.check_name: found for found in evaluations(result) if found.partition == "2024-01-29"}
    assert {name: found.passed for name, found in told.items()} == dict.fromkeys(
        ("mae_at_most", "bias_at_most", "not_worse_than_baseline", "large_spenders_too"), True
    )
    assert str(told["large_spenders_too"].metadata["says"].value).startswith("off by ")
    shown = {name: one.value for name, one in shop.materializations("spending/model")["2024-01-29"].metadata.items()}
    assert {"mae", "rmse", "r2", "bias", "baseline mae", "calibration", "beside the ridge baseline", "feature importance"} <= set(shown)
    assert "95% intervals from resampled entities" in str(shown["beside the ridge baseline"])

    # It was judged without the newest labels, then fitted to them, too, and the record says so.
    record = read_record(shop.platform.lake().models.below(entry.details["artifact"]))
    newest = rows["label_time"].max()
    assert record.refit and record.seen_until == newest > record.cut
    assert entry.details["outcomes_until"] == (newest + timedelta(days=3)).isoformat()
    assert entry.details["predicts_from"] == datetime(2024, 2, 5, tzinfo=UTC).isoformat()
    first = min(key for key, one in Ledger(lake).entries("spending/model").items() if one.status == "ok")
    begins = datetime.fromisoformat(first).replace(tzinfo=UTC) + timedelta(days=7)
    days = [f"{begins - timedelta(days=1):%Y-%m-%d}", f"{begins:%Y-%m-%d}"]
    assert shop.run(*days, select=["spending/predictions"]).success
    predicted = lake.scan(("spending", "predictions")).collect()
    assert predicted["partition"].unique().cast(pl.String).to_list() == days[1:], (
        "from the day on that begins when a model's week has ended"
    )
    by_user = predicted.sort("user")["score"]
    assert by_user.tail(10).mean() > by_user.head(10).mean() + 10


def test_rows_of_a_source_are_labels_and_those_that_are_none_are_counted_and_warned_of(shop: Shop) -> None:
    result = shop.run("2024-01-01", select=["frauds/training", "frauds/model"])
    assert result.success, failure(result)
    entry = Ledger(lake_of(shop)).entries("frauds/training")["2024-01-01"]
    # Labels of t until the 28th, since t + 3 days lies in January; a day's are of two days before.
    assert entry.rows == 28 * USERS
    assert entry.details["reasons"] == {"another label came before it": 4, "is_fraud is missing": 4}
    told = {found.check_name: found for found in evaluations(result)}
    accepted = told["labels_accepted"]
    assert (accepted.passed, accepted.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert str(accepted.metadata["says"].value).startswith(
        f"8 of {28 * USERS + 8:,} rows are not labels: another label came before it: 4, such"
    )
    assert "rejected because" in shop.materializations("frauds/training")["2024-01-01"].metadata
    better = told["auc_better_than_baseline"]
    assert (better.passed, better.severity) == (False, dg.AssetCheckSeverity.WARN), "the baseline is not better than itself"
    assert "does not differ beyond chance from the baseline" in str(better.metadata["says"].value)
    trained = Ledger(lake_of(shop)).entries("frauds/model")["2024-01-01"]
    assert trained.details["good"], "a check that only warns stops no prediction"
    assert trained.details["outcomes_until"] <= trained.details["cut"]

    version = lake_of(shop).version(("frauds", "training"))
    again = shop.run_checks("frauds/training", "2024-01-01", "2024-01-01")
    assert [(found.check_name, found.passed) for found in evaluations(again)] == [("labels_accepted", False)]
    assert lake_of(shop).version(("frauds", "training")) == version, "nothing is made for it"


def test_classes_of_a_function_are_learnt_and_all_their_probabilities_predicted(shop: Shop) -> None:
    result = shop.run("2024-01-01", select=["favourite/training", "favourite/model"])
    assert result.success, failure(result)
    lake = lake_of(shop)
    entry = Ledger(lake).entries("favourite/training")["2024-01-01"]
    assert entry.details["reasons"] == {"favourite is none of the classes": 1, "label_time is in the future": 1}
    assert entry.details["classes"] == {"k0": 14 * 30, "k1": 13 * 30, "k2": 13 * 30}
    shown = {name: one.value for name, one in shop.materializations("favourite/model")["2024-01-01"].metadata.items()}
    assert {"macro f1", "accuracy", "log loss", "confusion"} <= set(shown)
    assert shown["accuracy"] > 0.7
    assert shop.run("2024-02-01", select=["favourite/predictions"]).success
    predicted = lake.scan(("favourite", "predictions")).collect()
    assert predicted.schema["predicted"] == pl.String
    first = predicted.row(0, named=True)
    assert [one["class"] for one in first["probabilities"]] == ["k0", "k1", "k2"]
    assert first["score"] == max(one["probability"] for one in first["probabilities"])
    right = predicted.filter(pl.col("predicted") == pl.concat_str(pl.lit("k"), pl.col("user") % 3)).height
    assert right > 0.7 * predicted.height
