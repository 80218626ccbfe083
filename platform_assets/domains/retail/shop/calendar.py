"""When the shop is open, how busy it is, what it charges: all that depends on the day alone; and where chance comes from."""

import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from platform_assets.errors import SettingsError

Array = NDArray[Any]

_VERSION = 3  # of what is generated: raise it when the same arguments give other bytes


@dataclass(frozen=True)
class Shop:
    """What a shop is generated from: everything else follows."""

    first_day: date = date(2025, 1, 1)
    days: int = 120
    customers: int = 2000
    orders_per_day: int = 250
    seed: int = 7
    version: int = _VERSION

    def __post_init__(self) -> None:
        for name in ("days", "customers", "orders_per_day"):
            if getattr(self, name) < 1:
                raise SettingsError(f"the generated shop has {name}={getattr(self, name)}: give at least 1")
        if self.seed < 0:
            raise SettingsError(f"the generated shop has seed={self.seed}: give 0 or more")

    def day(self, index: int) -> date:
        return self.first_day + timedelta(days=index)

    @cached_property
    def open_days(self) -> list[int]:
        """The days that have a file, as days since the first."""
        return [index for index in range(self.days) if not is_closed(self.day(index))]


def is_closed(day: date) -> bool:
    """Whether the shop rests: Saturdays, New Year's Day, Good Friday, Easter Monday, 25 and 26 December."""
    from_easter = (day - _easter(day.year)).days
    return day.weekday() == 5 or from_easter in (-2, 1) or (day.month, day.day) in ((1, 1), (12, 25), (12, 26))


@cache
def weights(shop: Shop) -> Array:
    """How busy each day is: 0 when closed, Thursdays most, 1 on average of a week's open days."""
    by_weekday = np.array([0.95, 1.0, 1.05, 1.25, 1.0, 0.0, 0.75])
    return np.array([0.0 if is_closed(shop.day(index)) else by_weekday[shop.day(index).weekday()] for index in range(shop.days)])


def anonymous_share(shop: Shop) -> Array:
    """The share of orders without a customer on each day: it moves between a tenth and four tenths."""
    return 0.25 + 0.12 * np.sin(2 * np.pi * np.arange(shop.days) / 23) + stream(shop, "anonymous share").uniform(-0.03, 0.03, shop.days)


def price_level(shop: Shop, day: Array) -> Array:
    """Prices over those of the first day: flat for three fifths of the days, then up to 1.4."""
    return np.round(1 + 0.4 * np.clip((day / shop.days - 0.6) / 0.4, 0, 1), 4)


def stream(shop: Shop, what: str) -> np.random.Generator:
    """A stream of its own for each matter: a draw more in one moves no other."""
    return np.random.default_rng([shop.seed, zlib.crc32(what.encode())])


def clock_changes(day: date) -> bool:
    """Whether Europe/London goes to or from summer time: the last Sundays of March and October."""
    return day.month in (3, 10) and day.weekday() == 6 and day.day > 24


def _easter(year: int) -> date:
    """Easter Sunday (Meeus, Jones & Butcher; Gregorian)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), g = divmod(b, 4), (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    remainder = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * remainder) // 433
    month = (h + remainder - 7 * m + 90) // 25
    return date(year, month, (h + remainder - 7 * m + 33 * month + 19) % 32)
