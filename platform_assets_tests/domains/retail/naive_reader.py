"""The shop's files read with the csv module and plain loops, to be compared with the truths, which were counted from what was drawn."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from platform_assets.domains.retail.generate import (
    COLUMNS,
    Truths,
)

LONDON = ZoneInfo("Europe/London")
REAL_FILES = Path(__file__).parents[4] / "shared" / "data" / "retail"
KNOWN_COUNTRIES = {"United Kingdom", "Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal", "Australia"}
SMALL = {"days": 40, "customers": 60, "orders_per_day": 20}


@dataclass(frozen=True)
class Line:
    """A line of a file, read as the platform must read it: with the reason why it cannot be accepted, or with its values."""

    arrival: date
    texts: tuple[str, ...]
    reason: str | None
    at: datetime | None = None
    amount: Decimal = Decimal(0)

    @property
    def event_day(self) -> date:
        assert self.at is not None
        return local_day(self.at)

    @property
    def is_cancelled(self) -> bool:
        return self.texts[0].startswith("C")

    @property
    def customer(self) -> str:
        return self.texts[6]


def rows(path: Path, header: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file, strict=True)
        assert tuple(next(reader)) == header
        for row in reader:
            assert len(row) == len(header)
            yield tuple(row)


def utc(text: str) -> datetime:
    """A London time as UTC; one that the clocks skip is refused, for it comes back as another."""
    local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    at = local.replace(tzinfo=LONDON).astimezone(UTC)
    if at.astimezone(LONDON).replace(tzinfo=None) != local:
        raise LookupError(text)
    return at


def local_day(at: datetime) -> date:
    """The day in London, of which a file is."""
    return at.astimezone(LONDON).date()


def order_lines(folder: Path, day: date) -> list[Line]:
    return [order_line(day, texts) for texts in rows(folder / f"{day}.csv", COLUMNS)]


def read_orders(folder: Path) -> dict[date, list[Line]]:
    days = sorted(date.fromisoformat(path.stem) for path in folder.glob("*.csv"))
    return {day: order_lines(folder, day) for day in days}


def order_line(day: date, texts: tuple[str, ...]) -> Line:
    invoice, code, _, quantity, time, price, _, country = texts
    required = {"invoice": invoice, "stock code": code, "quantity": quantity, "time": time, "price": price, "country": country}
    if missing := [name for name, text in required.items() if not text]:
        assert len(missing) == 1
        return Line(day, texts, f"{missing[0]} is missing")
    try:
        at = utc(time)
    except ValueError:
        return Line(day, texts, "time is no time")
    except LookupError:
        return Line(day, texts, "time is skipped by summer time")
    if local_day(at) > day:
        return Line(day, texts, "time is in the future")
    if not quantity.lstrip("-").isdigit():
        return Line(day, texts, "quantity is no number")
    try:
        amount = Decimal(price)
    except InvalidOperation:
        return Line(day, texts, "price is no number")
    broken = {"quantity is 0": int(quantity) == 0, "price is negative": amount < 0, "country is unknown": country not in KNOWN_COUNTRIES}
    reasons = [reason for reason, is_broken in broken.items() if is_broken]
    assert len(reasons) <= 1
    return Line(day, texts, reasons[0] if reasons else None, at, amount * int(quantity))


def count_orders(received: dict[date, list[Line]], truths: Truths) -> None:
    """Compares every count of every day."""
    assert list(received) == [day.day for day in truths.orders]
    for day in truths.orders:
        lines = received[day.day]
        kept = [line for line in lines if line.reason is None]
        late = Counter((day.day - line.event_day).days for line in kept)
        counted = replace(
            day,
            received=len(lines),
            accepted=len(kept),
            quarantined=dict(Counter(line.reason for line in lines if line.reason)),
            exact_copies=len(kept) - len({line.texts for line in kept}),
            repeats=len(kept) - len({line.texts[:2] for line in kept}),
            late={days: count for days, count in late.items() if days},
            anonymous=sum(not line.customer for line in kept),
            cancelled=sum(line.is_cancelled for line in kept),
            free=sum(Decimal(line.texts[5]) == 0 for line in kept),
        )
        assert counted == day
