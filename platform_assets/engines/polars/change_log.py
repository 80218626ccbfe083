"""The change log of a feature view for a range of partitions, in one pass (semantics.md 2 and 3).

A row is inside a window for the snapshots enter <= d < exit: it enters when it has arrived and the window's end has passed it,
and exits when the window's start has. Rows that arrived on time, sorted by entity and time, enter and exit in that order, so
the rows in the window at d are one index range, found by binary search. Rows that arrived `lag` snapshots late are a class of
their own, which has the same property; the classes are merged by the aggregation's algebra. Nothing is subtracted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from platform_assets.aggregations import Column, column_of
from platform_assets.aggregations.column import Bools, Ints
from platform_assets.declare.features import Closed, Measure
from platform_assets.declare.view import FeatureView, StoredFeature
from platform_assets.engines.polars.times import index_of, microseconds, physical, since_epoch, start_of, stored_partition
from platform_assets.errors import ComputeError

_TIME, _ARRIVAL = "__time", "__arrival"

ROWS_AT_ONCE = 1_000_000
"""Memory is bounded by chunks of entities with about this many rows."""


def change_log(
    view: FeatureView, silver: pl.LazyFrame, first: int, last: int, *, rows_at_once: int | None = None
) -> Iterator[pl.DataFrame]:
    """The rows of the view's table for the partitions first..last, one frame for each chunk of entities.

    silver: accepted rows of at least the arrival partitions first - view.reads_back .. last. Columns out: the keys,
    partition, valid_from, is_empty, one a stored feature.
    """
    arguments = _arguments(view)
    events = _events(view, arguments, silver)
    chunks = -(-max(events.select(pl.len()).collect().item(), 1) // (rows_at_once or ROWS_AT_ONCE))
    for chunk in range(chunks):
        mine = events.filter(pl.struct(view.entity.keys).hash() % chunks == chunk) if chunks > 1 else events
        yield _chunk(view, arguments, mine.collect(), first, last)


def _arguments(view: FeatureView) -> dict[str, str]:
    """For each feature the column of its masked argument: features with the same argument and condition share one."""
    columns: dict[tuple[str | None, str | None], str] = {}
    named = {}
    for feature in view.stored:
        argument, where = feature.measure.argument, feature.measure.where
        meaning = (argument.canonical if argument else None, where.canonical if where else None)
        named[feature.name] = columns.setdefault(meaning, f"__measure_{len(columns)}")
    return named


def prepared(measure: Measure) -> pl.Expr:
    """The argument of a measure, null where its condition is not true; without an argument, true."""
    value = pl.lit(True) if measure.argument is None else measure.argument.polars()
    return value if measure.where is None else pl.when(measure.where.polars()).then(value)


def argument_type(measure: Measure) -> Any:
    return "bool" if measure.argument is None else measure.argument.type


def _events(view: FeatureView, arguments: Mapping[str, str], silver: pl.LazyFrame) -> pl.LazyFrame:
    """Keys, time, arrival, primary key and masked arguments of the rows that have an entity."""
    source = view.source
    columns = {arguments[feature.name]: prepared(feature.measure) for feature in view.stored}
    order = [c for c in source.order if c not in view.entity.keys]
    return silver.filter(pl.all_horizontal(pl.col(key).is_not_null() for key in view.entity.keys)).select(
        *view.entity.keys,
        *(pl.col(c).alias(f"__order_{c}") for c in order),
        physical(source.event_time).alias(_TIME),
        index_of("arrival", source.partitions).alias(_ARRIVAL),
        *(expression.alias(name) for name, expression in columns.items()),
    )


@dataclass(frozen=True)
class _Passage:
    """When each row enters and leaves the windows that share an offset and a way of closing."""

    enter: Ints
    lag: Ints
    exits: dict[int, Ints]
    """By the window's length in microseconds."""

    def alive(self) -> Bools:
        return self.enter < self.exits[max(self.exits)]


