"""Generates a small fictional online shop: its files, and the truths that must come out of them.

`generate` writes one CSV of order lines a day, in exactly the columns and spellings of the real shop's files (UCI Online Retail: naive
London times, customers written as 17850.0, commas and quotes in descriptions), one CSV of returns and one of customers a day, and
truths.json. The same arguments give the same bytes in every process.

What is planted, each with a known count (REASONS, RETURN_REASONS and UPDATE_REASONS are quarantined, all else is kept):

- order lines have no natural key: exact copies and changed repeats are in a file, are counted, and stay;
- returns have one, ReturnID: exact and changed copies, in the same file, some days later, in chains, and again after the horizon;
- customers are updates of profiles: segment, signup day; some are cleared, some updates arrive late, some
  after a newer one, which they must not replace;
- whole invoices arrive 1 to 4 days late, in a later file, with their older time;
- closed days (Saturdays, Easter, New Year, Christmas) have no file; a file has a day of London, of 23 hours when summer time begins;
- lines without a customer (a share that moves from day to day), cancelled, free of charge, with a negative quantity but no C;
- prices rise over the last two fifths of the days;
- customers stop. Each has a latent rate of orders, a half-life of that rate, and a daily hazard of leaving for good. Given these and
  whether the customer is still there, the probability of no order in the next 30 days is known (`churn_probability`), and with it the
  AUC that no model can beat for long: Truths.bayes_auc. Models see orders only, and reach less.

A line carries at most one reason, and the first line of an order none: every order survives, so the churn signal is what was drawn.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from platform_assets.domains.retail.shop.calendar import Shop
from platform_assets.domains.retail.shop.counting import ACTIVE, DUPLICATES_WITHIN, EVERY, truths_of
from platform_assets.domains.retail.shop.customers import HORIZON, churn_probability, draw_customers
from platform_assets.domains.retail.shop.orders import REASONS, corrected, draw_lines, draw_orders, with_copies, with_reasons
from platform_assets.domains.retail.shop.profiles import SEGMENTS, UPDATE_REASONS, draw_updates
from platform_assets.domains.retail.shop.returns import RETURN_REASONS, draw_returns, with_reasons_and_copies
from platform_assets.domains.retail.shop.texts import COLUMNS, CUSTOMER_COLUMNS, RETURN_COLUMNS, customer_texts, order_texts, return_texts
from platform_assets.domains.retail.shop.truths import Churn, CustomersDay, OrdersDay, ReturnsDay, Revenue, Truths
from platform_assets.errors import SettingsError, SourceError

__all__ = [
    "ACTIVE",
    "COLUMNS",
    "CUSTOMER_COLUMNS",
    "DUPLICATES_WITHIN",
    "EVERY",
    "HORIZON",
    "REASONS",
    "RETURN_COLUMNS",
    "RETURN_REASONS",
    "SEGMENTS",
    "UPDATE_REASONS",
    "Churn",
    "CustomersDay",
    "OrdersDay",
    "Restatement",
    "ReturnsDay",
    "Revenue",
    "Shop",
    "Truths",
    "churn_probability",
    "draw_customers",
    "generate",
    "read_truths",
    "restate",
]


@dataclass(frozen=True)
class Restatement:
    """The changes of a second export of a day."""

    day: date
    changed: str  # invoice and stock code of the line with another quantity
    dropped: str  # invoice and stock code of the removed line
    customer_gone: int | None  # the customer whose only line was removed; None if the day has no such line left
    truths: Truths


def generate(
    folder: Path | str,
    *,
    first_day: date = date(2025, 1, 1),
    days: int = 120,
    customers: int = 2000,
    orders_per_day: int = 250,
    seed: int = 7,
) -> Truths:
    """Writes a shop: <folder>/<day>.csv, <folder>/returns/<day>.csv, <folder>/customers/<day>.csv and, last, <folder>/truths.json.

    `customers` counts the regular ones; each open day has one more one-time customer. `orders_per_day` counts the orders of an open day,
    including anonymous ones, on average. Each file is written atomically. A second call with the same arguments writes nothing
    (files_written is 0), a call after a kill writes what is missing. A folder with files of other arguments, or other files,
    is refused.

    >>> truths = generate("shop", days=10, customers=50, orders_per_day=20)
    >>> truths.closed[0].isoformat(), truths.orders[0].day.isoformat()
    ('2025-01-01', '2025-01-02')
    """
    shop, root = Shop(first_day, days, customers, orders_per_day, seed), Path(folder)
    known = read_truths(root) if (root / "truths.json").exists() else None
    if known is not None and known.shop != shop:
        raise SettingsError(f"{root} has a shop with other arguments, {known.shop}: generate into another folder, or delete it")
    if known is not None and all(path.exists() for path in _files(root, shop)):
        return known
    tables = _tables(shop, known.restated if known else ())
    truths = truths_of(shop, tables.orders, tables.returns, tables.updates, tables.customers, tables.restated)
    contents = {path: content for path, content in _contents(root, shop, tables) if known is None or not path.exists()}
    if known is None:
        _refuse_strangers(root, contents)
    written = sum(_write(path, content) for path, content in contents.items())
    return replace(truths, files_written=written + _write(root / "truths.json", _json(truths)))


def restate(folder: Path | str, day: date) -> Restatement:
    """Exports a generated day again, corrected: one line with another quantity, one line removed, and a customer's only line removed.

    The day's file and truths.json are replaced. Restating a day again corrects it further.
    """
    root, known = Path(folder), read_truths(folder)
    shop, arrival = known.shop, (day - known.shop.first_day).days
    if arrival not in shop.open_days:
        last = known.orders[-1].day if known.orders else "nothing"
        raise SourceError(f"{root} has no file of {day}, so there is nothing to restate: open days are from {shop.first_day} to {last}")
    before = _tables(shop, known.restated)
    after = corrected(shop, before.orders, day)
    truths = truths_of(shop, after.lines, before.returns, before.updates, before.customers, (*known.restated, day))
    corrections = {f"{day}.csv": _csv(order_texts(shop, after.lines.filter(arrival=arrival))), "truths.json": _json(truths)}
    written = sum(_write(root / name, content) for name, content in corrections.items())
    return Restatement(day, after.changed, after.dropped, after.customer_gone, replace(truths, files_written=written))


def read_truths(folder: Path | str) -> Truths:
    """The truths that `generate` wrote into a folder."""
    path = Path(folder) / "truths.json"
    if not path.exists():
        raise SourceError(f"{folder} has no generated shop: there is no truths.json. Call generate({str(folder)!r}) first")
    read = json.loads(path.read_text("utf-8"))
    return Truths(
        shop=Shop(**_dated(read["shop"], "first_day")),
        closed=tuple(map(date.fromisoformat, read["closed"])),
        orders=tuple(OrdersDay(**_dated(each)) for each in read["orders"]),
        returns=tuple(ReturnsDay(**_dated(each)) for each in read["returns"]),
        customers=tuple(CustomersDay(**_dated(each)) for each in read.get("customers", [])),  # version 1 had none
        revenue=tuple(Revenue(**_dated(each)) for each in read["revenue"]),
        churn=tuple(Churn(**_dated(each)) for each in read["churn"]),
        bayes_auc=read["bayes_auc"],
        restated=tuple(map(date.fromisoformat, read["restated"])),
    )


@dataclass(frozen=True)
class _Tables:
    """All rows with their facts; days are counted from the shop's first."""

    orders: pl.DataFrame
    returns: pl.DataFrame
    updates: pl.DataFrame
    customers: pl.DataFrame
    restated: tuple[date, ...]


