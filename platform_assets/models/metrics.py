"""Metrics and curves of predictions, and their improvement over a baseline, with an interval from resampled entities.

A metric is computed in two steps, so that hundreds of resamples are cheap: what depends only on the predictions is computed once, then each
resample is a weight for every row (how often its entity was drawn). With all weights 1 the metrics equal scikit-learn's, which tests
verify.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from platform_assets.declare.labels import Kind
from platform_assets.declare.metrics import STANDARD, Metric
from platform_assets.errors import ModelError, extra
from platform_assets.models.odds import logistic_fit

with extra("models"):
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import precision_recall_curve

CURVE_POINTS = 100
CALIBRATION_BINS = 10
RESAMPLES = 400
FEWEST = 10
"""Entities needed for an interval, per class for binary labels: with fewer, the draws are too similar and chance looks like certainty."""
CONFIDENCE = 0.95

Array = npt.NDArray[Any]
Point = tuple[float, float]
Weighted = Callable[[Array], float]


@dataclass(frozen=True)
class Evaluation:
    """A model on rows that it was not fitted to.

    metrics: by name. For binary labels: auc (the chance that a true row gets a higher probability than a false one; 0.5 is random),
    average_precision (the area under precision over recall; a random model gets the positive share), log_loss and brier (how far the
    probabilities are from 0 and 1). For numbers: mae and rmse in the label's unit, r2 (1: exact, 0: no better than the mean).
    For classes: macro_f1 (the mean over classes, however rare), accuracy, log_loss. And user-defined ones.
    about: positive_share and mean_predicted, calibration_slope and calibration_intercept (of outcomes on log odds: 1 and 0 if
    probabilities are calibrated); for numbers, the mean and mean_predicted; for classes, the rows of unknown classes.
    curves: precision_recall as (recall, precision) by falling recall, at most 100 points; calibration as (mean prediction, mean
    outcome) of up to ten equally full bins: calibrated predictions are on the diagonal.
    confusion: for classes, row counts by true class (down) and predicted class.
    """

    kind: Kind
    rows: int
    metrics: dict[str, float]
    about: dict[str, float]
    curves: dict[str, tuple[Point, ...]]
    confusion: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Gain:
    """The improvement of a model over its baseline in a metric (positive is better), with its 95% interval.

    low, high: None if there is no interval: with fewer than ten entities, for binary labels fewer than ten with the rarer class,
    or if the metric is undefined in all resamples.
    """

    value: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Literal["better", "worse", "unclear"]:
        if self.low is None or self.high is None:
            return "unclear"
        return "better" if self.low > 0 else "worse" if self.high < 0 else "unclear"

    @property
    def interval(self) -> str:
        return "unknown" if self.low is None or self.high is None else f"{self.low:+.3f} to {self.high:+.3f}"


def evaluate(kind: Kind, truth: Array, predicted: Array, own: Sequence[Metric] = ()) -> Evaluation:
    """Compares predictions with actual outcomes.

    truth: 0 and 1, both present; numbers; or class indexes, -1 for an unknown class. predicted: probabilities of 1; numbers;
    or one column of probabilities per class.
    """
    one = np.ones(len(truth))
    metrics = {metric.name: weighted(kind, metric, truth, predicted)(one) for metric in (*STANDARD[kind], *own)}
    if odd := [name for name, value in metrics.items() if not np.isfinite(value)]:
        raise ModelError(f"metric {odd[0]!r} is {metrics[odd[0]]} on {len(truth):,} test rows: a metric must be a finite number")
    if kind == "multiclass":
        confusion = _confusion(truth, predicted.argmax(axis=1), predicted.shape[1], one)
        counts = tuple(tuple(int(number) for number in row) for row in confusion)
        return Evaluation(kind, len(truth), metrics, {"rows_of_unknown_classes": float((truth < 0).sum())}, {}, counts)
    calibration = tuple(_calibration(kind, truth, predicted))
    if kind == "numeric":
        about = {"mean": float(truth.mean()), "mean_predicted": float(predicted.mean())}
        return Evaluation(kind, len(truth), metrics, about, {"calibration": calibration})
    precision, recall, _ = precision_recall_curve(truth, predicted, drop_intermediate=True)
    slope, intercept = logistic_fit(predicted, truth)
    about = {
        "positives": float(truth.sum()),
        "positive_share": float(truth.mean()),
        "mean_predicted": float(predicted.mean()),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    }
    return Evaluation(
        kind, len(truth), metrics, about, {"precision_recall": tuple(_thinned(recall, precision)), "calibration": calibration}
    )


def gains(
    kind: Kind, truth: Array, predicted: Array, baseline: Array, entities: Array, seed: int, own: Sequence[Metric] = ()
) -> dict[str, Gain]:
    """The improvement over a baseline, metric by metric: paired, over resampled entities.

    entities: an entity number for each row; the rows of an entity are drawn together, since they are not independent. A user-defined metric
    that fails on a draw, such as one without any true label, is skipped for that draw.
    """
    metrics = (*STANDARD[kind], *own)
    pairs = {metric: [weighted(kind, metric, truth, one) for one in (predicted, baseline)] for metric in metrics}
    draw, count = np.random.default_rng(seed), int(entities.max()) + 1
    are_enough = fewest_entities(kind, truth, entities) >= FEWEST
    found: dict[Metric, list[float]] = {metric: [] for metric in metrics}
    for _ in range(RESAMPLES):
        weights = np.bincount(draw.integers(0, count, count), minlength=count)[entities].astype(np.float64)
        for metric, (model, other) in pairs.items():
            found[metric].append(_better_by(metric, _on_draw(model, weights), _on_draw(other, weights)))
    edges = [100 * (1 - CONFIDENCE) / 2, 100 * (1 + CONFIDENCE) / 2]
    one = np.ones(len(truth))
    gained = {}
    for metric, (model, other) in pairs.items():
        differences = np.array(found[metric])
        differences = differences[np.isfinite(differences)]  # a draw with a single class has no AUC
        low, high = np.percentile(differences, edges).tolist() if len(differences) and are_enough else (None, None)
        gained[metric.name] = Gain(_better_by(metric, model(one), other(one)), low, high)
    return gained


def fewest_entities(kind: Kind, truth: Array, entities: Array) -> int:
    """The number of entities; for binary labels, the number with the rarer class."""
    groups = [entities[truth == value] for value in (0, 1)] if kind == "binary" else [entities]
    return min(len(np.unique(group)) for group in groups)


def _on_draw(metric: Weighted, weights: Array) -> float:
    try:
        return metric(weights)
    except ModelError:  # it did not fail on all rows: evaluate has already called it
        return float("nan")


def _better_by(metric: Metric, model: float, other: float) -> float:
    return model - other if metric.higher_is_better else other - model


def weighted(kind: Kind, metric: Metric, truth: Array, predicted: Array) -> Weighted:
    """A metric as a function of the rows' weights."""
    if metric.function is not None:
        return _own(metric, metric.function, truth, predicted)
    return _METRICS[kind, metric.name](truth, predicted)


