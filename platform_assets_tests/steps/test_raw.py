"""Raw over a range: a delivery that cannot be read holds up no other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival
from platform_assets.engines.polars import chunks
from platform_assets.errors import LakeError, SourceError
from platform_assets.steps import raw
from platform_assets.steps.raw import make_raw, receive_all
from platform_assets.steps.stale_tables import stale_raw
from platform_assets.stores.delta import Lake
from platform_assets.stores.tables import Table, Written
from platform_assets_tests.steps.business import Business


def test_a_delivery_that_cannot_be_read_holds_up_no_other_partition(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    broken = [business.day(day) for day in (2, 5)]

    def sales(arrival: Arrival) -> object:
        return "no table" if arrival.partition in broken else business.source.read(arrival)

    with pytest.raises(SourceError) as error:
        make_raw(replace(business.source, read=sales), business.first, business.last, business.run())
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [f"source 'sales', partition {day}" for day in broken]
    assert list(business.entries("sales/raw")) == [business.day(day) for day in (0, 1, 3, 4, 6, 7)]
    business.sell(0, "00 ada 7")
    done = receive_all(replace(business.source, read=sales), business.first, business.last, business.run())
    assert (list(done.entries), list(done.unchanged)) == ([business.day(0)], [business.day(day) for day in (1, 3, 4, 6, 7)])
    assert done.fails
    with pytest.raises(SourceError, match=business.day(5)):
        done.check()


def test_a_delivery_that_has_become_unreadable_is_one_to_receive_and_keeps_nothing_from_being_looked_at(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    business.make("raw", business.first, business.last)

    def sales(arrival: Arrival) -> object:
        return "no table" if arrival.partition == business.day(2) else business.source.read(arrival)

    business.sell(5, "50 ada 7")
    broken = replace(business.source, read=sales)
    assert stale_raw(broken, business.first, business.last, business.run()) == [business.first + 2, business.first + 5]
    with pytest.raises(SourceError, match=business.day(2)):
        make_raw(broken, business.first, business.last, business.run())
    assert stale_raw(broken, business.first, business.last, business.run()) == [business.first + 2]


def test_small_partitions_are_written_together_and_an_error_in_writing_is_that_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    business, replaced = Business(tmp_path), Lake.replace
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")

    def fails_with_day_3(lake: Lake, table: Table, frame: pl.LazyFrame, **named: Any) -> Written:
        if business.day(3) in [fact.partition for fact in named["facts"]]:
            raise LakeError("the disk has a fault just there")
        return replaced(lake, table, frame, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "replace", fails_with_day_3)
        with pytest.raises(SourceError, match=f"{business.day(3)}: the disk has a fault"):
            business.make("raw", business.first, business.last)
    assert list(business.entries("sales/raw")) == [business.day(day) for day in range(8) if day != 3]
    business.make("raw", business.first, business.last)
    fresh = Business(tmp_path / "fresh")
    for day in range(8):
        fresh.sell(day, f"{day}0 ada 1")
    fresh.make("raw", fresh.first, fresh.last)
    assert fresh.lake.version(("sales", "raw")) == 0, "one commit for all"
    tables = [one.lake.scan(("sales", "raw")).sort("arrival", "row_number").collect() for one in (business, fresh)]
    assert tables[0].equals(tables[1])
    facts = [{key: (entry.rows, entry.details) for key, entry in one.entries("sales/raw").items()} for one in (business, fresh)]
    assert facts[0] == facts[1]


@pytest.mark.parametrize("at_once", [1, 100])
def test_editions_and_columns_of_a_stretch_are_as_if_each_partition_had_come_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(raw, "PARTITIONS_AT_ONCE", at_once)
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    business.make("raw", business.first, business.last)
    for day in range(2, 6):
        business.sell(day, f"{day}2 ada 3")
    more: dict[int, dict[str, Any]] = {2: {"Region": "north", "size": 1}, 3: {"region": "south", "size": 2.5}, 5: {"size": "large"}}
    for day, columns in more.items():
        business.deliveries[business.day(day)] = [{**row, **columns} for row in business.deliveries[business.day(day)] or []]
    done = business.make("raw", business.first, business.last)
    assert list(done.entries) == [business.day(day) for day in range(2, 6)]
    rows = business.lake.scan(("sales", "raw")).sort("arrival", "delivery", "row_number").collect()
    came = rows.select("Region", pl.col("size").str.strip_suffix(".0")).unique().sort("size").rows()
    assert came == [(None, None), ("north", "1"), ("south", "2.5"), (None, "large")]
    found = [
        (delivery["delivery"], delivery["rows"], delivery["superseded"])
        for delivery in business.entries("sales/raw")[business.day(3)].details["deliveries"]
    ]
    assert found == [(1, 2, True), (2, 1, False)]
    assert rows.filter("superseded")["sale_id"].to_list() == [f"{day}{n}" for day in range(2, 6) for n in (0, 1)]
    assert (rows.filter("superseded")["delivery"] == 1).all() and rows.height == 8 * 2 + 4
    assert business.lake.version(("sales", "raw")) == 1 or at_once == 1
    assert stale_raw(business.source, business.first, business.last, business.run()) == []


def test_silver_reads_raw_in_stretches_of_its_row_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = []
    for name, at_once in (("whole", 1_000), ("stretches", 3)):
        monkeypatch.setattr(chunks, "ROWS_READ_AHEAD", at_once)
        business = Business(tmp_path / name)
        for day in range(8):
            business.sell(day, *(f"{day if n % 4 else 0}{n} ada {n - 1}" for n in range(day + 2)))
        business.make("raw", business.first, business.last)
        business.make("silver", business.first, business.last)
        tables.append({layer: business.lake.scan(("sales", layer)).drop("run", strict=False).sort("arrival", "row_number").collect()
                       for layer in ("silver", "quarantine")})  # fmt: skip
    assert all(tables[0][layer].equals(tables[1][layer]) for layer in tables[0])
    assert tables[0]["quarantine"].height and tables[0]["silver"].height


def test_rows_of_a_small_table_stand_in_their_order(tmp_path: Path) -> None:
    """Nothing promises it of large ones, whose batches Delta may take in any order: row_number says it."""
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, *(f"{day}{n} ada {n + 1}" for n in range(20)))
    business.make("raw", business.first, business.last)
    business.make("silver", business.first, business.last)
    for layer in ("raw", "silver"):
        rows = business.lake.scan(("sales", layer)).collect()
        for _, one in rows.group_by("arrival"):
            assert one["row_number"].is_sorted(), layer
