"""What a model says of the entities that have features at some snapshots, in this process."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from platform_assets.declare.model import Model
from platform_assets.engines.engine import ViewSlice
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.entity_keys import keys_of
from platform_assets.kernels.point_in_time import point_in_time

if TYPE_CHECKING:
    from platform_assets.models.artifact import LoadedModel

PROBABILITIES = pl.List(pl.Struct({"class": pl.String(), "probability": pl.Float64()}))
_AT = "__at"
"""When a row of silver happened."""

Scanned = Sequence[tuple[ViewSlice, pl.LazyFrame]]
"""What features are read from, with its rows."""


def predictions(model: Model, days: Sequence[int], read: Scanned, loaded: "LoadedModel | None", artifact: str | None) -> pl.DataFrame:
    """As `Engine.predictions`."""
    nobody = _no_predictions(model)
    if loaded is None:
        return nobody
    entities = _entities(model, days, read)
    logs, silver = ({s.view.name: rows for s, rows in read if s.layer == layer} for layer in ("gold", "silver"))
    features = point_in_time(model.training_set.features, logs, entities, silver=silver)
    said = (pl.lit(artifact).alias("artifact"), pl.col("label_time").alias("predicted_at"))
    return features.with_columns(*_predictions(loaded, features), *said).select(nobody.columns)


def _predictions(loaded: "LoadedModel", features: pl.DataFrame) -> list[pl.Series]:
    """What a model says of each row: `score`, a probability or a number; of classes the most probable one and its probability, and all."""
    if loaded.record.kind != "multiclass":
        return [loaded.predict(features).alias("score")]
    scores, classes = loaded.model.scores(features), loaded.model.classes
    all_of_them = [[{"class": str(name), "probability": float(p)} for name, p in zip(classes, row, strict=True)] for row in scores]
    return [
        loaded.model.named(scores).alias("predicted"),
        pl.Series("score", scores.max(axis=1) if len(scores) else [], pl.Float64),
        pl.Series("probabilities", all_of_them, PROBABILITIES),
    ]


def _entities(model: Model, days: Sequence[int], read: Scanned) -> pl.DataFrame:
    """The entities that have a value in some feature view at these snapshots; `partition` says at which."""
    data = model.training_set
    partitions = data.features.views[0].source.partitions
    asked, lives = [], _lives(model, read)
    for day in days:
        at = model.predicted_at(day)
        found = pl.concat([_alive(one, rows, at) for one, rows in lives]).unique().sort(data.entity.keys)
        times = (pl.lit(at, pl.Datetime("us", "UTC")).alias("label_time"), pl.lit(partitions.value(day)).alias("partition"))
        asked.append(found.with_columns(*times))
    return pl.concat(asked)


def _lives(model: Model, read: Scanned) -> list[tuple[ViewSlice, pl.DataFrame]]:
    """What says which entities have a value in some view, by view."""
    keys = list(model.training_set.entity.keys)
    judging = [(one, rows) for one, rows in read if set(one.view.entity.keys) == set(keys)]
    # Attributes do not expire: by them alone, who left years ago would be scored every day.
    judging = [(one, rows) for one, rows in judging if one.view.lookback is not None] or judging
    lives = []
    for one, rows in judging:
        if one.layer == "gold":
            columns = [*map(pl.col, keys), pl.col("valid_from"), pl.col("is_empty")]
        else:
            columns = [*keys_of(one.view.key_columns), pl.col(one.view.source.event_time).alias(_AT), pl.col("arrival")]
        lives.append((one, rows.select(columns).drop_nulls(keys).collect()))
    return lives


def _alive(read: ViewSlice, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The keys of the entities that have a value at a moment: by the view's table, or by a row that was known, as far back as it looks."""
    view = read.view
    if read.layer == "gold":
        latest = rows.filter(pl.col("valid_from") <= at).sort("valid_from").unique(view.entity.keys, keep="last")
        return latest.filter(~pl.col("is_empty")).select(view.entity.keys)
    arrived = view.source.partitions.value(view.source.partitions.index(at - view.source.data_delay) - 1)
    inside = pl.col(_AT).is_between(at - view.reach, at, closed="left")
    return rows.filter(pl.col("arrival") <= arrived, inside).select(view.entity.keys).unique()


def _no_predictions(model: Model) -> pl.DataFrame:
    data = model.training_set
    hourly = data.features.views[0].source.partitions.unit == "hour"
    keys = {key: POLARS[data.features.keys[key]] for key in data.entity.keys}
    time = pl.Datetime("us", "UTC")
    of_class = {"predicted": POLARS[data.label_type], "probabilities": PROBABILITIES} if data.labels.kind == "multiclass" else {}
    score = {"score": pl.Float64(), **of_class, "artifact": pl.String()}
    return pl.DataFrame(schema={**keys, "partition": time if hourly else pl.Date(), "predicted_at": time, **score})
