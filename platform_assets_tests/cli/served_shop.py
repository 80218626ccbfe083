"""A module whose view is served online, with two days of rows in memory."""

from datetime import datetime

import polars as pl

from platform_assets import Arrival, Entity, FeatureView, build_definitions, count, daily, source, sum


class Receipt:
    at: datetime
    till: int
    amount: float


@source(schema=Receipt, event_time="at", partitions=daily("2024-03-01", end="2024-03-03"))
def receipts(arrival: Arrival) -> pl.DataFrame:
    """What the tills have taken: five of them, once a day."""
    rows = [(f"{arrival.partition}T10:00:00Z", str(number), f"{number}.5") for number in range(5)]
    return pl.DataFrame(rows, schema=["at", "till", "amount"], orient="row")


till = Entity("till", keys=["till"])
income = FeatureView("income", entity=till, source=receipts, online=True, features=[count().over("2d"), sum("amount").over("2d")])

defs = build_definitions(income)
