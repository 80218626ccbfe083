"""What a source refuses, word for word."""

from datetime import datetime
from typing import Any, Optional

import pytest

from platform_assets import daily, monthly, source
from platform_assets_tests.declare.shop import Order, Wrong, orders, refused


class Empty:
    pass


class WithList:
    ordered_at: datetime
    tags: list[str]


class WithUnion:
    ordered_at: datetime
    amount: int | str


class WithValue:
    ordered_at: datetime
    amount: 5  # type: ignore[valid-type]


class WithUnknown:
    ordered_at: "datetim"  # type: ignore[name-defined]  # noqa: F821


class WithCapital:
    ordered_at: datetime
    Amount: float


class WithReserved:
    ordered_at: datetime
    origin: str


class OldOptional:
    ordered_at: datetime
    amount: Optional[float]  # noqa: UP045 - an annotation that users write


def no_event_time(arrival: Any) -> None: ...


def without_argument() -> Any:
    @source(schema=Order, event_time="ordered_at", partitions=daily("2024-01-01"))  # type: ignore[arg-type]
    def orders() -> None: ...

    return orders


A_LIST = "is not a list. Write key=['order_id']."
A_DURATION = "is not a duration. Write a whole number followed by s, m (minutes), h, d or w, such as '7d'."
ARGUMENTS: dict[str, Any] = {"schema": Order, "event_time": "ordered_at", "partitions": daily("2024-01-01")}

