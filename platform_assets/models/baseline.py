"""The baseline of a model: logistic regression on the same rows, or ridge regression for numeric labels."""

from typing import Any

import polars as pl

from platform_assets.declare.labels import Kind
from platform_assets.errors import extra
from platform_assets.models.training_data import Estimator

with extra("models"):
    from sklearn.linear_model import LogisticRegression, Ridge

BASELINES: dict[Kind, str] = {"binary": "logistic", "numeric": "ridge", "multiclass": "logistic"}
"""The displayed names of the baselines."""


def baseline(kind: Kind, features: pl.DataFrame, target: pl.Series, seed: int) -> Any:
    """The fitted baseline of a kind of label. It is not tuned: it is a yardstick, not a competitor."""
    return Ridge(alpha=1.0).fit(features, target) if kind == "numeric" else logistic_baseline(features, target, seed)


def logistic_baseline(features: pl.DataFrame, target: pl.Series, seed: int) -> Estimator:
    """An L2-regularized logistic regression (C = 1) on one-hot features; multinomial for several classes."""
    return LogisticRegression(C=1.0, max_iter=1_000, random_state=seed).fit(features, target)  # type: ignore[no-any-return]
