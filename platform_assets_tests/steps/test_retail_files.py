"""The real shop's files, counted by hand once: what comes in comes out, line by line."""

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from platform_assets.domains.retail.declarations import orders, trading_days
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets_tests.architecture.modules import ROOT

FILES = ROOT.parent / "shared" / "data" / "retail"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(str(tmp_path_factory.mktemp("lake")))


@pytest.fixture(scope="module")
def entries(lake: Lake) -> dict[str, Entry]:
    """The ledger's entries of silver after a range run of raw and one of silver over all 374 days."""
    if not FILES.is_dir():
        pytest.skip(f"the real shop's files are not here: a folder {FILES.relative_to(ROOT.parent)} beside the checkout, one CSV a day")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PLATFORM_RETAIL_FILES", str(FILES))
        source = replace(orders, partitions=trading_days(FILES))
        first, last = source.partitions.first, source.partitions.last
        assert last is not None
        run = Run(lake, Ledger(lake), "run", datetime(2026, 1, 1, tzinfo=UTC))
        make_raw(source, first, last, run).check()
        make_silver(source, first, last, run).check()
    return Ledger(lake).entries("orders/silver")


@pytest.mark.slow
def test_no_line_is_lost_and_only_two_are_set_aside(lake: Lake, entries: dict[str, Entry]) -> None:
    names = ("received", "accepted", "quarantined", "duplicates", "exact_copies")
    counts = {name: sum(entry.details[name] for entry in entries.values()) for name in names}
    assert counts == {"received": 541_909, "accepted": 541_907, "quarantined": 2, "duplicates": 0, "exact_copies": 5_268}
    assert lake.scan(("orders", "silver")).select(pl.len()).collect().item() == 541_907
    aside = lake.scan(("orders", "quarantine")).select("unit_price", "reasons").collect().rows()
    assert aside == [("-11062.06", ["price_not_negative"])] * 2


@pytest.mark.slow
def test_a_quarter_has_no_customer_and_all_others_are_whole_numbers(lake: Lake, entries: dict[str, Entry]) -> None:
    assert sum(entry.details["flags"]["anonymous"] for entry in entries.values()) == 135_080
    silver = lake.scan(("orders", "silver")).select(
        pl.col("anonymous").sum(),
        (pl.col("anonymous") == pl.col("customer_id").is_null()).all().alias("agree"),
        pl.col("customer_id").n_unique(),
    )
    # Both lines that are set aside have no customer; 4,372 customers, and null.
    assert silver.collect().rows() == [(135_078, True, 4_373)]


@pytest.mark.slow
def test_closed_days_are_empty_partitions(entries: dict[str, Entry]) -> None:
    assert len(entries) == 374
    empty = {date.fromisoformat(key) for key, entry in entries.items() if entry.rows == 0}
    assert len(empty) == 69
    assert sum(day.weekday() == 5 for day in empty) == 53
    assert {date(2010, 12, day) for day in range(24, 32)} | {date(2011, 1, day) for day in range(1, 4)} <= empty
    assert {entry.tier for entry in entries.values()} == {"HIGH"}
