"""A shop whose orders are checked, week by week: eight weeks as they should be, then weeks in each of which one thing is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from platform_assets import (
    Arrival,
    allowed,
    drift,
    duplicates,
    fresh,
    holds,
    in_range,
    matches,
    materialize,
    null_share,
    outliers,
    refers_to,
    source,
    unique,
    volume,
    weekly,
)
from platform_assets.declare.engines import EngineName
from platform_assets.declare.source import Source
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

Row = dict[str, Any]
ROWS, CUSTOMERS, CLEAN = 120, 20, 8
START = datetime(2024, 1, 1, tzinfo=UTC)


class Order:
    order_id: int
    customer_id: int | None
    price: float
    quantity: int
    code: str
    country: str
    at: datetime


class Customer:
    customer_id: int
    at: datetime


CHECKS = [
    null_share("customer_id"),
    null_share("customer_id", at_most=0.2, severity="error", name="few_nulls"),
    in_range("price", 0, 100),
    matches("code", "[0-9]{3}"),
    allowed("country", ["FR", "DE", "US"]),
    holds("price * quantity < 500", name="order_value"),
    unique("code"),
    volume(severity="error"),
    fresh(),
    fresh(within="12h", name="fresh_by_hand"),
    duplicates(),
    outliers("price"),
    drift("country"),
    drift("price"),
]


def row(week: int, number: int) -> Row:
    """An order as it should be: each week has the same mix, in another order."""
    random = Random(week * 1000 + number)
    at = START + timedelta(weeks=week, minutes=10 + (number + 1) * (7 * 24 * 60 - 20) // ROWS)
    return {
        "order_id": week * 1000 + number,
        "customer_id": None if number % 12 == week % 12 else random.randrange(CUSTOMERS),
        "price": round(5 + (number * 37 % ROWS) * 15 / ROWS + random.random() / 10, 2),
        "quantity": 1 + number % 3,
        "code": f"{number:03}",
        "country": ["FR", "FR", "DE"][number % 3],
        "at": at,
    }


def _in_some(of: int, **values: Any) -> Callable[[list[Row]], list[Row]]:
    """Gives every so many-th row other values."""
    return lambda rows: [{**one, **values} if number % of == 0 else one for number, one in enumerate(rows)]


FAULTS: dict[str, tuple[Callable[[list[Row]], list[Row]], set[str]]] = {
    "nothing": (lambda rows: rows, set()),
    "customers are missing": (_in_some(2, customer_id=None), {"null_share_customer_id", "few_nulls"}),
    "a price is negative": (lambda rows: [{**rows[0], "price": -1.0}, *rows[1:]], {"in_range_price"}),
    "a code has a letter": (lambda rows: [{**rows[0], "code": "00A"}, *rows[1:]], {"matches_code"}),
    "a country is unknown": (lambda rows: [{**rows[0], "country": "XX"}, *rows[1:]], {"allowed_country"}),
    "an order is worth too much": (lambda rows: [{**rows[0], "quantity": 200}, *rows[1:]], {"order_value"}),
    "a code comes twice": (lambda rows: [{**rows[0], "code": "001"}, *rows[1:]], {"unique_code"}),
    "a customer is unknown": (lambda rows: [rows[0], {**rows[1], "customer_id": 99}, *rows[2:]], {"refers_to_customers"}),
    "rows stop in the middle of the week": (lambda rows: rows[:70], {"fresh", "fresh_by_hand"}),
    "few rows come": (lambda rows: rows[3::4], {"volume"}),
    "rows come twice": (lambda rows: rows + rows[::3], {"duplicates"}),
    "some prices are high": (
        lambda rows: [{**one, "price": one["price"] * 4} if number % 12 == 0 else one for number, one in enumerate(rows)],
        {"outliers_price"},
    ),
    "countries change": (_in_some(2, country="US"), {"drift_country"}),
    "prices are halved": (lambda rows: [{**one, "price": one["price"] / 2} for one in rows], {"drift_price"}),
}
"""What is wrong with a week, and the checks that find it."""
WEEKS = CLEAN + len(FAULTS)
MAY_FIND_TOO = {
    "few rows come": {"drift_price", "drift_country"},
    "some prices are high": {"drift_price"},
    "prices are halved": {"outliers_price"},
}
"""What else may be noticed of it: one thing that is wrong has more than one trace."""


class Watched:
    """The shop in a lake of its own."""

    def __init__(self, home: Path, checks: Any = None, weeks: int = WEEKS, engine: EngineName | None = None) -> None:
        self.customers_until = weeks
        """The week from which on no customers have been delivered."""
        faults, start = list(FAULTS.values()), "2024-01-01"

        @source(schema=Customer, kind="state", event_time="at", partitions=weekly(start), key=["customer_id"], engine=engine)
        def customers(arrival: Arrival) -> pl.DataFrame | None:
            week = self.week(arrival.partition)
            if week >= self.customers_until:
                return None
            at = START + timedelta(weeks=week)
            return pl.DataFrame([{"customer_id": number, "at": at} for number in range(CUSTOMERS)])

        @source(
            schema=Order, event_time="at", partitions=weekly(start), key=["order_id"],
            checks=[*CHECKS, refers_to("customer_id", customers)] if checks is None else checks, engine=engine,
        )  # fmt: skip
        def orders(arrival: Arrival) -> pl.DataFrame | None:
            week = self.week(arrival.partition)
            rows = [row(week, number) for number in range(ROWS)]
            return pl.DataFrame(rows if week < CLEAN else faults[week - CLEAN][0](rows), schema_overrides={"customer_id": pl.Int64})

        self.home, self.orders, self.customers = home, orders, customers
        self.now = START + timedelta(weeks=weeks)

    def week(self, key: str) -> int:
        return (datetime.fromisoformat(key).replace(tzinfo=UTC) - START) // timedelta(weeks=1)

    def key(self, week: int) -> str:
        return f"{START + timedelta(weeks=week):%Y-%m-%d}"

    def make(self, *sources: Source) -> None:
        """Customers first."""
        for one in sources or (self.customers, self.orders):
            materialize(one, lake=str(self.home), now=self.now)

    def run(self) -> Run:
        lake = Lake(str(self.home))
        return Run(lake, Ledger(lake), "run", self.now)
