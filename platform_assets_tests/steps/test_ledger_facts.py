"""What the ledger has of a partition is what a recount of the tables gives; quarantine has the values as they came."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from platform_assets.stores import ledger_rows
from platform_assets.stores.delta import Lake, Table
from platform_assets.stores.delta_table import OpenTable
from platform_assets_tests.steps.business import Business, deliver


def counted(rows: pl.LazyFrame, by: str) -> dict[str, int]:
    return dict(rows.group_by(pl.col(by).cast(pl.String)).agg(pl.len().cast(pl.Int64)).collect().rows())


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_counts_are_those_of_the_tables(tmp_path: Path, seed: int) -> None:
    business = Business(tmp_path)
    deliver(business, Random(seed), lines=12)
    business.make_range()
    raw, silver, quarantine = (business.lake.scan(("sales", layer)) for layer in ("raw", "silver", "quarantine"))
    received, accepted, aside = counted(raw, "arrival"), counted(silver, "arrival"), counted(quarantine, "arrival")
    for key, entry in business.entries("sales/silver").items():
        details = entry.details
        assert entry.rows == details["accepted"] == accepted.get(key, 0), key
        assert details["received"] == received.get(key, 0), key
        assert details["quarantined"] == aside.get(key, 0) == business.entries("sales/quarantine")[key].rows, key
        assert details["received"] == details["accepted"] + details["quarantined"] + details["duplicates"], key
        reasons = quarantine.filter(pl.col("arrival").cast(pl.String) == key).select("reasons").collect()["reasons"].to_list()
        assert details["reasons"] == Counter(reason for row in reasons for reason in row), key
    assert {key: entry.rows for key, entry in business.entries("sales/raw").items() if entry.rows} == received
    for declaration in ("spending", "takings"):
        said = {key: entry.rows for key, entry in business.entries(f"{declaration}/gold").items() if entry.rows}
        assert said == counted(business.lake.scan((declaration, "gold")), "partition")


def test_a_range_asks_a_table_for_its_identity_no_more_often_than_a_day_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time its log is read: asked once for each partition, that was a fifth of all that the demo cost."""
    asked: list[Table] = []
    identity = Lake.identity

    def counted_identity(lake: Lake, table: Table) -> str | None:
        asked.append(table)
        return identity(lake, table)

    monkeypatch.setattr(Lake, "identity", counted_identity)
    often = []
    for days in (1, 8):
        business = Business(tmp_path / f"{days} days")
        deliver(business, Random(1), lines=3)
        business.make("raw", business.first, business.last)
        asked.clear()
        for table in ("silver", "gold", "report"):
            business.make(table, business.first, business.first + days - 1)
        often.append(sorted(asked))
        for of, upstream in (("sales/silver", "sales/raw"), ("spending/gold", "sales/silver")):
            entries = business.entries(of).values()
            assert [set(entry.details["read_from"]) for entry in entries] == [{upstream}] * days
    assert often[0] == often[1]


def test_a_step_opens_each_table_once_and_reads_no_row_of_the_ledger_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight steps of a day each opened 478 tables, and read all that the ledger has of a table 135 times."""
    opened, read = Counter[str](), Counter[str]()
    init, scan = OpenTable.__init__, pl.scan_parquet

    def counted_init(self: OpenTable, uri: str, *args: Any, **kwargs: Any) -> None:
        opened["/".join(uri.split("/")[-2:])] += 1
        init(self, uri, *args, **kwargs)

    def counted_scan(source: Any, *args: Any, **kwargs: Any) -> pl.LazyFrame:
        read.update(path for path in source if "/_platform/ledger/" in str(path))
        return scan(source, *args, **kwargs)

    monkeypatch.setattr(OpenTable, "__init__", counted_init)
    monkeypatch.setattr(ledger_rows.pl, "scan_parquet", counted_scan)
    business = Business(tmp_path)
    deliver(business, Random(1))
    often = list[Counter[str]]()
    for table in ("raw", "silver", "gold", "report"):
        for day in range(business.first, business.last + 1):
            business.make(table, day, day)
        often.append(Counter(opened))
        opened.clear()
    assert read and set(read.values()) == {1}
    assert max(count for tables in often for count in tables.values()) <= 6, often


def test_flags_are_counted_of_all_that_was_received_and_kept_as_columns(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0})
    business.sell(0, "1 ada 51", "2 ada 50", "3 bob 99", "4 bob -1", "1 ada 51")
    business.make("raw", business.first, business.first)
    business.make("silver", business.first, business.first)
    assert business.entries("sales/silver")[business.day(0)].details["flags"] == {"large": 3}
    silver = business.lake.scan(("sales", "silver")).sort("sale_id").select("sale_id", "large").collect()
    assert silver.rows() == [(1, True), (2, False), (3, True)]


def test_quarantine_keeps_what_came_with_every_reason_delivery_line_and_run(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0})
    business.deliveries[business.day(0)] = [
        {"sale_id": "1", "user": "ada", "at": "2024-02-25T10:00:00Z", "amount": "1"},
        {"sale_id": " x1", "user": " ada ", "at": "25.02.2024", "amount": "1,5"},
        {"sale_id": None, "user": None, "at": "2024-02-25 10:00:00", "amount": "-0.50"},
        {"sale_id": "4", "user": "ada", "at": "2024-02-25T10:00:00Z", "amount": "NaN"},
    ]
    business.make("raw", business.first, business.first)
    business.make("silver", business.first, business.first)
    columns = ("sale_id", "user", "at", "amount", "reasons", "delivery", "row_number", "run")
    assert business.lake.scan(("sales", "quarantine")).sort("row_number").select(columns).collect().rows() == [
        (" x1", " ada ", "25.02.2024", "1,5", ["sale_id: not int", "at: not datetime", "amount: not float"], 1, 2, "run"),
        (None, None, "2024-02-25 10:00:00", "-0.50", ["sale_id: missing", "at: no time zone (declare timezone=)", "positive"], 1, 3, "run"),
        ("4", "ada", "2024-02-25T10:00:00Z", "NaN", ["amount: missing"], 1, 4, "run"),
    ]
    assert business.entries("sales/silver")[business.day(0)].details["not_finite"] == 1


def test_duplicates_are_counted_as_exact_or_changed_and_lie_in_neither_table(tmp_path: Path) -> None:
    business = Business(tmp_path)
    business.sell(0, "1 ada 1", "1 ada 1", "2 bob 2")
    business.sell(1, "1 ada 1 -1", "2 bob 3 -1")
    business.sell(4, "1 ada 1 -4")
    for table in ("raw", "silver"):
        business.make(table, business.first, business.first + 4)
    found = {key: (e.details["duplicates"], e.details["duplicates_exact"], e.rows) for key, e in business.entries("sales/silver").items()}
    assert [found[business.day(day)] for day in (0, 1, 4)] == [(1, 1, 2), (2, 1, 0), (0, 0, 1)], "three days later it is not a duplicate"
    assert business.lake.scan(("sales", "quarantine")).collect().height == 0
