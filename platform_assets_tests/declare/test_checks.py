"""Checks of quality, declared: what is wrong is said when the module loads, with the nearest right name."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from platform_assets import (
    Arrival,
    allowed,
    daily,
    drift,
    duplicates,
    fresh,
    holds,
    in_range,
    matches,
    null_share,
    outliers,
    refers_to,
    source,
    unique,
    volume,
)
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError


class Order:
    order_id: int
    customer_id: int | None
    country: str
    price: float
    paid: bool
    day: date
    at: datetime


class Customer:
    customer_id: int
    at: datetime


def orders(*checks: Any, **more: Any) -> Source:
    @source(schema=Order, event_time="at", partitions=daily("2024-01-01"), flags={"free": "price = 0"}, checks=checks, **more)
    def orders(arrival: Arrival) -> None:
        """Orders."""

    return orders


@source(schema=Customer, kind="state", event_time="at", partitions=daily("2024-01-01"), key=["customer_id"])
def customers(arrival: Arrival) -> None:
    """Customers."""


@source(schema=Customer, event_time="at", partitions=daily("2024-01-01"))
def visits(arrival: Arrival) -> None:
    """Who came: without a key."""


def test_a_check_is_named_for_what_it_looks_at_unless_it_has_a_name() -> None:
    declared = orders(
        null_share("customer_id"), null_share("customer_id", at_most=0.1, name="few_nulls"), in_range("price * 2", 0), volume(),
        unique("customer_id", "day"), refers_to("customer_id", customers), fresh(), duplicates(), drift("free"),
    )  # fmt: skip
    assert [check.name for check in declared.checks] == [
        "null_share_customer_id", "few_nulls", "in_range_price_2", "volume", "unique_customer_id_day", "refers_to_customers", "fresh",
        "duplicates", "drift_free",
    ]  # fmt: skip


def test_checks_change_no_value_and_so_no_version() -> None:
    assert orders().version == orders(null_share("customer_id"), fresh(), drift("price")).version


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: orders(null_share("custmer_id")), "there is no column 'custmer_id'. Did you mean 'customer_id'?"),
        (lambda: orders(null_share("country")), r"a row without 'country' is quarantined.*'\| None'"),
        (lambda: orders(null_share), "not a check. Call it"),
        (lambda: orders("null_share"), "'null_share' is not a check"),
        (lambda: null_share("a", at_most=30), "30 is not a number from 0 to 1. Write 0.3"),
        (lambda: null_share("a", at_mots=0.3), "Did you mean 'at_most'"),  # type: ignore[call-arg]
        (lambda: null_share(3), "3 is not a string"),  # type: ignore[arg-type]
        (lambda: null_share("a", severity="eror"), "there is no severity 'eror'. Did you mean 'error'?"),  # type: ignore[arg-type]
        (lambda: null_share("a", dimension="acuracy"), "Did you mean 'accuracy'?"),  # type: ignore[arg-type]
        (lambda: orders(fresh(name="Fresh data")), "the name 'Fresh data' is invalid.*'fresh_data'"),
        (lambda: orders(fresh(name="accepted_share")), "the platform has a check with this name"),
        (lambda: orders(fresh(name="rule_price")), "the platform has a check with this name"),
        (lambda: orders(fresh(), fresh(within="1h")), "two are named 'fresh'. Write name='...'"),
        (lambda: in_range("price"), "it has neither end"),
        (lambda: in_range("price", 5, 1), "nothing lies between 5 and 1"),
        (lambda: in_range("price", 5, "x"), "cannot be compared"),
        (lambda: orders(in_range("country", 0)), "'country' is text. A range is of numbers, dates or timestamps"),
        (lambda: orders(in_range("price", float("nan"))), "nan is neither a finite number"),
        (lambda: orders(in_range("at", datetime(2024, 1, 1))), "has no time zone"),
        (lambda: orders(in_range("day", 3)), "source 'orders', in_range 'day'"),
        (lambda: matches("country", "["), r"'\[' is not a regular expression"),
        (lambda: matches("country", "(?=a)b"), "not a regular expression that can be used here"),
        (lambda: orders(matches("price", "[0-9]+")), "'price' is float, and not a text"),
        (lambda: allowed("country", []), "no value is listed"),
        (lambda: allowed("country", "DE"), "'DE' is not a list"),
        (lambda: orders(allowed("country", ["DE", None])), "None is neither a finite number, a text"),
        (lambda: orders(allowed("country", [1])), "source 'orders', allowed 'country'"),
        (lambda: orders(holds("price + 1")), "it is float, a condition must be true or false"),
        (lambda: unique(), "no column is given"),
        (lambda: orders(unique("country", "cuntry")), "Did you mean 'country'"),
        (lambda: refers_to("customer_id", "customers"), "'customers' is not a source"),  # type: ignore[arg-type]
        (lambda: orders(refers_to("customer_id", visits)), r"'visits' has no key. Say which columns are meant: to=\['customer_id'\]"),
        (lambda: orders(refers_to("country", customers)), "'country' is text, customers.customer_id is int"),
        (lambda: orders(refers_to(["country", "customer_id"], customers)), "2 columns refer to 1 of 'customers': customer_id"),
        (lambda: orders(refers_to("customer_id", customers, to="custmer_id")), "Did you mean 'customer_id'"),
        (lambda: refers_to("customer_id", customers, late="2 days"), "Write '2d'"),
        (lambda: volume(at_least=-1), "-1 is not a number of rows"),
        (lambda: volume(at_least=5, at_most=3), "no number is at least 5 and at most 3"),
        (lambda: fresh(within="6"), "not a duration"),
        (lambda: orders(outliers("country")), "'country' is text, and not a number"),
        (lambda: orders(drift("at")), "'at' is timestamp, and not a number, text or bool"),
        (lambda: drift("price", at_most=-1), "-1 is not a number of 0 or more"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(declare: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_constants_of_every_type_are_compared() -> None:
    declared = orders(
        in_range("day", date(2024, 1, 1), name="days"), in_range("at", datetime(2024, 1, 1, 12, tzinfo=UTC), name="times"),
        in_range("price", -1.5e-7, 3, name="prices"), allowed("paid", [True]), allowed("country", ["Côte d'Ivoire"]),
    )  # fmt: skip
    row = {"day": date(2023, 12, 31), "at": datetime(2024, 1, 1, 11, 59, tzinfo=UTC), "price": -1e-6, "paid": False, "country": "it"}
    conditions = [getattr(check.figure, "condition") for check in declared.checks]  # noqa: B009 - only some figures have one
    assert [condition.closure()(row) for condition in conditions] == [False] * 5
    right = {"day": date(2024, 1, 1), "at": datetime(2024, 1, 1, 12, tzinfo=UTC), "price": 0.0, "paid": True, "country": "Côte d'Ivoire"}
    assert [condition.closure()(right) for condition in conditions] == [True] * 5
