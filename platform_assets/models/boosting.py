"""Gradient boosting that gives the same trees again."""

from typing import Any

from lightgbm import LGBMClassifier

from platform_assets.models.training_data import Estimator, TrainingData

REPEATABLE: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "n_jobs": 1, "verbosity": -1}
"""One thread, and histograms built by rows: with these LightGBM promises the same trees from the same rows, parameters and version."""


def lightgbm_classifier(train: TrainingData, **parameters: Any) -> Estimator:
    """LightGBM's classifier, fitted; codes of texts as categories, seeded, repeatable.

    parameters: of lightgbm.LGBMClassifier, such as n_estimators=300. They win over REPEATABLE and the seed.

    >>> @model(churn_training)
    ... def churn(train: TrainingData) -> Estimator:
    ...     return lightgbm_classifier(train, n_estimators=300, learning_rate=0.05)
    """
    classifier = LGBMClassifier(**{**REPEATABLE, "random_state": train.seed, **parameters})
    return classifier.fit(train.features, train.target, categorical_feature=list(train.categorical))
