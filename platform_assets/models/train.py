"""Training: splits by time, fits on the older labels, evaluates on the newer ones, and optionally refits to all of them.

A training set that is too small gives a result, `NotTrained`, with the counts: a young business is not a failure. A wrong
declaration (a feature that is the label, a column that no model can read) is an error.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.labels import Kind
from platform_assets.declare.metrics import Metric
from platform_assets.declare.model import Check
from platform_assets.errors import ModelError, suggestion
from platform_assets.models.baseline import baseline as fit_baseline
from platform_assets.models.calibration import fit_calibration, newest_of, predict_held_out, too_little_to_calibrate
from platform_assets.models.checks import CheckResult, judge
from platform_assets.models.content import content_hash
from platform_assets.models.fitted import FittedModel
from platform_assets.models.importance import importance
from platform_assets.models.metrics import Evaluation, Gain, evaluate, gains
from platform_assets.models.preparation import Encoding, fit_preparation, kinds_of
from platform_assets.models.preparation import Kind as FeatureKind
from platform_assets.models.split import TRAIN_SHARE, Split, split_by_time
from platform_assets.models.target import classes_of, codes_of, target_of
from platform_assets.models.training_data import Tested, TrainingData

MINIMUM_ROWS = 50


@dataclass(frozen=True)
class Counts:
    """The rows of a training set by use: rows = unlabelled + train + purged + test. Positives: the true ones of a binary label."""

    rows: int
    unlabelled: int
    train: int
    purged: int
    test: int
    train_positives: int | None = None
    test_positives: int | None = None


@dataclass(frozen=True)
class NotTrained:
    """The training set was too small."""

    name: str
    reason: str
    counts: Counts
    cut: datetime | None


@dataclass(frozen=True)
class Trained:
    """A model, the data it was trained on, and its scores on labels at and after the cut.

    features: names and types, in order. gains: by metric, the improvement over the baseline. importance: the score lost without each
    feature. content_hash: of times, labels and features, in the given order.
    seen_until: the last label time among the rows the model was fitted to; outcomes_until: the end of that label's interval, so the
    last time the model has learnt anything about. For a model that was refitted after evaluation (`refit`) these are the
    newest labels; otherwise they end at the cut. judged_until: the end of the last label interval in the training set, including test rows:
    outcomes before it may have influenced the choice of the model.
    """

    model: FittedModel
    features: dict[str, str]
    target: str
    label_time: str
    horizon: timedelta
    cut: datetime
    seen_until: datetime
    judged_until: datetime
    refit: bool
    seed: int
    counts: Counts
    evaluation: Evaluation
    baseline: Evaluation
    gains: dict[str, Gain]
    checks: tuple[CheckResult, ...]
    importance: dict[str, float]
    content_hash: str

    @property
    def outcomes_until(self) -> datetime:
        return self.seen_until + self.horizon

    @property
    def passed(self) -> bool:
        """Whether all required checks passed: only then may the model predict."""
        return all(check.passed for check in self.checks if check.required)


def train(
    fit: Callable[[TrainingData], Any],
    frame: pl.DataFrame,
    *,
    name: str,
    features: Sequence[str],
    target: str,
    horizon: timedelta,
    kind: Kind = "binary",
    label_time: str = "label_time",
    entities: Sequence[str] = (),
    checks: Sequence[Check] = (),
    metrics: Sequence[Metric] = (),
    refit: bool = False,
    calibrate: bool = False,
    seed: int = 0,
    encoding: Encoding = "ordinal",
    train_share: float = TRAIN_SHARE,
    minimum_rows: int = MINIMUM_ROWS,
) -> Trained | NotTrained:
    """Trains a model and its baseline on one training set.

    Args:
        fit: the user's function; it only sees the prepared training split.
        frame: the training set; its order matters, so sort it for a reproducible model.
        name: the model's name, for messages.
        features: the columns to train on.
        target: the column to predict. Rows where it is null are counted and not used.
        horizon: how long after its time a label is known.
        kind: of the target: "binary" (Boolean, or 0 and 1), "numeric" or "multiclass" (strings or integers).
        label_time: the column with the labels' times, Datetime("us", "UTC").
        entities: the entity's key columns; for intervals an entity's rows are drawn together. Empty: each row separately.
        checks: evaluated on the test split.
        metrics: user-defined metrics, in addition to those of the kind.
        refit: whether the model is fitted once more, to all labelled rows, after evaluation.
        calibrate: whether to calibrate probabilities on rows of the training split (calibration.py); for a binary target.
        seed: of the model, the baseline, the importances and the intervals.
        encoding: how strings are encoded for the model: `ordinal` codes, or `one_hot`. The baseline always uses one-hot.
        train_share: the position of the cut among the sorted label times.
        minimum_rows: how many rows each split needs; each also needs two different labels.

    Raises a ModelError for a column that is missing, is the label, or has a type that no model reads; for a target that does not fit its
    kind; and when `fit` fails.
    """
    where = f"model {name!r}"
    _check_columns(frame, features, target, label_time, where)
    kinds = kinds_of(frame, features, where)
    labelled = frame.filter(pl.col(target).is_not_null())
    outcome = target_of(labelled[target], kind, where)
    split = split_by_time(labelled[label_time], horizon, train_share)
    counts = _counts(frame, labelled, outcome, split, kind)
    reason = _too_little(counts, outcome, split, minimum_rows, kind)
    if not reason and calibrate:
        reason = too_little_to_calibrate(outcome, newest_of(labelled[label_time], split.train), _numbered(labelled, entities))
    if reason or split.cut is None:
        return NotTrained(name, reason, counts, split.cut)

    def fitted(fit: Callable[[TrainingData], Any], rows: pl.Series, encoding: Encoding) -> FittedModel:
        return _fit(fit, labelled.filter(rows), outcome.filter(rows), kinds, label_time, encoding, seed, name, kind)

    whose = _numbered(labelled, entities)

    def of_user(rows: pl.Series) -> FittedModel:
        model = fitted(fit, rows, encoding)
        if not calibrate:
            return model

        def of_others(others: pl.Series, held_out: pl.DataFrame) -> npt.NDArray[np.float64]:
            return fitted(fit, others, encoding).scores(held_out)

        held_out = predict_held_out(of_others, labelled, rows, label_time, whose, seed)
        return replace(model, calibration=fit_calibration(held_out, outcome))

    model = of_user(split.train)
    other = fitted(lambda data: fit_baseline(kind, data.features, data.target, data.seed), split.train, "one_hot")
    newer = labelled.filter(split.test)
    truth = codes_of(outcome.filter(split.test), model.classes, kind)
    predicted, predicted_by_other = model.scores(newer), other.scores(newer)
    evaluation, baseline = evaluate(kind, truth, predicted, metrics), evaluate(kind, truth, predicted_by_other, metrics)
    gained = gains(kind, truth, predicted, predicted_by_other, _numbered(newer, entities), seed, metrics)

    def tested() -> Tested:
        return Tested(newer, model.named(predicted), model.named(predicted_by_other), evaluation.metrics, baseline.metrics)

    seen = pl.Series([True] * labelled.height, dtype=pl.Boolean) if refit else split.train
    return Trained(
        model=of_user(seen) if refit else model,
        features={feature: str(frame.schema[feature]) for feature in features},
        target=target,
        label_time=label_time,
        horizon=horizon,
        cut=split.cut,
        seen_until=_newest(labelled.filter(seen), label_time),
        judged_until=_newest(labelled, label_time) + horizon,
        refit=refit,
        seed=seed,
        counts=counts,
        evaluation=evaluation,
        baseline=baseline,
        gains=gained,
        checks=tuple(judge(check, evaluation, baseline, gained, tested) for check in checks),
        importance=importance(model, newer, truth, seed),
        content_hash=content_hash(frame.select(label_time, target, *features)),
    )


def _numbered(rows: pl.DataFrame, entities: Sequence[str]) -> npt.NDArray[np.int64]:
    """The entity number of each row; without entities, each row is its own."""
    if not entities:
        return np.arange(rows.height)
    return (rows.select(entities).to_struct("entity").rank("dense").cast(pl.Int64) - 1).to_numpy()


def _newest(rows: pl.DataFrame, label_time: str) -> datetime:
    newest: datetime = rows.select(pl.col(label_time).max()).item()
    return newest


def _counts(frame: pl.DataFrame, labelled: pl.DataFrame, outcome: pl.Series, split: Split, kind: Kind) -> Counts:
    positives = [int(outcome.filter(part).sum()) if kind == "binary" else None for part in (split.train, split.test)]
    return Counts(
        rows=frame.height,
        unlabelled=frame.height - labelled.height,
        train=int(split.train.sum()),
        purged=split.purged,
        test=int(split.test.sum()),
        train_positives=positives[0],
        test_positives=positives[1],
    )


def _fit(
    fit: Callable[[TrainingData], Any],
    rows: pl.DataFrame,
    target: pl.Series,
    kinds: dict[str, FeatureKind],
    label_time: str,
    encoding: Encoding,
    seed: int,
    name: str,
    kind: Kind,
) -> FittedModel:
    """Fits the preparation to these rows, then the estimator to the prepared rows."""
    preparation = fit_preparation(rows, kinds, label_time, encoding)
    prepared = preparation.apply(rows)
    classes = classes_of(target) if kind == "multiclass" else ()
    data = TrainingData(
        features=prepared,
        target=pl.Series(target.name, codes_of(target, classes, kind), pl.Int32) if kind == "multiclass" else target,
        label_times=rows[label_time],
        categorical=tuple(column for column in prepared.columns if preparation.is_code(column)),
        numeric=tuple(column for column in prepared.columns if not preparation.is_code(column)),
        seed=seed,
        kind=kind,
        classes=classes,
    )
    try:
        estimator = fit(data)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ModelError(f"model {name!r}: its function failed on {prepared.height:,} training rows: {what}") from error
    method, what = ("predict", "regressor") if kind == "numeric" else ("predict_proba", "classifier")
    if not callable(getattr(estimator, method, None)):
        raise ModelError(f"model {name!r}: its function returned {estimator!r}, which has no {method}. Return a fitted {what}.")
    return FittedModel(name, preparation, estimator, kind, classes)


def _too_little(counts: Counts, outcome: pl.Series, split: Split, minimum_rows: int, kind: Kind) -> str:
    """Why these splits cannot be used to train and test; empty if they can."""
    for name, rows, part in (("training", counts.train, split.train), ("test", counts.test, split.test)):
        if rows < minimum_rows:
            others = f"{counts.purged:,} purged, {counts.unlabelled:,} unlabelled"
            return f"{rows:,} of {counts.rows:,} rows are in the {name} split ({others}); {minimum_rows:,} are required"
        labels = outcome.filter(part)
        if labels.n_unique() == 1:
            one = str(labels[0] == 1).lower() if kind == "binary" else str(labels[0])
            needed = "both are" if kind == "binary" else "different labels are"
            return f"all {rows:,} rows of the {name} split have the label {one}; {needed} required"
    return ""


def _check_columns(frame: pl.DataFrame, features: Sequence[str], target: str, label_time: str, where: str) -> None:
    """Checks that every column exists exactly once, and that no feature is the label."""
    for column in (*features, target, label_time):
        if column not in frame.columns:
            raise ModelError(f"{where}: the training set has no column {column!r}. {suggestion(column, frame.columns)}")
    if not features:
        raise ModelError(f"{where}: there are no features to train on")
    repeated = [feature for feature in features if list(features).count(feature) > 1]
    if repeated:
        raise ModelError(f"{where}: feature {repeated[0]!r} is listed more than once")
    for feature in features:
        for answer, what in ((target, "label"), (label_time, "label's time")):
            if _plain(answer) in (_plain(feature), _plain(feature.rpartition("__")[2])):
                raise ModelError(
                    f"{where}: feature {feature!r} has the name of the {what} {answer!r}: a model that sees the answer learns nothing "
                    "else. Leave it out; if it is something else, known at the label's time, give it another name."
                )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
