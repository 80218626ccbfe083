"""The input and output of a model's function, and the input of a user-defined check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from platform_assets.declare.labels import Kind


class Estimator(Protocol):
    """A fitted classifier from scikit-learn, LightGBM or your own code.

    `predict_proba` takes a frame with the columns of `TrainingData.features` and returns an array with one column per class: for binary
    labels False and True, otherwise those of `TrainingData.classes`. To be saved it must be picklable, and its class importable: not
    defined in a notebook.
    """

    def predict_proba(self, features: Any, /) -> Any: ...


class Regressor(Protocol):
    """A fitted regressor: `predict` takes a frame with the columns of `TrainingData.features` and returns a number for each row."""

    def predict(self, features: Any, /) -> Any: ...


@dataclass(frozen=True)
class TrainingData:
    """The prepared training split: the only rows that a model's function sees.

    features: Float64 columns without nulls. Numbers are imputed and scaled; `is_missing(x)` marks where x was null.
    target: as long as `features`. A binary label is Int8, 1 if true; a number is Float64; a class is Int32, its index in `classes`.
    label_times: UTC; the time of a row's features. For weights, or for folds in time.
    categorical: the columns of `features` with text codes; 0, a text that is not in this split, occurs only in predictions.
    numeric: all other columns of `features`.
    seed: for anything random in the model, so that a rerun gives the same model.
    kind: of the label: "binary", "numeric" or "multiclass".
    classes: for a multiclass label, the sorted classes in this split.

    >>> @model(churn_training)
    ... def churn(train: TrainingData) -> Estimator:
    ...     return RandomForestClassifier(random_state=train.seed).fit(train.features, train.target)
    """

    features: pl.DataFrame
    target: pl.Series
    label_times: pl.Series
    categorical: tuple[str, ...]
    numeric: tuple[str, ...]
    seed: int
    kind: Kind = "binary"
    classes: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Tested:
    """A model on its test split, as passed to a user-defined check.

    rows: the test split as in the training set: keys, label_time, the label, and unprepared features.
    predicted, baseline: the predictions of the model and of the baseline for each row: a probability, a number, or the most probable class.
    metrics, baseline_metrics: by name, including user-defined ones.

    >>> @model(churn_training, checks=[])
    ... def churn(train: TrainingData) -> Estimator: ...
    >>> def new_customers_too(tested: Tested) -> tuple[bool, str]:
    ...     new = tested.rows["customer_spend__count_30d"] < 3
    ...     return new.any(), f"{new.sum()} new customers were tested"
    """

    rows: pl.DataFrame
    predicted: pl.Series
    baseline: pl.Series
    metrics: Mapping[str, float]
    baseline_metrics: Mapping[str, float]
