"""The values of a view's features at marks, the times at which entities are evaluated, from rows of silver (semantics.md 2 and 4).

Time is counted in ticks: partition indexes for snapshots, microseconds for temporal accuracy. A row is inside a window at the ticks
enter <= t < exit: it enters when it has arrived and the window's end has passed it, and exits when the window's start has.
evaluation_points.py finds those rows at each mark.

    arguments -> chunks of entities, their rows sorted -> passages (when each row enters and exits) -> states at marks -> values

A lifetime window has no start, so rows never exit. Those that had entered by a checkpoint are in its states, which are merged as another
class.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from platform_assets.aggregations import Column, column_of
from platform_assets.aggregations.column import Bools, Ints
from platform_assets.declare.features import Closed, Measure
from platform_assets.declare.view import FeatureView, StoredFeature
from platform_assets.errors import ComputeError
from platform_assets.kernels.checkpoint_state import ARRIVAL, ENTITY, ORDER, TIME, Checkpoint, Held, held, witnesses
from platform_assets.kernels.entity_keys import has_entity, keys_of
from platform_assets.kernels.evaluation_points import EvaluationPoints, classes, combined
from platform_assets.kernels.times import index_of, indexes_at, microseconds, physical, start_of

ROWS_AT_ONCE = 500_000
"""The approximate number of rows per chunk of entities, which bounds memory."""
CHUNKS_AT_ONCE = 10
"""How many chunks are read from silver at once."""

NEVER = 2**62
"""The exit snapshot of rows that never exit. A row that also enters there is in no window at all."""


# --- rows ---------------------------------------------------------------------------------------------------------------


def prepared(measure: Measure) -> pl.Expr:
    """The argument of a measure, null where its condition is not true; true if it has no argument."""
    value = pl.lit(True) if measure.argument is None else measure.argument.polars()
    return value if measure.where is None else pl.when(measure.where.polars()).then(value)


def argument_type(measure: Measure) -> Any:
    return "bool" if measure.argument is None else measure.argument.type


def arguments_of(view: FeatureView) -> dict[str, str]:
    """For each feature the column of its masked argument; features with the same argument and condition share one."""
    columns: dict[tuple[str | None, str | None], str] = {}
    named = {}
    for feature in view.stored:
        argument, where = feature.measure.argument, feature.measure.where
        meaning = (argument.canonical if argument else None, where.canonical if where else None)
        named[feature.name] = columns.setdefault(meaning, f"__measure_{len(columns)}")
    return named


@dataclass(frozen=True)
class Rows:
    """The rows of some entities, sorted by entity, event time, primary key and arrival."""

    frame: pl.DataFrame
    """At least the entity's keys."""
    entity: Ints
    """The number of each row's entity: 0, 1, ..."""
    times: Ints
    """Event times in microseconds."""
    arrival: Ints
    """Indexes of arrival partitions."""
    columns: Mapping[str, Column]
    """The masked arguments, by the names of arguments_of."""
    since: int | None = None
    """The snapshot of the checkpoint, which includes all rows that had entered a lifetime window by then."""
    held: Held | None = None
    """The checkpoint's states. The rows they refer to are sorted in among the others, and never arrive."""

    @property
    def heads(self) -> Ints:
        """The first row of each entity."""
        return np.flatnonzero(np.diff(self.entity, prepend=-1))


