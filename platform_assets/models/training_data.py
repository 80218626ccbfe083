"""What a model's function is given, and what it gives back; and what a check of a user's own is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl

from platform_assets.declare.labels import Kind


class Estimator(Protocol):
    """A fitted classifier, of scikit-learn, LightGBM or your own.

    `predict_proba` takes a frame with the columns of `TrainingData.features` and gives an array with a column for each class: of binary
    labels False and True, else those of `TrainingData.classes`. To be saved it must pickle, and its class must be importable: no class of
    a notebook.
    """

    def predict_proba(self, features: Any, /) -> Any: ...


class Regressor(Protocol):
    """A fitted estimator of numbers: `predict` takes a frame with the columns of `TrainingData.features` and gives one for each row."""

    def predict(self, features: Any, /) -> Any: ...


@dataclass(frozen=True)
class TrainingData:
    """The training split, prepared: the only rows that a model's function sees.

    features: Float64 columns without nulls. Numbers are imputed and scaled, `is_missing(x)` says where x was null.
    target: as long as `features`. A binary label is Int8, 1 where it is true; a number Float64; a class Int32, its place in `classes`.
    label_times: UTC; the moment that the features of a row are of. For weights, or for folds in time.
    categorical: the columns of `features` that hold codes of texts; 0, a text that is not in this split, comes at prediction only.
    numeric: all other columns of `features`.
    seed: for whatever is random in the model, so that a rerun gives the same model.
    kind: of the label: "binary", "numeric" or "multiclass".
    classes: of a multiclass label the classes in this split, sorted.

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
    """A model on its test split, as a check of your own gets it.

    rows: the test split as it is in the training set: keys, label_time, the label, and features that are not prepared.
    predicted, baseline: what the model and the baseline say of each row: a probability, a number, or the most probable class.
    metrics, baseline_metrics: by name, those of your own among them.

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
