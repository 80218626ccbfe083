"""Hourly visits and daily orders: tables whose partitions differ. Their files are those of PLATFORM_HOME/files."""

from datetime import datetime
from pathlib import Path

import polars as pl

from platform_assets import Arrival, Entity, FeatureView, count, daily, hourly, source, sum
from platform_assets.settings import load_settings


class Visit:
    customer: str
    at: datetime


class Order:
    customer: str
    at: datetime
    amount: float


def files() -> Path:
    return load_settings().home / "files"


@source(schema=Visit, event_time="at", partitions=hourly("2024-03-01", end="2024-03-01T04"))
def visits(arrival: Arrival) -> pl.LazyFrame | None:
    """Visits of the site."""
    return arrival.read_csv(files() / "visits-{partition}.csv")


@source(schema=Order, event_time="at", partitions=daily("2024-03-01", end="2024-03-05"), rules={"paid": "amount > 0"})
def orders(arrival: Arrival) -> pl.LazyFrame | None:
    """Orders of the shop."""
    return arrival.read_csv(files() / "orders-{day}.csv")


customer = Entity("customer", keys=["customer"])
interest = FeatureView("interest", entity=customer, source=visits, features=[count().over("2h")])
spend = FeatureView("spend", entity=customer, source=orders, features=[sum("amount").over("2d")])
DECLARED = (interest, spend)


def write_orders(day: str, *amounts: float) -> None:
    (files() / f"orders-{day}.csv").write_text(
        "\n".join(["customer,at,amount", *(f"ada,{day}T10:00:00Z,{amount}" for amount in amounts), ""])
    )


def write_files() -> None:
    """Visits of four hours, and orders of four days, of which the third day is bad; none of the fourth day has come."""
    files().mkdir(parents=True)
    for hour in range(4):
        (files() / f"visits-2024-03-01T{hour:02d}.csv").write_text(f"customer,at\nada,2024-03-01T{hour:02d}:30:00Z\n")
    write_orders("2024-03-01", 1, 2)
    write_orders("2024-03-02", 3)
    write_orders("2024-03-03", -1, -2)
