"""Two feature views of five floats: what reads of gold, and of an online store, are measured on."""

from datetime import datetime

import polars as pl

import platform_assets as pa
from platform_assets import Arrival, Entity, FeatureService, FeatureView


class Event:
    user: int
    at: datetime
    amount: float


@pa.source(schema=Event, event_time="at", partitions=pa.daily("2024-01-01"), owners=["team:benchmarks"])
def events(arrival: Arrival) -> pl.LazyFrame | None:
    """Not called: gold is drawn."""
    return None


VIEWS = [
    FeatureView(
        name,
        entity=Entity("user", keys=["user"]),
        source=events,
        online=True,
        features=[make("amount").over("7d").named(f"f{n}") for n, make in enumerate((pa.sum, pa.mean, pa.max, pa.min, pa.std))],
    )
    for name in ("spend", "visits")
]
SERVICE = FeatureService("benchmark", VIEWS)
