"""Returns: one row each, with copies of some. Unlike order lines they have a key, ReturnID, and so can be de-duplicated."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.domains.retail.shop.calendar import Shop, stream

RETURN_REASONS: Mapping[str, str] = {
    "quantity is below 1": "Quantity",
    "refund is negative": "RefundAmount",
    "return is missing": "ReturnID",
    "time is no time": "ReturnedAt",
}
"""Why a return must be quarantined, and the column that it is about."""
WHY = ("damaged", "wrong item", "too late", "not as described", "changed mind")
# When the copies of a return come, in open days after the first, and whether they are exact.
_COPIES: tuple[tuple[tuple[int, ...], bool], ...] = (
    ((0,), True),
    ((0,), False),
    ((1,), True),
    ((1,), False),
    ((1, 2, 3, 4), True),
    ((1, 2, 3, 4), False),
    ((6,), True),  # after the horizon: no duplicate
)


def draw_returns(shop: Shop, lines: pl.DataFrame) -> pl.DataFrame:
    """One row a return of an order line, before copies."""
    random = stream(shop, "returns")
    sold = lines.filter(pl.col("who") >= 0, pl.col("who") < shop.customers, pl.col("pence") > 0, kind="order")
    open_days = np.array(shop.open_days, dtype=np.int64)
    day = sold["day"].to_numpy() + random.integers(1, 21, sold.height)
    quantity = random.integers(1, sold["quantity"].to_numpy() + 1)
    lag = np.where(random.random(sold.height) < 0.03, random.integers(1, 5, sold.height), 0)
    drawn = sold.select("who", "invoice", "product", "pence").with_columns(
        day=pl.Series(day),
        minute=pl.Series(random.integers(480, 1080, sold.height)),
        arrival=pl.Series(np.where(np.isin(day + lag, open_days), day + lag, day)),
        quantity=pl.Series(quantity),
        why=pl.Series(random.integers(0, len(WHY), sold.height)),
        reason=pl.lit(None, pl.String),
        copy=pl.lit(0, pl.Int64),
        added=pl.lit(0, pl.Int64),  # pence by which a changed copy differs
    )
    kept = drawn.filter((random.random(sold.height) < 0.03) & np.isin(day, open_days))
    return kept.sort("day", "minute", "invoice", "product").with_row_index("number", offset=100_001)


def with_reasons_and_copies(shop: Shop, returns: pl.DataFrame) -> pl.DataFrame:
    """Plants reasons and copies. In a chain all copies are exact, or each differs from every other."""
    random = stream(shop, "copies of returns")
    turn = random.permutation(returns.height)
    # Every 6th return has company or is broken, each way in turn; so small shops show each of them too.
    ways = len(_COPIES) + len(RETURN_REASONS) + 1
    way = np.where(turn % 6 == 0, (turn // 6) % ways, -1)
    way[_too_many(returns["arrival"].to_numpy(), way >= len(_COPIES))] = -1
    reason = np.full(returns.height, None, dtype=object)
    for number, name in enumerate([*RETURN_REASONS, "quantity is below 1"], start=len(_COPIES)):
        reason[way == number] = name
    rows = [returns.with_columns(reason=pl.Series(reason.tolist(), dtype=pl.String))]
    # A broken return that comes again, fixed: the broken one is no earlier occurrence, so this one is accepted.
    rows.append(_later(shop, returns.filter(way == ways - 1), open_days_later=1, copy=1, added=0))
    for number, (later, is_exact) in enumerate(_COPIES):
        for copy, open_days_later in enumerate(later, start=1):
            rows.append(_later(shop, returns.filter(way == number), open_days_later, copy, added=0 if is_exact else copy))
    return pl.concat(rows).sort("arrival", "number", "copy")


def _too_many(arrival: npt.NDArray[np.int64], is_broken: npt.NDArray[np.bool_]) -> list[int]:
    """The broken returns beyond three in ten of their day: a day with more is blocked, and then there is no demo of what reads it."""
    found: list[int] = []
    for day in np.unique(arrival[is_broken]):
        of_day = arrival == day
        found += np.flatnonzero(of_day & is_broken)[3 * int(of_day.sum()) // 10 :].tolist()
    return found


def _later(shop: Shop, returns: pl.DataFrame, open_days_later: int, copy: int, added: int) -> pl.DataFrame:
    """The same returns, once more, some open days after; those that would come after the last day do not."""
    open_days = np.array(shop.open_days, dtype=np.int64)
    at = np.searchsorted(open_days, returns["arrival"].to_numpy()) + open_days_later
    comes = at < open_days.size
    coming = returns.filter(comes).with_columns(arrival=pl.Series(open_days[at[comes]]))
    return coming.with_columns(copy=pl.lit(copy, pl.Int64), added=pl.lit(added, pl.Int64))
