"""What services, labels, training sets and models refuse, word for word."""

from datetime import datetime
from typing import Any

import pytest

from platform_assets import (
    Entity,
    FeatureService,
    FeatureView,
    TrainingSet,
    any_event,
    at_least,
    count,
    every,
    last_n,
    model,
    no_event,
    not_worse_than_baseline,
    on_demand,
)
from platform_assets_tests.declare.shop import CUSTOMER, ORDERS, Wrong, churn, churned, orders, refused, service, spend, training


class Visit:
    customer_id: str
    ordered_at: datetime


class Anonymous:
    ordered_at: datetime


VISITS = orders(schema=Visit, flags={})
ANONYMOUS = orders(schema=Anonymous, flags={})


def visits() -> FeatureView:
    """A view of customers whose key is a text."""
    return FeatureView("visits", entity=CUSTOMER, source=VISITS, features=[count().over("7d")])


def lines() -> FeatureView:
    """A view of an entity with one more key."""
    return FeatureView("lines", entity=Entity("line", keys=["customer_id", "order_id"]), source=ORDERS, features=[count().over("7d")])


def with_on_demand(*features: Any) -> FeatureService:
    """A service of the view of spending with on-demand features."""
    return FeatureService("s", [spend()], on_demand=features)


A_DURATION = "is not a duration. Write a whole number followed by s, m (minutes), h, d or w, such as '7d'."

SERVICES: Wrong = {
    "views are one view": (lambda: FeatureService("s", spend()), "feature service 's', views: FeatureView('spend') is not a list."),  # type: ignore[arg-type]
    "there is no view": (lambda: FeatureService("s", []), "feature service 's' has no views. Write FeatureService('s', [customer_spend])."),
    "a view is a text": (
        lambda: FeatureService("s", ["spend"]),
        "feature service 's', views: 'spend' is neither a feature view nor an attribute view",
    ),  # type: ignore[list-item]
    "a view stands twice": (lambda: service(spend(), spend()), "feature service 'spending', views: two are named 'spend'. Leave one out,"),
    "a key has two types": (
        lambda: service(spend(), visits()),
        "feature service 'spending': the key 'customer_id' is int in view 'spend' (source 'orders', column 'customer_id') and text in view "
        "'visits' (source 'orders', column 'customer_id'). Give it one type in",
    ),
    "views are misspelt": (lambda: FeatureService("s", view=[]), "feature service 's': there is no argument 'view'. Did you mean 'views'?"),  # type: ignore[call-arg]
    "an on-demand feature is a text": (
        lambda: with_on_demand("count_7d"),
        "feature service 's', on_demand: 'count_7d' is not an on-demand feature. Write on_demand=[on_demand(",
    ),
    "an on-demand feature reads what is not there": (
        lambda: with_on_demand(on_demand("f", "amuont_sum_7d * 2")),
        "feature service 's', on_demand('f'): 'amuont_sum_7d * 2': there is no column 'amuont_sum_7d'. Did you mean 'amount_sum_7d'?",
    ),
    "an on-demand feature reads another": (
        lambda: with_on_demand(on_demand("f", "count_7d * 2"), on_demand("g", "f * 2")),
        "feature service 's', on_demand('g'): 'f * 2': there is no column 'f'.",
    ),
    "an on-demand feature reads a name that two views have": (
        lambda: FeatureService("s", [spend(), lines()], on_demand=[on_demand("f", "count_7d * 2")]),
        "feature service 's', on_demand('f'): 'count_7d' is a feature of several views. Write spend__count_7d or lines__count_7d.",
    ),
    "two on-demand features have one name": (
        lambda: with_on_demand(on_demand("f", "count_7d"), on_demand("f", "count_7d + 1")),
        "feature service 's', on_demand('f'): there is a column 'f' already. Give the feature another name.",
    ),
    "an on-demand feature is named as a key": (
        lambda: with_on_demand(on_demand("customer_id", "count_7d")),
        "feature service 's', on_demand('customer_id'): there is a column 'customer_id' already.",
    ),
    "an on-demand feature is named as a request's column": (
        lambda: with_on_demand(on_demand("f", "count_7d * x", request={"x": int}), on_demand("x", "count_7d")),
        "feature service 's': 'x' is an on-demand feature and a column of the request. Rename one of them.",
    ),
    "a request's column is a feature": (
        lambda: with_on_demand(on_demand("f", "count_7d", request={"count_7d": int})),
        "feature service 's', on_demand('f'), request: 'count_7d' is a feature, spend__count_7d. Give the request's column another name.",
    ),
    "a request's column is a key": (
        lambda: with_on_demand(on_demand("f", "customer_id", request={"customer_id": int})),
        "feature service 's', on_demand('f'), request: 'customer_id' is a column of the platform. Every request has it, so leave it out.",
    ),
    "the request's time is declared": (
        lambda: with_on_demand(on_demand("f", "hour(request_time)", request={"request_time": datetime})),
        "feature service 's', on_demand('f'), request: 'request_time' is a column of the platform. Every request has it, so leave it out.",
    ),
    "a request's column is not read": (
        lambda: with_on_demand(on_demand("f", "count_7d", request={"x": int})),
        "feature service 's', on_demand('f'), request: 'x' is not read by 'count_7d'. Leave it out, so that requests do not need it.",
    ),
    "a request's column has two types": (
        lambda: with_on_demand(on_demand("f", "x + 1", request={"x": int}), on_demand("g", "x + 1.5", request={"x": float})),
        "feature service 's', on_demand('g'), request: 'x' is float here and int in another on-demand feature. Give it one type.",
    ),
    "a request's column has no type": (
        lambda: on_demand("f", "x", request={"x": "float"}),  # type: ignore[dict-item]
        "on_demand('f'), request: 'x' is 'float'. Its type must be one of int, float, str, bool, datetime, date.",
    ),
    "the request's columns are a list": (
        lambda: on_demand("f", "x", request=["x"]),  # type: ignore[arg-type]
        "on_demand('f'), request: ['x'] is not a dict. Write request={'basket': float}.",
    ),
    "on_demand is misspelt": (lambda: on_demand("f", "x", requests={}), "on_demand('f'): there is no argument 'requests'. Did you mean"),  # type: ignore[call-arg]
    "its name has a dash": (lambda: FeatureService("a-b", [spend()]), "feature service 'a-b': the name 'a-b' is invalid."),
}