WRONG: Wrong = {
    "an argument is missing": (lambda: source(schema=Order), "@source is missing the argument 'partitions'."),  # type: ignore[call-arg]
    "the event time is missing": (
        lambda: source(schema=Order, partitions=daily("2024-01-01"))(no_event_time),
        "source 'no_event_time' is missing the argument 'event_time'. Write event_time='ordered_at', the column that says",
    ),
    "an argument is misspelt": (lambda: orders(rule={}), "@source: there is no argument 'rule'. Did you mean 'rules'?"),
    "parentheses are missing": (lambda: source(orders), "@source: all arguments are keyword-only."),  # type: ignore[arg-type, call-arg]
    "it is not a function": (
        lambda: source(**ARGUMENTS)("orders"),  # type: ignore[arg-type]
        "@source: it must be a function of one argument. Write def orders(",
    ),
    "it has no name": (lambda: source(**ARGUMENTS)(lambda arrival: None), "source '<lambda>': the name '<lambda>' is invalid."),
    "it takes nothing": (without_argument, "source 'orders': it must be a function of one argument. Write def orders(arrival: Arrival)"),
    "a schema is a dict": (
        lambda: orders(schema={"amount": float}),
        "source 'orders', schema: {'amount': <class 'float'>} is not a class with annotated columns. Write them as 'price: float'.",
    ),
    "a schema is empty": (lambda: orders(schema=Empty), "source 'orders', schema: 'Empty' has no annotated columns."),
    "a column is a list": (
        lambda: orders(schema=WithList),
        "source 'orders', schema: the column 'tags' is list[str]. A column is one of int, float, str, bool, datetime, date,",
    ),
    "a column has two types": (lambda: orders(schema=WithUnion), "source 'orders', schema: the column 'amount' is int | str."),
    "a column is a value": (lambda: orders(schema=WithValue), "source 'orders', schema: the column 'amount' is 5."),
    "a type is unknown": (
        lambda: orders(schema=WithUnknown),
        "source 'orders', schema: its annotations cannot be read: name 'datetim' is not defined",
    ),
    "a column has a capital": (lambda: orders(schema=WithCapital), "source 'orders', schema: the name 'Amount' is invalid."),
    "a column is the platform's": (
        lambda: orders(schema=WithReserved),
        "source 'orders', schema: 'origin' is a column that the platform adds itself, choose another name",
    ),
    "an event time is misspelt": (
        lambda: orders(event_time="orderd_at"),
        "source 'orders', event_time: there is no column 'orderd_at'. Did you mean 'ordered_at'?",
    ),
    "an event time is a number": (lambda: orders(event_time=5), "source 'orders', event_time: 5 is not a column. Choose from: order_id,"),
    "an event time is a text": (
        lambda: orders(event_time="country"),
        "source 'orders', event_time: 'country' is text, it must be a timestamp: annotate it as datetime",
    ),
    "an event time is a date": (lambda: orders(event_time="shipped_on"), "source 'orders', event_time: 'shipped_on' is date, it must"),
    "a key is a text": (lambda: orders(key="order_id"), f"source 'orders', key: 'order_id' {A_LIST}"),
    "a key is a set": (lambda: orders(key={"order_id"}), f"source 'orders', key: {{'order_id'}} {A_LIST}"),
    "a key is None": (lambda: orders(key=None), f"source 'orders', key: None {A_LIST}"),
    "a key is misspelt": (lambda: orders(key=["orderid"]), "source 'orders', key: there is no column 'orderid'. Did you mean 'order_id'?"),
    "a key is a number": (lambda: orders(key=[1]), "source 'orders', key: 1 is not a string."),
    "a key stands twice": (lambda: orders(key=["order_id", "order_id"]), "source 'orders', key: 'order_id' is listed twice."),
    "partitions are None": (
        lambda: orders(partitions=None),
        "source 'orders', partitions: None are not partitions. Write partitions=daily('2024-01-01').",
    ),
    "partitions are a function": (
        lambda: orders(partitions=daily),
        "source 'orders', partitions: the function daily() are not partitions.",
    ),
    "partitions are months": (
        lambda: orders(partitions=monthly("2024-01-01")),
        "source 'orders', partitions: sources arrive in hours, days or weeks, not in months. A file of a month arrives on the day of its "
        "export: write daily(...) with empty_after='6h', and return None on all other days.",
    ),
    "a time zone is misspelt": (
        lambda: orders(timezone="Europe/Londn"),
        "source 'orders', timezone: there is no time zone 'Europe/Londn'. Did you mean 'Europe/London'?",
    ),
    "a time zone is in lower case": (
        lambda: orders(timezone="europe/london"),
        "source 'orders', timezone: there is no time zone 'europe/london'. Did you mean 'Europe/London'?",
    ),
    "a time zone is a folder": (lambda: orders(timezone="Europe"), "source 'orders', timezone: there is no time zone 'Europe'. Did"),
    "a time zone is a path": (lambda: orders(timezone="../x"), "source 'orders', timezone: there is no time zone '../x'. Write it"),
    "a time zone is empty": (lambda: orders(timezone=""), "source 'orders', timezone: there is no time zone ''. Write it as"),
    "a time zone is a number": (lambda: orders(timezone=1), "source 'orders', timezone: 1 is not the name of a time zone. Write it"),
    "rules are a list": (
        lambda: orders(rules=["amount > 0"]),
        "source 'orders', rules: ['amount > 0'] is not a dict. Write rules={'name': 'price >= 0'}.",
    ),
    "flags are a text": (lambda: orders(flags="amount > 0"), "source 'orders', flags: 'amount > 0' is not a dict. Write flags={"),
    "a rule is a number": (lambda: orders(rules={"amount": 3}), "source 'orders', rules: 'amount': 3 are not both strings."),
    "a rule is empty": (
        lambda: orders(rules={"amount": " "}),
        "source 'orders', rule 'amount': an expression must be a non-empty string of SQL. The expression is",
    ),
    "a rule is misspelt": (
        lambda: orders(rules={"amount": "amont > 0"}),
        "source 'orders', rule 'amount': 'amont > 0': there is no column 'amont'. Did you mean 'amount'?",
    ),
    "a rule reads a flag": (lambda: orders(rules={"gift": "gift"}), "source 'orders', rule 'gift': 'gift': there is no column 'gift'."),
    "a rule is not a condition": (
        lambda: orders(rules={"known": "country"}),
        "source 'orders', rule 'known': 'country' is text, a condition must be true or false",
    ),
    "a rule's name has a space": (lambda: orders(rules={"a b": "amount > 0"}), "source 'orders', rule 'a b': the name 'a b' is invalid."),
    "a flag is a column": (
        lambda: orders(flags={"amount": "amount > 0"}),
        "source 'orders', flag 'amount': there is a column with this name already",
    ),
    "a flag is the platform's": (
        lambda: orders(flags={"run": "amount > 0"}),
        "source 'orders', flag 'run': there is a column with this name already",
    ),
    "a share is a percentage": (lambda: orders(accepted_share=70), "source 'orders', accepted_share: 70 is not a number from 0 to 1"),
    "a share is a text": (lambda: orders(accepted_share="0.7"), "source 'orders', accepted_share: '0.7' is not a number from 0 to 1"),
    "a share is True": (lambda: orders(accepted_share=True), "source 'orders', accepted_share: True is not a number from 0 to 1"),
    "a share is not a number": (lambda: orders(accepted_share=float("nan")), "source 'orders', accepted_share: nan is not a number from"),
    "empty_after is in words": (
        lambda: orders(empty_after="6 hours"),
        "source 'orders', empty_after: '6 hours' is not a duration. Write '6h'.",
    ),
    "empty_after is a number": (
        lambda: orders(empty_after=6),
        "source 'orders', empty_after: 6 is not a duration. Add the unit: '6d' or '6h'.",
    ),
    "a delay is None": (lambda: orders(data_delay=None), f"source 'orders', data_delay: None {A_DURATION}"),
    "a delay is negative": (lambda: orders(data_delay="-1d"), f"source 'orders', data_delay: '-1d' {A_DURATION}"),
    "a delay is endless": (lambda: orders(data_delay="9" * 30 + "w"), "source 'orders', data_delay: '99999"),
    "a delay is a century and a day": (
        lambda: orders(data_delay="36526d"),
        "source 'orders', data_delay: '36526d' is longer than a century (36525d).",
    ),
    "duplicates lack a key": (
        lambda: orders(duplicates_within=3),
        "source 'orders', duplicates_within: 3 needs key=[...], the columns that two copies have in common",
    ),
    "duplicates are negative": (
        lambda: orders(duplicates_within=-1, key=["order_id"]),
        "source 'orders', duplicates_within: -1 is not a whole number of 0 or more",
    ),
    "duplicates are a text": (lambda: orders(duplicates_within="3"), "source 'orders', duplicates_within: '3' is not a whole number"),
    "duplicates are True": (lambda: orders(duplicates_within=True), "source 'orders', duplicates_within: True is not a whole number"),
    "deliveries are misspelt": (
        lambda: orders(deliveries="restate"),
        "source 'orders': there is no way to treat deliveries 'restate'. Did you mean 'restates'?",
    ),
    "deliveries are None": (
        lambda: orders(deliveries=None),
        "source 'orders': None is not a way to treat deliveries. Choose from: restates,",
    ),
    "what arrives now has no key": (
        lambda: orders(deliveries="arrives_now"),
        "source 'orders', deliveries: when a second delivery of a partition arrives now, it brings rows of the first again. Say how",
    ),
    "a kind is not built": (
        lambda: orders(kind="changes"),
        "source 'orders': there is no kind of source 'changes'. Choose from: events, snapshot, state.",
    ),
    "owners are a text": (
        lambda: orders(owners="team:growth"),
        "source 'orders', owners: 'team:growth' is not a list. Write owners=['team:growth'].",
    ),
    "owners are None": (lambda: orders(owners=None), "source 'orders', owners: None is not a list. Write owners=['team:growth']."),
    "an owner is a word": (
        lambda: orders(owners=["growth"]),
        "source 'orders': the owner 'growth' is neither a team nor an e-mail address. Write 'team:growth' or 'ada@example.org'.",
    ),
    "an owner is a number": (lambda: orders(owners=[3]), "source 'orders': the owner 3 is neither a team nor an e-mail address."),
    "tags are a list": (lambda: orders(tags=["shop"]), "source 'orders', tags: ['shop'] is not a dict. Write tags={'team': 'growth'}."),
    "a tag has a space": (lambda: orders(tags={"a b": "c"}), "source 'orders': the tag 'a b': 'c' is invalid. Use at most 63"),
    "a tag is a number": (lambda: orders(tags={"tier": 1}), "source 'orders', tags: 'tier': 1 are not both strings."),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_source_says_what_is_wrong_where_and_how_to_mend_it(what: str) -> None:
    refused(*WRONG[what])


def test_a_source_takes_its_name_and_description_from_its_function() -> None:
    assert (orders().name, orders().description) == ("orders", "Orders of the shop.")


def test_a_column_may_lack_values_where_its_annotation_says_none() -> None:
    assert {name: column.nullable for name, column in orders().columns.items() if column.nullable} == {"country": True, "shipped_on": True}
    assert orders(schema=OldOptional, flags={}).columns["amount"].nullable
