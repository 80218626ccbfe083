"""Point-in-time joins: for each label, the feature values that a reader would have got at its time (semantics.md 3 and 6)."""

from collections.abc import Mapping

import polars as pl

from platform_assets.declare.attributes import EVENT_TIME, AttributeView, View
from platform_assets.declare.features import is_time_since
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.attributes import attributes_log, in_force
from platform_assets.kernels.features_at import features_at
from platform_assets.kernels.label_validation import check_labels
from platform_assets.kernels.on_demand import on_demand

_ROW, _AT = "__row", "__at"
_EVERY = -(2**31), 2**31
"""From the first to the last partition."""


def point_in_time(
    service: FeatureService,
    logs: Mapping[str, pl.LazyFrame],
    labels: pl.DataFrame,
    *,
    time: str = "label_time",
    silver: Mapping[str, pl.LazyFrame] | None = None,
    rows_at_once: int | None = None,
) -> pl.DataFrame:
    """The labels as given, in their order, with one more column per feature: `view__feature`, then on-demand features.

    logs: gold of each view, by the view's name; for views without it, silver: accepted rows of the source, of at least the
    arrival partitions that the labels' times need. labels: the key columns, `time` (UTC), the request columns, and anything else. As
    many rows are returned as were passed; duplicates stay, and a row with a null key gets the empty values.
    """
    check_labels(service, labels, time)
    columns = []
    for part in service.computed:
        view = part.view.only(part.names)
        asked = labels.select(*view.entity.keys, pl.col(time).alias(_AT))
        if view.name in logs:
            stored = _from_gold(view, logs[view.name], asked)
        else:
            stored = _from_silver(view, (silver or {})[view.name], asked, rows_at_once)
        columns.append(served(view, stored).select(pl.col(name).alias(f"{view.name}__{name}") for name in part.names))
    joined = pl.concat([labels, *columns], how="horizontal")
    if service.on_demand:
        joined = pl.concat([joined, on_demand(service, joined, time)], how="horizontal")
    return joined.select(*labels.columns, *service.features)


def _from_gold(view: View, log: pl.LazyFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The stored features of a view, one row for each row of `asked`, in its order; valid_from is null if nothing was known."""
    keys = list(view.entity.keys)
    wanted = asked.with_row_index(_ROW).sort(_AT)
    mine = log.join(asked.lazy().select(keys).unique(), on=keys, how="semi")
    if isinstance(view, AttributeView):
        rows = in_force(mine.select(*keys, "valid_from", EVENT_TIME, *view.attributes).collect(), keys)
    else:
        rows = mine.select(*keys, "valid_from", *(f.name for f in view.stored)).sort("valid_from").collect()
    known = wanted.drop_nulls(keys).join_asof(
        rows, left_on=_AT, right_on="valid_from", by=keys, strategy="backward", check_sortedness=False
    )
    return pl.concat([known, wanted.filter(pl.any_horizontal(pl.col(key).is_null() for key in keys))], how="diagonal").sort(_ROW)


def _from_silver(view: View, silver: pl.LazyFrame, asked: pl.DataFrame, rows_at_once: int | None) -> pl.DataFrame:
    """The same, computed from rows of the view's source."""
    if isinstance(view, FeatureView):
        return features_at(view, silver, asked, _AT, rows_at_once=rows_at_once)
    entities = asked.lazy().select(view.entity.keys).unique()
    known = silver.join(entities, left_on=list(view.key_columns.values()), right_on=list(view.entity.keys), how="semi")
    return _from_gold(view, attributes_log(view, known, *_EVERY).lazy(), asked)


def served(view: View, stored: pl.DataFrame, at: str = _AT) -> pl.DataFrame:
    """Stored values as a reader at `at` gets them: empty values if there is no row, times since last in seconds, derived features.

    A row without valid_from has no snapshot. Attributes are stored as they are read.
    """
    if isinstance(view, AttributeView):
        return stored
    found = pl.col("valid_from").is_not_null()
    columns = []
    for feature in view.stored:
        value = (
            pl.when(found).then(pl.col(feature.name)).otherwise(pl.lit(feature.measure.empty, POLARS[feature.measure.type]))
            if feature.measure.empty is not None
            else pl.col(feature.name)
        )
        if is_time_since(feature.measure.aggregation):
            value = (pl.col(at) - value).dt.total_microseconds() / 1e6
        columns.append(value.alias(feature.name))
    return stored.with_columns(columns).with_columns(feature.expression.polars().alias(feature.name) for feature in view.derived)
