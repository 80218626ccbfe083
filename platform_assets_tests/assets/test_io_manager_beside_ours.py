"""Tables of people's own assets beside those of the platform: what is read, what is not written, what the ledger says."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from platform_assets.errors import LakeError, NotReadyError
from platform_assets.stores.delta import Lake, PartitionFacts
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.tables import Span, moment_of
from platform_assets.stores.verify import check_table, tables_of
from platform_assets_tests.assets.own_assets import DAYS, day, heights, reader, returning, run, sales


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def ours(lake: Lake, **status: str) -> Any:
    """A table of the platform, of two days, as its own asset is to whoever reads it."""
    ledger = Ledger(lake)
    for key, rows in (("2024-01-01", 1), ("2024-01-02", 2)):
        frame = pl.DataFrame({"arrival": [moment_of(key)] * rows, "x": [5] * rows})
        facts = [PartitionFacts(key, rows, status.get(f"day{key[-1]}", "ok"))]
        span = Span.of_one(moment_of(key))
        written = lake.replace(("orders", "silver"), frame, by="arrival", span=span, facts=facts, declaration_version="v", run="r")
        ledger.record([Entry("orders/silver", key, written.version, "v", rows, facts[0].status, files=written.files.get(key))])
    return dg.AssetSpec(["orders", "silver"], partitions_def=DAYS)


def from_ours() -> tuple[Any, list[pl.DataFrame]]:
    given: list[pl.DataFrame] = []

    @dg.asset(partitions_def=DAYS, ins={"silver": dg.AssetIn(["orders", "silver"])})
    def mine(silver: pl.DataFrame) -> pl.DataFrame:
        given.append(silver)
        return silver.select("x")

    return mine, given


def test_a_table_of_the_platform_is_read_by_its_partitions(lake: Lake) -> None:
    spec, (mine, given) = ours(lake), from_ours()
    run(lake, [mine, spec], "2024-01-02", selection=[mine])
    assert given[0]["x"].to_list() == [5, 5] and heights(lake, "mine", "table") == {day(2): 2}


def test_an_asset_without_partitions_reads_what_is_not_blocked_and_says_what_is(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    spec, given = ours(lake, day2="blocked"), []

    @dg.asset(ins={"silver": dg.AssetIn(["orders", "silver"])})
    def total(context: dg.AssetExecutionContext, silver: pl.DataFrame) -> pl.DataFrame:
        given.append(silver)
        return silver.select("x")

    result = run(lake, [total, spec], selection=[total])
    assert result.success and given[0].height == 3
    assert "orders/silver: 2024-01-02 is blocked, and not read." in capfd.readouterr().err


def test_a_partition_of_the_platform_that_is_missing_or_blocked_is_refused(lake: Lake) -> None:
    spec, (mine, _) = ours(lake, day2="blocked"), from_ours()
    with pytest.raises(NotReadyError, match=r"orders/silver: 2024-01-02 is blocked, .*platform-assets quarantine orders 2024-01-02"):
        run(lake, [mine, spec], "2024-01-02", selection=[mine])
    with pytest.raises(NotReadyError, match=r"orders/silver: 2024-01-03 is missing. Materialize it first"):
        run(lake, [mine, spec], "2024-01-03", selection=[mine])


def test_a_table_of_the_platform_is_not_written(lake: Lake) -> None:
    ours(lake)
    frame = pl.DataFrame({"arrival": [day(1)], "x": [6]})
    with pytest.raises(LakeError, match=r"orders/silver is a table of the platform"):
        run(
            lake,
            [returning(frame, "silver", key_prefix="orders", partitions_def=DAYS, metadata={"partition_column": "arrival"})],
            "2024-01-01",
        )
    assert lake.scan(("orders", "silver")).collect()["x"].to_list() == [5, 5, 5]


def test_verify_finds_nothing_wrong_with_them(lake: Lake) -> None:
    ours(lake)  # there is a ledger
    run(lake, [sales()], "2024-01-01")
    run(lake, [returning(pl.DataFrame({"x": [1]}), "plain", key_prefix=["a", "b"])])
    weekly, given = reader(pl.DataFrame, 0)
    run(lake, [weekly, sales()], "2024-01-01", selection=[weekly])
    assert given[0].height == 1
    assert [finding for table in tables_of(lake) for finding in check_table(lake, table, deep=True)] == []
    assert lake.exists(("a__b", "plain"))
