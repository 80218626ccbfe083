"""A trained model: features in, probabilities or numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.labels import Kind
from platform_assets.errors import ModelError, suggestion
from platform_assets.models.calibration import Calibration
from platform_assets.models.preparation import Preparation, kind_of

PROBABILITY, PREDICTION = "probability", "prediction"


@dataclass(frozen=True)
class FittedModel:
    """A preparation, and the estimator fitted on its output.

    kind: of the label. classes: for a multiclass label, the classes it was fitted to, in the order of its probabilities.
    calibration: the correction of its probabilities, if declared.
    """

    name: str
    preparation: Preparation
    estimator: Any
    kind: Kind = "binary"
    classes: tuple[str | int, ...] = ()
    calibration: Calibration | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `predict` reads: the features, and the row's time if a feature is a time."""
        return (*self.preparation.kinds, *([self.preparation.label_time] if self.preparation.reads_time else []))

    def predict(self, frame: pl.DataFrame) -> pl.Series:
        """For each row, in the order given: the probability that the label is true, the number, or the most probable class.

        The frame needs `columns`, in any order; others are ignored. Raises a ModelError that names a column that is missing, or of
        another kind than in training (a text for a number; an Int32 for an Int64 is fine, a column of nulls always).
        """
        return self.named(self.scores(frame))

    def scores(self, frame: pl.DataFrame) -> npt.NDArray[np.float64]:
        """The same as an array; for a multiclass label, one column of probabilities per class. Raises the same errors as predict."""
        self._check(frame)
        if frame.is_empty():
            return np.empty((0, len(self.classes)) if self.kind == "multiclass" else 0)
        found = scores(self.estimator, self.preparation.apply(frame), self.kind, self.classes, f"model {self.name!r}")
        return found if self.calibration is None else self.calibration.apply(found)

    def named(self, scored: npt.NDArray[np.float64]) -> pl.Series:
        """Scores as predictions: for classes, the most probable one."""
        if self.kind == "multiclass":
            kind = pl.Int64() if all(isinstance(one, int) for one in self.classes) else pl.String()
            return pl.Series(PREDICTION, [self.classes[place] for place in scored.argmax(axis=1)] if len(scored) else [], dtype=kind)
        return pl.Series(PROBABILITY if self.kind == "binary" else PREDICTION, scored, dtype=pl.Float64)

    def _check(self, frame: pl.DataFrame) -> None:
        missing = [column for column in self.columns if column not in frame.columns]
        if missing:
            raise ModelError(
                f"model {self.name!r} was trained on {', '.join(map(repr, missing))}, which the frame to predict does not have. "
                f"{suggestion(missing[0], frame.columns)}"
            )
        trained: dict[str, str] = dict(self.preparation.kinds)
        for column in self.columns:
            kind, given = trained.get(column, "time"), kind_of(frame.schema[column])
            if given != kind and given != "nothing" and kind != "nothing":
                raise ModelError(
                    f"model {self.name!r}, column {column!r}: it was a {kind} in training, but is {frame.schema[column]} in the frame to "
                    "predict. Cast it, or train the model again."
                )
        time = self.preparation.label_time
        if self.preparation.reads_time and frame[time].null_count():
            raise ModelError(f"model {self.name!r}, column {time!r}: a row to predict needs its time, but there are nulls")


def scores(estimator: Any, prepared: pl.DataFrame, kind: Kind, classes: Sequence[str | int], where: str) -> npt.NDArray[np.float64]:
    """An estimator's scores for prepared rows; an error if they are not probabilities, or not numbers."""
    method = "predict" if kind == "numeric" else "predict_proba"
    culprit = f"{where}: {method} of its {type(estimator).__name__}"
    try:
        answer = np.asarray(getattr(estimator, method)(prepared), dtype=np.float64)
    except Exception as error:
        raise ModelError(f"{culprit} failed: {type(error).__name__}: {error}") from error
    shape = (prepared.height,) if kind == "numeric" else (prepared.height, 2 if kind == "binary" else len(classes))
    if answer.shape != shape:
        raise ModelError(f"{culprit} returned an array of shape {answer.shape}; for these rows it must be {shape}")
    if kind == "numeric":
        if not np.isfinite(answer).all():
            raise ModelError(f"{culprit} returned infinities or NaN")
        return answer
    if not ((answer >= 0) & (answer <= 1)).all():
        raise ModelError(f"{culprit} returned values outside 0 to 1, or NaN")
    wanted: list[Any] = list(range(len(classes))) if kind == "multiclass" else [0, 1]
    own = list(getattr(estimator, "classes_", wanted))
    if own != wanted and sorted(own) == wanted:  # scikit-learn sorts them, other libraries may not
        answer = answer[:, [own.index(one) for one in wanted]]
    return answer if kind == "multiclass" else answer[:, 1]
