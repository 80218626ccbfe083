"""A changed declaration in Dagster: backfills as a single run or day by day, and what is told of a version that is not whole."""

from datetime import datetime
from pathlib import Path

import polars as pl

from platform_assets import Arrival, Entity, FeatureView, daily, source, sum
from platform_assets.stores.delta import Lake
from platform_assets_tests.assets.shop import Shop, failure
from platform_assets_tests.rotation import in_turn


class Whole:
    who: str
    at: datetime
    qty: int


class Broken:
    who: str
    at: datetime
    qty: float


TABLES = ("orders/silver", "orders/quarantine", "spend/gold")


def shop_of(home: Path, schema: type) -> Shop:
    @source(schema=schema, event_time="at", partitions=daily("2024-03-01", end="2024-03-04"), accepted_share=0.0)
    def orders(arrival: Arrival) -> pl.DataFrame:
        return pl.DataFrame({"who": ["ada", "bob"], "at": [f"{arrival.partition}T10:00:00Z"] * 2, "qty": ["3", "4.5"]})

    view = FeatureView("spend", entity=Entity("who", keys=["who"]), source=orders, features=[sum("qty").over("3d").named("total")])
    return Shop(home, view)


def totals(home: Path) -> list[float]:
    rows = Lake(str(home / "lake")).scan(("spend", "gold")).filter(pl.col("who") == "ada").sort("partition").collect()
    return rows["total"].to_list()


def test_one_run_over_all_partitions_replaces_silver_quarantine_and_gold(tmp_path: Path) -> None:
    assert shop_of(tmp_path, Whole).run("2024-03-01", "2024-03-03").success
    assert totals(tmp_path) == [3, 6, 9]
    shop = shop_of(tmp_path, Broken)
    assert shop.run("2024-03-01", "2024-03-03", select=TABLES).success
    assert totals(tmp_path) == [3.0, 6.0, 9.0] and isinstance(totals(tmp_path)[0], float)
    lake = Lake(str(tmp_path / "lake"))
    assert lake.scan(("orders", "silver")).collect()["qty"].sort().to_list() == [3.0, 3.0, 3.0, 4.5, 4.5, 4.5]
    assert lake.scan(("orders", "quarantine")).collect().height == 0
    for table in TABLES:
        told = shop.materializations(table)
        assert sorted(told) == ["2024-03-01", "2024-03-02", "2024-03-03"]
        assert {one.metadata["dagster/uri"].value for one in told.values()} == {lake.uri(tuple(table.split("/")))}  # type: ignore[arg-type]


@in_turn("platform_assets/stores/succession.py", "platform_assets/stores/successor.py", "platform_assets/assets/")
def test_day_by_day_the_old_version_is_served_until_the_last_one(tmp_path: Path) -> None:
    assert shop_of(tmp_path, Whole).run("2024-03-01", "2024-03-03").success
    shop = shop_of(tmp_path, Broken)
    for day in ("2024-03-03", "2024-03-01"):
        result = shop.run(day, select=TABLES)
        said = failure(result)
        assert "-m platform_assets_tests.assets.shop --select 'key:\"orders/silver\"'" in said, "the module is named"
        assert totals(tmp_path) == [3, 6, 9]
        told = shop.materializations("orders/silver")[day].metadata
        assert "until all are made, readers get the old ones" in str(told["waits for"].value)
        assert told["dagster/row_count"].value == 2
    assert "(2 of 3 partitions of it are made" in said and "--partition 2024-03-02" in said
    assert shop.run("2024-03-02", select=TABLES).success, "silver is whole, and gold of that day is made beside its table"
    assert totals(tmp_path) == [3, 6, 9]
    assert shop.run("2024-03-03", select=["spend/gold"]).success
    assert totals(tmp_path) == [3, 6, 9]
    assert shop.run("2024-03-01", select=["spend/gold"]).success
    assert totals(tmp_path) == [3.0, 6.0, 9.0] and isinstance(totals(tmp_path)[0], float)
