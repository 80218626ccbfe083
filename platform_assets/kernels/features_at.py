"""A view's features at the times of labels, computed from silver without the view's table (semantics.md 2 and 6)."""

import polars as pl

from platform_assets.declare.view import FeatureView
from platform_assets.kernels.evaluation_points import EvaluationPoints
from platform_assets.kernels.times import index_at, microseconds, physical, start_of
from platform_assets.kernels.windows import chunks, finalized, passages_of, states_at

_TICK, _ENTITY = "__tick", "__entity"


def features_at(
    view: FeatureView, silver: pl.LazyFrame, asked: pl.DataFrame, time: str, *, rows_at_once: int | None = None
) -> pl.DataFrame:
    """The stored features of entities at given times, one row for each row of `asked`, in its order.

    For snapshots, the values of the last one whose valid_from is not after the time, equal to the change log's; for temporal
    accuracy, the values at the time itself. If its entity has no rows, or a key is null, a row has no valid_from and no values.

    silver: accepted rows of at least the arrival partitions that the times need, in any order.
    asked: the entity's keys, and `time` in UTC; rows may be repeated. Memory grows with the rows of chunks of entities, and with `asked`,
    not with the total number of rows in the windows of all times.
    """
    keys = list(view.entity.keys)
    wanted = asked.select(*keys, pl.col(time), _tick(view, time).alias(_TICK))
    marks = wanted.select(*keys, _TICK).drop_nulls(keys).unique()
    rows_of_asked = silver.join(marks.lazy().select(keys).unique(), left_on=list(view.key_columns.values()), right_on=keys, how="semi")
    parts = []
    for rows in chunks(view, rows_of_asked, rows_at_once):
        entities = rows.frame[rows.heads].select(keys).with_row_index(_ENTITY)
        mine = marks.join(entities, on=keys).sort(_ENTITY, _TICK)
        at = EvaluationPoints(mine[_ENTITY].cast(pl.Int64).to_numpy(), mine[_TICK].to_numpy())
        states, _ = states_at(view, rows, passages_of(view, rows), at)
        parts.append(mine.select(*keys, _TICK, _valid_from(view).alias("valid_from")).with_columns(finalized(view, rows, states)))
    return wanted.join(pl.concat(parts), on=[*keys, _TICK], how="left", maintain_order="left").drop(_TICK)


def _tick(view: FeatureView, time: str) -> pl.Expr:
    """The tick visible at a time: the last snapshot that may be read then, or with temporal accuracy the time itself."""
    if view.accuracy == "temporal":
        return physical(time)
    partitions = view.source.partitions
    readable = physical(time) - microseconds(view.source.data_delay)
    return (index_at(readable, partitions) - 1).clip(upper_bound=partitions.last)


def _valid_from(view: FeatureView) -> pl.Expr:
    """The time from which the values at a tick may be read."""
    if view.accuracy == "temporal":
        return pl.col(_TICK).cast(pl.Datetime("us", "UTC"))
    return start_of(pl.col(_TICK) + 1, view.source.partitions) + pl.lit(view.source.data_delay, pl.Duration("us"))
