"""Sources by hour and by week build and run as those by day do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, GoldTable, count, hourly, last, source, sum, weekly
from platform_assets.assets.partitions import partitions_definition
from platform_assets.declare.partitions import Partitions, daily, monthly
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.assets.shop import Shop, evaluations
from platform_assets_tests.rotation import in_turn

HOURS, WEEKS = hourly("2024-02-28T22:00", end="2024-03-01T03:00"), weekly("2023-12-25", end="2024-02-05")


class Reading:
    device: str
    at: datetime
    value: int


def shop_of(home: Path, partitions: Partitions, window: str) -> tuple[Shop, list[str]]:
    """A device that says 1 in the middle of every partition, and another that says 5 in the second partition only."""
    keys = list(partitions.keys(partitions.first, partitions.last or 0))

    @source(schema=Reading, event_time="at", partitions=partitions)
    def readings(arrival: Arrival) -> pl.DataFrame:
        middle = arrival.start + (arrival.end - arrival.start) / 2
        rows = [("a", middle, 1)] + ([("b", middle, 5)] if arrival.partition == keys[1] else [])
        return pl.DataFrame(rows, schema={"device": pl.String, "at": pl.Datetime("us", "UTC"), "value": pl.Int64}, orient="row")

    features = [sum("value").over(window), last("at").over(window)]
    view = FeatureView("health", entity=Entity("device", keys=["device"]), source=readings, features=features)
    report = GoldTable("load", source=readings, by=["device"], measures=[count().named("readings"), sum("value").named("total")])
    return Shop(home, view, report), keys


@in_turn("platform_assets/assets/", "platform_assets/declare/partitions.py")
@pytest.mark.parametrize(
    ("partitions", "window"), [pytest.param(HOURS, "3h", id="hours"), pytest.param(WEEKS, "21d", id="weeks", marks=pytest.mark.slow)]
)
def test_a_range_runs_through_all_layers_and_equals_single_runs(tmp_path: Path, partitions: Partitions, window: str) -> None:
    found = []
    for name in ("range", "single"):
        shop, keys = shop_of(tmp_path / name, partitions, window)
        results = [shop.run(keys[0], keys[5])] if name == "range" else [shop.run(key) for key in keys[:6]]
        assert all(result.success for result in results)
        assert len(evaluations(results[0])) == (18 if name == "range" else 3)
        lake = Lake(str(tmp_path / name / "lake"))
        for table in ("readings/raw", "readings/silver", "health/gold", "load/gold"):
            assert sorted(shop.materializations(table)) == sorted(Ledger(lake).entries(table)) == keys[:6], table
        found.append([lake.scan(table).collect().rows() for table in (("health", "gold"), ("load", "gold"))])
    assert [sorted(rows) for rows in found[0]] == [sorted(rows) for rows in found[1]]


def health(home: Path, partitions: Partitions, window: str) -> pl.DataFrame:
    shop, keys = shop_of(home, partitions, window)
    assert shop.run(keys[0], keys[5]).success
    return Lake(str(home / "lake")).scan(("health", "gold")).sort("device", "partition").collect()


def test_an_hour_s_snapshot_is_valid_from_its_end_and_its_partition_is_a_utc_time(tmp_path: Path) -> None:
    log = health(tmp_path, HOURS, "3h")
    first = datetime(2024, 2, 28, 22, tzinfo=UTC)
    assert log.schema["partition"] == pl.Datetime("us", "UTC")
    a, b = log.filter(pl.col("device") == "a"), log.filter(pl.col("device") == "b")
    assert a["partition"].to_list() == [first + timedelta(hours=hour) for hour in range(6)]
    assert a["valid_from"].to_list() == [first + timedelta(hours=hour + 1) for hour in range(6)]
    assert a["value_sum_3h"].to_list() == [1, 2, 3, 3, 3, 3]
    assert b["partition"].to_list() == [first + timedelta(hours=1), first + timedelta(hours=4)]
    assert b.select("is_empty", "value_sum_3h").rows() == [(False, 5), (True, None)]


def test_a_week_begins_on_monday_also_for_dagster(tmp_path: Path) -> None:
    log = health(tmp_path, WEEKS, "21d")
    a, b = log.filter(pl.col("device") == "a"), log.filter(pl.col("device") == "b")
    assert a["partition"].to_list()[0] == datetime(2023, 12, 25).date()
    assert a["valid_from"].to_list()[0] == datetime(2024, 1, 1, tzinfo=UTC)
    assert a["value_sum_21d"].to_list() == [1, 2, 3, 3, 3, 3]
    assert b["is_empty"].to_list() == [False, True]


@pytest.mark.parametrize("partitions", [HOURS, WEEKS, daily("2024-02-28", end="2024-03-02"), monthly("2023-11-01", end="2024-03-01")])
def test_dagster_has_the_same_partitions_with_the_same_windows(partitions: Partitions) -> None:
    theirs = partitions_definition(partitions)
    assert partitions.last is not None
    assert theirs.get_partition_keys(current_time=datetime(2025, 1, 1, tzinfo=UTC)) == list(
        partitions.keys(partitions.first, partitions.last)
    )
    for index in range(partitions.first, partitions.last + 1):
        window = theirs.time_window_for_partition_key(partitions.key(index))
        assert (window.start, window.end) == (partitions.starts_at(index), partitions.ends_at(index))


def test_an_hour_is_asked_for_under_the_key_that_dagster_shows() -> None:
    assert isinstance(partitions_definition(HOURS), dg.HourlyPartitionsDefinition)
    assert partitions_definition(HOURS).get_first_partition_key() == "2024-02-28T22"
