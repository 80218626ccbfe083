"""Views of one service whose sources arrive by the hour and by the day: each is read as of the label's time, by its own partitions."""

from datetime import UTC, datetime, timedelta
from functools import partial

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
    historical_features,
    hourly,
    no_event,
    source,
    sum,
)
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

START = datetime(2024, 2, 28, tzinfo=UTC)
CLICKS = [START + timedelta(hours=hour, minutes=30) for hour in (0, 2, 3, 7)]
LAST = START + timedelta(hours=8)
ORDERS = {START + timedelta(hours=9): 10.0, START + timedelta(days=1, hours=20): 5.0}


class Click:
    user: str
    at: datetime


class Order:
    user: str
    at: datetime
    amount: float


@source(schema=Click, event_time="at", partitions=hourly("2024-02-28", end="2024-02-28T08"), empty_after="1h")
def clicks(arrival: Arrival) -> pl.DataFrame | None:
    mine = [at.isoformat() for at in CLICKS if arrival.start <= at < arrival.end]
    return pl.DataFrame({"user": ["ada"] * len(mine), "at": mine}) if mine else None


@source(schema=Order, event_time="at", partitions=daily("2024-02-28", end="2024-03-02"), empty_after="1h")
def orders(arrival: Arrival) -> pl.DataFrame | None:
    mine = {at: amount for at, amount in ORDERS.items() if arrival.start <= at < arrival.end}
    return pl.DataFrame({"user": ["ada"] * len(mine), "at": [at.isoformat() for at in mine], "amount": [str(a) for a in mine.values()]})


USER = Entity("user", keys=["user"])
BY_HOUR = FeatureView("by_hour", entity=USER, source=clicks, features=[count().over("2h", "1d")])
BY_DAY = FeatureView("by_day", entity=USER, source=orders, features=[sum("amount").over("1d", "2d")])
SERVICE = FeatureService("both", [BY_HOUR, BY_DAY])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    run = Run(lake, Ledger(lake), "run", datetime(2024, 4, 1, tzinfo=UTC))
    for view in (BY_HOUR, BY_DAY):
        for make in (partial(make_raw, view.source), partial(make_silver, view.source), partial(make_change_log, view)):
            partitions = view.source.partitions
            assert partitions.last is not None
            make(partitions.first, partitions.last, run).check()
    return run


def expected(at: datetime) -> tuple[int, int, float | None, float | None]:
    """By the contract: windows end where the last snapshot does that was there at the label's time; clicks have ended on the first day."""
    hour, day = min(at.replace(minute=0, second=0), LAST), at.replace(hour=0, minute=0, second=0)

    def clicked(window: timedelta) -> int:
        return len([c for c in CLICKS if hour - window <= c < hour])

    def ordered(window: timedelta) -> float | None:
        amounts = [amount for o, amount in ORDERS.items() if day - window <= o < day]
        return None if not amounts else float(pl.Series(amounts).sum())

    two_hours, one_day, two_days = timedelta(hours=2), timedelta(days=1), timedelta(days=2)
    return clicked(two_hours), clicked(one_day), ordered(one_day), ordered(two_days)


def test_each_view_is_read_by_its_own_partitions(run: Run) -> None:
    times = [START + timedelta(minutes=30 * half) for half in range(2 * 72)]
    labels = pl.DataFrame(
        {"user": ["ada"] * len(times), "label_time": times}, schema={"user": pl.String, "label_time": pl.Datetime("us", "UTC")}
    )
    found = historical_features(SERVICE, labels, lake=run.lake).frame
    assert found.select(*SERVICE.features).rows() == [expected(at) for at in times]


def test_a_training_set_of_both_has_the_same_values(run: Run) -> None:
    data = TrainingSet("leaving", features=SERVICE, labels=no_event(orders, within="1d", spine=every("1d", active="1d")))
    months = data.partitions
    make_training(data, months.first, months.index(LAST + timedelta(days=2)), run).check()
    rows = run.lake.scan(("leaving", "training")).sort("label_time").collect()
    assert rows["label_time"].to_list() == [START + timedelta(days=1)], "of the next one the interval ends after the source"
    assert rows.select(*SERVICE.features).rows() == [expected(at) for at in rows["label_time"]]
