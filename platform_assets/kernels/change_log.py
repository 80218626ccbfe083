"""The change log of a feature view for a range of partitions, in one pass: the snapshots that change, and their values (semantics.md 3)."""

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from platform_assets.aggregations.column import Ints
from platform_assets.declare.view import FeatureView
from platform_assets.kernels.checkpoint_state import Checkpoint
from platform_assets.kernels.evaluation_points import EvaluationPoints
from platform_assets.kernels.times import start_of, stored_partition
from platform_assets.kernels.windows import Passage, Rows, chunks, finalized, passages_of, states_at


def change_log(
    view: FeatureView,
    silver: pl.LazyFrame,
    first: int,
    last: int,
    *,
    checkpoint: Checkpoint | None = None,
    rows_at_once: int | None = None,
) -> Iterator[pl.DataFrame]:
    """The rows of the view's table for the partitions first..last, one frame for each chunk of entities.

    silver: accepted rows of at least the arrival partitions that the first of these snapshots reads (declare/checkpoints.py) and
    all up to the last. checkpoint: the state of lifetime windows at a snapshot before the first; without one, silver must begin where its
    source begins. Returns the columns: the keys, partition, valid_from, is_empty, and one per stored feature.
    """
    changing = range(first, last + 1) if checkpoint else None  # otherwise the rows of all entities are here, and nearly all of them change
    for rows in chunks(view, silver, rows_at_once, checkpoint=checkpoint, changing=changing):
        yield _chunk(view, rows, first, last)


def _chunk(view: FeatureView, rows: Rows, first: int, last: int) -> pl.DataFrame:
    passages = passages_of(view, rows)
    marks = _changed(rows.entity, passages.values(), first, last)
    states, alive = states_at(view, rows, passages, marks)
    partition = pl.lit(pl.Series("partition", marks.tick))
    return pl.select(
        *(rows.frame[key].gather(pl.Series(rows.heads[marks.entity])) for key in view.entity.keys),
        stored_partition(partition, view.source.partitions).alias("partition"),
        (start_of(partition + 1, view.source.partitions) + pl.lit(view.source.data_delay, pl.Duration("us"))).alias("valid_from"),
        pl.lit(pl.Series("is_empty", ~alive)),
        *map(pl.lit, finalized(view, rows, states)),
    )


def _changed(entity: Ints, passages: Iterable[Passage], first: int, last: int) -> EvaluationPoints:
    """Each snapshot from first to last at which a row enters or leaves some window."""
    found, stride = [np.zeros(0, np.int64)], last - first + 1
    for passage in passages:
        moments = [(passage.enter, passage.alive())]
        moments += [(leaves, passage.enter < leaves) for leaves in passage.exits.values()]
        for snapshot, counts in moments:
            inside = counts & (snapshot >= first) & (snapshot <= last)
            marks = entity[inside] * stride + (snapshot[inside] - first)
            found.append(marks[np.diff(marks, prepend=-1) != 0])
    numbers = pl.Series(np.concatenate(found)).unique().sort().to_numpy()
    return EvaluationPoints(numbers // stride, numbers % stride + first)
