"""On-demand features for many requests at once: offline, each label is a request at its time."""

import polars as pl

from platform_assets.declare.on_demand import REQUEST_TIME
from platform_assets.declare.training import FeatureService


def on_demand(service: FeatureService, requests: pl.DataFrame, time: str) -> pl.DataFrame:
    """The on-demand features, one row per request.

    requests: the features of the service's views, the request columns, and `time`, the time of reading.
    """
    known = requests.with_columns(pl.col(time).alias(REQUEST_TIME))
    computed = known.with_columns(feature.expression.polars().alias(f"__{feature.name}") for feature in service.on_demand)
    return computed.select(pl.col(f"__{feature.name}").alias(feature.name) for feature in service.on_demand)
