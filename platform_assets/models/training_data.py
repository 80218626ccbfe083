"""What a model's function is given, and what it gives back."""

from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl


class Estimator(Protocol):
    """A fitted classifier, of scikit-learn, LightGBM or your own.

    `predict_proba` takes a frame with the columns of `TrainingData.features` and gives an array of shape (rows, 2): the
    probabilities of False and of True. To be saved it must pickle, and its class must be importable: no class of a notebook.
    """

    def predict_proba(self, features: Any, /) -> Any: ...


@dataclass(frozen=True)
class TrainingData:
    """The training split, prepared: the only rows that a model's function sees.

    features: Float64 columns without nulls. Numbers are imputed and scaled, `is_missing(x)` says where x was null.
    target: Int8, 1 where the label is true; as long as `features`.
    label_times: UTC; the moment that the features of a row are of. For weights, or for folds in time.
    categorical: the columns of `features` that hold codes of texts; 0, a text that is not in this split, comes at prediction only.
    numeric: all other columns of `features`.
    seed: for whatever is random in the model, so that a rerun gives the same model.

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
