"""Attributes in training sets, models and predictions, beside features over windows."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from platform_assets import (
    Arrival,
    AttributeView,
    Estimator,
    FeatureService,
    TrainingData,
    TrainingSet,
    every,
    historical_features,
    model,
    no_event,
    on_demand,
    source,
)
from platform_assets.steps.gold import gold_table, make_attributes, make_change_log
from platform_assets.steps.model import make_model, make_predictions
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.stale_tables import predictions_out_of_date, stale_gold, stale_training
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.steps.test_on_demand import START, habits, visits

FIRST, LAST = visits.partitions.first, visits.partitions.index_of("2024-02-11")
CHANGED: dict[int, list[int]] = {20: list(range(0, 60, 2))}
"""Which users move to another tariff on which day; a test restates one."""


class Member:
    user: int
    tariff: str | None
    signed_up_on: date
    updated_at: datetime


@source(schema=Member, kind="state", key=["user"], event_time="updated_at", partitions=visits.partitions)
def members(arrival: Arrival) -> pl.DataFrame:
    """Sixty users who visit, and ten of whom nothing but their tariff is known."""
    day = (arrival.start - START).days
    everybody = [*range(60), *range(100, 110)] if day == 0 else []
    rows = [(user, "basic" if user % 3 else None, date(2023, 12, 1 + user % 28), arrival.start) for user in everybody]
    rows += [(user, "gold", date(2023, 12, 1 + user % 28), arrival.start + timedelta(hours=1)) for user in CHANGED.get(day, [])]
    schema = {"user": pl.Int64, "tariff": pl.String, "signed_up_on": pl.Date, "updated_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema=schema, orient="row")


known = AttributeView("known", entity=habits.entity, source=members, attributes=["tariff", "signed_up_on"])
days_known = on_demand("days_known", "days_between(signed_up_on, request_time)")
service = FeatureService("both", [known, habits], on_demand=[days_known])
data = TrainingSet("leaving_members", features=service, labels=no_event(visits, within="4d", spine=every("2d", active="14d")))


@model(data)
def leaving_members(train: TrainingData) -> Estimator:
    """Who does not come again within four days."""
    from platform_assets.models.baseline import logistic_baseline

    return logistic_baseline(train.features, train.target, train.seed)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    run = Run(lake, Ledger(lake), "test", datetime(2024, 3, 7, tzinfo=START.tzinfo))
    for one in (visits, members):
        make_raw(one, FIRST, LAST, run).check()
        make_silver(one, FIRST, LAST, run).check()
    make_change_log(habits, FIRST, LAST, run).check()
    make_attributes(known, FIRST, LAST, run).check()
    make_training(data, data.partitions.first, data.partitions.first + 1, run).check()
    return run


def test_a_training_set_has_the_attributes_as_of_each_labels_time(run: Run) -> None:
    made = run.lake.scan(("leaving_members", "training")).collect()
    again = historical_features(service, made.select("user", "label_time"), lake=run.lake).frame
    assert made.select("user", "label_time", *service.features).equals(again)
    is_gold = (pl.col("user") % 2 == 0) & (pl.col("label_time") >= START + timedelta(days=21))
    before = pl.when(pl.col("user") % 3 != 0).then(pl.lit("basic"))
    told = made.select(expected=pl.when(is_gold).then(pl.lit("gold")).otherwise(before), got="known__tariff", at="label_time")
    told = told.filter(pl.col("at") > START)
    assert told["expected"].equals(told["got"])
    assert {"basic", "gold", None} == set(told["got"])


def test_a_model_learns_from_texts_and_dates_and_scores_only_who_has_features_in_a_window(run: Run) -> None:
    month, day = data.partitions.first, visits.partitions.index_of("2024-02-09")
    (entry,) = make_model(leaving_members, month, month, run).entries.values()
    assert entry.status == "ok", entry.details
    make_predictions(leaving_members, day, day, run).check()
    predicted = run.lake.scan(("leaving_members", "predictions")).collect()
    alive = run.lake.scan(gold_table(habits)).filter(pl.col("partition") <= date(2024, 2, 9)).collect()
    last = alive.sort("partition").unique("user", keep="last").filter(~pl.col("is_empty"))
    assert sorted(predicted["user"]) == sorted(last["user"])
    assert predicted.height >= 5
    assert predicted["user"].max() < 100, "of the others nothing but the tariff is known"  # type: ignore[operator]


def test_a_restated_day_makes_all_later_months_and_predictions_stale_and_no_other_day_of_gold(run: Run) -> None:
    """The last test of the module: it changes the lake."""
    months = (data.partitions.first, data.partitions.first + 1)
    make_model(leaving_members, *months, run).check()
    make_predictions(leaving_members, FIRST, LAST, run).check()
    assert list(stale_training(data, *months, run)) == predictions_out_of_date(leaving_members, FIRST, LAST, run) == []
    CHANGED[20] = [2]
    day = FIRST + 20
    make_raw(members, day, day, run).check()
    make_silver(members, day, day, run).check()
    assert list(stale_gold(known, FIRST, LAST, run)) == [day]
    make_attributes(known, day, day, run).check()
    assert predictions_out_of_date(leaving_members, FIRST, LAST, run) == list(range(day, LAST + 1))
    assert list(stale_training(data, *months, run)) == list(months)

    made_of_blocked = run.ledger.entries("known/gold")[visits.partitions.key(LAST)]
    run.ledger.record([replace(made_of_blocked, status="blocked")])
    done = make_predictions(leaving_members, LAST - 2, LAST, run)
    assert list(done.refused) == [visits.partitions.key(LAST)], "the days before do not need it"
    assert len(done.entries) == 2