LABELS: Wrong = {
    "the source is a view": (
        lambda: churned(source=spend()),
        "labels: FeatureView('spend') is not a source. Declare it with @source(...).",
    ),
    "the horizon is in words": (lambda: churned(within="a month"), f"labels from source 'orders', within: 'a month' {A_DURATION}"),
    "the horizon is empty": (lambda: churned(within="0d"), "labels from source 'orders', within: '0d' is zero. It must be longer"),
    "the spine is a duration": (
        lambda: churned(spine="7d"),
        "labels from source 'orders', spine: '7d' is not a spine. Write spine=every('7d', active='90d').",
    ),
    "the spine is not on partition ends": (
        lambda: churned(spine=every("12h", active="90d")),
        "labels from source 'orders', spine: labels every 12 hours do not fall on the ends of the source's partitions, which are days.",
    ),
    "the condition is misspelt": (
        lambda: churned(where="gft"),
        "labels from source 'orders', where: 'gft': there is no column 'gft'. Did you mean 'gift'?",
    ),
    "the condition is a number": (lambda: churned(where="amount"), "labels from source 'orders', where: 'amount' is float, a condition"),
    "a step is a word": (lambda: every("week", active="90d"), f"every: 'week' {A_DURATION}"),
    "a step is empty": (lambda: every("0d", active="90d"), "every: '0d' is zero."),
    "active is missing": (lambda: every("7d"), "every('7d') is missing the argument 'active'."),  # type: ignore[call-arg]
    "active is empty": (lambda: every("7d", active="0d"), "every('7d'), active: '0d' is zero."),
    "an argument is misspelt": (
        lambda: no_event(ORDERS, withn="30d"),  # type: ignore[call-arg]
        "no_event: there is no argument 'withn'. Did you mean 'within'?",
    ),
    "an argument has no name": (
        lambda: any_event(ORDERS, "30d"),  # type: ignore[call-arg]
        "any_event: only source may be positional. Write the others as name=value: within, spine, where, keys.",
    ),
}

