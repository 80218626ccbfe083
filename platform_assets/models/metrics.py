"""How well probabilities tell true labels from false ones, in figures and in curves. All of it is scikit-learn's."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, precision_recall_curve, roc_auc_score

CURVE_POINTS = 100
CALIBRATION_BINS = 10

Point = tuple[float, float]


@dataclass(frozen=True)
class Evaluation:
    """A model on rows that it was not fitted to.

    auc: the chance that a true row gets a higher probability than a false one; 0.5 is no knowledge. Does not depend on how many are true.
    average_precision: the area under precision over recall; no knowledge gives `positive_share`, so read the two together.
    log_loss, brier: how far the probabilities are from 0 and 1; less is better.
    precision_recall: (recall, precision) by falling recall, at most 100 points.
    calibration: (mean probability, share of true rows) of up to ten equally full bins; on the diagonal they mean what they say.
    """

    rows: int
    positives: int
    positive_share: float
    auc: float
    average_precision: float
    log_loss: float
    brier: float
    precision_recall: tuple[Point, ...]
    calibration: tuple[Point, ...]


def evaluate(target: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> Evaluation:
    """Compare probabilities with what came true.

    target: 0 and 1, both present. probability: of 1, as many.
    """
    precision, recall, _ = precision_recall_curve(target, probability, drop_intermediate=True)
    shares, means = calibration_curve(target, probability, n_bins=CALIBRATION_BINS, strategy="quantile")
    positives = int(target.sum())
    return Evaluation(
        rows=len(target),
        positives=positives,
        positive_share=positives / len(target),
        auc=float(roc_auc_score(target, probability)),
        average_precision=float(average_precision_score(target, probability)),
        log_loss=float(log_loss(target, probability, labels=[0, 1])),
        brier=float(brier_score_loss(target, probability)),
        precision_recall=tuple(_thinned(recall, precision)),
        calibration=tuple(zip(means.tolist(), shares.tolist(), strict=True)),
    )


def _thinned(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Iterator[Point]:
    """At most CURVE_POINTS points, the first and the last among them."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), CURVE_POINTS)).round().astype(int))
    return zip(x[chosen].tolist(), y[chosen].tolist(), strict=True)