def chunks(
    view: FeatureView,
    silver: pl.LazyFrame,
    rows_at_once: int | None = None,
    *,
    checkpoint: Checkpoint | None = None,
    changing: range | None = None,
) -> Iterator[Rows]:
    """The rows that have an entity, a chunk of entities at a time.

    checkpoint: silver has at least the rows that are not in it. changing: only entities with a row that enters or exits at one of these
    snapshots.
    """
    events = _events(view, silver)
    number = -(-max(events.select(pl.len()).collect().item(), 1) // (rows_at_once or ROWS_AT_ONCE))
    for mine, rows in _parts(view, events, number):
        if changing is not None:
            rows = _changing(view, rows, changing, checkpoint)
        before = None
        if checkpoint is not None:
            states = checkpoint.states.filter(mine)
            before = states.join(rows.lazy().select(view.entity.keys).unique(), on=view.entity.keys, how="semi").collect()
        yield _rows(view, rows, checkpoint, before)


def _parts(view: FeatureView, events: pl.LazyFrame, number: int) -> Iterator[tuple[pl.Expr, pl.DataFrame]]:
    """Chunks of entities: the filter for its entities, and its rows.

    Several chunks come from one scan of silver: reading and hashing all rows costs more than computing a chunk.
    """
    if number == 1:
        yield pl.lit(True), events.collect()
        return
    chunk = pl.struct(view.entity.keys).hash() % number
    for first in range(0, number, CHUNKS_AT_ONCE):
        several = range(first, min(first + CHUNKS_AT_ONCE, number))
        rows = events.filter(chunk.is_between(several.start, several.stop - 1)).collect()
        for one in several:
            yield chunk == one, rows.filter(chunk == one)


def _changing(view: FeatureView, events: pl.DataFrame, snapshots: range, checkpoint: Checkpoint | None) -> pl.DataFrame:
    """The rows of entities with a row that enters or exits at these snapshots."""
    found = np.zeros(events.height, np.bool_)
    since = checkpoint.snapshot if checkpoint else None
    for passage in _passages(view, events[TIME].to_numpy(), events[ARRIVAL].to_numpy(), since).values():
        found |= passage.alive() & (passage.enter >= snapshots.start) & (passage.enter < snapshots.stop)
        for leaves in passage.exits.values():
            found |= (passage.enter < leaves) & (leaves >= snapshots.start) & (leaves < snapshots.stop)
    keys = list(view.entity.keys)
    return events.join(events.filter(pl.Series(found)).select(keys).unique(), on=keys, how="semi")


def _events(view: FeatureView, silver: pl.LazyFrame) -> pl.LazyFrame:
    """Keys, time, arrival, primary key and masked arguments of the rows that have an entity."""
    source, arguments = view.source, arguments_of(view)
    columns = {arguments[feature.name]: prepared(feature.measure) for feature in view.stored}
    order = [c for c in source.order if c not in view.key_columns.values()]
    return silver.filter(has_entity(view.key_columns)).select(
        *keys_of(view.key_columns),
        *(pl.col(c).alias(f"{ORDER}{c}") for c in order),
        physical(source.event_time).alias(TIME),
        _arrival(view).alias(ARRIVAL),
        *(expression.alias(name) for name, expression in columns.items()),
    )


def _rows(view: FeatureView, events: pl.DataFrame, checkpoint: Checkpoint | None = None, before: pl.DataFrame | None = None) -> Rows:
    keys, arguments = view.entity.keys, arguments_of(view)
    if before is not None:
        events = pl.concat([events, *witnesses(view, before, arguments)], how="diagonal")
    # Two rows with the same key are in silver if they arrived further apart than duplicates_within: the later arrival is the later row.
    events = events.sort(*keys, TIME, *(c for c in events.columns if c.startswith(ORDER)), ARRIVAL)
    entity = events.select(pl.struct(keys).rle_id().cast(pl.Int64)).to_series().to_numpy()
    times, arrival = events[TIME].to_numpy(), events[ARRIVAL].to_numpy()
    types = {arguments[feature.name]: argument_type(feature.measure) for feature in view.stored}
    columns = {name: column_of(events[name], dtype, times) for name, dtype in types.items()}
    if before is None or checkpoint is None:
        return Rows(events, entity, times, arrival, columns)
    states = held(view, before, events.with_columns(pl.Series(ENTITY, entity)))
    return Rows(events, entity, times, np.where(states.is_witness, NEVER, arrival), columns, checkpoint.snapshot, states)


def _arrival(view: FeatureView) -> pl.Expr:
    """The tick at which a row has arrived."""
    partitions = view.source.partitions
    arrival = index_of("arrival", partitions)
    if view.accuracy == "snapshot":
        return arrival
    return start_of(arrival + 1, partitions).dt.timestamp("us") + microseconds(view.source.data_delay)


# --- when rows enter and exit --------------------------------------------------------------------------------------------


class Group(NamedTuple):
    """The properties of windows whose rows enter together, and either all exit or never do."""

    offset: int
    """In microseconds."""
    closed: Closed
    is_lifetime: bool
    tile: int
    """The tile to which the windows' end is rounded down, in microseconds; 1 for a snapshot, or without an offset."""


def groups_of(view: FeatureView) -> dict[Group, list[StoredFeature]]:
    """The features by the group of their windows."""
    groups: dict[Group, list[StoredFeature]] = {}
    for feature in view.stored:
        window = feature.window
        tile = microseconds(window.tile) if window.tile and window.offset else 1
        groups.setdefault(Group(microseconds(window.offset), window.closed, window.length is None, tile), []).append(feature)
    return groups


def _length(feature: StoredFeature) -> int:
    """The length of its window in microseconds."""
    return NEVER if feature.window.length is None else microseconds(feature.window.length)


@dataclass(frozen=True)
class Passage:
    """When each row enters and exits the windows that share an offset and `closed`."""

    enter: Ints
    exits: Mapping[int, Ints]
    """By window length in microseconds."""

    def alive(self) -> Bools:
        return self.enter < self.exits[max(self.exits)]


def passages_of(view: FeatureView, rows: Rows) -> dict[Group, Passage]:
    """When the rows enter and exit the windows of a view."""
    return _passages(view, rows.times, rows.arrival, rows.since)


def _passages(view: FeatureView, times: Ints, arrival: Ints, since: int | None) -> dict[Group, Passage]:
    """The same for rows in any order. since: the snapshot of the checkpoint."""
    groups = groups_of(view).items()
    if view.accuracy == "temporal":
        return {group: _temporal_passage(times, arrival, group, members) for group, members in groups}
    return {group: _passage(view, times, arrival, since, group, set(map(_length, members))) for group, members in groups}


def _passage(view: FeatureView, times: Ints, arrival: Ints, since: int | None, group: Group, lengths: set[int]) -> Passage:
    """The first snapshot that ends after T is the partition that contains T; the first that ends at or after T contains T - 1."""
    offset, closed, is_lifetime, _ = group

    def after(at: Ints, strictly: bool) -> Ints:
        return indexes_at(at if strictly else at - 1, view.source.partitions)

    enter = np.maximum(after(times + offset, strictly=closed in ("left", "none")), arrival)
    if is_lifetime:
        enter = enter if since is None else np.where(enter <= since, NEVER, enter)
        return Passage(enter, {NEVER: np.full(len(enter), NEVER)})
    exits = {length: after(times + offset + length, strictly=closed in ("left", "both")) for length in lengths}
    return Passage(enter, exits)


def _temporal_passage(times: Ints, arrival: Ints, group: Group, members: Sequence[StoredFeature]) -> Passage:
    """A window ends after T from T + 1 on, and begins after T once T's tile is over, one window length later."""
    ends = times + 1 if group.tile == 1 else _tile_end(times, group.tile)
    exits = {
        _length(feature): _tile_end(times, microseconds(feature.window.tile)) + group.offset + _length(feature)
        for feature in members
        if feature.window.tile is not None
    }
    return Passage(np.maximum(ends + group.offset, arrival), exits)


def _tile_end(times: Ints, tile: int) -> Ints:
    """The end of the tile that contains each time. Tiles are counted from 1970."""
    return (times // tile + 1) * tile


# --- values at marks -------------------------------------------------------------------------------------------------------


def states_at(view: FeatureView, rows: Rows, passages: Mapping[Group, Passage], marks: EvaluationPoints) -> tuple[dict[str, Any], Bools]:
    """The state of each feature at the marks, and the marks at which some row is in some window.

    Anything else that belongs in a window is merged into the states by the aggregation's algebra before they are finalized.
    """
    alive = np.zeros(len(marks), np.bool_)
    states: dict[Hashable, Any] = {}
    arguments, members = arguments_of(view), groups_of(view)
    for group, passage in passages.items():
        states |= _windows(members[group], arguments, rows, passage, marks, alive)
    if rows.held is not None:
        mine = rows.held.row[marks.entity]
        at = np.flatnonzero(mine >= 0)
        alive[at] = True
        for name, feature in {_state_of(feature, arguments): feature for feature in view.lifetime}.items():
            aggregation, column = feature.measure.aggregation, rows.columns[arguments[feature.name]]
            before = aggregation.restore(rows.held.kept[feature.name], column, rows.held.size)
            states[name] = aggregation.merge(states[name], aggregation.over(before, mine[at], mine[at] + 1), at)
    return {f.name: states[_state_of(f, arguments)] for group in passages for f in members[group]}, alive


def _state_of(feature: StoredFeature, arguments: Mapping[str, str]) -> Hashable:
    """Features with the same key share one state, such as the sum and the mean of one argument over one window."""
    return feature.measure.aggregation.state, arguments[feature.name], feature.window


def finalized(view: FeatureView, rows: Rows, states: Mapping[str, Any]) -> list[pl.Series]:
    """The values of the view's features, in order, named like the features."""
    arguments = arguments_of(view)
    return [_finalized(f, states[f.name], rows.columns[arguments[f.name]]).alias(f.name) for f in view.stored]


def _windows(
    features: Sequence[StoredFeature], arguments: Mapping[str, str], rows: Rows, passage: Passage, marks: EvaluationPoints, alive: Bools
) -> dict[Hashable, Any]:
    """The states at each mark of features that share an offset and `closed`; sets `alive` where there are rows."""
    states: dict[Hashable, Any] = {}
    wanted = {_state_of(feature, arguments): feature for feature in features}
    alike = {(feature.measure.aggregation.state, arguments[feature.name]): feature.measure.aggregation for feature in wanted.values()}
    of_rows = {(state, argument): one.prepare(rows.columns[argument]) for (state, argument), one in alike.items()}
    for one in classes(rows.entity, passage.enter, passage.exits, marks):
        for begin in one.since.values():
            alive[one.at] |= one.until > begin
        tiled = {key: alike[key].over(_rows_of(alike[key], state, one.rows), one.lo, one.hi) for key, state in of_rows.items()}
        for name, feature in wanted.items():
            aggregation = feature.measure.aggregation
            state = tiled[aggregation.state, arguments[feature.name]]
            part = combined(aggregation, state, len(one.lo), one.since[_length(feature)], one.until)
            states[name] = aggregation.merge(states[name], part, one.at) if name in states else part
    return states


def _rows_of(aggregation: Any, state: Any, rows: Ints) -> Any:
    return aggregation.over(state, rows, rows + 1)


def _finalized(feature: StoredFeature, state: Any, column: Column) -> pl.Series:
    try:
        return feature.measure.aggregation.finalize(state, column)
    except ComputeError as error:
        raise ComputeError(f"feature {feature.name!r}: {error}") from None
