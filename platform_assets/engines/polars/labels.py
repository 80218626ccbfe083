"""The labels of a training partition in this process, and their ledger details."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from platform_assets.declare.label_times import label_times
from platform_assets.declare.labels import LABEL_TIME, Labels
from platform_assets.declare.training import TrainingSet
from platform_assets.engines.engine import FoundLabels
from platform_assets.kernels.given_labels import JudgedLabels, judged_labels, no_rows, rows_of_source
from platform_assets.kernels.labels import labels

MOST_CLASSES = 20
"""How many classes the ledger lists, most frequent first."""


def found_labels(data: TrainingSet, partition: int, silver: pl.LazyFrame | None, given: pl.DataFrame | None, now: datetime) -> FoundLabels:
    """See `Engine.labels`."""
    if given is not None:
        return _given(data, judged_labels(data, given, partition, now))
    if silver is None:
        return _found(data, no_rows(data), {"label_times": 0})
    if isinstance(data.labels, Labels):
        return _found(data, labels(data, silver, partition), {"label_times": len(label_times(data, partition))})
    return _given(data, judged_labels(data, rows_of_source(data, silver, partition), partition))


def _given(data: TrainingSet, judged: JudgedLabels) -> FoundLabels:
    times = _times(judged.labels)
    between = [at.isoformat() for at in times] if times else []
    rejected = {"rejected": judged.rejected.height, "reasons": judged.reasons, "examples": judged.examples()}
    number = judged.labels[LABEL_TIME].n_unique()
    return _found(data, judged.labels, {"label_times": number, "label_times_between": between, **rejected})


def _found(data: TrainingSet, frame: pl.DataFrame, details: Mapping[str, Any]) -> FoundLabels:
    return FoundLabels(frame, {**details, **_summary(data, frame[data.label])}, _times(frame))


def _times(frame: pl.DataFrame) -> tuple[datetime, datetime] | None:
    if frame.is_empty():
        return None
    first, last = frame.select(pl.col(LABEL_TIME).min().alias("first"), pl.col(LABEL_TIME).max().alias("last")).row(0)
    return first, last


def _summary(data: TrainingSet, label: pl.Series) -> dict[str, Any]:
    """Statistics of the labels: the number of true ones; their mean and range; or the count of each class."""
    if data.labels.kind == "binary":
        return {"positive": int(label.sum() or 0)}
    if data.labels.kind == "numeric":
        known = label.drop_nulls()
        figures = {"mean": known.mean(), "least": known.min(), "most": known.max()}
        return {"unlabelled": label.null_count(), **{name: value for name, value in figures.items() if value is not None}}
    counts = label.drop_nulls().value_counts(sort=True).head(MOST_CLASSES)
    return {"unlabelled": label.null_count(), "classes": {str(name): rows for name, rows in counts.iter_rows()}}
