"""Order lines: one row each, with what is known about it. Days are counted from the shop's first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from platform_assets.domains.retail.shop.calendar import Shop, anonymous_share, clock_changes, price_level, stream, weights
from platform_assets.domains.retail.shop.customers import FIRST_CUSTOMER
from platform_assets.domains.retail.shop.products import COUNTRIES, COUNTRY_SHARES, PRODUCTS, product_codes, product_pence
from platform_assets.errors import SourceError

REASONS: Mapping[str, str] = {
    "quantity is 0": "Quantity",
    "price is negative": "UnitPrice",
    "country is unknown": "Country",
    "quantity is no number": "Quantity",
    "price is no number": "UnitPrice",
    "time is no time": "InvoiceDate",
    "time is skipped by summer time": "InvoiceDate",
    "time is in the future": "InvoiceDate",
    "invoice is missing": "InvoiceNo",
    "stock code is missing": "StockCode",
    "quantity is missing": "Quantity",
    "time is missing": "InvoiceDate",
    "price is missing": "UnitPrice",
    "country is missing": "Country",
}
"""Why an order line must be quarantined, and the column that it is about."""
FIRST_INVOICE = 536365


def draw_orders(shop: Shop, customers: pl.DataFrame) -> pl.DataFrame:
    """One row an order: who (index of the customer, -1: unknown), when, where to, how many lines, how late."""
    random = stream(shop, "orders")
    open_days, weight = np.array(shop.open_days, dtype=np.int64), weights(shop)
    # Thinning: as many as if every customer stayed for ever, spread over the open days, then those kept that were there.
    who = np.repeat(np.arange(customers.height), random.poisson(customers["rate"].to_numpy() * weight.sum()))
    day = random.choice(open_days, who.size, p=weight[open_days] / weight.sum()) if open_days.size else who[:0]
    starts, stops, half_life = (customers[name].to_numpy()[who] for name in ("starts", "stops", "half_life"))
    kept = (starts <= day) & (day < stops) & (random.random(who.size) < 0.5 ** (np.maximum(day - starts, 0) / half_life))
    unknown = np.repeat(open_days, random.poisson((shop.orders_per_day * weight * anonymous_share(shop))[open_days]))
    once = np.arange(shop.customers, customers.height)
    who = np.concatenate([who[kept], np.full(unknown.size, -1), once])
    day = np.concatenate([day[kept], unknown, open_days])
    comes_once = who >= shop.customers
    minute = np.clip(random.normal(750, 140, who.size), 420, 1230).astype(np.int64)
    is_night = random.random(who.size) < 0.01
    minute = np.where(is_night, random.integers(1, 300, who.size), minute)
    # 01:00 to 02:00 does not exist, or exists twice, on the days when the clocks change.
    changes = np.isin(day, [index for index in range(shop.days) if clock_changes(shop.day(index))])
    minute = np.where(changes & (minute >= 60) & (minute < 120), minute + 60, minute)
    home = np.where(who >= 0, customers["country"].to_numpy()[who], random.choice(len(COUNTRIES), who.size, p=COUNTRY_SHARES))
    is_gift = random.random(who.size) < 0.02
    lag = np.where((random.random(who.size) < 0.015) & ~is_night & ~comes_once, random.integers(1, 5, who.size), 0)
    arrival = np.where(np.isin(day + lag, open_days), day + lag, day)
    lines = np.where(comes_once, 1, np.minimum(1 + random.negative_binomial(1.0, 0.2, who.size), 40))
    frame = {"who": who, "day": day, "minute": minute, "arrival": arrival, "lines": lines}
    country = np.where(is_gift, random.integers(0, len(COUNTRIES), who.size), home)
    return pl.DataFrame(frame).with_columns(country=pl.Series(country)).sort("day", "minute", maintain_order=True)


def draw_lines(shop: Shop, orders: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """One row a line, of orders, cancellations and adjustments, numbered as invoices in the order of their times."""
    random = stream(shop, "lines")
    order = np.repeat(np.arange(orders.height), orders["lines"].to_numpy())
    product = np.floor(PRODUCTS * random.random(order.size) ** 2.2).astype(np.int64)
    # No product twice in an order: all repeats of (invoice, stock code) are planted ones.
    first = np.sort(np.unique(order * PRODUCTS + product, return_index=True)[1])
    order, product = order[first], product[first]
    lines = orders.drop("lines")[order].with_columns(document=pl.Series(order), product=pl.Series(product))
    day, who = lines["day"].to_numpy(), lines["who"].to_numpy()
    per_pack = np.where((who >= 0) & customers["is_trade"].to_numpy()[who], 12, 1)
    is_free = random.random(order.size) < 0.004
    pence = np.maximum(np.round(product_pence(shop)[product] * price_level(shop, day)), 1).astype(np.int64)
    lines = lines.with_columns(
        quantity=pl.Series(random.geometric(0.3, order.size) * per_pack),
        pence=pl.Series(np.where(is_free, 0, pence)),
        kind=pl.lit("order"),
        described=pl.Series(random.random(order.size) > 0.002),
    )
    # Who is about to leave cancels more: a signal beyond recency and frequency.
    chance = np.where(customers["is_unhappy"].to_numpy()[who], 0.06, 0.012) * ((who >= 0) & (who < shop.customers))
    back_on = day + random.integers(1, 15, order.size)
    is_cancelled = (random.random(order.size) < chance) & np.isin(back_on, shop.open_days)
    cancelled = lines.with_columns(day=pl.Series(back_on), minute=pl.Series(random.integers(480, 1080, order.size))).filter(is_cancelled)
    cancelled = cancelled.with_columns(
        document=orders.height + pl.int_range(pl.len()), arrival="day", quantity=-pl.col("quantity"), kind=pl.lit("cancellation")
    )
    day = np.repeat(np.array(shop.open_days, dtype=np.int64), random.poisson(shop.orders_per_day / 100, len(shop.open_days)))
    minute = pl.Series(random.integers(480, 1080, day.size))
    adjusted = pl.DataFrame({"who": np.full(day.size, -1), "day": day, "minute": minute, "arrival": day}).with_columns(
        country=pl.lit(0, pl.Int64),
        document=orders.height + cancelled.height + pl.int_range(pl.len()),
        product=pl.Series(random.integers(0, PRODUCTS, day.size)),
        quantity=pl.Series(-random.integers(1, 30, day.size)),
        pence=pl.lit(0, pl.Int64),
        kind=pl.lit("adjustment"),
        described=pl.lit(False),
    )
    numbered: pl.DataFrame = pl.concat([lines, cancelled, adjusted]).sort("day", "minute", "document", maintain_order=True)
    return numbered.with_columns(
        invoice=FIRST_INVOICE - 1 + pl.struct("day", "minute", "document").rank("dense").cast(pl.Int64),
        position=pl.int_range(pl.len()).over("document"),
        reason=pl.lit(None, pl.String),
        copy=pl.lit(0, pl.Int64),
    )


def with_reasons(shop: Shop, lines: pl.DataFrame) -> pl.DataFrame:
    """Gives 6 lines in 1000 a reason to be quarantined, each reason in turn. The first line of an order is spared."""
    random = stream(shop, "reasons")
    may_have = np.flatnonzero((lines["position"] > 0).to_numpy())
    reasons = [reason for reason in REASONS if reason != "time is skipped by summer time"]
    chosen = random.permutation(may_have)[: max(len(reasons), round(0.006 * lines.height))]
    reason = np.full(lines.height, None, dtype=object)
    reason[chosen] = np.resize(np.array(reasons, dtype=object), chosen.size)
    skipped = [index for index in shop.open_days if clock_changes(shop.day(index)) and shop.day(index).month == 3]
    on_time = ((lines["position"] > 0) & (lines["arrival"] == lines["day"])).to_numpy()
    for day in skipped:
        spared = np.isin(np.arange(lines.height), chosen, invert=True)
        reason[np.flatnonzero(on_time & spared & (lines["day"] == day).to_numpy())[:5]] = "time is skipped by summer time"
    return lines.with_columns(reason=pl.Series(reason.tolist(), dtype=pl.String))


def with_copies(shop: Shop, lines: pl.DataFrame) -> pl.DataFrame:
    """Repeats 8 lines in 1000: five exactly, three with another quantity; in the order in which the files hold them."""
    random = stream(shop, "copies")
    plain = lines.filter(pl.col("reason").is_null(), kind="order").filter(pl.col("who") < shop.customers)
    chance = random.random(plain.height)
    exact = plain.filter(chance < 0.005).with_columns(copy=pl.lit(1, pl.Int64))
    changed = plain.filter((chance >= 0.005) & (chance < 0.008)).with_columns(copy=pl.lit(1, pl.Int64), quantity=pl.col("quantity") + 1)
    return pl.concat([lines, exact, changed]).sort("arrival", "invoice", "position", "copy")


@dataclass(frozen=True)
class Corrected:
    """Order lines after a correction, and what it did (invoice and stock code of a line; None when no such customer is left)."""

    lines: pl.DataFrame
    changed: str
    dropped: str
    customer_gone: int | None


def corrected(shop: Shop, lines: pl.DataFrame, day: date) -> Corrected:
    """The lines after a second export of a day."""
    lines = lines.with_row_index("row")
    arrival = (day - shop.first_day).days
    of_day = lines.filter(arrival=arrival)
    plain = of_day.filter(pl.col("reason").is_null(), pl.col("who") >= 0, pl.col("who") < shop.customers, kind="order", copy=0)
    if plain.height < 2:
        raise SourceError(f"the file of {day} has {plain.height} ordinary lines, too few to restate it: generate more orders a day")
    changed, dropped = plain.row(0, named=True), plain.row(-1, named=True)
    once = of_day.filter(pl.col("who") >= shop.customers)
    gone = once.row(0, named=True) if once.height else None
    left_out = [dropped["row"]] + ([gone["row"]] if gone else [])
    quantity = pl.when(pl.col("row") == changed["row"]).then(pl.col("quantity") + 10).otherwise("quantity")
    kept = lines.with_columns(quantity=quantity).filter(~pl.col("row").is_in(left_out)).drop("row")
    name = [f"{line['invoice']} {product_codes(shop)[line['product']]}" for line in (changed, dropped)]
    return Corrected(kept, name[0], name[1], FIRST_CUSTOMER + gone["who"] if gone else None)
