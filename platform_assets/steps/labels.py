"""What a training partition's labels are made of, and when they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from platform_assets.declare.labels import LABEL_TIME, Labels
from platform_assets.declare.training import TrainingSet
from platform_assets.kernels.given_labels import JudgedLabels, judged_labels, no_rows, rows_of_source
from platform_assets.kernels.labels import label_times, labels
from platform_assets.steps.run import span_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry

Times = tuple[datetime, datetime]
"""The first and the last label time."""


@dataclass(frozen=True)
class FoundLabels:
    """The labels of a training partition: keys, columns of requests, label_time and the label; and what the ledger says of them."""

    frame: pl.DataFrame
    details: dict[str, Any]

    @property
    def times(self) -> Times | None:
        if self.frame.is_empty():
            return None
        first, last = self.frame.select(pl.col(LABEL_TIME).min().alias("first"), pl.col(LABEL_TIME).max().alias("last")).row(0)
        return first, last


def times_of(data: TrainingSet, partition: int, entry: Entry | None = None) -> Times | None:
    """Between which times labels of a training partition can be; None: there are none.

    entry: what the ledger says of the partition, if it was made: labels that are given may be of few of the times that they could be of.
    """
    if isinstance(data.labels, Labels):
        times = label_times(data, partition)
        return (times[0], times[-1]) if times else None
    if entry is not None and "label_times_between" in entry.details:
        between = entry.details["label_times_between"]
        return (datetime.fromisoformat(between[0]), datetime.fromisoformat(between[1])) if between else None
    return data.partitions.starts_at(partition) - data.labels.horizon, data.partitions.ends_at(partition) - data.labels.horizon


def arrivals_of(data: TrainingSet, partition: int) -> range:
    """The partitions of the labels' source that a training partition reads; of a table none."""
    source, days = data.labels.source, data.calendar
    if source is None:
        return range(0)
    if isinstance(data.labels, Labels):
        times = label_times(data, partition)
        if not times:
            return range(0)
        since = times[0] - data.labels.spine.active - source.clock_skew
    else:
        since = data.partitions.starts_at(partition) - data.labels.horizon - source.clock_skew
    return range(days.index(since), days.index(data.partitions.ends_at(partition)))


def find_labels(data: TrainingSet, partition: int, lake: Lake, version: int, table: pl.DataFrame | None, now: datetime) -> FoundLabels:
    """The labels of a training partition.

    version: of silver, at which it is read. table: what a user's function of labels returned. now: when it did.
    """
    source, arrivals = data.labels.source, arrivals_of(data, partition)
    if table is not None:
        return _given(data, judged_labels(data, table, partition, now))
    assert source is not None, "labels are of a source or of a table"
    if not arrivals:
        return _found(data, no_rows(data), {"label_times": 0})
    days = source.partitions
    span = span_of(days, max(days.first, arrivals.start), max(days.first, arrivals.stop - 1))
    silver = lake.scan(silver_table(source), by="arrival", span=span, version=version)
    if isinstance(data.labels, Labels):
        return _found(data, labels(data, silver, partition), {"label_times": len(label_times(data, partition))})
    return _given(data, judged_labels(data, rows_of_source(data, silver, partition), partition))


def _given(data: TrainingSet, judged: JudgedLabels) -> FoundLabels:
    times = FoundLabels(judged.labels, {}).times
    between = [at.isoformat() for at in times] if times else []
    rejected = {"rejected": judged.rejected.height, "reasons": judged.reasons, "examples": judged.examples()}
    number = judged.labels[LABEL_TIME].n_unique()
    return _found(data, judged.labels, {"label_times": number, "label_times_between": between, **rejected})


def _found(data: TrainingSet, frame: pl.DataFrame, details: Mapping[str, Any]) -> FoundLabels:
    return FoundLabels(frame, {**details, **_summary(data, frame[data.label])})


def _summary(data: TrainingSet, label: pl.Series) -> dict[str, Any]:
    """What the labels are like: how many are true; their mean and range; how many each class has."""
    if data.labels.kind == "binary":
        return {"positive": int(label.sum() or 0)}
    if data.labels.kind == "numeric":
        known = label.drop_nulls()
        figures = {"mean": known.mean(), "least": known.min(), "most": known.max()}
        return {"unlabelled": label.null_count(), **{name: value for name, value in figures.items() if value is not None}}
    counts = label.drop_nulls().value_counts(sort=True).head(MOST_CLASSES)
    return {"unlabelled": label.null_count(), "classes": {str(name): rows for name, rows in counts.iter_rows()}}


MOST_CLASSES = 20
"""How many classes the ledger counts, the most frequent first."""