def _tables(shop: Shop, restated: Sequence[date]) -> _Tables:
    customers = draw_customers(shop)
    lines = draw_lines(shop, draw_orders(shop, customers), customers)
    returns = with_reasons_and_copies(shop, draw_returns(shop, lines))
    lines = with_copies(shop, with_reasons(shop, lines))
    for day in restated:
        lines = corrected(shop, lines, day).lines
    return _Tables(lines, returns, draw_updates(shop, customers), customers, tuple(restated))


def _files(root: Path, shop: Shop) -> list[Path]:
    return [folder / f"{shop.day(index)}.csv" for folder in (root, root / "returns", root / "customers") for index in shop.open_days]


def _contents(root: Path, shop: Shop, tables: _Tables) -> Iterator[tuple[Path, bytes]]:
    """Each file with its content; a day without rows has only a header."""
    for folder, rows, texts in (
        (root, tables.orders, order_texts(shop, tables.orders)),
        (root / "returns", tables.returns, return_texts(shop, tables.returns)),
        (root / "customers", tables.updates, customer_texts(shop, tables.updates)),
    ):
        arrival = rows["arrival"].to_numpy()
        for day in shop.open_days:
            start, end = np.searchsorted(arrival, [day, day + 1])
            yield folder / f"{shop.day(day)}.csv", _csv(texts[start:end])


def _csv(texts: pl.DataFrame) -> bytes:
    return texts.write_csv().encode()


def _json(truths: Truths) -> bytes:
    facts = asdict(truths)
    del facts["files_written"]
    return (json.dumps(facts, indent=1, default=str) + "\n").encode()


def _refuse_strangers(root: Path, contents: Mapping[Path, bytes]) -> None:
    """Without truths.json, a CSV may only be left over from a killed call: never write next to or over other files."""
    for path in sorted([*root.glob("*.csv"), *root.glob("returns/*.csv"), *root.glob("customers/*.csv")]):
        if contents.get(path) != path.read_bytes():
            raise SettingsError(f"{path} does not belong to the requested shop: generate into an empty folder")


def _write(path: Path, content: bytes) -> bool:
    """Writes a file atomically, and returns whether it was written; an identical file is not changed."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    return True


def _dated(facts: dict[str, Any], name: str = "day") -> dict[str, Any]:
    """Facts with dates and lateness days converted back from JSON strings."""
    late = {"late": {int(days): count for days, count in facts["late"].items()}} if "late" in facts else {}
    return facts | {name: date.fromisoformat(facts[name])} | late
