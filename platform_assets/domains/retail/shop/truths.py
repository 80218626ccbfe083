"""What must come out of the generated files, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from platform_assets.domains.retail.shop.calendar import Shop


@dataclass(frozen=True)
class OrdersDay:
    """What one file of order lines holds. All counts but `received` and `quarantined` are of accepted lines."""

    day: date
    received: int
    accepted: int
    quarantined: Mapping[str, int]  # by reason; a line has one
    exact_copies: int  # lines beyond the first of those that agree in every column
    repeats: int  # lines beyond the first of an invoice and stock code: exact copies and changed ones
    late: Mapping[int, int]  # lines by the days from their event day to the file's day; 0 is left out
    anonymous: int
    cancelled: int
    free: int  # price 0
    price_level: float  # prices of the day over those of the first one


@dataclass(frozen=True)
class ReturnsDay:
    """What one file of returns holds: received = accepted + quarantined + exact_duplicates + changed_duplicates."""

    day: date
    received: int
    accepted: int
    quarantined: Mapping[str, int]
    exact_duplicates: int
    changed_duplicates: int
    chained: int  # duplicates among them for which only another duplicate, no accepted row, lies within the horizon
    late: Mapping[int, int]  # of accepted rows


@dataclass(frozen=True)
class CustomersDay:
    """What one file of customers holds: received = accepted + quarantined. No update is a duplicate."""

    day: date
    received: int
    accepted: int
    quarantined: Mapping[str, int]
    exact_copies: int
    outdated: int  # accepted updates that are older than what an earlier file said of the customer: they change nothing
    late: Mapping[int, int]  # of accepted rows
    segments: Mapping[str, int]  # as of the day's end: how many customers are in each segment; in "" those who do not say


@dataclass(frozen=True)
class Revenue:
    """A row of the report by event day (of London) and country, late lines included. Amounts are sums of quantity x unit price."""

    day: date
    country: str
    lines: int  # not cancelled
    orders: int  # distinct invoices, not cancelled
    revenue: float  # not cancelled
    cancelled_lines: int
    cancelled: float  # negative


@dataclass(frozen=True)
class Churn:
    """The question at t, when `day` begins in London, for customers with an accepted, not cancelled line with an event time in
    [t - 90 d, t) that had arrived before t: no such line with an event time in (t, t + 30 d], whenever it arrives?"""

    day: date
    active: int
    churned: int
    bayes_auc: float  # expected AUC of the true probability: the ceiling


@dataclass(frozen=True)
class Truths:
    """What must come out of the generated files."""

    shop: Shop
    closed: tuple[date, ...]  # days without a file
    orders: tuple[OrdersDay, ...]
    returns: tuple[ReturnsDay, ...]
    customers: tuple[CustomersDay, ...]
    revenue: tuple[Revenue, ...]
    churn: tuple[Churn, ...]
    bayes_auc: float  # of all questions together
    restated: tuple[date, ...] = ()  # days that were exported again, in this order
    files_written: int = field(default=0, compare=False)  # by this call, truths.json among them; not part of truths.json
