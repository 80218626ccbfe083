"""Right declarations with one thing changed at a time: what tests of declarations start from."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import pytest

from platform_assets import (
    AttributeView,
    Entity,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingSet,
    count,
    daily,
    every,
    hourly,
    model,
    no_event,
    source,
    sum,
)
from platform_assets.declare.labels import Labels
from platform_assets.declare.model import Model
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError

Wrong = Mapping[str, tuple[Callable[[], Any], str]]
"""What is wrong, by a sentence: the declaration, and how the whole message of its error begins."""


class Order:
    order_id: int
    customer_id: int
    country: str | None
    ordered_at: datetime
    shipped_on: date | None
    amount: float
    quantity: int


def orders(**changed: Any) -> Source:
    """A source of orders."""
    arguments: dict[str, Any] = {
        "schema": Order,
        "event_time": "ordered_at",
        "partitions": daily("2024-01-01"),
        "flags": {"gift": "amount = 0"},
    }

    def orders(arrival: Any) -> None:
        """Orders of the shop."""

    return source(**{**arguments, **changed})(orders)


ORDERS = orders()
CUSTOMER = Entity("customer", keys=["customer_id"])


def updates(**changed: Any) -> Source:
    """The same as updates of what is known of a customer."""
    return orders(**{"kind": "state", "key": ["customer_id"], **changed})


def profile(**changed: Any) -> AttributeView:
    """An attribute view of them."""
    arguments: dict[str, Any] = {"name": "profile", "entity": CUSTOMER, "source": updates(), "attributes": ["country", "gift"]}
    return AttributeView(**{**arguments, **changed})


def spend(*features: Any, **changed: Any) -> FeatureView:
    """A feature view with these features."""
    arguments: dict[str, Any] = {
        "entity": CUSTOMER,
        "source": ORDERS,
        "features": list(features) or [count().over("7d"), sum("amount").over("7d")],
    }
    return FeatureView("spend", **{**arguments, **changed})


def takings(*measures: Any, **changed: Any) -> GoldTable:
    """A report with these measures."""
    arguments: dict[str, Any] = {"source": ORDERS, "by": ["country"], "measures": list(measures) or [sum("amount").named("taken")]}
    return GoldTable("takings", **{**arguments, **changed})


def churned(**changed: Any) -> Labels:
    """Labels of customers."""
    arguments: dict[str, Any] = {"source": ORDERS, "within": "30d", "spine": every("7d", active="90d")}
    arguments.update(changed)
    return no_event(arguments.pop("source"), **arguments)


def service(*views: FeatureView) -> FeatureService:
    """A feature service of these views."""
    return FeatureService("spending", list(views) or [spend()])


def training(**changed: Any) -> TrainingSet:
    """A training set."""
    arguments: dict[str, Any] = {"features": service(), "labels": churned()}
    return TrainingSet("churn", **{**arguments, **changed})


def churn(fit: Any = None, **changed: Any) -> Model:
    """A model."""

    def churn(train: Any) -> Any:
        """Who will not come again."""
        return train

    return model(training(), **changed)(fit or churn)


HOURLY = orders(partitions=hourly("2024-01-01"))


def refused(declare: Callable[[], Any], start: str) -> None:
    """Requires that a declaration is refused with a message that begins so."""
    with pytest.raises(DeclarationError) as error:
        declare()
    assert str(error.value)[: len(start)] == start, str(error.value)
