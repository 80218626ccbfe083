"""Which features a model leans on: permutation importance, for any estimator (Breiman 2001)."""

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
"""What is lost without a feature."""


def importance(model: FittedModel, frame: pl.DataFrame, target: npt.NDArray[Any], seed: int) -> dict[str, float]:
    """The AUC (of numbers r2, of classes accuracy) that is lost when a feature's values are dealt out among the rows.

    The mean of three deals, largest first. About 0: the model does without it, or another feature says the same. Rows: up to 2,000 of
    those given, chosen by the seed. A feature's prepared columns move together. (scikit-learn's permutation_importance moves single
    columns.)
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
