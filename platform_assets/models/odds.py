"""Log odds of probabilities, and their logistic regression against outcomes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from platform_assets.errors import extra

with extra("models"):
    from sklearn.linear_model import LogisticRegression

Array = npt.NDArray[Any]
_SURE = 1e-9
"""Probabilities of 0 and 1 have no finite log odds: they are clipped by this much."""


def log_odds(probabilities: Array) -> Array:
    inside = np.clip(probabilities, _SURE, 1 - _SURE)
    odds: Array = np.log(inside / (1 - inside))
    return odds


def logistic_fit(probabilities: Array, truth: Array) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of outcomes on log odds. (1, 0): the probabilities are calibrated.

    truth: 0 and 1, both present.
    """
    fitted = LogisticRegression(C=1e6).fit(log_odds(probabilities).reshape(-1, 1), truth)  # with this C there is practically no shrinkage
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
