"""What a step of Spark has cost is read from its event log: rows, joins, skew, bytes; and shown with the asset."""

import base64
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, count, daily, source
from platform_assets.engines.spark.session import event_log
from platform_assets.engines.spark.tuning.figures import Figures
from platform_assets.engines.spark.tuning.findings import findings
from platform_assets.engines.spark.tuning.sizes import GB
from platform_assets_tests.assets.shop import Shop
from platform_assets_tests.spark.session import as_users_have_it, spark


def _done() -> Figures:
    log = event_log()
    assert log is not None
    return log.since()


def _skewed(large: int) -> None:
    """Three groups of 8 have a thousand rows or so, one has this many: a task each, which takes a tenth of a second for 1,000 rows."""
    session = spark()
    rows = session.range(large + 7000).selectExpr(f"if(id < {large}, 0, id % 7 + 1) as key", "id")
    names = session.range(8).selectExpr("id as key", "id as name")

    def slowly(table):  # type: ignore[no-untyped-def]
        import time

        time.sleep(table.num_rows / 10_000)
        return table

    spread = rows.join(names.hint("broadcast"), "key").repartitionByRange(8, "key")
    spread.groupBy("key").applyInArrow(slowly, "key long, id long, name long").write.format("noop").mode("overwrite").save()


def test_skewed_tasks_are_found_with_their_rows() -> None:
    with as_users_have_it():
        spark().conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
        spark().conf.set("spark.sql.shuffle.partitions", "8")
        try:
            _done()
            _skewed(20_000)
            figures = _done()
        finally:
            spark().conf.unset("spark.sql.adaptive.coalescePartitions.enabled")
            spark().conf.set("spark.sql.shuffle.partitions", "2")
    assert (figures.joins, figures.cores) == ({"BroadcastHashJoin": 1}, 2)
    [skewed] = [stage for stage in figures.stages if stage.largest >= 20_000 > 3 * stage.middle]
    assert skewed.longest >= 2, "20,000 rows take so long"
    assert figures.total("shuffle_written") == figures.total("shuffle_read") > 0
    assert figures.python >= 2.7
    assert (figures.heap_given, figures.failed) == (GB, 0)
    # Times are those of a machine that others use: what is said of a skewed stage is held to given ones.
    slow = replace(figures, stages=(replace(skewed, longest=9.0, median=1.5),))
    [found] = findings(slow)[:1]
    assert re.match(r"stage \d+.*: the longest of \d tasks took 9.0 s, 6.0 x the median \(1.5 s\), with \d+,\d+ rows against", found.what)
    assert not _done().stages, "each part of a run is told once"


class Sale:
    sale_id: str
    at: datetime
    customer: str


@pytest.mark.slow
def test_an_assets_metadata_show_what_spark_did(tmp_path: Path) -> None:
    spark()

    @source(schema=Sale, event_time="at", partitions=daily("2024-01-01"), engine="spark")
    def sales(arrival: Arrival) -> pl.DataFrame:
        times = [arrival.start + timedelta(hours=hour) for hour in range(24)]
        return pl.DataFrame({"sale_id": [str(time) for time in times], "at": times, "customer": ["a", "b"] * 12})

    view = FeatureView("spending", entity=Entity("customer", keys=["customer"]), source=sales, features=[count().over("7d")])
    shop, keys = Shop(tmp_path, view), ["2024-01-01", "2024-01-02"]
    made = shop.run(*keys)
    assert made.success
    judged = {(one.asset_key.path[0], one.partition): one for one in made.get_asset_check_evaluations() if one.check_name == "task_skew"}
    assert judged.keys() == {(name, key) for name in ("sales", "spending") for key in keys}
    assert {"value", "bound"} <= judged["spending", keys[0]].metadata.keys(), "the skew of the run is that of each of its partitions"
    alone = shop.run("2024-01-03")
    assert [one.partition for one in alone.get_asset_check_evaluations() if one.check_name == "task_skew"] == ["2024-01-03"] * 2
    shown = {(table, key): one.metadata for table in ("sales/silver", "spending/gold") for key, one in shop.materializations(table).items()}
    assert "Spark" not in shown["spending/gold", keys[0]], "once a step, with its newest partition"
    for table in ("sales/silver", "spending/gold"):
        told = shown[table, keys[1]]
        assert float(told["Spark: task skew"].value) >= 1  # type: ignore[arg-type]
        text = str(told["Spark"].value)
        for name in ("stages", "task skew", "shuffled", "spilled to disk", "joins", "read", "rows a second", "CPU", "memory"):
            assert f"|{name}|" in text
        [plot] = re.findall(r"base64,([^)]*)", text)
        assert table in base64.b64decode(plot).decode(), "stages have the table's name"
