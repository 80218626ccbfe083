"""Runs of the assets: a materialization for each partition, of a range as of single days, and of failing runs what was written."""

from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, count, daily, source
from platform_assets_tests.assets.shop import Shop, evaluations, failure
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business, deliver, same

TABLES = ("sales/raw", "sales/silver", "sales/quarantine", "spending/gold", "takings/gold")


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2", f"{day}2 bob 60", f"{day}3 cy -1")
    return business


@pytest.fixture
def shop(tmp_path: Path, business: Business) -> Shop:
    return Shop(tmp_path, business.view, business.report)


def shown(materialization: dg.AssetMaterialization) -> dict[str, Any]:
    return {name: value.value for name, value in materialization.metadata.items()}


def test_a_range_records_a_materialization_for_each_partition_with_its_own_rows(business: Business, shop: Shop) -> None:
    assert shop.run(business.day(0), business.day(7)).success
    for table in TABLES:
        entries, found = business.entries(table), {key: shown(one) for key, one in shop.materializations(table).items()}
        assert sorted(found) == list(entries), table
        assert {key: (one["dagster/row_count"], one["delta_version"]) for key, one in found.items()} == {
            key: (entry.rows, entry.delta_version) for key, entry in entries.items()
        }
        declaration, layer = table.split("/")
        assert {one["dagster/uri"] for one in found.values()} == {business.lake.uri((declaration, layer))}
    tiers = {key: shown(one)["tier"] for key, one in shop.materializations("sales/silver").items()}
    assert tiers == {key: entry.tier for key, entry in business.entries("sales/silver").items()}
    assert set(tiers.values()) == {"MEDIUM"}, "each day has rows that break a rule, beyond what is tolerated"


def test_a_materialization_carries_the_lineage_of_its_columns(business: Business, shop: Shop) -> None:
    assert shop.run(business.day(0)).success

    def lineage(table: str) -> dict[str, set[str]]:
        found = shown(shop.materializations(table)[business.day(0)])["dagster/column_lineage"]
        origins = ((name, one) for name, ones in found.deps_by_column.items() for one in ones)
        columns: dict[str, set[str]] = {}
        for name, origin in origins:
            columns.setdefault(name, set()).add(f"{origin.asset_key.to_user_string()}.{origin.column_name}")
        return columns

    silver = {column: {f"sales/raw.{column}"} for column in ("sale_id", "user", "at", "amount")}
    assert lineage("sales/silver") == {**silver, "large": {"sales/raw.amount"}}
    amounts = {"sales/silver.amount", "sales/silver.at"}
    assert lineage("spending/gold") == {
        "user": {"sales/silver.user"},
        "count_1d": {"sales/silver.at"},
        "count_3d": {"sales/silver.at"},
        "amount_sum_3d": amounts,
        "amount_mean_2d": amounts,
        "amount_last_3d": amounts,
    }
    assert lineage("takings/gold") == {"sales": {"sales/silver.at"}, "taken": amounts}


@in_turn("platform_assets/assets/", "platform_assets/steps/")
def test_a_range_run_equals_day_by_day_runs(tmp_path: Path) -> None:
    businesses = {}
    for name in ("range", "daily"):
        business = Business(tmp_path / name / "lake", declared={"accepted_share": 0})
        deliver(business, Random(5))
        shop = Shop(tmp_path / name, business.view, business.report)
        days = [business.day(number) for number in range(8)]
        results = [shop.run(days[0], days[-1])] if name == "range" else [shop.run(day) for day in days]
        assert all(result.success for result in results)
        businesses[name] = business
        assert all(sorted(shop.materializations(table)) == days for table in TABLES)
    businesses["daily"].make("report", businesses["daily"].first, businesses["daily"].last)  # late rows restate reports of days before
    same(businesses["range"].tables(), businesses["daily"].tables())
    same(businesses["range"].ledger(), businesses["daily"].ledger())