SETS: Wrong = {
    "features are a view": (
        lambda: training(features=spend()),
        "training set 'churn', features: FeatureView('spend') is not a FeatureService. Write FeatureService('churn_features', [view]).",
    ),
    "features need a request": (
        lambda: training(features=with_on_demand(on_demand("share", "basket / amount_sum_7d", request={"basket": float}))),
        "training set 'churn', features: 'share' of feature service 's' reads 'basket' of the request, but labels",
    ),
    "the label is an on-demand feature": (
        lambda: training(features=with_on_demand(on_demand("label", "count_7d > 1"))),
        "training set 'churn', label: 'label' is a column of the training set already, choose another",
    ),
    "labels are None": (lambda: training(labels=None), "training set 'churn', labels: None are not labels. Write no_event(source, within="),
    "labels are misspelt": (lambda: training(label_s=1), "training set 'churn': there is no argument 'label_s'. Did you mean 'labels'?"),
    "its name has a space": (
        lambda: TrainingSet("churn set", features=service(), labels=churned()),
        "training set 'churn set': the name 'churn set' is invalid.",
    ),
    "a label has a capital": (lambda: training(label="Churned"), "training set 'churn', label: the name 'Churned' is invalid."),
    "a label is named as a key": (
        lambda: training(label="customer_id"),
        "training set 'churn', label: 'customer_id' is a column of the training set already, choose another",
    ),
    "a label is named as its time": (lambda: training(label="label_time"), "training set 'churn', label: 'label_time' is a column of the"),
    "a label is named as the partition": (lambda: training(label="partition"), "training set 'churn', label: 'partition' is a column"),
    "a view has more keys": (
        lambda: training(features=service(spend(), lines())),
        "training set 'churn': the labels are for entity 'customer' with keys ['customer_id'], but view 'lines' needs ['customer_id', "
        "'order",
    ),
    "the labels have no key": (
        lambda: training(labels=churned(source=ANONYMOUS)),
        "training set 'churn', labels, key of entity 'customer', source 'orders': there is no column 'customer_id'. Choose from: ordered",
    ),
    "a key has two types": (
        lambda: training(labels=churned(source=VISITS)),
        "training set 'churn', labels, key of entity 'customer', source 'orders': 'customer_id' is text, but the features need int. Give "
        "it",
    ),
}

