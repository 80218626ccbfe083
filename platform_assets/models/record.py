"""A model's table: one row per training, with its metrics, the baseline's, and the data it has seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from platform_assets.declare.metrics import STANDARD, Metric
from platform_assets.declare.model import Model


def model_rows(model: Model, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of a model's table; columns missing in a row are null."""
    return pl.DataFrame(rows, schema=pl.Schema(_schema(model)))


def _schema(model: Model) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The columns of a model's table: its metrics, the baseline's, and the improvement."""
    scores = [name for metric in measured_by(model) for name in score_names(metric.name)]
    return {
        "partition": pl.Date,
        "trained": pl.Boolean,
        "good": pl.Boolean,
        "reason": pl.String,
        "artifact": pl.String,
        **dict.fromkeys(scores, pl.Float64),
        "positive_share": pl.Float64,
        "train_rows": pl.Int64,
        "purged_rows": pl.Int64,
        "test_rows": pl.Int64,
        "cut": pl.Datetime("us", "UTC"),
        "refit": pl.Boolean,
        "seen_until": pl.Datetime("us", "UTC"),
        "outcomes_until": pl.Datetime("us", "UTC"),
        "predicts_from": pl.Datetime("us", "UTC"),
        "version": pl.String,
    }


def measured_by(model: Model) -> tuple[Metric, ...]:
    """The metrics of a model: those of its kind, then user-defined ones."""
    return (*STANDARD[model.training_set.labels.kind], *model.metrics)


def score_names(metric: str) -> tuple[str, ...]:
    return (metric, f"baseline_{metric}", f"{metric}_gain", f"{metric}_gain_low", f"{metric}_gain_high")
