"""A module whose view is served online, with four days of rows in memory; the second day is blocked."""

from datetime import datetime

import polars as pl

from platform_assets import Arrival, Entity, FeatureView, build_definitions, count, daily, source


class Receipt:
    at: datetime
    till: int
    amount: float


@source(schema=Receipt, event_time="at", partitions=daily("2024-03-01", end="2024-03-05"), rules={"positive": "amount >= 0"})
def receipts(arrival: Arrival) -> pl.DataFrame:
    """What the tills have taken."""
    amount = "-1" if arrival.partition == "2024-03-02" else "1"
    rows = [(f"{arrival.partition}T10:00:00Z", str(number), amount) for number in range(5)]
    return pl.DataFrame(rows, schema=["at", "till", "amount"], orient="row")


till = Entity("till", keys=["till"])
income = FeatureView("income", entity=till, source=receipts, online=True, features=[count().over("1d")])

defs = build_definitions(income)
