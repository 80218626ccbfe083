"""A model after training: features in, probabilities out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.errors import ModelError, suggestion
from platform_assets.models.preparation import Preparation, kind_of
from platform_assets.models.training_data import Estimator

PROBABILITY = "probability"


@dataclass(frozen=True)
class FittedModel:
    """A preparation and the estimator that was fitted on what it prepared."""

    name: str
    preparation: Preparation
    estimator: Estimator

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `predict` reads: the features, and the rows' own time if a feature is a time."""
        return (*self.preparation.kinds, *([self.preparation.label_time] if self.preparation.reads_time else []))

    def predict(self, frame: pl.DataFrame) -> pl.Series:
        """The probability that the label is true, for each row, in the order given.

        The frame needs `columns`, in any order; others are ignored. Errors: ModelError naming a column that is missing, or of
        another kind than in training (a text for a number; an Int32 for an Int64 is fine, a column of nulls always).
        """
        self._check(frame)
        if frame.is_empty():
            return pl.Series(PROBABILITY, dtype=pl.Float64)
        return pl.Series(PROBABILITY, probabilities(self.estimator, self.preparation.apply(frame), f"model {self.name!r}"))

    def _check(self, frame: pl.DataFrame) -> None:
        missing = [column for column in self.columns if column not in frame.columns]
        if missing:
            raise ModelError(
                f"model {self.name!r} was trained on {', '.join(map(repr, missing))}: not in the frame to predict. "
                f"{suggestion(missing[0], frame.columns)}"
            )
        trained: dict[str, str] = dict(self.preparation.kinds)
        for column in self.columns:
            kind, given = trained.get(column, "time"), kind_of(frame.schema[column])
            if given != kind and given != "nothing" and kind != "nothing":
                raise ModelError(
                    f"model {self.name!r}, column {column!r}: a {kind} in training, in the frame to predict {frame.schema[column]}. "
                    "Cast it, or train the model anew."
                )
        time = self.preparation.label_time
        if self.preparation.reads_time and frame[time].null_count():
            raise ModelError(f"model {self.name!r}, column {time!r}: a row to predict needs its time, there are nulls")


def probabilities(estimator: Estimator, prepared: pl.DataFrame, where: str) -> npt.NDArray[np.float64]:
    """What an estimator says of prepared rows; an error if that is no probability."""
    culprit = f"{where}: predict_proba of its {type(estimator).__name__}"
    try:
        answer = np.asarray(estimator.predict_proba(prepared), dtype=np.float64)
    except Exception as error:
        raise ModelError(f"{culprit} failed: {type(error).__name__}: {error}") from error
    if answer.shape != (prepared.height, 2):
        raise ModelError(f"{culprit} gave an array of shape {answer.shape}; for these rows it is ({prepared.height}, 2)")
    positive = answer[:, 1]
    if not ((positive >= 0) & (positive <= 1)).all():
        raise ModelError(f"{culprit} gave values outside 0 to 1, or NaN")
    return positive
