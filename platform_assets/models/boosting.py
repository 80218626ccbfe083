"""Reproducible gradient boosting."""

from collections.abc import Sequence
from typing import Any

from platform_assets.errors import extra
from platform_assets.models.training_data import Estimator, Regressor, TrainingData

with extra("models"):
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

REPEATABLE: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbosity": -1}
"""One thread, and row-wise histograms: with these LightGBM guarantees the same trees for the same rows, parameters and version."""


def lightgbm_classifier(train: TrainingData, *, columns: Sequence[str] | None = None, **parameters: Any) -> Estimator:
    """A fitted LightGBM classifier for binary and multiclass labels, with text codes as categories; seeded and reproducible.

    columns: the prepared columns to train on, such as train.numeric. Default: all. With few rows, trees memorize rare texts.
    parameters: of lightgbm.LGBMClassifier, such as n_estimators=300. They override REPEATABLE and the seed.

    >>> @model(churn_training)
    ... def churn(train: TrainingData) -> Estimator:
    ...     return lightgbm_classifier(train, n_estimators=300, learning_rate=0.05)
    """
    fitted: Estimator = _fitted(LGBMClassifier, train, columns, parameters)
    return fitted


def lightgbm_regressor(train: TrainingData, *, columns: Sequence[str] | None = None, **parameters: Any) -> Regressor:
    """A fitted LightGBM regressor for numeric labels; otherwise like lightgbm_classifier.

    parameters: of lightgbm.LGBMRegressor, such as objective="mae".

    >>> spent = outcome(orders, sum("quantity * unit_price", default=0.0).within("7d"), spine=every("7d", active="90d"))
    >>> @model(TrainingSet("spend", features=churn_features, labels=spent))
    ... def spend(train: TrainingData) -> Regressor:
    ...     return lightgbm_regressor(train, n_estimators=200, objective="mae")
    """
    fitted: Regressor = _fitted(LGBMRegressor, train, columns, parameters)
    return fitted


def _fitted(of: Any, train: TrainingData, columns: Sequence[str] | None, parameters: dict[str, Any]) -> Any:
    learner = of(**{**REPEATABLE, "random_state": train.seed, **parameters})
    if columns is None:
        return learner.fit(train.features, train.target, categorical_feature=list(train.categorical))
    chosen = list(columns)
    select = ColumnTransformer([("chosen", "passthrough", chosen)], verbose_feature_names_out=False).set_output(transform="polars")
    selected = select.fit_transform(train.features)
    learner.fit(selected, train.target, categorical_feature=[column for column in train.categorical if column in chosen])
    return Pipeline([("select", select), ("learner", learner)])
