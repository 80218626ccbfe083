"""What an attack on the platform found, each once: wrong values that nobody was told of."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from platform_assets.errors import NotReadyError, OnlineError
from platform_assets.steps.online import make_online, stale_online
from platform_assets.steps.readiness import unready
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import LAYERS, Business, deliver


def sold(key: str, number: int, amount: str = "3", user: str = "ada", at: str | None = None) -> dict[str, Any]:
    return {"sale_id": str(number), "user": user, "at": at or f"{key}T10:00:00Z", "amount": amount}


def business_with_sales(home: Path, **declared: Any) -> Business:
    business = Business(home, declared=declared)
    for day in range(business.last - business.first + 1):
        key = business.source.partitions.key(business.first + day)
        business.deliveries[key] = [sold(key, 10 * day), sold(key, 10 * day + 1, user="bob")]
    return business


@in_turn("platform_assets/steps/", "platform_assets/stores/")
@pytest.mark.parametrize("table", ["raw", "silver"])
def test_a_table_that_was_removed_and_made_anew_makes_what_read_it_stale(tmp_path: Path, table: str) -> None:
    business = business_with_sales(tmp_path)
    business.make_range()
    shutil.rmtree(tmp_path / "sales" / table)
    for key, rows in business.deliveries.items():
        business.deliveries[key] = [{**row, "amount": "100"} for row in rows or []]
    for layer in LAYERS[: LAYERS.index(table) + 1]:
        business.make(layer, business.first, business.last)
    business.make_stale()
    assert business.lake.scan(("takings", "gold")).select(pl.col("taken").sum()).collect().item() == 100 * 16


def test_a_store_with_another_lakes_values_is_found_out(tmp_path: Path) -> None:
    one, other = (business_with_sales(tmp_path / name) for name in ("one", "other"))
    one.make_range()
    other.make_range()
    with EmbeddedValkey(tmp_path / "valkey") as server:
        store = OnlineStore(server.url)
        make_online(one.view, one.run(), store)
        assert stale_online(other.view, other.first, other.last, other.run(), store)
        with pytest.raises(OnlineError, match="Rebuild it: platform-assets rebuild spending"):
            make_online(other.view, other.run(), store)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0999-12-31T00:00:00Z", "0000-06-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_before_the_calendar_is_set_aside(tmp_path: Path, at: str) -> None:
    business = business_with_sales(tmp_path, accepted_share=0)
    key = business.source.partitions.key(business.first)
    business.deliveries[key] = [sold(key, 1), sold(key, 2, at=at)]
    business.make_range()
    assert business.run().ledger.entries("sales/silver")[key].details["reasons"] == {"at: outside the years 1000 to 9999": 1}
    assert business.stale("report") == []


def test_an_empty_text_is_a_missing_number(tmp_path: Path) -> None:
    """Exports that quote everything write a missing number as ""."""
    business = business_with_sales(tmp_path, accepted_share=0)
    key = business.source.partitions.key(business.first)
    business.deliveries[key] = [sold(key, 1), sold(key, 2, amount=" ")]
    business.make_range()
    assert business.run().ledger.entries("sales/silver")[key].details["reasons"] == {"amount: missing": 1}


@in_turn("platform_assets/steps/", "platform_assets/stores/")
def test_a_day_that_is_restated_and_blocked_takes_back_what_was_made_of_it(tmp_path: Path) -> None:
    business = business_with_sales(tmp_path)
    business.make_range()
    key = business.source.partitions.key(business.first + 4)
    business.deliveries[key] = [sold(key, 40, amount="much")]
    business.make_stale(Random(1))
    gold = business.run().ledger.entries("spending/gold")
    assert gold[key].status == "blocked"
    error = unready("a reader", ("spending", "gold"), business.view.version, business.source.partitions, [business.first + 4], gold)
    assert isinstance(error, NotReadyError)
    assert "because the acceptance of its input was revoked" in str(error)
    with EmbeddedValkey(tmp_path / "valkey") as server:
        published = make_online(business.view, business.run(), OnlineStore(server.url))
        assert published.watermark == datetime(2024, 2, 29, tzinfo=UTC), "it stops before the blocked day"
    business.deliveries[key] = [sold(key, 40)]
    business.make_stale(Random(2))
    assert {entry.status for entry in business.run().ledger.entries("spending/gold").values()} == {"ok"}


@in_turn("platform_assets/steps/", "platform_assets/stores/")
def test_partitions_may_begin_later_than_those_that_the_lake_has(tmp_path: Path) -> None:
    from platform_assets import daily

    business = Business(tmp_path, declared={"accepted_share": 0})
    deliver(business, Random(5))
    business.make_range()
    later = Business(tmp_path, declared={"accepted_share": 0, "partitions": daily("2024-02-27", end="2024-03-04")})
    later.deliveries.update(business.deliveries)
    later.first, later.last = later.source.partitions.first, business.last
    later.make_stale()
    assert later.stale("silver") == later.stale("report") == []
