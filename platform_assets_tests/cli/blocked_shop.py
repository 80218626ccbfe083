"""A module as a team writes it, with a day of which most rows are bad; its files are those of PLATFORM_HOME/till."""

from datetime import datetime

import polars as pl

from platform_assets import (
    Arrival,
    AttributeView,
    Entity,
    FeatureService,
    FeatureView,
    GoldTable,
    build_definitions,
    count,
    daily,
    source,
    sum,
)
from platform_assets.settings import load_settings


class Receipt:
    receipt: int
    at: datetime
    till: int
    amount: float


@source(schema=Receipt, event_time="at", partitions=daily("2024-03-01", end="2024-03-04"), rules={"positive": "amount >= 0"})
def receipts(arrival: Arrival) -> pl.LazyFrame | None:
    """What the till has taken."""
    return arrival.read_csv(load_settings().home / "till" / "{day}.csv")


class Till:
    till: int
    at: datetime
    floor: int


@source(schema=Till, kind="state", event_time="at", key=["till"], partitions=receipts.partitions, rules={"floor": "floor < 3"})
def tills(arrival: Arrival) -> pl.LazyFrame | None:
    """Where the tills stand, whenever one is moved."""
    return arrival.read_csv(load_settings().home / "till" / "moved-{day}.csv")


takings = GoldTable("takings", source=receipts, measures=[count().named("receipts")])
till = Entity("till", keys=["till"])
income = FeatureView("income", entity=till, source=receipts, features=[sum("amount").over("2d")])
places = AttributeView("places", entity=till, source=tills, attributes=["floor"])
incomes = FeatureService("incomes", [income])

defs = build_definitions(takings, income, places)


def write_files() -> None:
    """Three receipts a day, two tills that are moved; on the second day two receipts and one till are bad."""
    folder = load_settings().home / "till"
    folder.mkdir(parents=True)
    for day, amounts in (("2024-03-01", (1, 2, 3)), ("2024-03-02", (4, -5, "much")), ("2024-03-03", (7, 8, 9))):
        lines = [f"{number},{day}T10:00:00Z,1,{amount}" for number, amount in enumerate(amounts)]
        floor = 9 if day == "2024-03-02" else 1
        (folder / f"moved-{day}.csv").write_text(f"till,at,floor\n1,{day}T10:00:00Z,2\n2,{day}T10:00:00Z,{floor}\n")
        (folder / f"{day}.csv").write_text("\n".join(["receipt,at,till,amount", *lines, ""]))
