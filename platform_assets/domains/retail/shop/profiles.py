"""What customers say of themselves: an update a row, with what is known about it. Days are counted from the shop's first."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from platform_assets.domains.retail.shop.calendar import Array, Shop, stream

SEGMENTS = ("private", "club", "trade")
UPDATE_REASONS: Mapping[str, str] = {
    "customer is missing": "CustomerID",
    "segment is unknown": "Segment",
    "signup is no date": "SignedUpOn",
    "signup is after the update": "SignedUpOn",
    "time is no time": "UpdatedAt",
    "time is missing": "UpdatedAt",
}
"""Why an update must be quarantined, and the column that it is about."""


def draw_updates(shop: Shop, customers: pl.DataFrame) -> pl.DataFrame:
    """One row an update, in the order in which the files hold them: everybody once, when he signs up, and some later again.

    `segment` is an index of SEGMENTS, null where it is unknown. Who was there before the shop's first day comes with the first file.
    """
    random = stream(shop, "profiles")
    signups = _signups(shop, customers, random)
    changes = _changes(shop, signups, random)
    # After a change an older one, which replaces nothing: it was made before, and comes in a later file.
    older = changes.filter(pl.int_range(pl.len()) % 10 == 0).with_columns(
        day=pl.max_horizontal(pl.col("day") - 2, "signup"),
        segment=(pl.col("segment").fill_null(0) + 1) % len(SEGMENTS),
        arrival=pl.Series(_next_open(shop, changes["arrival"].gather_every(10).to_numpy() + 1)),
    )
    reason = np.full(changes.height, None, dtype=object)
    broken = np.arange(5, changes.height, 12)
    reason[broken] = np.resize(np.array(list(UPDATE_REASONS), dtype=object), broken.size)
    changes = changes.with_columns(reason=pl.Series(reason.tolist(), dtype=pl.String))
    drawn = pl.concat([signups, changes, older], how="diagonal_relaxed").filter(pl.col("arrival") < shop.days)
    copies = drawn.filter(pl.int_range(pl.len()) % 40 == 7, pl.col("reason").is_null())
    columns = ["who", "day", "minute", "arrival", "signup", "segment", "reason"]
    return pl.concat([drawn, copies]).select(columns).sort("arrival", "day", "minute", "who", maintain_order=True)


def _signups(shop: Shop, customers: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Everybody's first update."""
    count, starts = customers.height, customers["starts"].to_numpy()
    known = starts == 0  # they have had their account for up to three years
    first = shop.open_days[0] if shop.open_days else shop.days
    segment = np.where(customers["is_trade"].to_numpy(), 2, (random.random(count) < 0.3).astype(np.int64))
    return pl.DataFrame(
        {
            "who": np.arange(count),
            "day": np.where(known, first, starts),
            "minute": random.integers(480, 1200, count),
            "arrival": np.where(known, first, _next_open(shop, starts)),
            "signup": np.where(known, -random.integers(1, 1000, count), starts),
            "segment": segment,
        }
    ).with_columns(segment=pl.when(pl.Series(random.random(count) < 0.05)).then(None).otherwise("segment"))


def _changes(shop: Shop, signups: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Other segments, now and then none any more; a tenth of them come late."""
    who = np.repeat(np.arange(shop.customers), random.poisson(0.6, shop.customers))
    since = signups["day"].to_numpy()[who] + 1
    day = since + (random.random(who.size) * (shop.days - since)).astype(np.int64)
    lag = np.where(random.random(who.size) < 0.1, random.integers(1, 5, who.size), 0)
    drawn = pl.DataFrame(
        {
            "who": who,
            "day": day,
            "minute": random.integers(480, 1200, who.size),
            "arrival": _next_open(shop, day + lag),
            "signup": signups["signup"].to_numpy()[who],
            "segment": random.integers(0, len(SEGMENTS), who.size),
        }
    ).with_columns(segment=pl.when(pl.Series(random.random(who.size) < 0.15)).then(None).otherwise("segment"))
    return drawn.filter(pl.col("day") < shop.days).sort("day", "minute", "who", maintain_order=True)


def _next_open(shop: Shop, day: Array) -> Array:
    """The first open day from each of these on; after the last one, a day that never comes."""
    open_days = np.array([*shop.open_days, shop.days], dtype=np.int64)
    found: Array = open_days[np.minimum(np.searchsorted(open_days, day), open_days.size - 1)]
    return found
