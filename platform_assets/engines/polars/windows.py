"""The values of a view's features at marks, snapshots of entities that are asked for, from rows of silver (semantics.md 2 and 4).

A row is inside a window for the snapshots enter <= d < exit: it enters when it has arrived and the window's end has passed it,
and exits when the window's start has. marks.py tells which rows that are at the marks.

    arguments -> chunks of entities, their rows sorted -> passages (when each row enters and exits) -> states at marks -> values
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
from platform_assets.engines.polars.marks import Marks, classes, combined
from platform_assets.engines.polars.times import index_of, microseconds, physical, since_epoch
from platform_assets.errors import ComputeError

_TIME, _ARRIVAL = "__time", "__arrival"

ROWS_AT_ONCE = 1_000_000
"""Memory is bounded by chunks of entities with about this many rows."""


# --- rows ---------------------------------------------------------------------------------------------------------------


def prepared(measure: Measure) -> pl.Expr:
    """The argument of a measure, null where its condition is not true; without an argument, true."""
    value = pl.lit(True) if measure.argument is None else measure.argument.polars()
    return value if measure.where is None else pl.when(measure.where.polars()).then(value)


def argument_type(measure: Measure) -> Any:
    return "bool" if measure.argument is None else measure.argument.type


def arguments_of(view: FeatureView) -> dict[str, str]:
    """For each feature the column of its masked argument: features with the same argument and condition share one."""
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

    @property
    def heads(self) -> Ints:
        """The first row of each entity."""
        return np.flatnonzero(np.diff(self.entity, prepend=-1))


def chunks(view: FeatureView, silver: pl.LazyFrame, rows_at_once: int | None = None) -> Iterator[Rows]:
    """The rows that have an entity, a chunk of entities at a time."""
    events = _events(view, silver)
    number = -(-max(events.select(pl.len()).collect().item(), 1) // (rows_at_once or ROWS_AT_ONCE))
    for chunk in range(number):
        mine = events.filter(pl.struct(view.entity.keys).hash() % number == chunk) if number > 1 else events
        yield _rows(view, mine.collect())


def _events(view: FeatureView, silver: pl.LazyFrame) -> pl.LazyFrame:
    """Keys, time, arrival, primary key and masked arguments of the rows that have an entity."""
    source, arguments = view.source, arguments_of(view)
    columns = {arguments[feature.name]: prepared(feature.measure) for feature in view.stored}
    order = [c for c in source.order if c not in view.entity.keys]
    return silver.filter(pl.all_horizontal(pl.col(key).is_not_null() for key in view.entity.keys)).select(
        *view.entity.keys,
        *(pl.col(c).alias(f"__order_{c}") for c in order),
        physical(source.event_time).alias(_TIME),
        index_of("arrival", source.partitions).alias(_ARRIVAL),
        *(expression.alias(name) for name, expression in columns.items()),
    )


def _rows(view: FeatureView, events: pl.DataFrame) -> Rows:
    keys, arguments = view.entity.keys, arguments_of(view)
    # Rows with one key are both in silver if they arrived farther apart than duplicates_within: the later arrival is the later row.
    events = events.sort(*keys, _TIME, *(c for c in events.columns if c.startswith("__order_")), _ARRIVAL)
    entity = events.select(pl.struct(keys).rle_id().cast(pl.Int64)).to_series().to_numpy()
    times = events[_TIME].to_numpy()
    types = {arguments[feature.name]: argument_type(feature.measure) for feature in view.stored}
    columns = {name: column_of(events[name], dtype, times) for name, dtype in types.items()}
    return Rows(events, entity, times, events[_ARRIVAL].to_numpy(), columns)


# --- when rows enter and exit --------------------------------------------------------------------------------------------


Group = tuple[int, Closed]
"""What windows have in common that end at the same moment: offset in microseconds and the way of closing."""


def groups_of(view: FeatureView) -> dict[Group, list[StoredFeature]]:
    """The features by the end of their windows."""
    groups: dict[Group, list[StoredFeature]] = {}
    for feature in view.stored:
        groups.setdefault((microseconds(feature.window.offset), feature.window.closed), []).append(feature)
    return groups


@dataclass(frozen=True)
class Passage:
    """When each row enters and leaves the windows that share an offset and a way of closing."""

    enter: Ints
    exits: Mapping[int, Ints]
    """By the window's length in microseconds."""

    def alive(self) -> Bools:
        return self.enter < self.exits[max(self.exits)]


