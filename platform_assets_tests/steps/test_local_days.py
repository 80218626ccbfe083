"""Days of a time zone in all tables: nothing of a local day is lost, and a run over a change of clocks equals its days one by one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from platform_assets import (
    Arrival,
    Entity,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingSet,
    any_event,
    count,
    daily,
    every,
    source,
    sum,
)
from platform_assets.declare.source import Source
from platform_assets.engines import reference
from platform_assets.reading.historical import historical_features
from platform_assets.steps.checkpoints import make_checkpoints
from platform_assets.steps.gold import make_change_log, make_report
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.rotation import in_turn

WHERE = {"America/New_York": "2024-03-04", "Africa/Cairo": "2024-04-22", "Australia/Lord_Howe": "2024-03-30", "Europe/London": "2024-10-21"}
"""A day before the clocks change."""
DAYS = 12
USER = Entity("user", keys=["user"])


class Sale:
    user: str
    at: datetime
    amount: float


def sales_of(zone: str) -> tuple[Source, dict[str, list[tuple[str, str, str]]]]:
    """A shop that is never closed: a sale each hour that its clocks show, in a file for each of its days."""
    first = datetime.fromisoformat(WHERE[zone])
    end = first + timedelta(days=DAYS)
    files: dict[str, list[tuple[str, str, str]]] = {}
    moment, number = first.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC), 0
    while (shown := moment.astimezone(ZoneInfo(zone))).replace(tzinfo=None) < end:
        sale = (["ada", "bob"][number % 2], moment.isoformat(), str(number))
        files.setdefault(f"{shown:%Y-%m-%d}", []).append(sale)
        moment, number = moment + timedelta(hours=1), number + 1

    @source(schema=Sale, event_time="at", partitions=daily(WHERE[zone], end=f"{end:%Y-%m-%d}", timezone=zone))
    def sales(arrival: Arrival) -> pl.DataFrame:
        return pl.DataFrame(files[arrival.partition], schema=["user", "at", "amount"], orient="row")

    return sales, files


def declared(sales: Source) -> dict[str, Any]:
    view = FeatureView(
        "spend",
        entity=USER,
        source=sales,
        features=[count().over("1d", "3d", "lifetime"), sum("amount", offset="36h").over("2d").named("s")],
    )
    service = FeatureService("spending", [view])
    training = TrainingSet("again", features=service, labels=any_event(sales, within="12h", spine=every("2d", active="2d")))
    return {
        "view": view,
        "report": GoldTable("takings", source=sales, measures=[count().named("n")]),
        "abroad": GoldTable("abroad", source=sales, measures=[count().named("n")], timezone="Asia/Tokyo"),
        "training": training,
    }


def made(root: Path, sales: Source, stretches: list[tuple[int, int]]) -> dict[str, pl.DataFrame]:
    """All tables, by runs over these stretches of days."""
    lake, of = Lake(str(root)), declared(sales)
    run = Run(lake, Ledger(lake), "run", datetime(2025, 1, 1, tzinfo=UTC))
    for make, what in ((make_raw, sales), (make_silver, sales)):
        for first, last in stretches:
            make(what, first, last, run).check()  # type: ignore[operator]
    months = of["training"].partitions
    make_checkpoints(of["view"], months.first + 1, months.last, run).check()
    for make, what in ((make_change_log, of["view"]), (make_report, of["report"]), (make_report, of["abroad"])):
        for first, last in stretches:
            make(what, first, last, run).check()  # type: ignore[operator]
    make_training(of["training"], months.first, months.last, run).check()
    tables = [("sales", "silver"), ("spend", "gold"), ("takings", "gold"), ("abroad", "gold"), ("again", "training")]
    return {"/".join(table): (frame := lake.scan(table).collect()).sort(frame.columns) for table in tables}


@in_turn("platform_assets/steps/", "platform_assets/declare/timezones.py", "platform_assets/kernels/")
@pytest.mark.parametrize("zone", [zone if zone == "America/New_York" else pytest.param(zone, marks=pytest.mark.slow) for zone in WHERE])
def test_a_run_over_a_change_of_clocks_equals_its_days_one_by_one_and_the_reference(zone: str, tmp_path: Path) -> None:
    sales, files = sales_of(zone)
    first, last = sales.partitions.first, sales.partitions.first + DAYS - 1
    together = made(tmp_path / "range", sales, [(first, last)])
    each = made(tmp_path / "days", sales, [(day, day) for day in range(first, last + 1)])
    assert {name: frame.equals(each[name]) for name, frame in together.items()} == dict.fromkeys(together, True)

    silver = together["sales/silver"]
    assert {str(day): n for day, n in silver.group_by("arrival").len().iter_rows()} == {day: len(rows) for day, rows in files.items()}
    assert {len(rows) for rows in files.values()} > {24}, "the clocks change"
    assert dict(together["takings/gold"].with_columns(pl.col("partition").cast(pl.String)).iter_rows()) == {
        day: len(rows) for day, rows in files.items()
    }

    rows = [{**row, "arrival": sales.partitions.number(str(row["arrival"]))} for row in silver.to_dicts()]
    expected = reference.change_log(declared(sales)["view"], rows, first, last)
    gold = together["spend/gold"].with_columns(pl.col("partition").cast(pl.String))
    wanted = [{**row, "partition": sales.partitions.key(row["partition"])} for row in expected]
    key = ["user", "partition"]
    assert gold.sort(key).select(wanted[0].keys()).to_dicts() == sorted(wanted, key=lambda row: [row[name] for name in key])


def test_rows_on_time_by_the_local_day_are_in_the_window_of_the_day(tmp_path: Path) -> None:
    """Days of UTC lost those of the first hours of each day east of Greenwich: they arrived when the 1d window had passed them."""
    sales, files = sales_of("Australia/Lord_Howe")
    first, last = sales.partitions.first, sales.partitions.first + DAYS - 1
    gold = made(tmp_path, sales, [(first, last)])["spend/gold"]
    counted = gold.filter(~pl.col("is_empty")).group_by("partition").agg(pl.col("count_1d").sum()).sort("partition")
    # A day of 24 and a half hours has 25 sales, of which one is half an hour before the window.
    assert dict(counted.iter_rows()) == {datetime.fromisoformat(day).date(): min(len(rows), 24) for day, rows in files.items()}


def test_what_is_read_at_local_midnight_is_the_day_that_has_ended(tmp_path: Path) -> None:
    sales, _ = sales_of("America/New_York")
    first, last = sales.partitions.first, sales.partitions.first + DAYS - 1
    gold = made(tmp_path, sales, [(first, last)])["spend/gold"].filter(user="ada")
    of = declared(sales)
    service = FeatureService("spending", [of["view"]])
    for day, after in pairwise(range(first, last + 1)):
        at = sales.partitions.starts_at(after)
        labels = pl.DataFrame(
            {"user": ["ada", "ada"], "label_time": pl.Series([at, at - timedelta(microseconds=1)], dtype=pl.Datetime("us", "UTC"))}
        )
        found = historical_features(service, labels, lake=Lake(str(tmp_path))).frame["spend__count_lifetime"].to_list()
        expected = gold.filter(pl.col("partition") == sales.partitions.value(day))["count_lifetime"].to_list()
        assert found[0] == expected[0]
        assert found[1] < found[0]
