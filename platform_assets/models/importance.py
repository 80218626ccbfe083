"""Permutation importance of features, for any estimator (Breiman 2001)."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.labels import Kind
from platform_assets.declare.metrics import KNOWN
from platform_assets.models.fitted import FittedModel, scores
from platform_assets.models.metrics import weighted

MOST_ROWS = 2_000
REPEATS = 3
LOST: dict[Kind, str] = {"binary": "auc", "numeric": "r2", "multiclass": "accuracy"}
"""The metric in which importance is measured, by kind of label."""


def importance(model: FittedModel, frame: pl.DataFrame, target: npt.NDArray[Any], seed: int) -> dict[str, float]:
    """The loss of AUC (r2 for numbers, accuracy for classes) when a feature's values are shuffled among the rows.

    The mean of three shuffles, largest first. About 0: the model does not use it, or another feature has the same information. Rows: up to
    2,000 of the given ones, chosen by the seed. A feature's prepared columns are shuffled together. (scikit-learn's permutation_importance
    shuffles single columns.)
    """
    deal = np.random.default_rng(seed)
    chosen = np.sort(deal.choice(len(target), size=min(MOST_ROWS, len(target)), replace=False))
    target = target[chosen]
    if target.min() == target.max():
        return {}
    prepared, metric, one = model.preparation.apply(frame[chosen]), KNOWN[LOST[model.kind]], np.ones(len(target))

    def score(rows: pl.DataFrame) -> float:
        return weighted(model.kind, metric, target, scores(model.estimator, rows, model.kind, model.classes, model.name))(one)

    full = score(prepared)
    lost = {}
    for feature in model.preparation.kinds:
        columns = [column for column in prepared.columns if model.preparation.feature_of(column) == feature]
        dealt = [prepared.with_columns(prepared.select(columns)[deal.permutation(len(target))]) for _ in range(REPEATS)]
        lost[feature] = float(np.mean([full - score(rows) for rows in dealt]))
    return dict(sorted(lost.items(), key=lambda item: (-item[1], item[0])))
