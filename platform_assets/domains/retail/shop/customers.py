"""Who buys: a latent state for each customer, drawn once, from which the probability of churn follows."""

import numpy as np
import polars as pl

from platform_assets.domains.retail.shop.calendar import Array, Shop, anonymous_share, is_closed, stream, weights
from platform_assets.domains.retail.shop.products import COUNTRIES, COUNTRY_SHARES

HORIZON = 30
"""Days after t without an order that make a customer churned at t."""
FIRST_CUSTOMER = 12346


def draw_customers(shop: Shop) -> pl.DataFrame:
    """The latent state of every customer: what the platform never sees.

    `starts` and `stops` are days since the shop's first: orders fall on starts <= day < stops. `rate` is the expected orders on an
    open day of weight 1 at first, halved every `half_life` days; who is there leaves on a day with probability 1 - exp(-`hazard`).
    The last rows are the customers who come once: they have rate 0 and stop the day after. `country` is an index of COUNTRIES.
    """
    random = stream(shop, "customers")
    count = shop.customers
    is_unhappy, is_trade = random.random(count) < 0.3, random.random(count) < 0.12
    hazard = np.where(is_unhappy, 0.012, 0.001)
    starts = np.where(random.random(count) < 0.6, 0, random.integers(0, shop.days, count))
    # An exponential life has no memory: who was there on the first day lives on from it as if new.
    stops = starts + np.floor(random.exponential(1 / hazard)).astype(np.int64)
    half_life = np.where(random.random(count) < 0.15, 40.0, np.inf)
    # Most order about once a month, so that a month without an order says little; the trade orders 20 times as often.
    rate = random.gamma(3.0, 1.0, count) * np.where(is_trade, 20, 1)
    latent = pl.DataFrame({"starts": starts, "stops": stops, "rate": rate, "half_life": half_life, "hazard": hazard}).with_columns(
        is_unhappy=pl.Series(is_unhappy), is_trade=pl.Series(is_trade)
    )
    visits = np.array(shop.open_days, dtype=np.int64)
    wanted = shop.orders_per_day * float((1 - anonymous_share(shop)[visits]).sum())
    expected = sum(float(intensity(shop, latent, day).sum()) for day in shop.open_days)
    once = pl.DataFrame({"starts": visits, "stops": visits + 1}).with_columns(
        rate=pl.lit(0.0), half_life=pl.lit(np.inf), hazard=pl.lit(1.0), is_unhappy=pl.lit(False), is_trade=pl.lit(False)
    )
    everyone = pl.concat([latent.with_columns(rate=pl.col("rate") * (wanted / expected if expected else 1.0)), once])
    country = random.choice(len(COUNTRIES), everyone.height, p=COUNTRY_SHARES)
    return everyone.with_columns(customer_id=FIRST_CUSTOMER + pl.int_range(pl.len()), country=pl.Series(country))


def churn_probability(shop: Shop, customers: pl.DataFrame, day: int) -> Array:
    """For each customer the probability of no order on the days day .. day + 29, given the latent state before `day`.

    Who has left has probability 1. Of who is there, each day a share 1 - exp(-hazard) leaves, and who stays orders
    nothing on that day with probability exp(-intensity).
    """
    there = (customers["stops"].to_numpy() >= day).astype(np.float64)
    left = 1 - there
    stay = np.exp(-customers["hazard"].to_numpy()) * (customers["rate"].to_numpy() > 0)
    is_alive = customers.with_columns(stops=pl.lit(shop.days + HORIZON + 1))
    for ahead in range(day, day + HORIZON):
        left += there * (1 - stay)
        there *= stay
        if ahead < shop.days and not is_closed(shop.day(ahead)):
            there *= np.exp(-intensity(shop, is_alive, ahead))
    probability: Array = left + there
    return probability


def intensity(shop: Shop, customers: pl.DataFrame, day: int) -> Array:
    """Expected orders of each customer on an open day."""
    starts = customers["starts"].to_numpy()
    is_there = (starts <= day) & (day < customers["stops"].to_numpy())
    fading: Array = 0.5 ** (np.maximum(day - starts, 0) / customers["half_life"].to_numpy())
    expected: Array = fading * is_there * customers["rate"].to_numpy() * weights(shop)[day]
    return expected
