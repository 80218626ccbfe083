"""Pairs of declarations: those that mean another thing, and those that are only written otherwise."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from platform_assets import (
    Entity,
    FeatureService,
    FeatureView,
    at_least,
    better_than_baseline,
    count,
    daily,
    derive,
    every,
    hourly,
    last_n,
    max,
    mean,
    metric,
    min,
    model,
    on_demand,
    quantile,
    source,
    sum,
    top_k,
)
from platform_assets_tests.declare.shop import ORDERS, Order, churn, churned, orders, profile, service, spend, takings, training, updates


class Reordered:
    """The columns of an order in another order."""

    quantity: int
    amount: float
    shipped_on: date | None
    ordered_at: datetime
    country: str | None
    customer_id: int
    order_id: int


class AmountMissing:
    order_id: int
    customer_id: int
    country: str | None
    ordered_at: datetime
    shipped_on: date | None
    amount: float | None
    quantity: int


class AmountInCents:
    order_id: int
    customer_id: int
    country: str | None
    ordered_at: datetime
    shipped_on: date | None
    amount: int
    quantity: int


class WithAnother(Order):
    note: str | None


def renamed() -> Any:
    """The same source under another name."""

    def sales(arrival: Any) -> None: ...

    return source(schema=Order, event_time="ordered_at", partitions=daily("2024-01-01"), flags={"gift": "amount = 0"})(sales)


KEYED = {"key": ["order_id"]}
SOURCES: Mapping[str, Callable[[], Any]] = {
    "as it is": orders,
    "its name": renamed,
    "a column may be missing": lambda: orders(schema=AmountMissing),
    "a column's type": lambda: orders(schema=AmountInCents),
    "a column more": lambda: orders(schema=WithAnother),
    "the first partition": lambda: orders(partitions=daily("2024-01-02")),
    "the partitions' length": lambda: orders(partitions=hourly("2024-01-01")),
    "a key": lambda: orders(**KEYED),
    "the kind": lambda: orders(**KEYED, kind="state"),
    "the key's order": lambda: orders(key=["order_id", "customer_id"]),
    "the key's other order": lambda: orders(key=["customer_id", "order_id"]),
    "duplicates": lambda: orders(**KEYED, duplicates_within=1),
    "duplicates within more": lambda: orders(**KEYED, duplicates_within=2),
    "a time zone": lambda: orders(timezone="Europe/London"),
    "another time zone": lambda: orders(timezone="Europe/Paris"),
    "a rule": lambda: orders(rules={"known": "country is not null"}),
    "a rule's name": lambda: orders(rules={"country": "country is not null"}),
    "a rule's condition": lambda: orders(rules={"known": "country <> ''"}),
    "no flag": lambda: orders(flags={}),
    "a flag's name": lambda: orders(flags={"free": "amount = 0"}),
    "a flag's condition": lambda: orders(flags={"gift": "amount <= 0"}),
    "the accepted share": lambda: orders(accepted_share=0.9),
    "the data delay": lambda: orders(data_delay="6h"),
}
"""Each of another version than all others."""

SAME_SOURCES: Mapping[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "an end of the partitions": (orders, lambda: orders(partitions=daily("2024-01-01", end="2024-07-01"))),
    "the order of columns": (orders, lambda: orders(schema=Reordered)),
    "owners": (orders, lambda: orders(owners=["team:growth"])),
    "tags": (orders, lambda: orders(tags={"tier": "1"})),
    "when a missing partition is empty": (orders, lambda: orders(empty_after="6h")),
    "how a flag is written": (orders, lambda: orders(flags={"gift": "((amount)   =0)"})),
    "the case of words in a flag": (
        lambda: orders(flags={"gift": "country is null and amount = 0"}),
        lambda: orders(flags={"gift": "country IS NULL\n  AND amount = 0"}),
    ),
    "the order of flags": (
        lambda: orders(flags={"gift": "amount = 0", "abroad": "country <> 'UK'"}),
        lambda: orders(flags={"abroad": "country <> 'UK'", "gift": "amount = 0"}),
    ),
    "the order of rules": (
        lambda: orders(rules={"a": "amount >= 0", "b": "quantity > 0"}),
        lambda: orders(rules={"b": "quantity > 0", "a": "amount >= 0"}),
    ),
    "how a delay is written": (lambda: orders(data_delay="1d"), lambda: orders(data_delay="24h")),
    "a share in whole numbers": (lambda: orders(accepted_share=1), lambda: orders(accepted_share=1.0)),
}


def named(feature: Any) -> Any:
    """A view of one feature under one name."""
    return spend(feature.named("f"))


VIEWS: Mapping[str, Callable[[], Any]] = {
    "as it is": lambda: named(sum("amount").over("7d")),
    "its name": lambda: FeatureView(
        "spending", entity=Entity("customer", keys=["customer_id"]), source=ORDERS, features=[count().over("7d")]
    ),
    "the key": lambda: spend(sum("amount").over("7d").named("f"), entity=Entity("customer", keys=["order_id"])),
    "the source": lambda: spend(sum("amount").over("7d").named("f"), source=orders(data_delay="6h")),
    "a feature's name": lambda: spend(sum("amount").over("7d").named("g")),
    "a window": lambda: named(sum("amount").over("8d")),
    "an aggregation": lambda: named(mean("amount").over("7d")),
    "a median": lambda: named(quantile("amount", 0.5).over("7d")),
    "another quantile": lambda: named(quantile("amount", 0.51).over("7d")),
    "values by their times": lambda: named(last_n("amount", 3).over("7d")),
    "how many values": lambda: named(last_n("amount", 4).over("7d")),
    "values by how often they come": lambda: named(top_k("amount", 3).over("7d")),
    "the other end": lambda: named(min("amount").over("7d")),
    "one end": lambda: named(max("amount").over("7d")),
    "the argument": lambda: named(sum("quantity").over("7d")),
    "an expression": lambda: named(sum("quantity * amount").over("7d")),
    "another expression": lambda: named(sum("quantity + amount").over("7d")),
    "a condition": lambda: named(sum("amount", where="gift").over("7d")),
    "another condition": lambda: named(sum("amount", where="not gift").over("7d")),
    "an edge": lambda: named(sum("amount", closed="right").over("7d")),
    "both edges": lambda: named(sum("amount", closed="both").over("7d")),
    "an offset": lambda: named(sum("amount", offset="1d").over("7d")),
    "another offset": lambda: named(sum("amount", offset="2d").over("7d")),
    "the value of an empty window": lambda: named(sum("amount", default=0.0).over("7d")),
    "one feature more": lambda: spend(sum("amount").over("7d").named("f"), count().over("7d")),
    "a derived feature": lambda: spend(sum("amount").over("7d").named("f"), derive("d", "f / 7")),
    "what is derived": lambda: spend(sum("amount").over("7d").named("f"), derive("d", "f / 30")),
}

SAME_VIEWS: Mapping[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a description": (spend, lambda: spend(description="What customers spend.")),
    "owners and tags": (spend, lambda: spend(owners=["team:growth"], tags={"tier": "1"})),
    "being online": (spend, lambda: spend(online=True)),
    "the entity's name and description": (spend, lambda: spend(entity=Entity("buyer", keys=["customer_id"], description="Who buys."))),
    "how a window is written": (lambda: named(sum("amount").over("7d")), lambda: named(sum("amount").over("1w"))),
    "how an expression is written": (
        lambda: named(sum("quantity * amount", where="gift and country = 'UK'").over("7d")),
        lambda: named(sum("(quantity*amount)", where="(gift) AND country='UK'").over("7d")),
    ),
    "how an empty value is written": (
        lambda: named(sum("amount", default=0).over("7d")),
        lambda: named(sum("amount", default=0.0).over("7d")),
    ),
    "what is default": (lambda: named(sum("amount").over("7d")), lambda: named(sum("amount", closed="left", offset="0d").over("7d"))),
    "an end of the partitions": (spend, lambda: spend(source=orders(partitions=daily("2024-01-01", end="2024-07-01")))),
}

REPORTS: Mapping[str, Callable[[], Any]] = {
    "as it is": takings,
    "by": lambda: takings(by=[]),
    "the source": lambda: takings(source=orders(timezone="Europe/London")),
    "the time zone": lambda: takings(timezone="Europe/London"),
    "a measure's name": lambda: takings(sum("amount").named("took")),
    "a measure's condition": lambda: takings(sum("amount", where="not gift").named("taken")),
    "a measure": lambda: takings(sum("quantity").named("taken")),
    "a measure more": lambda: takings(sum("amount").named("taken"), count().named("n")),
}


def on_demand_service(sql: str, **options: Any) -> FeatureService:
    """A service with one on-demand feature."""
    view = spend(max("ordered_at").over("7d").named("latest"), count().over("7d"))
    return FeatureService("spending", [view], on_demand=[on_demand("f", sql, **options)])


SERVICES: Mapping[str, Callable[[], Any]] = {
    "as it is": service,
    "its name": lambda: FeatureService("other", [spend()]),
    "an on-demand feature": lambda: on_demand_service("hours_between(latest, request_time)"),
    "what is on demand": lambda: on_demand_service("hours_between(request_time, latest)"),
    "a request column": lambda: on_demand_service("coalesce(x, 1.0) * count_7d", request={"x": float}),
    "a request column's type": lambda: on_demand_service("coalesce(x, 1.0) * count_7d", request={"x": int}),
    "a request column's name": lambda: on_demand_service("coalesce(y, 1.0) * count_7d", request={"y": float}),
}

SAME_SERVICES: Mapping[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a description": (service, lambda: FeatureService("spending", [spend()], "What customers spend.")),
    "how an on-demand feature is written": (
        lambda: on_demand_service("hours_between(latest, request_time)"),
        lambda: on_demand_service("HOURS_BETWEEN( spend__latest,request_time )"),
    ),
}

ATTRIBUTES: Mapping[str, Callable[[], Any]] = {
    "as it is": profile,
    "the name": lambda: profile(name="profiles"),
    "an attribute": lambda: profile(attributes=["country"]),
    "other attributes": lambda: profile(attributes=["country", "amount"]),
    "the source": lambda: profile(source=updates(data_delay="6h")),
    "the keys": lambda: profile(entity=Entity("order", keys=["order_id"]), source=updates(key=["order_id"])),
}

SAME_ATTRIBUTES: Mapping[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a description, owners, whether it is online": (
        profile,
        lambda: profile(description="What is known.", owners=["team:growth"], online=True),
    ),
}

SETS: Mapping[str, Callable[[], Any]] = {
    "as it is": training,
    "a feature": lambda: training(features=service(spend(count().over("8d")))),
    "an on-demand feature": lambda: training(features=on_demand_service("hours_between(latest, request_time)")),
    "what is on demand": lambda: training(features=on_demand_service("hours_between(request_time, latest)")),
    "the labels' source": lambda: training(labels=churned(source=orders(data_delay="6h"))),
    "the horizon": lambda: training(labels=churned(within="31d")),
    "the step": lambda: training(labels=churned(spine=every("14d", active="90d"))),
    "who is active": lambda: training(labels=churned(spine=every("7d", active="60d"))),
    "which events count": lambda: training(labels=churned(where="not gift")),
    "the label's name": lambda: training(label="churned"),
    "the period": lambda: training(period="week"),
}

MODELS: Mapping[str, Callable[[], Any]] = {
    "as it is": churn,
    "how much it trains on": lambda: churn(train_on=3),
    "the seed": lambda: churn(seed=1),
    "the training set": lambda: model(training(label="churned"))(_fit),
    "the code": lambda: churn(_other),
    "the checks": lambda: churn(checks=[at_least("auc", 0.7)]),
    "whether a check is required": lambda: churn(checks=[better_than_baseline("auc", required=True)]),
    "that it only warns": lambda: churn(checks=[better_than_baseline("auc")]),
    "a refit": lambda: churn(refit=True),
    "calibration": lambda: churn(calibrate=True),
    "a metric of one's own": lambda: churn(metrics=[caught]),
}


@metric(higher_is_better=True)
def caught(truth: Any, predicted: Any) -> float:
    return float(truth[predicted > 0.5].mean())


def _fit(train: Any) -> Any:
    return train


def _other(train: Any) -> Any:
    return train.features


_fit.__name__ = _other.__name__ = "churn"

SAME_MODELS: Mapping[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "owners and tags": (churn, lambda: churn(owners=["team:growth"], tags={"tier": "1"})),
    "the docstring of the function": (churn, lambda: churn(_fit)),
}
