"""The truths, counted from what was drawn, not from what was written: the tests count the files."""

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from platform_assets.declare.timezones import midnight
from platform_assets.domains.retail.shop.calendar import Array, Shop, is_closed, price_level
from platform_assets.domains.retail.shop.customers import HORIZON, churn_probability
from platform_assets.domains.retail.shop.products import COUNTRIES
from platform_assets.domains.retail.shop.profiles import SEGMENTS
from platform_assets.domains.retail.shop.texts import local_time, picked
from platform_assets.domains.retail.shop.truths import Churn, CustomersDay, OrdersDay, ReturnsDay, Revenue, Truths

DUPLICATES_WITHIN = 3
"""The horizon, in days, for which the truths count duplicate returns: declare the source with the same."""
ACTIVE = 45
"""Only customers who ordered in these days before t are asked about at t."""
_DAY = 86_400_000_000  # microseconds
EVERY = 7
"""Days from one t to the next."""


def truths_of(
    shop: Shop, orders: pl.DataFrame, returns: pl.DataFrame, updates: pl.DataFrame, customers: pl.DataFrame, restated: tuple[date, ...]
) -> Truths:
    """All that must come out of these rows."""
    at = local_time(shop).dt.replace_time_zone("Europe/London").dt.timestamp("us")
    accepted = orders.filter(pl.col("reason").is_null()).with_columns(event_day="day", at=at)
    churn, bayes_auc = churn_answers(shop, accepted, customers)
    return Truths(
        shop=shop,
        closed=tuple(shop.day(index) for index in range(shop.days) if is_closed(shop.day(index))),
        orders=orders_days(shop, orders, accepted),
        returns=returns_days(shop, returns),
        customers=customers_days(shop, updates),
        revenue=revenue_rows(shop, accepted),
        churn=churn,
        bayes_auc=bayes_auc,
        restated=restated,
    )


def orders_days(shop: Shop, lines: pl.DataFrame, accepted: pl.DataFrame) -> tuple[OrdersDay, ...]:
    """What is in each file of order lines."""
    received, reasons = _counts(lines), _counts_by(lines, "reason")
    late = _counts_by(accepted.with_columns(late=pl.col("arrival") - pl.col("event_day")).filter(pl.col("late") > 0), "late")
    kept = _counts(accepted)
    # A line is its invoice, product and quantity: all else follows from them, up to a price of 0.
    once = _counts(accepted.unique(["arrival", "invoice", "product", "quantity"]))
    named_once = _counts(accepted.unique(["arrival", "invoice", "product"]))
    anonymous = _counts(accepted.filter(pl.col("who") < 0))
    cancelled, free = _counts(accepted.filter(kind="cancellation")), _counts(accepted.filter(pence=0))
    level = price_level(shop, np.arange(shop.days)).tolist()
    return tuple(
        OrdersDay(
            day=shop.day(day),
            received=received.get(day, 0),
            accepted=kept.get(day, 0),
            quarantined=reasons.get(day, {}),
            exact_copies=kept.get(day, 0) - once.get(day, 0),
            repeats=kept.get(day, 0) - named_once.get(day, 0),
            late=late.get(day, {}),
            anonymous=anonymous.get(day, 0),
            cancelled=cancelled.get(day, 0),
            free=free.get(day, 0),
            price_level=level[day],
        )
        for day in shop.open_days
    )


def returns_days(shop: Shop, returns: pl.DataFrame) -> tuple[ReturnsDay, ...]:
    """A duplicate is decided by the nearest earlier occurrence of its key, itself a duplicate or not."""
    since_last = pl.col("arrival") - pl.col("arrival").shift(1).over("number")
    valid = returns.filter(pl.col("reason").is_null()).with_columns(is_duplicate=(since_last <= DUPLICATES_WITHIN).fill_null(False))
    since_accepted = pl.col("arrival") - pl.when(~pl.col("is_duplicate")).then("arrival").forward_fill().over("number")
    valid = valid.with_columns(is_chained=since_accepted > DUPLICATES_WITHIN, late=pl.col("arrival") - pl.col("day"))
    duplicates, accepted = valid.filter("is_duplicate"), valid.filter(~pl.col("is_duplicate"))
    received, kept, reasons = _counts(returns), _counts(accepted), _counts_by(returns, "reason")
    exact, changed = _counts(duplicates.filter(added=0)), _counts(duplicates.filter(pl.col("added") > 0))
    chained, late = _counts(duplicates.filter("is_chained")), _counts_by(accepted.filter(pl.col("late") > 0), "late")
    return tuple(
        ReturnsDay(
            day=shop.day(day),
            received=received.get(day, 0),
            accepted=kept.get(day, 0),
            quarantined=reasons.get(day, {}),
            exact_duplicates=exact.get(day, 0),
            changed_duplicates=changed.get(day, 0),
            chained=chained.get(day, 0),
            late=late.get(day, {}),
        )
        for day in shop.open_days
    )


