"""The generated shop from files through raw and silver to the report: every planted row comes out where the generator says it must."""

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from platform_assets.declare.checkpoints import months_of
from platform_assets.declare.partitions import daily
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService
from platform_assets.domains.retail.declarations import customer_history, customer_profile, customers, daily_revenue, orders, returns
from platform_assets.domains.retail.generate import Truths, generate, restate
from platform_assets.reading.historical import historical_features
from platform_assets.steps.checkpoints import make_checkpoints
from platform_assets.steps.gold import make_attributes, make_change_log, make_report
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.stale_tables import stale_raw, stale_report, stale_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

ORDER_REASONS = {
    "quantity is 0": "quantity_not_zero",
    "price is negative": "price_not_negative",
    "country is unknown": "known_country",
    "quantity is no number": "quantity: not int",
    "price is no number": "unit_price: not float",
    "time is no time": "ordered_at: not datetime",
    "time is skipped by summer time": "ordered_at: does not exist in Europe/London (clocks skipped it)",
    "time is in the future": "in the future",
    "invoice is missing": "invoice: missing",
    "stock code is missing": "stock_code: missing",
    "quantity is missing": "quantity: missing",
    "time is missing": "ordered_at: missing",
    "price is missing": "unit_price: missing",
    "country is missing": "country: missing",
}
RETURN_REASONS = {
    "quantity is below 1": "quantity_positive",
    "refund is negative": "refund_not_negative",
    "return is missing": "return_id: missing",
    "time is no time": "returned_at: not datetime",
}
CUSTOMER_REASONS = {
    "customer is missing": "customer_id: missing",
    "segment is unknown": "known_segment",
    "signup is no date": "signed_up_on: not date",
    "signup is after the update": "signed_up_before",
    "time is no time": "updated_at: not datetime",
    "time is missing": "updated_at: missing",
}
FIRST, DAYS = date(2025, 1, 1), 120


class Shop:
    """A generated shop's sources and report over its days, and the lake that they are made in."""

    def __init__(self, home: Path) -> None:
        self.files, self.lake = home / "retail", Lake(str(home / "lake"))
        self.truths = generate(self.files, first_day=FIRST, days=DAYS, customers=400, orders_per_day=60)
        days = daily("2025-01-01", end="2025-05-01")
        # So few returns come in a day that a broken one may block it: here each is to be counted.
        self.orders, self.returns = replace(orders, partitions=days), replace(returns, partitions=days, accepted_share=0.0)
        self.customers = replace(customers, partitions=days, accepted_share=0.0)
        self.profile = copy(customer_profile)
        object.__setattr__(self.profile, "source", self.customers)
        self.history = copy(customer_history)
        object.__setattr__(self.history, "source", self.orders)
        self.report = copy(daily_revenue)
        object.__setattr__(self.report, "source", self.orders)
        self.first, self.last = days.first, days.first + DAYS - 1

    def run(self) -> Run:
        return Run(self.lake, Ledger(self.lake), "run", datetime(2026, 1, 1, tzinfo=UTC))

    def make(self) -> None:
        for source in (self.orders, self.returns, self.customers):
            make_raw(source, self.first, self.last, self.run()).check()
            make_silver(source, self.first, self.last, self.run()).check()
        make_report(self.report, self.first, self.last, self.run()).check()
        make_attributes(self.profile, self.first, self.last, self.run()).check()

    def silver(self, source: Source) -> pl.DataFrame:
        return self.lake.scan((source.name, "silver")).collect()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PLATFORM_HOME", str(home))
        environment.delenv("PLATFORM_RETAIL_FILES", raising=False)
        made = Shop(home)
        made.make()
        yield made


