"""A model: a function that fits an estimator to a training set, and the checks that its scores must pass."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import cached_property
from typing import Any

from platform_assets.declare.arguments import checked_arguments, list_of, one_of, returns_something, share, shown, takes_one_argument, whole
from platform_assets.declare.names import check_name, check_owners, check_tags
from platform_assets.declare.training import TrainingSet
from platform_assets.declare.version import version_of, version_of_code
from platform_assets.errors import DeclarationError
from platform_assets.expressions.types import ELEMENTS

METRICS = ("auc", "average_precision")


@dataclass(frozen=True)
class AtLeast:
    """A score on the test split that must be reached."""

    metric: str
    bound: float


@dataclass(frozen=True)
class NotWorseThanBaseline:
    """The model's score must not be below the logistic baseline's by more than a tolerance."""

    metric: str
    tolerance: float


Check = AtLeast | NotWorseThanBaseline


@checked_arguments("at_least")
def at_least(metric: str, bound: float) -> AtLeast:
    """The model is good only if this metric reaches the bound on the test split.

    >>> at_least("auc", 0.65)
    AtLeast(metric='auc', bound=0.65)
    """
    one_of(metric, METRICS, "at_least", "metric")
    return AtLeast(metric, share(bound, f"at_least({metric!r}), bound"))


@checked_arguments("not_worse_than_baseline")
def not_worse_than_baseline(metric: str = "auc", tolerance: float = 0.0) -> NotWorseThanBaseline:
    """The model is good only if it reaches what a logistic regression reaches on the same split, less the tolerance."""
    one_of(metric, METRICS, "not_worse_than_baseline", "metric")
    return NotWorseThanBaseline(metric, share(tolerance, f"not_worse_than_baseline({metric!r}), tolerance"))


@dataclass(frozen=True)
class Model:
    """A model and how it is trained. Made by `@model`."""

    name: str
    fit: Callable[[Any], Any] = field(repr=False, compare=False)
    training_set: TrainingSet
    checks: tuple[Check, ...]
    train_on: int | None
    seed: int
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    description: str

    @cached_property
    def version(self) -> str:
        """Changes with the training set, the code of the function, how it is trained, and the checks: they say which month may predict."""
        return version_of(
            {
                "model": self.name,
                "training": self.training_set.version,
                "code": version_of_code(self.fit),
                "train_on": self.train_on,
                "seed": self.seed,
                "checks": [[type(check).__name__, *astuple(check)] for check in self.checks],
            }
        )


@checked_arguments("@model")
def model(
    training_set: TrainingSet,
    *,
    checks: Sequence[Check] = (),
    train_on: int | None = None,
    seed: int = 0,
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> Callable[[Callable[[Any], Any]], Model]:
    """Declare a model by a function that gets TrainingData (the training split) and returns an estimator with predict_proba.

    Args:
        training_set: what it learns from.
        checks: what its scores on the test split must reach; a model that fails them makes no predictions.
        train_on: how many training partitions (months) it learns from, up to its own; None: all.
        seed: passed to the function in TrainingData.
        owners: "team:growth" or e-mail addresses.
        tags: shown on its assets.
    """
    if not isinstance(training_set, TrainingSet):
        raise DeclarationError(f"@model: {shown(training_set)} is no TrainingSet. Write @model(churn_training, checks=[...]).")

    def declare(fit: Callable[[Any], Any]) -> Model:
        name = getattr(fit, "__name__", "")
        where = f"model {name!r}" if name else "@model"
        takes_one_argument(fit, where, f"def {name or 'churn'}(train: TrainingData) -> Estimator")
        returns_something(fit, where, "the fitted estimator")
        check_name(name, where)
        units = {view.name: view.source.partitions.unit for view in training_set.features.views}
        if len(set(units.values())) > 1:
            said = ", ".join(f"{view} arrives by the {unit}" for view, unit in units.items())
            raise DeclarationError(
                f"{where}: predictions are made partition by partition, and {said}. Give it views of sources with the same."
            )
        for feature, kind in training_set.features.features.items():
            if kind in ELEMENTS:
                raise DeclarationError(
                    f"{where}: the feature {feature!r} is a {kind}, and a model reads single values. Leave it out: give the training set a "
                    "feature service without it, such as one of view.select(...)."
                )
        required = list_of(checks, f"{where}, checks", "checks=[at_least('auc', 0.65)]")
        for check in required:
            if not isinstance(check, AtLeast | NotWorseThanBaseline):
                raise DeclarationError(
                    f"{where}, checks: {shown(check)} is no check. Write at_least('auc', 0.65) or not_worse_than_baseline()."
                )
        return Model(
            name=name,
            fit=fit,
            training_set=training_set,
            checks=required,
            train_on=None if train_on is None else whole(train_on, f"{where}, train_on", least=1),
            seed=whole(seed, f"{where}, seed", least=0),
            owners=check_owners(owners, where) or training_set.owners,
            tags=check_tags(tags, where),
            description=inspect.getdoc(fit) or "",
        )

    return declare