def _chunk(view: FeatureView, arguments: Mapping[str, str], events: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    keys = view.entity.keys
    # Rows with one key are both in silver if they arrived farther apart than duplicates_within: the later arrival is the later row.
    events = events.sort(*keys, _TIME, *(c for c in events.columns if c.startswith("__order_")), _ARRIVAL)
    entity = events.select(pl.struct(keys).rle_id().cast(pl.Int64)).to_series().to_numpy()
    times, arrival = events[_TIME].to_numpy(), events[_ARRIVAL].to_numpy()
    groups: dict[tuple[int, Closed], list[StoredFeature]] = {}
    for feature in view.stored:
        groups.setdefault((microseconds(feature.window.offset), feature.window.closed), []).append(feature)
    passages = {
        group: _passage(view, times, arrival, group, {microseconds(f.window.length) for f in members}) for group, members in groups.items()
    }
    stride = last - first + 3
    changed = _changed(entity, list(passages.values()), first, last, stride)
    alive = np.zeros(len(changed), np.bool_)
    types = {arguments[feature.name]: argument_type(feature.measure) for feature in view.stored}
    columns = {name: column_of(events[name], dtype, times) for name, dtype in types.items()}
    values: dict[str, pl.Series] = {}
    for group, members in groups.items():
        values |= _windows(members, arguments, columns, entity, passages[group], changed, alive, first, stride)
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    partition = pl.lit(pl.Series("partition", changed % stride + first))
    return pl.select(
        *(events[key].gather(pl.Series(starts[changed // stride])) for key in keys),
        stored_partition(partition, view.source.partitions).alias("partition"),
        (start_of(partition + 1, view.source.partitions) + pl.lit(view.source.data_delay, pl.Duration("us"))).alias("valid_from"),
        pl.lit(pl.Series("is_empty", ~alive)),
        *(pl.lit(values[feature.name].alias(feature.name)) for feature in view.stored),
    )


def _passage(view: FeatureView, times: Ints, arrival: Ints, group: tuple[int, Closed], lengths: set[int]) -> _Passage:
    """Snapshot d ends at (d + 1) * step: strictly after T from floor(T / step) on, at or after T from ceil(T / step) - 1 on."""
    offset, closed = group
    step, origin = microseconds(view.source.partitions.step), since_epoch(view.source.partitions.origin)

    def after(at: Ints, strictly: bool) -> Ints:
        return (at - origin) // step if strictly else -((origin - at) // step) - 1

    on_time = after(times + offset, strictly=closed in ("left", "none"))
    enter = np.maximum(on_time, arrival)
    exits = {length: after(times + offset + length, strictly=closed in ("left", "both")) for length in lengths}
    return _Passage(enter, enter - on_time, exits)


def _changed(entity: Ints, passages: Sequence[_Passage], first: int, last: int, stride: int) -> Ints:
    """entity * stride + (d - first) of each snapshot d at which a row enters or leaves some window, sorted."""
    found = [np.zeros(0, np.int64)]
    for passage in passages:
        moments = [(passage.enter, passage.alive())]
        moments += [(leaves, passage.enter < leaves) for leaves in passage.exits.values()]
        for snapshot, counts in moments:
            inside = counts & (snapshot >= first) & (snapshot <= last)
            marks = entity[inside] * stride + (snapshot[inside] - first)
            found.append(marks[np.diff(marks, prepend=-1) != 0])
    return pl.Series(np.concatenate(found)).unique().sort().to_numpy()


def _windows(
    features: Sequence[StoredFeature],
    arguments: Mapping[str, str],
    columns: Mapping[str, Column],
    entity: Ints,
    passage: _Passage,
    changed: Ints,
    alive: Bools,
    first: int,
    stride: int,
) -> dict[str, pl.Series]:
    """The values of features that share an offset and a way of closing, at each changed snapshot; marks in `alive` who has rows."""
    ever = passage.alive()
    states: dict[str, Any] = {}
    wanted = {(feature.measure.aggregation, arguments[feature.name]) for feature in features}
    of_rows = {(aggregation, argument): aggregation.prepare(columns[argument]) for aggregation, argument in wanted}
    for lag in [0, *(lag for lag in np.unique(passage.lag[ever]).tolist() if lag)]:
        rows = np.flatnonzero(ever & (passage.lag == lag))
        tiles = _tiles(rows, entity, passage, first, stride)
        at = np.arange(len(changed)) if lag == 0 else _touched(tiles, changed)
        asked = changed[at]
        until = np.searchsorted(tiles.enter, asked, "right")
        since = {length: np.searchsorted(leaves, asked, "right") for length, leaves in tiles.exits.items()}
        for begin in since.values():
            alive[at] |= until > begin
        tiled = {key: key[0].over(_rows_of(key[0], state, rows), tiles.lo, tiles.hi) for key, state in of_rows.items()}
        for feature in features:
            aggregation = feature.measure.aggregation
            state = tiled[aggregation, arguments[feature.name]]
            part = aggregation.over(state, since[microseconds(feature.window.length)], until)
            states[feature.name] = part if lag == 0 else aggregation.merge(states[feature.name], part, at)
    return {feature.name: _finalized(feature, states[feature.name], columns[arguments[feature.name]]) for feature in features}


def _rows_of(aggregation: Any, state: Any, rows: Ints) -> Any:
    return aggregation.over(state, rows, rows + 1)


@dataclass(frozen=True)
class _Tiles:
    """Runs of rows of one entity that enter and leave every window together: rows lo[i]:hi[i] of their class."""

    lo: Ints
    hi: Ints
    enter: Ints
    exits: dict[int, Ints]


def _tiles(rows: Ints, entity: Ints, passage: _Passage, first: int, stride: int) -> _Tiles:
    def place(snapshot: Ints) -> Ints:
        return entity[rows] * stride + np.clip(snapshot[rows] - first, 0, stride - 2)

    enter, exits = place(passage.enter), {length: place(leaves) for length, leaves in passage.exits.items()}
    new = np.zeros(len(rows), np.bool_)
    for marks in (enter, *exits.values()):
        new |= np.diff(marks, prepend=-1) != 0
    lo = np.flatnonzero(new)
    return _Tiles(lo, np.append(lo[1:], len(rows)) if len(lo) else lo, enter[lo], {length: leaves[lo] for length, leaves in exits.items()})


def _touched(tiles: _Tiles, changed: Ints) -> Ints:
    """The indexes of the changed snapshots at which some tile is in some window."""
    begin = np.searchsorted(changed, tiles.enter, "left")
    end = np.maximum(np.searchsorted(changed, tiles.exits[max(tiles.exits)], "left"), begin)
    depth = np.bincount(begin, minlength=len(changed) + 1) - np.bincount(end, minlength=len(changed) + 1)
    return np.flatnonzero(np.cumsum(depth[:-1]) > 0)


def _finalized(feature: StoredFeature, state: Any, column: Column) -> pl.Series:
    try:
        return feature.measure.aggregation.finalize(state, column)
    except ComputeError as error:
        raise ComputeError(f"feature {feature.name!r}: {error}") from None
