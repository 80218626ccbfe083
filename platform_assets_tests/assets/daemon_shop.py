"""What the daemon of test_automation_daemon.py loads: a business of files under PLATFORM_HOME/in, and sensors that look often."""

from datetime import datetime

import polars as pl

from platform_assets import Arrival, Entity, FeatureView, GoldTable, build_definitions, count, daily, source, sum
from platform_assets.assets.automation import requests
from platform_assets.settings import load_settings

requests.EVERY = 1


class Sale:
    sale_id: int
    user: str
    at: datetime
    amount: float


@source(
    schema=Sale,
    event_time="at",
    partitions=daily("2024-03-01", end="2024-03-15"),
    key=["sale_id"],
    duplicates_within=1,
    rules={"positive": "amount >= 0"},
    accepted_share=0.5,
    empty_after="6h",
)
def sales(arrival: Arrival) -> pl.LazyFrame | None:
    """What was sold, a file a day."""
    return arrival.read_csv(load_settings().home / "in" / "{day}.csv")


spending = FeatureView(
    "spending",
    entity=Entity("user", keys=["user"]),
    source=sales,
    online=True,
    features=[count().over("1d", "3d"), sum("amount").over("3d")],
)
takings = GoldTable("takings", source=sales, measures=[count().named("sales"), sum("amount").named("taken")])
defs = build_definitions(spending, takings)