def test_a_run_with_refused_partitions_fails_and_records_what_it_wrote(business: Business, shop: Shop) -> None:
    business.sell(3, "30 ada -1")
    result = shop.run(business.day(0), business.day(7))
    assert not result.success
    assert "4 partitions could not be made" in failure(result)
    waiting = ", ".join(business.day(day) for day in (3, 4, 5, 6))
    assert f"spending/gold {waiting} needs sales/silver {business.day(3)}, which is blocked" in failure(result)
    assert sorted(shop.materializations("spending/gold")) == [business.day(day) for day in (0, 1, 2, 7)]
    assert sorted(shop.materializations("sales/silver")) == [business.day(day) for day in range(8)], "a blocked one is written, empty"
    assert shown(shop.materializations("sales/silver")[business.day(3)])["status"] == "blocked"
    written = shop.materializations("spending/gold")[business.day(7)]
    assert (written.tags or {})["dagster/code_version"] == business.view.version
    assert {"dagster/row_count", "dagster/uri", "dagster/column_lineage"} <= set(written.metadata)


def test_what_a_failing_run_wrote_is_judged_all_the_same(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake", declared={"empty_after": None})
    for day in (0, 1, 2, 4, 5, 6, 7):
        business.sell(day, f"{day}0 ada 1")
    shop = Shop(tmp_path, business.view)
    raw = shop.run(business.day(0), business.day(7), select=["sales/raw"])
    assert not raw.success
    assert "nothing has arrived" in failure(raw)
    silver = shop.run(business.day(0), business.day(7), select=["sales/silver", "sales/quarantine"])
    assert f"3 partitions could not be made ({', '.join(business.day(day) for day in (3, 4, 5))})" in failure(silver)
    assert f"sales/silver needs sales/raw {business.day(3)}, which is missing" in failure(silver)
    made = [business.day(day) for day in (0, 1, 2, 6, 7)]
    assert sorted(shop.materializations("sales/silver")) == sorted(shop.materializations("sales/quarantine")) == made
    assert sorted({evaluation.partition or "" for evaluation in evaluations(silver)}) == made


@pytest.mark.parametrize(("chosen", "other"), [("sales/quarantine", "sales/silver"), ("sales/silver", "sales/quarantine")])
def test_silver_or_quarantine_may_be_selected_alone_and_both_are_told(business: Business, shop: Shop, chosen: str, other: str) -> None:
    assert shop.run(business.day(0), business.day(7), select=["sales/raw"]).success
    result = shop.run(business.day(0), business.day(7), select=[chosen])
    assert result.success
    days = [business.day(day) for day in range(8)]
    assert sorted(shop.materializations(chosen)) == days
    assert sorted(shop.materializations(other)) == days, "it was written too, and whatever reads it has to know"
    assert {(m.tags or {})["dagster/code_version"] for m in shop.materializations(other).values()} == {business.source.version}
    assert {business.entries(table)[business.day(0)].delta_version for table in (chosen, other)} == {0}
    judged = {(e.partition, e.check_name) for e in evaluations(result) if e.check_name in ("nothing_lost", "accepted_share")}
    assert len(judged) == (16 if chosen == "sales/silver" else 0)


def test_a_delivery_that_came_before_is_told_as_unchanged(business: Business, shop: Shop) -> None:
    for _ in range(2):
        assert shop.run(business.day(0), select=["sales/raw"]).success
    found = shown(shop.materializations("sales/raw")[business.day(0)])
    assert found["unchanged"] is True
    assert (found["dagster/row_count"], found["delta_version"]) == (4, 0)


def test_a_delivery_that_arrives_now_is_told_of_the_partition_that_keeps_it(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake", declared={"deliveries": "arrives_now", "duplicates_within": 7})
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    shop = Shop(tmp_path, business.view)
    assert shop.run(business.day(0), business.day(7), select=["sales/raw"]).success
    business.sell(2, "20 ada 1", "22 eve 4")
    assert shop.run(business.day(2), select=["sales/raw"]).success
    newest = shown(shop.materializations("sales/raw")[business.day(7)])
    assert (newest["dagster/row_count"], newest["delta_version"]) == (3, 1)
    assert shown(shop.materializations("sales/raw")[business.day(2)])["unchanged"] is True


class Line:
    at: datetime


def test_a_source_that_returns_no_table_fails_the_run_with_our_words(tmp_path: Path) -> None:
    @source(schema=Line, event_time="at", partitions=daily("2024-01-01"))
    def lines(arrival: Arrival) -> list[str]:
        return ["2024-01-01T00:00Z"]

    shop = Shop(tmp_path, lines)
    result = shop.run("2024-01-01")
    assert "SourceError: source 'lines', partition 2024-01-01: its function returned list." in failure(result)
    assert shop.materializations("lines/raw") == {}


def test_raw_tells_of_columns_that_nobody_declared_and_of_files_that_did_not_come(tmp_path: Path) -> None:
    class Visit:
        user: str
        at: datetime

    @source(schema=Visit, event_time="at", partitions=daily("2024-03-01", end="2024-03-03"), empty_after="6h")
    def visits(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv(tmp_path / "{day}.csv")

    (tmp_path / "2024-03-01.csv").write_text("user,at,browser,page\nada,2024-03-01T10:00Z,lynx,/\n")
    view = FeatureView("visiting", entity=Entity("user", keys=["user"]), source=visits, features=[count().over("2d")])
    shop = Shop(tmp_path, view)
    assert shop.run("2024-03-01", "2024-03-02").success
    told = {day: shown(event) for day, event in shop.materializations("visits/raw").items()}
    assert told["2024-03-01"]["columns not declared"] == "browser, page"
    assert told["2024-03-02"]["nothing came, looked for"] == f"{tmp_path}/2024-03-02.csv"
    assert "columns not declared" not in told["2024-03-02"]
    assert "nothing came, looked for" not in told["2024-03-01"]


def test_the_newest_partition_of_a_run_has_its_first_rows_and_a_plot_and_no_other_has(business: Business, shop: Shop) -> None:
    assert shop.run(business.day(0), business.day(7)).success
    for table in TABLES:
        found = {key: shown(one) for key, one in shop.materializations(table).items()}
        glances = {"first rows", "rows by partition"}
        assert {key for key, one in found.items() if glances & set(one)} == {business.day(7)}, "what is said to Dagster is kept for ever"
        assert str(found[business.day(7)]["rows by partition"]).startswith("![rows of the last 8 partitions](data:image/svg+xml;base64,")
    rows = str(shown(shop.materializations("sales/silver")[business.day(7)])["first rows"])
    assert rows.splitlines()[0] == r"|sale\_id|user|at|amount|large|arrival|delivery|row\_number|"
    assert rows.splitlines()[2] == "|70|ada|2024-03-03 10:00:00|1|false|2024-03-03|1|1|"


def test_the_bytes_of_a_partition_are_those_of_its_own_files(business: Business, shop: Shop) -> None:
    assert shop.run(business.day(0), business.day(7)).success
    for table in TABLES:
        declaration, layer = table.split("/")
        files = {file.partition: file.bytes for file in business.lake.files((declaration, layer))}
        assert {key: shown(one)["bytes"] for key, one in shop.materializations(table).items()} == files


def test_a_partition_of_silver_shows_what_was_set_aside_and_why(business: Business, shop: Shop) -> None:
    business.sell(7, "70 ada 1", "71 bob 2", "72 cy 1", "73 cy -1")
    assert shop.run(business.day(0), business.day(7)).success
    for table in ("sales/silver", "sales/quarantine"):
        last = shown(shop.materializations(table)[business.day(7)])
        assert {name: last[name] for name in ("received", "quarantined", "accepted %")} == {
            "received": 4,
            "quarantined": 1,
            "accepted %": 75.0,
        }
        assert last["quarantined because"] == "|reason|rows|such as|\n|-|-:|-|\n|positive|1|amount = '-1'|"
