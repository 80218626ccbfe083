"""The tiers that are not blocked: MEDIUM is used, FAILED is named by whoever reads it until it is received (semantics.md 7, ADR 46)."""

from pathlib import Path

import polars as pl
import pytest

from platform_assets.errors import FailedError, SourceError
from platform_assets_tests.steps.business import Business

RAW = "sales/raw"


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake", declared={"empty_after": None})
    for day in range(4):
        business.sell(day, *(f"{day}{n} ada 1" for n in range(5)))
    return business


def without_amount(business: Business, day: int) -> None:
    """Delivers a day of rows that are no table of the schema."""
    business.deliveries[business.day(day)] = [{"sale_id": {"a": 1}, "user": "ada", "at": "x", "amount": "1"}]


def test_a_medium_partition_is_used(business: Business) -> None:
    business.sell(1, "10 ada 1", "11 bob 2", "12 cy 3", "13 ada -1")
    business.make_range()
    tiers = {key: (entry.tier, entry.status) for key, entry in business.entries("sales/silver").items()}
    assert tiers == {business.day(n): ("MEDIUM" if n == 1 else "HIGH", "ok") for n in range(4)}
    assert business.day(1) in business.entries("spending/gold")


def test_a_failed_delivery_is_in_the_ledger_and_reads_name_it_until_it_is_received(business: Business) -> None:
    without_amount(business, 2)
    with pytest.raises(SourceError) as failed:
        business.make("raw", business.first, business.first + 3)
    (key, entry), *others = business.run().ledger.failures(RAW).items()
    assert (key, entry.status, entry.tier, entry.details["why"], others) == (business.day(2), "FAILED", "FAILED", str(failed.value), [])
    assert business.day(2) not in business.entries(RAW)
    refused = business.make("silver", business.first, business.first + 3).refused
    assert isinstance(refused[business.day(2)], FailedError)
    said = f"needs sales/raw {business.day(2)}, which is FAILED: its delivery could not be received at 2025-03-31T00:00:00+00:00: "
    assert f"{said}{failed.value}" in str(refused[business.day(2)])
    assert isinstance(business.make("gold", business.first + 2, business.first + 2).refused[business.day(2)], FailedError)
    business.sell(2, "20 ada 1")
    business.make_stale()
    assert business.run().ledger.failures(RAW) == {}
    assert business.day(2) in business.entries("spending/gold")


def test_the_same_failure_is_written_once(business: Business) -> None:
    without_amount(business, 2)
    versions = []
    for _ in range(3):
        with pytest.raises(SourceError):
            business.make("raw", business.first + 2, business.first + 2)
        versions.append(business.lake.version(("_platform", "ledger")))
    assert versions == [0, 0, 0]


def test_what_was_received_stays_when_it_fails_to_come_again_and_the_failure_ends_with_it(business: Business) -> None:
    business.make_range()
    rows = business.deliveries[business.day(2)]
    without_amount(business, 2)
    with pytest.raises(SourceError):
        business.make("raw", business.first + 2, business.first + 2)
    assert list(business.run().ledger.failures(RAW)) == [business.day(2)]
    assert business.make("silver", business.first + 2, business.first + 2).refused == {}
    silver = business.lake.scan(("sales", "silver")).filter(pl.col("arrival").cast(pl.String) == business.day(2)).collect()
    assert silver.height == 5
    business.deliveries[business.day(2)] = rows
    business.make("raw", business.first + 2, business.first + 2)
    assert business.run().ledger.failures(RAW) == {}, "what came is what raw has"


def test_a_failure_before_there_is_any_table_is_known_too(business: Business) -> None:
    without_amount(business, 0)
    with pytest.raises(SourceError):
        business.make("raw", business.first, business.first)
    assert list(business.run().ledger.failures(RAW)) == [business.day(0)]
    assert business.entries(RAW) == {}
    assert business.run().ledger.tables() == []
    business.sell(0, "1 ada 1")
    business.make_stale()
    assert business.run().ledger.failures(RAW) == {}
