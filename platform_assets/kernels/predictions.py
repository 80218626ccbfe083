"""The entities to predict at a snapshot, and a model's predictions for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.declare.model import Model
from platform_assets.declare.training import FeaturesFrom
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.entity_keys import keys_of

PROBABILITIES = pl.List(pl.Struct({"class": pl.String(), "probability": pl.Float64()}))
_AT = "__at"
"""The event time of a row of silver."""


class Fitted(Protocol):
    """A fitted model (models/fitted.py)."""

    @property
    def classes(self) -> tuple[Any, ...]: ...
    def scores(self, features: pl.DataFrame) -> npt.NDArray[np.float64]: ...
    def named(self, scores: npt.NDArray[np.float64]) -> pl.Series: ...


def judging(model: Model, views: Sequence[View]) -> list[View]:
    """The views that decide whether an entity of the model has values: those with all of its keys.

    Attributes never expire: with them alone, entities that left years ago would be scored every day.
    """
    about = [view for view in views if set(view.entity.keys) == set(model.training_set.entity.keys)]
    return [view for view in about if view.lookback is not None] or about


def alive(model: Model, view: View, layer: FeaturesFrom, rows: pl.DataFrame | pl.LazyFrame, days: Sequence[int]) -> pl.DataFrame:
    """The entities that have a value in a view at these snapshots: distinct keys, `label_time` and `partition`.

    rows: of the view's gold, or of its source's silver, as far back as the snapshots look.
    """
    keys = list(view.entity.keys)
    if layer == "gold":
        columns = [*map(pl.col, keys), pl.col("valid_from"), pl.col("is_empty")]
    else:
        columns = [*keys_of(view.key_columns), pl.col(view.source.event_time).alias(_AT), pl.col("arrival")]
    known = rows.lazy().select(columns).drop_nulls(keys).collect()
    found, partitions = [], model.training_set.features.views[0].source.partitions
    for day in days:
        at = model.predicted_at(day)
        times = (pl.lit(at, pl.Datetime("us", "UTC")).alias("label_time"), pl.lit(partitions.value(day)).alias("partition"))
        found.append(_alive(view, layer, known, at).with_columns(*times))
    return pl.concat(found)


def _alive(view: View, layer: FeaturesFrom, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The keys of the entities that have a value at a time: in the view's table, or in a source row known by then, within the lookback."""
    if layer == "gold":
        latest = rows.filter(pl.col("valid_from") <= at).sort("valid_from").unique(view.entity.keys, keep="last")
        return latest.filter(~pl.col("is_empty")).select(view.entity.keys)
    arrived = view.source.partitions.value(view.source.partitions.index(at - view.source.data_delay) - 1)
    inside = pl.col(_AT).is_between(at - view.reach, at, closed="left")
    return rows.filter(pl.col("arrival") <= arrived, inside).select(view.entity.keys).unique()


def predicted(model: Model, fitted: Fitted, artifact: str, features: pl.DataFrame) -> pl.DataFrame:
    """The rows of the predictions' table for entities with their features.

    `score`: a probability or a number; for classes, the most probable class, its probability, and all probabilities.
    """
    scores: Sequence[pl.Series]
    given = fitted.scores(features)
    if model.training_set.labels.kind == "multiclass":
        most = given.max(axis=1) if len(given) else []
        scores = (
            fitted.named(given).alias("predicted"),
            pl.Series("score", most, pl.Float64),
            of_classes(given, fitted.classes),
        )
    else:
        scores = (pl.Series("score", given, pl.Float64),)
    said = (pl.lit(artifact).alias("artifact"), pl.col("label_time").alias("predicted_at"))
    return features.with_columns(*scores, *said).select(*schema_of(model))


def of_classes(scores: npt.NDArray[np.float64], classes: Sequence[str | int]) -> pl.Series:
    """Each row's classes with their probabilities, from an array with one column per class."""
    if not len(scores):
        return pl.Series("probabilities", [], PROBABILITIES)
    names = pl.Series("class", [str(one) for one in classes]).gather(np.tile(np.arange(len(classes)), len(scores)))
    flat = pl.DataFrame([names, pl.Series("probability", scores.ravel())]).to_struct("probabilities")
    return flat.reshape((-1, len(classes))).arr.to_list()


def schema_of(model: Model) -> Mapping[str, pl.DataType]:
    """The columns of the predictions' table."""
    data = model.training_set
    hourly = data.features.views[0].source.partitions.unit == "hour"
    keys = {key: POLARS[data.features.keys[key]] for key in data.entity.keys}
    time = pl.Datetime("us", "UTC")
    of_class = {"predicted": POLARS[data.label_type], "probabilities": PROBABILITIES} if data.labels.kind == "multiclass" else {}
    found = {**keys, "partition": time if hourly else pl.Date(), "predicted_at": time, "score": pl.Float64(), **of_class}
    return pl.Schema({**found, "artifact": pl.String()})