def _own(metric: Metric, function: Callable[[Any, Any], float], truth: Array, predicted: Array) -> Weighted:
    def of(weights: Array) -> float:
        rows = np.repeat(np.arange(len(truth)), weights.astype(np.int64))
        try:
            return float(function(truth[rows], predicted[rows]))
        except Exception as error:
            raise ModelError(f"metric {metric.name!r} failed on {len(rows):,} rows: {type(error).__name__}: {error}") from error

    return of


def _auc(truth: Array, predicted: Array) -> Weighted:
    values, group = np.unique(predicted, return_inverse=True)

    def of(weights: Array) -> float:
        positive = np.bincount(group, weights * truth, len(values))
        negative = np.bincount(group, weights * (1 - truth), len(values))
        right = (positive * (np.cumsum(negative) - negative / 2)).sum()  # ties count half
        return _ratio(right, positive.sum() * negative.sum())

    return of


def _average_precision(truth: Array, predicted: Array) -> Weighted:
    values, group = np.unique(-predicted, return_inverse=True)

    def of(weights: Array) -> float:
        positive, total = np.bincount(group, weights * truth, len(values)), np.bincount(group, weights, len(values))
        found, seen = np.cumsum(positive), np.cumsum(total)
        return _ratio((positive * found / np.where(seen, seen, 1)).sum(), found[-1])

    return of


