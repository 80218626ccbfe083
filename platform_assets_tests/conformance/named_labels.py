"""The form of named cases about labels: what is declared, rows, and the labels of a partition, written by hand."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from platform_assets import FeatureService, FeatureView, TrainingSet, count
from platform_assets.declare.labels import GivenLabels, Labels
from platform_assets.declare.source import Source
from platform_assets.declare.training import Period
from platform_assets.expressions.types import POLARS
from platform_assets.testing.equality import Disagreement, require_same_table
from platform_assets_tests.conformance.engines import Engine, Row
from platform_assets_tests.conformance.named import USER, At, events, moment, silver_rows


@dataclass(frozen=True)
class Labelled:
    """The labels of a partition: (user, label time) to the label, and no others."""

    labels: Labels
    month: str
    rows: Sequence[At]
    expected: Mapping[tuple[str, str], Any]
    period: Period = "month"

    def check(self, engine: Engine) -> None:
        data = training_set(self.labels, self.labels.source, self.period)
        got = engine.labels(data, silver_rows(self.labels.source, self.rows), data.partitions.index(moment(self.month)))
        require_same_table("labels", _labels(self.expected), got, ["user", "label_time"])


@dataclass(frozen=True)
class Given:
    """The labels of a partition among rows that are labels, and how many rows are rejected for each reason.

    now: of labels that a function returns, when it did; the rows are then given to the function and to the oracle.
    """

    labels: Callable[[Callable[[], Any]], GivenLabels]
    month: str
    rows: Sequence[At]
    expected: Mapping[tuple[str, str], Any]
    rejected: Mapping[str, int] = field(default_factory=dict)
    now: str | None = None
    source: Source | None = None
    period: Period = "month"

    def check(self, engine: Engine) -> None:
        source = self.source or events()
        rows = silver_rows(source, self.rows)
        schema = {name: POLARS[dtype] for name, dtype in source.types.items()}
        labels = self.labels(lambda: pl.DataFrame([{name: row[name] for name in schema} for row in rows], schema=schema))
        data = training_set(labels, source, self.period)
        now = None if self.now is None else moment(self.now)
        found, rejected = engine.given_labels(data, rows, data.partitions.index(moment(self.month)), now)
        require_same_table("labels", _labels(self.expected), found, ["user", "label_time"])
        reasons = dict(Counter(row["reason"] for row in rejected))
        if reasons != dict(self.rejected):
            raise Disagreement(f"rejected for {reasons}, expected {dict(self.rejected)}")


def training_set(labels: Labels | GivenLabels, source: Source, period: Period) -> TrainingSet:
    """Labels of users with a view of a source."""
    view = FeatureView("view", entity=USER, source=source, features=[count().over("1d")])
    return TrainingSet("training", features=FeatureService("service", [view]), labels=labels, period=period)


def _labels(expected: Mapping[tuple[str, str], Any]) -> list[Row]:
    return [{"user": user, "label_time": moment(time), "label": label} for (user, time), label in expected.items()]