MODELS: Wrong = {
    "it learns from features": (
        lambda: model(service()),  # type: ignore[arg-type]
        "@model: FeatureService('spending') is not a TrainingSet. Write @model(churn_training, checks=[...]).",
    ),
    "parentheses are missing": (lambda: model(churned), "@model: the function churned() is not a TrainingSet. Write @model("),  # type: ignore[arg-type]
    "it learns from lists": (
        lambda: model(training(features=service(spend(last_n("amount", 3).over("7d")))))(churn().fit),
        "model 'churn': the feature 'spend__amount_last_3_7d' is a list[float], and a model reads single values. Leave it out: give the",
    ),
    "an argument is misspelt": (lambda: churn(check=[]), "@model: there is no argument 'check'. Did you mean 'checks'?"),
    "it is not a function": (lambda: churn("churn"), "@model: it must be a function of one argument. Write def churn(train: TrainingData)"),
    "it takes nothing": (lambda: churn(lambda: 1), "model '<lambda>': it must be a function of one argument."),
    "it has no name": (lambda: churn(lambda train: 1), "model '<lambda>': the name '<lambda>' is invalid."),
    "checks are one check": (
        lambda: churn(checks=at_least("auc", 0.5)),
        "model 'churn', checks: AtLeast(metric='auc', bound=0.5) is not a list. Write checks=[at_least('auc', 0.65)].",
    ),
    "a check is a text": (
        lambda: churn(checks=["auc > 0.5"]),
        "model 'churn', checks: 'auc > 0.5' is not a check. Write at_least('auc', 0.65) or not_worse_than_baseline().",
    ),
    "it trains on nothing": (lambda: churn(train_on=0), "model 'churn', train_on: 0 is not a whole number of 1 or more"),
    "it trains on a text": (lambda: churn(train_on="3"), "model 'churn', train_on: '3' is not a whole number of 1 or more"),
    "a seed is None": (lambda: churn(seed=None), "model 'churn', seed: None is not a whole number of 0 or more"),
    "a metric is misspelt": (lambda: at_least("acu", 0.5), "at_least: there is no metric 'acu'. Did you mean 'auc'?"),
    "a metric is None": (
        lambda: at_least(None, 0.5),
        "at_least: None is not a metric. Choose from: auc, average_precision, log_loss, brier,",
    ),  # type: ignore[arg-type]
    "a bound is a percentage": (lambda: at_least("auc", 65), "at_least('auc'), bound: 65 is not a number from 0 to 1"),
    "a bound is a text": (lambda: at_least("auc", "0.5"), "at_least('auc'), bound: '0.5' is not a number from 0 to 1"),  # type: ignore[arg-type]
    "a baseline's metric is unknown": (lambda: not_worse_than_baseline("f1"), "not_worse_than_baseline: there is no metric 'f1'."),
    "a tolerance is negative": (
        lambda: not_worse_than_baseline(tolerance=-1),
        "not_worse_than_baseline, tolerance: -1 is not a number of 0 or more",
    ),
    "a tolerance is misspelt": (
        lambda: not_worse_than_baseline(tolerence=0),  # type: ignore[call-arg]
        "not_worse_than_baseline: there is no argument 'tolerence'. Did you mean 'tolerance'?",
    ),
}


@pytest.mark.parametrize("what", SERVICES)
def test_a_wrong_service_says_what_is_wrong(what: str) -> None:
    refused(*SERVICES[what])


@pytest.mark.parametrize("what", LABELS)
def test_wrong_labels_say_what_is_wrong(what: str) -> None:
    refused(*LABELS[what])


@pytest.mark.parametrize("what", SETS)
def test_a_wrong_training_set_says_what_is_wrong(what: str) -> None:
    refused(*SETS[what])


@pytest.mark.parametrize("what", MODELS)
def test_a_wrong_model_says_what_is_wrong(what: str) -> None:
    refused(*MODELS[what])


def test_a_service_names_features_by_their_view() -> None:
    assert list(service().features) == ["spend__count_7d", "spend__amount_sum_7d"]


def test_a_model_without_owners_has_those_of_its_training_set() -> None:
    owned: Any = training(owners=["team:growth"])

    @model(owned)
    def churn(train: Any) -> Any: ...

    assert churn.owners == ("team:growth",)


def test_a_feature_named_request_time_does_not_hide_the_moment_of_reading() -> None:
    view = FeatureView("asked", entity=CUSTOMER, source=ORDERS, features=[count().over("7d").named("request_time")])
    of_day = on_demand("weekend", "day_of_week(request_time) >= 6")
    of_feature = on_demand("often", "asked__request_time > 3")
    service = FeatureService("both", [view], on_demand=[of_day, of_feature])
    assert [feature.expression.columns for feature in service.on_demand] == [("request_time",), ("asked__request_time",)]


def test_on_demand_features_read_features_by_short_or_long_names_and_columns_of_the_request() -> None:
    made = with_on_demand(
        on_demand("share", "basket / amount_sum_7d", request={"basket": float}),
        on_demand("weekend", "day_of_week(request_time) >= 6"),
        on_demand("more", "spend__count_7d > known", request={"known": int}),
    )
    assert made.request == {"basket": "float", "known": "int"}
    assert list(made.features.items())[2:] == [("share", "float"), ("weekend", "bool"), ("more", "bool")]
    assert [feature.expression.columns for feature in made.on_demand] == [
        ("basket", "spend__amount_sum_7d"),
        ("request_time",),
        ("known", "spend__count_7d"),
    ]
