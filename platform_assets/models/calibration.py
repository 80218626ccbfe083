"""Calibration: corrects probabilities by the outcomes of held-out entities (Platt scaling).

The entities of the training split are divided into five groups. For each group the model is fitted to the other groups and predicts the
labels at the newest fifth of the label times. A logistic regression of these outcomes on the predicted log odds gives the correction. Test
rows are not used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.errors import extra
from platform_assets.models.metrics import FEWEST, fewest_entities
from platform_assets.models.odds import log_odds, logistic_fit
from platform_assets.models.split import split_by_time

with extra("models"):
    from sklearn.model_selection import GroupKFold

FOLDS = 5

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """The correction: corrected log odds = slope * log odds + intercept. rows: the labels that it was fitted to.

    A slope below 1 means that the model was overconfident, an intercept above 0 that its probabilities were too low.
    """

    slope: float
    intercept: float
    rows: int

    def apply(self, probabilities: Array) -> Array:
        corrected: Array = 1 / (1 + np.exp(-(self.slope * log_odds(probabilities) + self.intercept)))
        return corrected


def newest_of(label_times: pl.Series, rows: pl.Series) -> pl.Series:
    """The rows whose label times are among the newest fifth, as a mask over all rows."""
    cut = split_by_time(label_times.filter(rows), timedelta(0)).cut
    return rows & (label_times >= cut)


def too_little_to_calibrate(truth: pl.Series, newest: pl.Series, entities: Numbers) -> str:
    """Why there is too little data to calibrate; empty if there is enough."""
    rows = newest.to_numpy()
    fewest = fewest_entities("binary", truth.to_numpy()[rows], entities[rows])
    if fewest >= FEWEST:
        return ""
    needed = f"calibrate=True needs {FEWEST} entities with each label at the newest label times of the training split"
    return f"{needed}: the rarer label has {fewest}"


def predict_held_out(
    fit_and_predict: Callable[[pl.Series, pl.DataFrame], Array],
    labelled: pl.DataFrame,
    rows: pl.Series,
    label_time: str,
    entities: Numbers,
    seed: int,
) -> pl.Series:
    """Predictions for the newest of some rows by models fitted to other entities; null for all other rows.

    fit_and_predict: predicts a frame with the model fitted to the rows of a mask. rows: the rows to train on, as a mask.
    entities: the entity number of every row.
    """
    newest, places = newest_of(labelled[label_time], rows).to_numpy(), rows.arg_true().to_numpy()
    found = np.full(labelled.height, np.nan)
    for others, group in GroupKFold(FOLDS, shuffle=True, random_state=seed).split(places, groups=entities[places]):
        held_out = [place for place in places[group] if newest[place]]
        others_alone = np.zeros(labelled.height, dtype=bool)
        others_alone[places[others]] = True
        found[held_out] = fit_and_predict(pl.Series(others_alone), labelled[held_out])
    return pl.Series(found, nan_to_null=True)


def fit_calibration(held_out: pl.Series, truth: pl.Series) -> Calibration:
    """The correction that would have calibrated the predictions for held-out entities. Nulls are ignored."""
    known = held_out.is_not_null()
    slope, intercept = logistic_fit(held_out.filter(known).to_numpy(), truth.filter(known).to_numpy())
    return Calibration(slope, intercept, int(known.sum()))
