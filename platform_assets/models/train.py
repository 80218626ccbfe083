"""Training: split in time, fit on the older labels, judge on the newer ones.

A training set with too little to learn from is a result, `NotTrained`, with the counts: a young business is no failure. What is
declared wrongly (a feature that is the label, a column that no model can read) is an error.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from platform_assets.declare.model import Check
from platform_assets.errors import ModelError, suggestion
from platform_assets.models.baseline import logistic_baseline
from platform_assets.models.checks import CheckResult, judge
from platform_assets.models.content import content_hash
from platform_assets.models.fitted import FittedModel
from platform_assets.models.importance import importance
from platform_assets.models.metrics import Evaluation, evaluate
from platform_assets.models.preparation import Encoding, Kind, fit_preparation, kinds_of
from platform_assets.models.split import TRAIN_SHARE, split_by_time
from platform_assets.models.training_data import Estimator, TrainingData

MINIMUM_ROWS = 50


@dataclass(frozen=True)
class Counts:
    """Where the rows of a training set went: rows = unlabelled + train + purged + test."""

    rows: int
    unlabelled: int
    train: int
    train_positives: int
    purged: int
    test: int
    test_positives: int


@dataclass(frozen=True)
class NotTrained:
    """There was too little to learn from."""

    name: str
    reason: str
    counts: Counts
    cut: datetime | None


@dataclass(frozen=True)
class Trained:
    """A model, what it was trained on, and how it did on labels at and after the cut.

    features: names and types, in order. importance: the AUC lost without each feature. trained_until: the end of the last label
    interval in the training set, tests included: before it, the model's choice knows outcomes. content_hash: of times, labels and
    features, in the order given.
    """

    model: FittedModel
    features: dict[str, str]
    target: str
    label_time: str
    horizon: timedelta
    cut: datetime
    trained_until: datetime
    seed: int
    counts: Counts
    evaluation: Evaluation
    baseline: Evaluation
    checks: tuple[CheckResult, ...]
    importance: dict[str, float]
    content_hash: str

    @property
    def passed(self) -> bool:
        """Whether all checks passed: only then may the model predict."""
        return all(check.passed for check in self.checks)


def train(
    fit: Callable[[TrainingData], Estimator],
    frame: pl.DataFrame,
    *,
    name: str,
    features: Sequence[str],
    target: str,
    horizon: timedelta,
    label_time: str = "label_time",
    checks: Sequence[Check] = (),
    seed: int = 0,
    encoding: Encoding = "ordinal",
    train_share: float = TRAIN_SHARE,
    minimum_rows: int = MINIMUM_ROWS,
) -> Trained | NotTrained:
    """Train a model and its baseline on one training set.

    Args:
        fit: the user's function; it sees the prepared training split and nothing else.
        frame: the training set; its order counts, so give it sorted for a repeatable model.
        name: the model's, for messages.
        features: the columns to learn from.
        target: the column to predict: Boolean, or 0 and 1. Rows where it is null are counted and left out.
        horizon: how long after its time a label is known.
        label_time: the column with the labels' times, Datetime("us", "UTC").
        checks: judged on the test split.
        seed: of the model, the baseline and the importances.
        encoding: how the model gets texts: `ordinal` codes, or `one_hot`. The baseline gets them one-hot.
        train_share: the cut's place among the sorted label times.
        minimum_rows: how many rows each split needs; each needs both classes too.

    Errors: ModelError for a column that is missing, is the label, or has a type that no model reads; for a target that is not binary;
    and when `fit` fails.
    """
    where = f"model {name!r}"
    _check_columns(frame, features, target, label_time, where)
    kinds = kinds_of(frame, features, where)
    labelled = frame.filter(pl.col(target).is_not_null())
    outcome = _binary(labelled[target], where)
    split = split_by_time(labelled[label_time], horizon, train_share)
    counts = Counts(
        rows=frame.height,
        unlabelled=frame.height - labelled.height,
        train=int(split.train.sum()),
        train_positives=int(outcome.filter(split.train).sum()),
        purged=split.purged,
        test=int(split.test.sum()),
        test_positives=int(outcome.filter(split.test).sum()),
    )
    reason = _too_little(counts, minimum_rows)
    if reason or split.cut is None:
        return NotTrained(name, reason, counts, split.cut)

    older, newer = labelled.filter(split.train), labelled.filter(split.test)
    older_target, newer_target = outcome.filter(split.train), outcome.filter(split.test).to_numpy()
    model = _fit(fit, older, older_target, kinds, label_time, encoding, seed, name)
    baseline = _fit(_baseline, older, older_target, kinds, label_time, "one_hot", seed, name)
    evaluation = evaluate(newer_target, model.predict(newer).to_numpy())
    baseline_evaluation = evaluate(newer_target, baseline.predict(newer).to_numpy())
    return Trained(
        model=model,
        features={feature: str(frame.schema[feature]) for feature in features},
        target=target,
        label_time=label_time,
        horizon=horizon,
        cut=split.cut,
        trained_until=labelled.select(pl.col(label_time).max() + horizon).item(),
        seed=seed,
        counts=counts,
        evaluation=evaluation,
        baseline=baseline_evaluation,
        checks=tuple(judge(check, evaluation, baseline_evaluation) for check in checks),
        importance=importance(model, newer, newer_target, seed),
        content_hash=content_hash(frame.select(label_time, target, *features)),
    )


def _fit(
    fit: Callable[[TrainingData], Estimator],
    rows: pl.DataFrame,
    target: pl.Series,
    kinds: dict[str, Kind],
    label_time: str,
    encoding: Encoding,
    seed: int,
    name: str,
) -> FittedModel:
    """Fit the preparation to these rows, then the estimator to what it made of them."""
    preparation = fit_preparation(rows, kinds, label_time, encoding)
    prepared = preparation.apply(rows)
    data = TrainingData(
        features=prepared,
        target=target,
        label_times=rows[label_time],
        categorical=tuple(column for column in prepared.columns if preparation.is_code(column)),
        numeric=tuple(column for column in prepared.columns if not preparation.is_code(column)),
        seed=seed,
    )
    try:
        estimator = fit(data)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ModelError(f"model {name!r}: its function failed on {prepared.height:,} training rows: {what}") from error
    if not callable(getattr(estimator, "predict_proba", None)):
        raise ModelError(f"model {name!r}: its function returned {estimator!r}, which has no predict_proba. Return a fitted classifier.")
    return FittedModel(name, preparation, estimator)


def _baseline(data: TrainingData) -> Estimator:
    return logistic_baseline(data.features, data.target, data.seed)


def _too_little(counts: Counts, minimum_rows: int) -> str:
    """Why these splits are no training and no test; empty if they are."""
    for split, rows, positives in (("training", counts.train, counts.train_positives), ("test", counts.test, counts.test_positives)):
        if rows < minimum_rows:
            others = f"{counts.purged:,} purged, {counts.unlabelled:,} unlabelled"
            return f"{rows:,} of {counts.rows:,} rows are in the {split} split ({others}); {minimum_rows:,} are needed"
        if positives in (0, rows):
            return f"all {rows:,} rows of the {split} split have the label {str(positives > 0).lower()}; both are needed"
    return ""


def _check_columns(frame: pl.DataFrame, features: Sequence[str], target: str, label_time: str, where: str) -> None:
    """Every column is there, once, and none of the features is the answer."""
    for column in (*features, target, label_time):
        if column not in frame.columns:
            raise ModelError(f"{where}: the training set has no column {column!r}. {suggestion(column, frame.columns)}")
    if not features:
        raise ModelError(f"{where}: there are no features to learn from")
    repeated = [feature for feature in features if list(features).count(feature) > 1]
    if repeated:
        raise ModelError(f"{where}: feature {repeated[0]!r} is listed more than once")
    for feature in features:
        for answer, what in ((target, "label"), (label_time, "label's time")):
            if _plain(answer) in (_plain(feature), _plain(feature.rpartition("__")[2])):
                raise ModelError(
                    f"{where}: feature {feature!r} is named like the {what} {answer!r}: a model that sees the answer learns nothing else. "
                    "Leave it out; if it is something else, known at the label's time, give it another name."
                )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _binary(target: pl.Series, where: str) -> pl.Series:
    """The target as Int8, 0 and 1."""
    if not (target.dtype.is_numeric() or isinstance(target.dtype, pl.Boolean | pl.Null)):
        raise ModelError(f"{where}: the label {target.name!r} is of type {target.dtype}. Make it Boolean, or 0 and 1.")
    other = target.filter(~target.cast(pl.Float64).is_in([0.0, 1.0]))
    if not other.is_empty():
        raise ModelError(f"{where}: the label {target.name!r} has the value {other[0]!r}. Make it Boolean, or 0 and 1.")
    return target.cast(pl.Int8)
