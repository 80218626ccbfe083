"""Which features a model leans on: permutation importance, for any estimator (Breiman 2001)."""

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import roc_auc_score

from platform_assets.models.fitted import FittedModel, probabilities

MOST_ROWS = 2_000
REPEATS = 3


def importance(model: FittedModel, frame: pl.DataFrame, target: npt.NDArray[np.int8], seed: int) -> dict[str, float]:
    """The AUC that is lost when a feature's values are dealt out among the rows, the mean of three deals; largest first.

    About 0: the model does without it, or another feature says the same. Rows: up to 2,000 of those given, chosen by the seed.
    A feature's prepared columns move together. (scikit-learn's permutation_importance moves single columns.)
    """
    deal = np.random.default_rng(seed)
    chosen = np.sort(deal.choice(len(target), size=min(MOST_ROWS, len(target)), replace=False))
    target = target[chosen]
    if target.min() == target.max():
        return {}
    prepared = model.preparation.apply(frame[chosen])
    full = roc_auc_score(target, probabilities(model.estimator, prepared, model.name))
    lost = {}
    for feature in model.preparation.kinds:
        columns = [column for column in prepared.columns if model.preparation.feature_of(column) == feature]
        losses = []
        for _ in range(REPEATS):
            dealt = prepared.with_columns(prepared.select(columns)[deal.permutation(len(target))])
            losses.append(full - roc_auc_score(target, probabilities(model.estimator, dealt, model.name)))
        lost[feature] = float(np.mean(losses))
    return dict(sorted(lost.items(), key=lambda item: (-item[1], item[0])))