def customers_days(shop: Shop, updates: pl.DataFrame) -> tuple[CustomersDay, ...]:
    """What is in each file of customers, and in which segments all are when it has been read."""
    accepted = updates.filter(pl.col("reason").is_null())
    received, kept, once = _counts(updates), _counts(accepted), _counts(accepted.unique())
    late = _counts_by(accepted.with_columns(late=pl.col("arrival") - pl.col("day")).filter(pl.col("late") > 0), "late")
    reasons, latest, found = _counts_by(updates, "reason"), dict[int, tuple[tuple[int, int], str]](), []
    by_day = accepted.partition_by("arrival", as_dict=True)
    for day in shop.open_days:
        known, outdated = dict(latest), 0
        for who, *at, segment in by_day.get((day,), accepted.clear()).select("who", "day", "minute", "segment").iter_rows():
            time = (at[0], at[1])
            outdated += who in known and time < known[who][0]
            if who not in latest or time >= latest[who][0]:
                latest[who] = (time, "" if segment is None else SEGMENTS[segment])
        found.append(
            CustomersDay(
                day=shop.day(day),
                received=received.get(day, 0),
                accepted=kept.get(day, 0),
                quarantined=reasons.get(day, {}),
                exact_copies=kept.get(day, 0) - once.get(day, 0),
                outdated=outdated,
                late=late.get(day, {}),
                segments=dict(sorted(Counter(segment for _, segment in latest.values()).items())),
            )
        )
    return tuple(found)


def revenue_rows(shop: Shop, accepted: pl.DataFrame) -> tuple[Revenue, ...]:
    """The report by event day, as days are in London, and country."""
    is_cancelled = pl.col("kind") == "cancellation"
    pence = pl.col("quantity") * pl.col("pence")  # whole pence: a sum of floats would depend on the order
    rows = accepted.group_by("event_day", "country").agg(
        lines=(~is_cancelled).sum(),
        orders=pl.col("invoice").filter(~is_cancelled).n_unique(),
        revenue=pence.filter(~is_cancelled).sum(),
        cancelled_lines=is_cancelled.sum(),
        cancelled=pence.filter(is_cancelled).sum(),
    )
    named = rows.with_columns(picked(COUNTRIES, "country").alias("country")).sort("event_day", "country")
    return tuple(
        Revenue(shop.day(day), country, lines, orders, revenue / 100, cancelled_lines, cancelled / 100)
        for day, country, lines, orders, revenue, cancelled_lines, cancelled in named.iter_rows()
    )


def churn_answers(shop: Shop, accepted: pl.DataFrame, customers: pl.DataFrame) -> tuple[tuple[Churn, ...], float]:
    """The answers and the ceilings, for t every 7 days from the first on, while 30 days lie ahead."""
    events = accepted.filter(pl.col("kind") != "cancellation", pl.col("who") >= 0).select("who", "at", "arrival").unique()
    who, at, arrival = (events[name].to_numpy() for name in events.columns)
    answers, asked = [], []
    for day in range(EVERY, shop.days - HORIZON + 1, EVERY):
        t = midnight(shop.day(day), "Europe/London").timestamp() * 1e6
        active = np.unique(who[(at >= t - ACTIVE * _DAY) & (at < t) & (arrival < day)])
        stayed = np.unique(who[(at > t) & (at <= t + HORIZON * _DAY)])
        probability = churn_probability(shop, customers, day)[active]
        churned = active.size - np.intersect1d(active, stayed, assume_unique=True).size
        answers.append(Churn(shop.day(day), active.size, churned, expected_auc(probability)))
        asked.append(probability)
    return tuple(answers), expected_auc(np.concatenate(asked)) if asked else 0.5


def expected_auc(probability: Array) -> float:
    """The AUC of true probabilities as a score: over pairs (i churns, j does not), weighted by how likely they are, the share that
    is ranked right; ties count half. 0.5 when no two can be told apart."""
    value, index = np.unique(probability, return_inverse=True)
    churns = np.bincount(index, weights=probability, minlength=value.size)
    stays = np.bincount(index, weights=1 - probability, minlength=value.size)
    itself = (probability * (1 - probability)).sum()  # nobody makes a pair with himself
    pairs = churns.sum() * stays.sum() - itself
    right = (churns * (np.cumsum(stays) - stays / 2)).sum() - itself / 2
    return round(float(right / pairs), 4) if pairs > 0 else 0.5


def _counts(rows: pl.DataFrame) -> dict[int, int]:
    return dict(rows.group_by("arrival").len().iter_rows())


def _counts_by(rows: pl.DataFrame, column: str) -> dict[int, dict[Any, int]]:
    counts: dict[int, dict[Any, int]] = {}
    for day, value, count in rows.drop_nulls(column).group_by("arrival", column).len().sort("arrival", column).iter_rows():
        counts.setdefault(day, {})[value] = count
    return counts