def _mean_of(loss: Array) -> Weighted:
    return lambda weights: _ratio(float((weights * loss).sum()), float(weights.sum()))


def _log_loss(truth: Array, predicted: Array) -> Weighted:
    right = np.where(truth == 1, predicted, 1 - predicted)
    return _mean_of(-np.log(np.clip(right, _EPSILON, 1)))


def _log_loss_of_classes(truth: Array, predicted: Array) -> Weighted:
    right = np.where(truth < 0, 0.0, predicted[np.arange(len(truth)), np.maximum(truth, 0)])
    return _mean_of(-np.log(np.clip(right, _EPSILON, 1)))


def _rmse(truth: Array, predicted: Array) -> Weighted:
    mean = _mean_of((truth - predicted) ** 2)
    return lambda weights: float(np.sqrt(mean(weights)))


def _r2(truth: Array, predicted: Array) -> Weighted:
    def of(weights: Array) -> float:
        mean = (weights * truth).sum() / weights.sum()
        spread = (weights * (truth - mean) ** 2).sum()
        return 1 - _ratio((weights * (truth - predicted) ** 2).sum(), spread)

    return of


def _confusion(truth: Array, chosen: Array, classes: int, weights: Array) -> Array:
    """Weights by true and predicted class; unknown classes are in the last row."""
    true = np.where(truth < 0, classes, truth)
    counts: Array = np.bincount(true * classes + chosen, weights, (classes + 1) * classes).reshape(classes + 1, classes)
    return counts if (truth < 0).any() else counts[:classes]


def _macro_f1(truth: Array, predicted: Array) -> Weighted:
    chosen, classes = predicted.argmax(axis=1), predicted.shape[1]

    def of(weights: Array) -> float:
        counts = _confusion(truth, chosen, classes, weights)
        right, of_true, of_chosen = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        of_chosen = np.append(of_chosen, np.zeros(len(of_true) - len(of_chosen)))  # an unknown class is never predicted
        right = np.append(right, np.zeros(len(of_true) - len(right)))
        there = (of_true + of_chosen) > 0
        return float((2 * right[there] / (of_true + of_chosen)[there]).mean())

    return of


_EPSILON = float(np.finfo(np.float64).eps)
_METRICS: Mapping[tuple[Kind, str], Callable[[Array, Array], Weighted]] = {
    ("binary", "auc"): _auc,
    ("binary", "average_precision"): _average_precision,
    ("binary", "log_loss"): _log_loss,
    ("binary", "brier"): lambda truth, predicted: _mean_of((truth - predicted) ** 2),
    ("numeric", "mae"): lambda truth, predicted: _mean_of(np.abs(truth - predicted)),
    ("numeric", "rmse"): _rmse,
    ("numeric", "r2"): _r2,
    ("multiclass", "macro_f1"): _macro_f1,
    ("multiclass", "accuracy"): lambda truth, predicted: _mean_of((predicted.argmax(axis=1) == truth).astype(np.float64)),
    ("multiclass", "log_loss"): _log_loss_of_classes,
}


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _calibration(kind: Kind, truth: Array, predicted: Array) -> Iterator[Point]:
    if kind == "binary":
        shares, means = calibration_curve(truth, predicted, n_bins=CALIBRATION_BINS, strategy="quantile")
        yield from zip(means.tolist(), shares.tolist(), strict=True)
        return
    for rows in np.array_split(np.argsort(predicted, kind="stable"), min(CALIBRATION_BINS, len(predicted))):
        yield float(predicted[rows].mean()), float(truth[rows].mean())


def _thinned(x: Array, y: Array) -> Iterator[Point]:
    """At most CURVE_POINTS points, including the first and the last."""
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), CURVE_POINTS)).round().astype(int))
    return zip(x[chosen].tolist(), y[chosen].tolist(), strict=True)
