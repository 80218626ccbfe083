"""A model: a function that fits an estimator to a training set, and the checks that its scores must pass."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from platform_assets.declare.arguments import (
    boolean,
    checked_arguments,
    integer,
    list_of,
    one_of,
    returns_something,
    share,
    shown,
    takes_one_argument,
)
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.labels import Kind
from platform_assets.declare.metrics import KNOWN, STANDARD, Metric
from platform_assets.declare.names import check_name, check_owners, check_tags
from platform_assets.declare.training import TrainingSet
from platform_assets.declare.version import version_of, version_of_code
from platform_assets.errors import DeclarationError
from platform_assets.expressions.types import ELEMENTS


@dataclass(frozen=True)
class AtLeast:
    """A minimum score on the test split."""

    metric: Metric
    bound: float


@dataclass(frozen=True)
class AtMost:
    """A maximum score on the test split."""

    metric: Metric
    bound: float


@dataclass(frozen=True)
class NotWorseThanBaseline:
    """The model's score must not be worse than the baseline's by more than a tolerance. None: the kind's primary metric."""

    metric: Metric | None
    tolerance: float


@dataclass(frozen=True)
class BetterThanBaseline:
    """The whole 95% interval of the difference from the baseline must be on the better side."""

    metric: Metric
    required: bool


@dataclass(frozen=True)
class OwnCheck:
    """A user-defined function of a Tested model that says whether it passes."""

    name: str
    function: Callable[[Any], Any] = field(repr=False)


Check = AtLeast | AtMost | NotWorseThanBaseline | BetterThanBaseline | OwnCheck


@checked_arguments("at_least")
def at_least(metric: str | Metric, bound: float) -> AtLeast:
    """The model is good only if this metric reaches the bound on the test split.

    >>> at_least("auc", 0.65).bound
    0.65
    """
    found = _metric(metric, "at_least")
    if not found.higher_is_better:
        raise DeclarationError(f"at_least({found.name!r}): lower {found.name} is better. Write at_most({found.name!r}, {bound!r}).")
    return AtLeast(found, _number(bound, found, f"at_least({found.name!r})", "bound"))


@checked_arguments("at_most")
def at_most(metric: str | Metric, bound: float) -> AtMost:
    """The model is good only if this metric, where lower is better, is at most the bound on the test split.

    >>> at_most("mae", 12.5).bound
    12.5
    """
    found = _metric(metric, "at_most")
    if found.higher_is_better:
        raise DeclarationError(f"at_most({found.name!r}): higher {found.name} is better. Write at_least({found.name!r}, {bound!r}).")
    return AtMost(found, _number(bound, found, f"at_most({found.name!r})", "bound"))


@checked_arguments("not_worse_than_baseline")
def not_worse_than_baseline(metric: str | Metric | None = None, tolerance: float = 0.0) -> NotWorseThanBaseline:
    """The model is good only if it is at most `tolerance` worse than the baseline on the same split, in the metric's unit.

    The baseline is a logistic regression, or a ridge regression for numeric labels. metric: default auc; mae for numeric labels and
    macro_f1 for classes.
    """
    if metric is None:
        return NotWorseThanBaseline(None, _number(tolerance, None, "not_worse_than_baseline", "tolerance"))
    found = _metric(metric, "not_worse_than_baseline")
    return NotWorseThanBaseline(found, _number(tolerance, found, f"not_worse_than_baseline({found.name!r})", "tolerance"))


@checked_arguments("better_than_baseline")
def better_than_baseline(metric: str | Metric, *, required: bool = False) -> BetterThanBaseline:
    """Warns unless the model is better than the baseline beyond chance: unless the 95% interval of the difference is above 0.

    The interval comes from resampled entities of the test split (bootstrap), the same ones for model and baseline.

    required: whether a model that is not better makes no predictions; by default the check only warns.

    >>> better_than_baseline("log_loss").required
    False
    """
    return BetterThanBaseline(_metric(metric, "better_than_baseline"), boolean(required, "better_than_baseline, required"))


