"""What a model must beat: logistic regression on the same rows."""

import polars as pl
from sklearn.linear_model import LogisticRegression

from platform_assets.models.training_data import Estimator


def logistic_baseline(features: pl.DataFrame, target: pl.Series, seed: int) -> Estimator:
    """An L2-regularized logistic regression (C = 1) on one-hot features. Nothing is tuned: it is a yardstick, not a rival."""
    return LogisticRegression(C=1.0, max_iter=1_000, random_state=seed).fit(features, target)  # type: ignore[no-any-return]