def passages_of(view: FeatureView, rows: Rows) -> dict[Group, Passage]:
    """When the rows pass through the windows of a view."""
    return {
        group: _passage(view, rows.times, rows.arrival, group, {microseconds(f.window.length) for f in members})
        for group, members in groups_of(view).items()
    }


def _passage(view: FeatureView, times: Ints, arrival: Ints, group: Group, lengths: set[int]) -> Passage:
    """Snapshot d ends at (d + 1) * step: strictly after T from floor(T / step) on, at or after T from ceil(T / step) - 1 on."""
    offset, closed = group
    step, origin = microseconds(view.source.partitions.step), since_epoch(view.source.partitions.origin)

    def after(at: Ints, strictly: bool) -> Ints:
        return (at - origin) // step if strictly else -((origin - at) // step) - 1

    enter = np.maximum(after(times + offset, strictly=closed in ("left", "none")), arrival)
    exits = {length: after(times + offset + length, strictly=closed in ("left", "both")) for length in lengths}
    return Passage(enter, exits)


# --- values at marks -------------------------------------------------------------------------------------------------------


def states_at(view: FeatureView, rows: Rows, passages: Mapping[Group, Passage], marks: Marks) -> tuple[dict[str, Any], Bools]:
    """The state of each feature at the marks, and at which of them some row is in some window.

    What else belongs into a window is merged into the states by the aggregation's algebra before they are finalized.
    """
    alive = np.zeros(len(marks), np.bool_)
    states: dict[str, Any] = {}
    for group, members in groups_of(view).items():
        states |= _windows(members, arguments_of(view), rows, passages[group], marks, alive)
    return states, alive


def finalized(view: FeatureView, rows: Rows, states: Mapping[str, Any]) -> list[pl.Series]:
    """The values of the view's features, in their order, each named as its feature."""
    arguments = arguments_of(view)
    return [_finalized(f, states[f.name], rows.columns[arguments[f.name]]).alias(f.name) for f in view.stored]


def _windows(
    features: Sequence[StoredFeature], arguments: Mapping[str, str], rows: Rows, passage: Passage, marks: Marks, alive: Bools
) -> dict[str, Any]:
    """The states of features that share an offset and a way of closing, at each mark; notes in `alive` where there are rows."""
    states: dict[str, Any] = {}
    wanted = {(feature.measure.aggregation, arguments[feature.name]) for feature in features}
    of_rows = {(aggregation, argument): aggregation.prepare(rows.columns[argument]) for aggregation, argument in wanted}
    for one in classes(rows.entity, passage.enter, passage.exits, marks):
        for begin in one.since.values():
            alive[one.at] |= one.until > begin
        tiled = {key: key[0].over(_rows_of(key[0], state, one.rows), one.lo, one.hi) for key, state in of_rows.items()}
        for feature in features:
            aggregation = feature.measure.aggregation
            state = tiled[aggregation, arguments[feature.name]]
            part = combined(aggregation, state, len(one.lo), one.since[microseconds(feature.window.length)], one.until)
            states[feature.name] = aggregation.merge(states[feature.name], part, one.at) if feature.name in states else part
    return states


def _rows_of(aggregation: Any, state: Any, rows: Ints) -> Any:
    return aggregation.over(state, rows, rows + 1)


def _finalized(feature: StoredFeature, state: Any, column: Column) -> pl.Series:
    try:
        return feature.measure.aggregation.finalize(state, column)
    except ComputeError as error:
        raise ComputeError(f"feature {feature.name!r}: {error}") from None