def _metric(given: str | Metric, where: str) -> Metric:
    if isinstance(given, Metric):
        return given
    one_of(given, list(KNOWN), where, "metric")
    return KNOWN[given]


def _number(value: Any, metric: Metric | None, function: str, what: str) -> float:
    where = f"{function}, {what}"
    if metric and metric.is_share:
        return share(value, where)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or (what == "tolerance" and value < 0):
        raise DeclarationError(f"{where}: {shown(value)} is not a number{' of 0 or more' if what == 'tolerance' else ''}.")
    return float(value)


@dataclass(frozen=True)
class Model:
    """A model and how it is trained. Created by `@model`."""

    name: str
    fit: Callable[[Any], Any] = field(repr=False, compare=False)
    training_set: TrainingSet
    checks: tuple[Check, ...]
    metrics: tuple[Metric, ...]
    """User-defined metrics, in addition to those of the label's kind."""
    train_on: int | None
    refit: bool
    calibrate: bool
    seed: int
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    description: str
    engine: EngineName | None

    def __getstate__(self) -> dict[str, Any]:
        """Pickled without its functions, which processes that only predict do not need."""
        return {**vars(self), "fit": None, "checks": (), "metrics": ()}

    def predicted_at(self, partition: int) -> datetime:
        """When all views of a snapshot may be read: the time its predictions are made for."""
        return max(view.valid_from(partition) for view in self.training_set.features.views)

    @cached_property
    def version(self) -> str:
        """Changes with the training set, the function's code, how it is trained, and the checks, which decide which month may predict."""
        return version_of(
            {
                "model": self.name,
                "training": self.training_set.version,
                "code": version_of_code(self.fit),
                "train_on": self.train_on,
                "seed": self.seed,
                "checks": [_meaning(check) for check in self.checks],
                "metrics": [one.meaning for one in self.metrics],
                "refit": self.refit,
                **({"calibrate": True} if self.calibrate else {}),
                "format": 2,  # of the record that a run writes
            }
        )