def planted(reasons: Mapping[str, int], names: Mapping[str, str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for reason, rows in reasons.items():
        counted[names[reason]] += rows
    return +counted


def late(silver: pl.DataFrame, event_time: str) -> dict[tuple[date, int], int]:
    """Accepted rows by day of arrival and by how many days of London they are late."""
    event_day = pl.col(event_time).dt.convert_time_zone("Europe/London").dt.date()
    days = silver.select("arrival", late=(pl.col("arrival") - event_day).dt.total_days())
    return {
        (arrival, number): rows for arrival, number, rows in days.filter(pl.col("late") > 0).group_by("arrival", "late").len().iter_rows()
    }


def test_each_day_of_orders_is_counted_as_it_was_drawn(shop: Shop) -> None:
    entries, silver = Ledger(shop.lake).entries("orders/silver"), shop.silver(shop.orders)
    flags = silver.group_by("arrival").agg(pl.col("anonymous", "cancelled", "free").sum())
    flagged = {row["arrival"]: row for row in flags.to_dicts()}
    for day in shop.truths.orders:
        details = entries[f"{day.day}"].details
        assert details["reasons"] == planted(day.quarantined, ORDER_REASONS), day.day
        counts = {name: details[name] for name in ("received", "accepted", "quarantined", "duplicates", "exact_copies")}
        expected = {"received": day.received, "accepted": day.accepted, "quarantined": sum(day.quarantined.values()), "duplicates": 0}
        assert counts == {**expected, "exact_copies": day.exact_copies}, day.day
        if day.accepted:
            assert flagged[day.day] == {"arrival": day.day, "anonymous": day.anonymous, "cancelled": day.cancelled, "free": day.free}
    assert late(silver, "ordered_at") == {(day.day, days): rows for day in shop.truths.orders for days, rows in day.late.items()}


def test_each_day_of_returns_is_counted_as_it_was_drawn(shop: Shop) -> None:
    entries = Ledger(shop.lake).entries("returns/silver")
    for day in shop.truths.returns:
        details = entries[f"{day.day}"].details
        assert details["reasons"] == planted(day.quarantined, RETURN_REASONS), day.day
        counts = {name: details[name] for name in ("received", "accepted", "quarantined", "duplicates", "duplicates_exact")}
        assert counts == {
            "received": day.received,
            "accepted": day.accepted,
            "quarantined": sum(day.quarantined.values()),
            "duplicates": day.exact_duplicates + day.changed_duplicates,
            "duplicates_exact": day.exact_duplicates,
        }, day.day
    assert late(shop.silver(shop.returns), "returned_at") == {(d.day, n): rows for d in shop.truths.returns for n, rows in d.late.items()}


def test_each_day_of_customers_is_counted_as_it_was_drawn(shop: Shop) -> None:
    entries = Ledger(shop.lake).entries("customers/silver")
    for day in shop.truths.customers:
        details = entries[f"{day.day}"].details
        assert details["reasons"] == planted(day.quarantined, CUSTOMER_REASONS), day.day
        counts = {name: details[name] for name in ("received", "accepted", "quarantined", "duplicates", "exact_copies")}
        assert counts == {
            "received": day.received,
            "accepted": day.accepted,
            "quarantined": sum(day.quarantined.values()),
            "duplicates": 0,
            "exact_copies": day.exact_copies,
        }, day.day
    assert late(shop.silver(shop.customers), "updated_at") == {
        (d.day, n): rows for d in shop.truths.customers for n, rows in d.late.items()
    }


def test_as_of_each_day_every_customer_is_in_the_segment_that_was_drawn(shop: Shop) -> None:
    ids = shop.silver(shop.customers).select(pl.col("customer_id").unique().sort())
    ends = [shop.customers.partitions.ends_at(shop.first + (day.day - FIRST).days) for day in shop.truths.customers]
    times = pl.DataFrame({"label_time": ends}, schema={"label_time": pl.Datetime("us", "UTC")})
    service = FeatureService("known", [shop.profile])
    found = historical_features(service, ids.join(times, how="cross"), lake=shop.lake).frame
    known = found.filter(pl.col("customer_profile__signed_up_on").is_not_null())
    counted = known.group_by("label_time", pl.col("customer_profile__segment").fill_null("")).len().rows()
    drawn = {(at, segment): count for day, at in zip(shop.truths.customers, ends, strict=True) for segment, count in day.segments.items()}
    assert {(at, segment): count for at, segment, count in counted} == drawn


def test_closed_days_are_empty_partitions(shop: Shop) -> None:
    entries = Ledger(shop.lake).entries("orders/silver")
    assert len(entries) == DAYS
    assert {date.fromisoformat(key) for key, entry in entries.items() if entry.details["received"] == 0} == set(shop.truths.closed)


def assert_revenue(shop: Shop, truths: Truths) -> None:
    columns = ("lines", "orders", "cancelled_lines")
    rows = shop.lake.scan(("daily_revenue", "gold")).collect().to_dicts()
    found = {(row["partition"], row["country"]): row for row in rows}
    drawn = {(row.day, row.country): row for row in truths.revenue}
    assert set(found) == set(drawn)
    for key, row in drawn.items():
        assert [found[key][column] for column in columns] == [getattr(row, column) for column in columns], key
        assert found[key]["revenue"] == pytest.approx(row.revenue, rel=1e-9, abs=1e-6), key
        assert found[key]["cancelled"] == pytest.approx(row.cancelled, rel=1e-9, abs=1e-6), key


def test_revenue_is_that_of_the_event_days_late_lines_included(shop: Shop) -> None:
    assert_revenue(shop, shop.truths)


def test_a_day_exported_again_restates_only_the_event_days_that_it_touches(shop: Shop) -> None:
    """The last test of the module: it changes the shop."""
    day = next(day for day in shop.truths.orders[20:] if day.late)
    restated, number = restate(shop.files, day.day), shop.orders.partitions.index_of(f"{day.day}")
    assert stale_raw(shop.orders, shop.first, shop.last, shop.run()) == [number]
    make_raw(shop.orders, number, number, shop.run()).check()
    assert list(stale_silver(shop.orders, shop.first, shop.last, shop.run())) == [number]
    make_silver(shop.orders, number, number, shop.run()).check()
    touched = [number - days for days in sorted(day.late, reverse=True)] + [number]
    stale = list(stale_report(shop.report, shop.first, shop.last, shop.run()))
    assert stale == touched
    for partition in stale:
        make_report(shop.report, partition, partition, shop.run()).check()
    assert_revenue(shop, restated.truths)


def test_what_a_customer_has_bought_since_the_first_purchase_is_all_that_was_accepted_of_it(shop: Shop) -> None:
    """From gold of the last days, which start from April's checkpoint; that one from March's, and so on."""
    months = months_of(shop.history)
    assert months.last is not None
    make_checkpoints(shop.history, months.first, months.last, shop.run()).check()
    make_change_log(shop.history, shop.last - 10, shop.last, shop.run()).check()
    gold = shop.lake.scan(("customer_history", "gold")).sort("partition").collect().unique("customer_id", keep="last")
    bought = shop.silver(shop.orders).filter(pl.col("customer_id").is_not_null(), ~pl.col("cancelled"))
    wanted = bought.group_by("customer_id").agg(
        lines_lifetime=pl.len(),
        orders_lifetime=pl.col("invoice").n_unique(),
        spend_lifetime=(pl.col("quantity") * pl.col("unit_price")).sum(),
        first_ordered_at=pl.col("ordered_at").min(),
        since_last_order=pl.col("ordered_at").max(),
    )
    both = wanted.join(gold.select("customer_id"), on="customer_id", how="semi")
    assert both.height > 50
    assert months.last - months.first == 2
    assert_frame_equal(both, gold.select(both.columns), check_row_order=False, check_dtypes=False, rel_tol=1e-9)
