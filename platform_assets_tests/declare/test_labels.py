"""What labels, metrics and checks refuse, word for word; and what they are without being told."""

from datetime import timedelta
from typing import Any

import pytest

from platform_assets import (
    FeatureService,
    TrainingSet,
    at_least,
    at_most,
    better_than_baseline,
    count,
    every,
    labels_from,
    last_n,
    mean,
    metric,
    mode,
    model,
    not_worse_than_baseline,
    on_demand,
    outcome,
    sum,
    time_since_last,
    weekly,
)
from platform_assets.declare.metrics import Metric
from platform_assets_tests.declare.shop import ORDERS, Wrong, churn, orders, refused, service, spend, takings, training

SPINE = every("7d", active="90d")


def spent(measure: Any = None, **changed: Any) -> Any:
    """Labels that are measures."""
    arguments: dict[str, Any] = {"spine": SPINE, **changed}
    return outcome(arguments.pop("source", ORDERS), sum("amount").within("7d") if measure is None else measure, **arguments)


def learnt(train: Any) -> Any:
    """What a model's function is like."""
    return train


def given(origin: Any = ORDERS, **changed: Any) -> Any:
    """Labels that stand in rows."""
    return labels_from(origin, **{"value": "amount", "horizon": "7d", **changed})


def table() -> Any:
    """What a user's function would return."""


@metric(higher_is_better=True)
def profit(truth: Any, predicted: Any) -> float:
    return 0.0


LABELS: Wrong = {
    "a measure has no horizon": (
        lambda: spent(sum("amount")),
        "labels from source 'orders', sum('amount'): the measure has no horizon. Write sum('amount').within('7d').",
    ),
    "a measure is a text": (
        lambda: spent("amount"),
        "labels from source 'orders', measure: 'amount' is not an aggregation. Write sum('price').within('7d').",
    ),
    "a measure is of another source": (
        lambda: spent(sum("amuont").within("7d")),
        "labels from source 'orders', sum('amuont'): 'amuont': there is no column 'amuont'. Did you mean 'amount'?",
    ),
    "a measure has a window, too": (
        lambda: spent(sum("amount").over("7d").within("7d")),
        "labels from source 'orders', sum('amount'): a label looks ahead and has no windows. Remove over, offset and closed; keep",
    ),
    "a measure is a list": (
        lambda: spent(last_n("amount", 3).within("7d")),
        "labels from source 'orders', last_n('amount', 3): it is a list[float]. A label is a number, a string, or true or false.",
    ),
    "a measure is a time since": (
        lambda: spent(time_since_last().within("7d")),
        "labels from source 'orders', time_since_last(): a label is not computed at read time, so it has no time since.",
    ),
    "the horizon of a measure is empty": (lambda: spent(count().within("0d")), "labels from source 'orders', within: '0d' is zero."),
    "a feature looks ahead": (
        lambda: spend(sum("amount").within("7d")),
        "feature view 'spend', sum('amount').within('7d'): a feature looks back. Write sum('amount').over('7d'), or make it a label:",
    ),
    "a report looks ahead": (
        lambda: takings(sum("amount").within("7d").named("taken")),
        "gold table 'takings', sum('amount'), source 'orders': a report has no windows: it aggregates the rows of an event day.",
    ),
    "within is called on the function": (
        lambda: count.within("7d"),  # type: ignore[attr-defined]
        "count.within('7d'): count is a function. Write count().within('7d').",
    ),
    "labels are of no source": (lambda: given(7), "labels_from(7): it is neither a source, nor a path, nor a function without arguments."),
    "a function of labels takes an argument": (
        lambda: given(lambda day: day, type=float),
        "labels_from(the function <lambda>()): it is neither a source, nor a path, nor a function without arguments. Write def "
        "my_labels() ->",
    ),
    "a value is misspelt": (
        lambda: given(value="amuont"),
        "labels_from('orders'), value: there is no column 'amuont'. Did you mean 'amount'?",
    ),
    "a value is a time": (
        lambda: given(value="ordered_at"),
        "labels_from('orders'), value 'ordered_at' is timestamp. A label is a number, a string, or true or false.",
    ),
    "a table's type is not said": (
        lambda: given(table),
        "labels_from(the function table()): declare the type of the column 'amount', such as",
    ),
    "a table's type is not a type": (
        lambda: given(table, type="float"),
        "labels_from(the function table()), type: 'float' is not a label type",
    ),
    "a source's type is said": (lambda: given(type=float), "labels_from('orders'): a source has the label's type in its schema, and its"),
    "a condition is for a table": (
        lambda: given(table, type=float, where="x"),
        "labels_from(the function table()), where: it applies to rows",
    ),
    "a kind does not fit": (
        lambda: given(kind="multiclass"),
        "labels_from('orders'), value 'amount' is float; a multiclass label is text or int.",
    ),
    "a kind is misspelt": (
        lambda: given(kind="binry"),
        "labels_from('orders'), value 'amount', kind: there is no kind of label 'binry'.",
    ),
    "a number has classes": (
        lambda: given(classes=[1, 2]),
        "labels_from('orders'), classes: the label is numeric, and only a multiclass label has classes. Leave them out.",
    ),
    "a class is of another type": (
        lambda: given(value="country", classes=["UK", 7]),
        "labels_from('orders'), classes: 7 is not text, the type of the label.",
    ),
    "a class stands twice": (
        lambda: given(value="country", classes=["UK", "UK"]),
        "labels_from('orders'), classes: 'UK' is listed twice.",
    ),
    "there is one class": (
        lambda: given(value="country", classes=["UK"]),
        "labels_from('orders'), classes: there are fewer than two.",
    ),
    "a horizon is missing": (
        lambda: labels_from(ORDERS, value="amount"),
        "labels_from is missing the argument 'horizon'. Write horizon=...",
    ),  # type: ignore[call-arg]
    "a period is unknown": (
        lambda: training(period="year"),
        "training set 'churn', period: there is no length of a partition 'year'. Choose from: day, month, week.",
    ),
    "a period is shorter than the source's": (
        lambda: training(labels=spent(source=orders(partitions=weekly("2024-01-01"))), period="day"),
        "training set 'churn', period: the labels' source has weekly partitions, and a day is shorter. Write period='week'.",
    ),
    "a key of a table is none": (
        lambda: training(labels=given(table, type=float, keys={"customr_id": "customer"})),
        "training set 'churn', labels, keys, entity 'customer': there is no key 'customr_id'. Did you mean 'customer_id'?",
    ),
}

