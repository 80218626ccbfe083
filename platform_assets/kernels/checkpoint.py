"""The states of a view's lifetime windows at a snapshot: an earlier checkpoint plus the rows that entered since (semantics.md 3)."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from platform_assets.declare.view import FeatureView
from platform_assets.kernels import windows
from platform_assets.kernels.checkpoint_state import Checkpoint, state_column
from platform_assets.kernels.evaluation_points import EvaluationPoints
from platform_assets.kernels.windows import NEVER, Rows, arguments_of, chunks, passages_of, states_at


def checkpoint(
    view: FeatureView, silver: pl.LazyFrame, snapshot: int, before: Checkpoint | None, *, rows_at_once: int | None = None
) -> Iterator[pl.DataFrame]:
    """The entities with a row in a lifetime window by then, and their states, a chunk of entities at a time.

    silver: accepted rows that had arrived by then, at least those that are not in the previous checkpoint.
    """
    since = range(-NEVER if before is None else before.snapshot + 1, snapshot + 1)
    changed = []
    for rows in chunks(view, silver, rows_at_once, checkpoint=before, changing=since):
        made = _states(view, rows, snapshot)
        changed.append(made.select(view.entity.keys))
        yield made
    if before is not None:
        yield from _unchanged(view, before, pl.concat(changed), rows_at_once or windows.ROWS_AT_ONCE)


def _states(view: FeatureView, rows: Rows, snapshot: int) -> pl.DataFrame:
    """The states of the entities whose lifetime windows have gained a row."""
    passages = {group: passage for group, passage in passages_of(view, rows).items() if group.is_lifetime}
    has_come = np.zeros(len(rows.entity), np.bool_)
    for passage in passages.values():
        has_come |= passage.enter <= snapshot
    entity = np.unique(rows.entity[has_come])
    marks = EvaluationPoints(entity, np.full(len(entity), snapshot))
    states, _ = states_at(view, rows, passages, marks)
    arguments, columns = arguments_of(view), []
    for feature in view.lifetime:
        column = rows.columns[arguments[feature.name]]
        kept = feature.measure.aggregation.keep(states[feature.name], column)
        columns.append(state_column(feature.name, kept, len(marks), column, rows.frame))
    return pl.DataFrame([*(rows.frame[key].gather(pl.Series(rows.heads[entity])) for key in view.entity.keys), *columns])


def _unchanged(view: FeatureView, before: Checkpoint, changed: pl.DataFrame, rows_at_once: int) -> Iterator[pl.DataFrame]:
    keys = list(view.entity.keys)
    states = before.states.select(*keys, *(feature.name for feature in view.lifetime))
    parts = -(-states.select(pl.len()).collect().item() // rows_at_once)
    for part in range(parts):
        mine = pl.struct(keys).hash() % parts == part if parts > 1 else pl.lit(True)
        yield states.filter(mine).join(changed.lazy(), on=keys, how="anti").collect()
