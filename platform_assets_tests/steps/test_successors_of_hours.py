"""Tables of hours are taken over as those of days are: their folders have a % in their names, which a log writes as %25."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, count, hourly, source
from platform_assets.declare.source import Source
from platform_assets.steps.gold import gold_table, make_change_log
from platform_assets.steps.raw import make_raw, raw_table
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver, silver_table
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.verify import check_table, tables_of

NOW = datetime.fromisoformat("2025-06-01T00:00Z")


class Click:
    id: str
    at: datetime
    value: float


def clicks(values: dict[str, pl.Series]) -> Source:
    @source(schema=Click, event_time="at", key=["id"], partitions=hourly("2025-01-01T00:00", end="2025-01-01T03:00"), timezone="UTC")
    def clicks(arrival: Arrival) -> pl.DataFrame:
        at = [f"{arrival.start:%Y-%m-%d %H:10:00}"]
        return pl.DataFrame({"id": [arrival.partition], "at": at, "value": values[arrival.partition]})

    return clicks


def run_in(lake: Lake) -> Run:
    return Run(lake, Ledger(lake), "run", NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_raw_of_hours_gets_a_wider_column(lake: Lake) -> None:
    found = clicks({"2025-01-01T00": pl.Series([1.5]), "2025-01-01T01": pl.Series(["2.5"]), "2025-01-01T02": pl.Series([3])})
    first = found.partitions.first
    for hour in range(3):
        make_raw(found, first + hour, first + hour, run_in(lake)).check()
    make_silver(found, first, first + 2, run_in(lake)).check()
    assert lake.scan(raw_table(found)).collect().sort("arrival")["value"].to_list() == ["1.5", "2.5", "3"]
    assert lake.scan(silver_table(found)).collect().sort("arrival")["value"].to_list() == [1.5, 2.5, 3.0]
    assert [finding for table in tables_of(lake) for finding in check_table(lake, table, deep=True)] == []


def test_gold_of_hours_gets_another_declaration_hour_by_hour(lake: Lake) -> None:
    found = clicks({f"2025-01-01T0{hour}": pl.Series([float(hour)]) for hour in range(3)})
    first = found.partitions.first
    make_raw(found, first, first + 2, run_in(lake)).check()
    make_silver(found, first, first + 2, run_in(lake)).check()
    for length in ("2h", "3h"):
        view = FeatureView("lately", entity=Entity("click", keys=["id"]), source=found, features=[count().over(length).named("n")])
        for hour in range(3):
            make_change_log(view, first + hour, first + hour, run_in(lake)).check()
    table = lake.scan(gold_table(view)).collect()
    assert sorted(table["id"].drop_nulls().unique()) == [f"2025-01-01T0{hour}" for hour in range(3)]
    assert [finding for name in tables_of(lake) for finding in check_table(lake, name, deep=True)] == []