MODELS: Wrong = {
    "a metric is of other labels": (
        lambda: churn(checks=[at_most("mae", 1)]),
        "model 'churn', checks: 'mae' is not a metric for binary labels. Choose from: auc, average_precision, log_loss, brier.",
    ),
    "less is better": (
        lambda: at_least("log_loss", 0.5),
        "at_least('log_loss'): lower log_loss is better. Write at_most('log_loss', 0.5).",
    ),
    "more is better": (lambda: at_most("auc", 0.5), "at_most('auc'): higher auc is better. Write at_least('auc', 0.5)."),
    "a bound is infinite": (lambda: at_most("mae", float("inf")), "at_most('mae'), bound: inf is not a number."),
    "required is a text": (lambda: better_than_baseline("auc", required="no"), "better_than_baseline, required: 'no' is neither True nor"),  # type: ignore[arg-type]
    "a metric takes one argument": (
        lambda: metric(higher_is_better=True)(lambda truth: 0.0),  # type: ignore[arg-type, misc]
        "metric '<lambda>': it must be a function of two arguments. Write def <lambda>(truth, predicted) -> float.",
    ),
    "a metric is one of ours": (
        lambda: metric(higher_is_better=True)(_named("brier")),
        "metric 'brier': there is a built-in metric of that name. Give the function another name.",
    ),
    "a metric is a function": (
        lambda: churn(metrics=[table]),
        "model 'churn', metrics: the function table() is not a user-defined metric.",
    ),
    "a check takes nothing": (
        lambda: churn(checks=[table]),
        "model 'churn', check 'table': it must be a function of one argument. Write def",
    ),
    "calibrate is a number": (lambda: churn(calibrate=1), "model 'churn', calibrate: 1 is neither True nor False."),
    "numbers are calibrated": (
        lambda: model(training(labels=spent()), calibrate=True)(learnt),
        "model 'learnt', calibrate: its labels are numeric, and only the probabilities of binary labels can be calibrated. Leave it out.",
    ),
    "refit is a number": (lambda: churn(refit=1), "model 'churn', refit: 1 is neither True nor False."),
}


