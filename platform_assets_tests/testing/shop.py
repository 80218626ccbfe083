"""Declarations that the tests of platform_assets.testing are about."""

from datetime import datetime
from typing import Any

from platform_assets import Entity, FeatureView, count, daily, derive, hourly, last, mean, source, sum, time_since_last
from platform_assets.declare.source import Source


class Sale:
    sale_id: int
    user: str | None
    at: datetime
    amount: float
    gift: bool | None


def sales(**changed: Any) -> Source:
    """A source of sales with a key, a rule and a flag."""

    def sales(arrival: Any) -> None: ...

    arguments: dict[str, Any] = {
        "schema": Sale,
        "event_time": "at",
        "partitions": daily("2024-03-01"),
        "key": ["sale_id"],
        "duplicates_within": 2,
        "rules": {"positive": "amount >= 0"},
        "flags": {"large": "amount > 50"},
    }
    return source(**{**arguments, **changed})(sales)


SALES = sales()
HOURLY = sales(partitions=hourly("2024-03-01"), data_delay="10m", duplicates_within=0)


def spending(of: Source = SALES, *windows: str) -> FeatureView:
    """A view of users."""
    lengths = windows or ("1d", "3d")
    shortest = lengths[0]
    return FeatureView(
        "spending",
        entity=Entity("user", keys=["user"]),
        source=of,
        features=[
            count().over(*lengths),
            sum("amount", where="not large").over(shortest).named("small"),
            mean("amount").over(shortest),
            last("amount").over(shortest),
            time_since_last().over(shortest),
            derive("per_sale", f"small / count_{shortest}"),
        ],
    )