@checked_arguments("@model")
def model(
    training_set: TrainingSet,
    *,
    checks: Sequence[Check | Callable[[Any], Any]] = (),
    metrics: Sequence[Metric] = (),
    train_on: int | None = None,
    refit: bool = False,
    calibrate: bool = False,
    seed: int = 0,
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    engine: EngineName | None = None,
) -> Callable[[Callable[[Any], Any]], Model]:
    """Declares a model: the decorated function gets TrainingData (the training split) and returns a fitted estimator.

    For binary and multiclass labels that is a classifier with predict_proba, for numeric ones a regressor with predict.

    Args:
        training_set: the training set.
        checks: requirements on its test scores; a model that fails them makes no predictions. Besides at_least, at_most,
            not_worse_than_baseline and better_than_baseline (which warns), they can be your own functions: each gets a Tested model and
            returns whether it passes, optionally with an explanation.
        metrics: your own metrics, shown with those of the label's kind.
        train_on: how many training partitions (months, weeks, days) it is trained on, up to its own; None: all.
        refit: whether, after evaluation, the model is fitted once more to all labels known at the partition's end, including those that
            were purged or used for testing. Predictions then come from the refitted model, the scores from the earlier one.
        calibrate: whether its probabilities are calibrated to the observed frequencies, by a logistic regression (Platt
            scaling) on predictions for held-out entities, at the newest label times of the training split. The
            function is called five more times for this. Binary labels only.
        seed: passed to the function in TrainingData.
        owners: "team:growth" or e-mail addresses.
        tags: shown on its assets.
        engine: the engine that computes its predictions: "polars" or "spark". Default: that of the training set, or the setting
            PLATFORM_ENGINE.
    """
    if not isinstance(training_set, TrainingSet):
        raise DeclarationError(f"@model: {shown(training_set)} is not a TrainingSet. Write @model(churn_training, checks=[...]).")

    def declare(fit: Callable[[Any], Any]) -> Model:
        name = getattr(fit, "__name__", "")
        where = f"model {name!r}" if name else "@model"
        takes_one_argument(fit, where, f"def {name or 'churn'}(train: TrainingData) -> Estimator")
        returns_something(fit, where, "the fitted estimator")
        check_name(name, where)
        units = {view.name: view.source.partitions.unit for view in training_set.features.views}
        if len(set(units.values())) > 1:
            said = ", ".join(f"{view} has partitions of one {unit}" for view, unit in units.items())
            raise DeclarationError(
                f"{where}: predictions are made partition by partition, and {said}. Give it views of sources with the same partitions: "
                "hourly files can be read by day: read_csv('rides/{day}T*.csv')."
            )
        if training_set.features.request:
            column = next(iter(training_set.features.request))
            raise DeclarationError(
                f"{where}: its features read {column!r} of the request, and predictions per {next(iter(units.values()))} have no request. "
                "Give the training set a service without it."
            )
        for feature, kind in training_set.features.features.items():
            if kind in ELEMENTS:
                raise DeclarationError(
                    f"{where}: the feature {feature!r} is a {kind}, and a model reads single values. Leave it out: give the training set a "
                    "feature service without it, such as one of view.select(...)."
                )
        of = training_set.labels.kind
        required = tuple(_check(check, of, where) for check in list_of(checks, f"{where}, checks", "checks=[at_least('auc', 0.65)]"))
        own = list_of(metrics, f"{where}, metrics", "metrics=[profit]")
        for one in own:
            if not isinstance(one, Metric) or one.function is None:
                raise DeclarationError(f"{where}, metrics: {shown(one)} is not a user-defined metric. Declare it with @metric(...).")
        if boolean(calibrate, f"{where}, calibrate") and of != "binary":
            raise DeclarationError(
                f"{where}, calibrate: its labels are {of}, and only the probabilities of binary labels can be calibrated. Leave it out."
            )
        return Model(
            name=name,
            fit=fit,
            training_set=training_set,
            checks=required,
            metrics=_own_metrics(required, own),
            train_on=None if train_on is None else integer(train_on, f"{where}, train_on", least=1),
            refit=boolean(refit, f"{where}, refit"),
            calibrate=calibrate,
            seed=integer(seed, f"{where}, seed", least=0),
            owners=check_owners(owners, where) or training_set.owners,
            tags=check_tags(tags, where),
            description=inspect.getdoc(fit) or "",
            engine=check_engine(engine, where) or training_set.engine,
        )

    return declare


def _check(check: Any, kind: Kind, where: str) -> Check:
    """The check, if it fits the label's kind."""
    if isinstance(check, NotWorseThanBaseline) and check.metric is None:
        return replace(check, metric=STANDARD[kind][0])
    if isinstance(check, AtLeast | AtMost | NotWorseThanBaseline | BetterThanBaseline):
        assert check.metric is not None, "that of the kind, by now"
        if check.metric.function is None and check.metric not in STANDARD[kind]:
            known = ", ".join(one.name for one in STANDARD[kind])
            raise DeclarationError(f"{where}, checks: {check.metric.name!r} is not a metric for {kind} labels. Choose from: {known}.")
        return check
    if not inspect.isfunction(check):
        raise DeclarationError(f"{where}, checks: {shown(check)} is not a check. Write at_least('auc', 0.65) or not_worse_than_baseline().")
    place = f"{where}, check {check.__name__!r}"
    takes_one_argument(check, place, f"def {check.__name__}(tested: Tested) -> bool")
    check_name(check.__name__, place)
    return OwnCheck(check.__name__, check)


def _own_metrics(checks: Sequence[Check], shown_too: Sequence[Metric]) -> tuple[Metric, ...]:
    """The user-defined metrics without duplicates, including those of checks."""
    of_checks = [check.metric for check in checks if not isinstance(check, OwnCheck) and check.metric and check.metric.function]
    return tuple({one.name: one for one in (*shown_too, *of_checks)}.values())


def _meaning(check: Check) -> list[Any]:
    if isinstance(check, OwnCheck):
        return [check.name, version_of_code(check.function)]
    assert check.metric is not None, "that of the kind, by now"
    rest = [getattr(check, one.name) for one in fields(check) if one.name != "metric"]
    return [type(check).__name__, *check.metric.meaning, *rest]