def _named(name: str) -> Any:
    def function(truth: Any, predicted: Any) -> float:
        return 0.0

    function.__name__ = name
    return function


@pytest.mark.parametrize("what", LABELS)
def test_wrong_labels_say_what_is_wrong(what: str) -> None:
    refused(*LABELS[what])


@pytest.mark.parametrize("what", MODELS)
def test_a_wrong_metric_or_check_says_what_is_wrong(what: str) -> None:
    refused(*MODELS[what])


def test_the_kind_of_a_label_follows_from_its_type() -> None:
    assert [spent(measure.within("7d")).kind for measure in (sum("amount"), count(), mean("amount"), mode("country"), mode("gift"))] == [
        "numeric",
        "numeric",
        "numeric",
        "multiclass",
        "binary",
    ]
    assert [given(value=value).kind for value in ("amount", "country", "gift")] == ["numeric", "multiclass", "binary"]
    assert given(table, type=int).kind == "numeric"
    assert given(table, type=int, classes=[1, 2, 3]).kind == "multiclass"
    assert training(labels=given(table, type=int, kind="binary")).label_type == "bool"


def test_a_horizon_of_nothing_is_for_labels_that_are_known_at_once() -> None:
    assert given(horizon="0d").horizon == timedelta(0)


def test_a_training_set_has_partitions_of_its_period_in_the_zone_of_its_labels() -> None:
    source = orders(timezone="Europe/London")  # from 2024-01-01 on, a Monday
    view = spend(source=source)
    for period, second in (("month", "2024-02-01"), ("week", "2024-01-08"), ("day", "2024-01-02")):
        data = training(features=service(view), labels=spent(source=source), period=period)
        assert data.partitions.key(data.partitions.first + 1) == second
        assert data.partitions.zone == "Europe/London"


def test_a_changed_label_changes_the_version_and_a_monthly_period_does_not() -> None:
    same = training().version
    assert training(period="month").version == same
    others = [
        training(period="week"),
        training(labels=spent()),
        training(labels=spent(sum("amount", default=0.0).within("7d"))),
        training(labels=spent(where="gift")),
        training(labels=given()),
        training(labels=given(horizon="8d")),
        training(labels=given(where="gift")),
        training(labels=given(table, type=float)),
    ]
    assert len({same, *(data.version for data in others)}) == len(others) + 1


def test_checks_take_the_metric_of_the_kind_and_metrics_of_ones_own_are_evaluated() -> None:
    numeric = training(labels=spent())

    def honest(tested: Any) -> bool:
        return True

    @model(numeric, checks=[not_worse_than_baseline(), at_least(profit, 5), honest])
    def spending(train: Any) -> Any: ...

    first = spending.checks[0]
    assert first.metric == Metric("mae", False)  # type: ignore[union-attr]
    assert spending.metrics == (profit,)

    @model(numeric, checks=[not_worse_than_baseline(), at_least(profit, 5), honest], refit=True)
    def again(train: Any) -> Any: ...

    assert again.version != spending.version


def test_a_model_of_features_that_need_a_request_is_refused() -> None:
    """The labels have the request's column; predictions at the end of a day would have none."""
    served = FeatureService("s", [spend()], on_demand=[on_demand("late", "gift and count_7d > 1", request={"gift": bool})])
    data = TrainingSet("t", features=served, labels=given())
    assert data.inputs == {"customer_id": "int", "gift": "bool"}
    refused(lambda: model(data)(churn().fit), "model 'churn': its features read 'gift' of the request, and predictions per")
