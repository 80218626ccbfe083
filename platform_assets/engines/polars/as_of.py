"""Point-in-time joins: for each label, the feature values that a reader at its time would have got (semantics.md 3 and 6)."""

from collections.abc import Mapping

import polars as pl

from platform_assets.declare.attributes import EVENT_TIME, AttributeView, View
from platform_assets.declare.features import is_time_since
from platform_assets.declare.training import FeatureService
from platform_assets.engines.polars.asked import check_labels
from platform_assets.engines.polars.attributes import in_force
from platform_assets.engines.polars.on_demand import on_demand
from platform_assets.expressions.types import POLARS

_ROW, _AT = "__row", "__at"


def point_in_time(
    service: FeatureService, logs: Mapping[str, pl.LazyFrame], labels: pl.DataFrame, *, time: str = "label_time"
) -> pl.DataFrame:
    """The labels as given, in their order, with one more column a feature: `view__feature`, then those on demand.

    logs: gold of each view, by name. labels: the key columns, `time` (UTC), the request's columns, and anything else. As many
    rows come out as went in; duplicates stay, and a row with a null key gets the empty values.
    """
    check_labels(service, labels, time)
    columns = [_joined(view, logs[view.name], labels.select(*view.entity.keys, pl.col(time).alias(_AT))) for view in service.views]
    joined = pl.concat([labels, *columns], how="horizontal")
    return pl.concat([joined, on_demand(service, joined, time)], how="horizontal") if service.on_demand else joined


def _joined(view: View, log: pl.LazyFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The served features of a view, a row for each of `asked`, in its order."""
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
    every = pl.concat([known, wanted.filter(pl.any_horizontal(pl.col(key).is_null() for key in keys))], how="diagonal").sort(_ROW)
    return served(view, every).select(pl.col(name).alias(f"{view.name}__{name}") for name in view.served)


def served(view: View, stored: pl.DataFrame, at: str = _AT) -> pl.DataFrame:
    """Stored values as a reader at `at` gets them: empty values where there is no row, times since in seconds, derived features.

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
