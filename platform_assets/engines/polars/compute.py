"""Computes a view from events in memory: the values that the platform would have, for tests and notebooks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from platform_assets.declare.arguments import shown
from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.engines.polars.silver import Judged, judge
from platform_assets.errors import ComputeError, suggestion
from platform_assets.expressions.types import POLARS
from platform_assets.frames.tables import KINDS, is_table, table_of
from platform_assets.kernels.attributes import attributes_log
from platform_assets.kernels.change_log import change_log
from platform_assets.kernels.entity_keys import keys_of
from platform_assets.kernels.parse import bounds_of, parsed
from platform_assets.kernels.point_in_time import point_in_time
from platform_assets.kernels.times import index_at, index_of, physical, stored_partition

Moment = str | date | datetime
"""A time: a datetime with a time zone, or a date or string in UTC: "2024-03-05", "2024-03-05 14:30"."""

_ROW = "row_number"


def compute_features(view: View, events: Any, *, at: Moment | Sequence[Moment]) -> pl.DataFrame:
    """The values that would be read from a view at some times if exactly these events had arrived. Nothing is read or written.

    Args:
        view: the feature view or attribute view.
        events: rows of the view's source, a list of dicts or a table (Polars, pandas, PyArrow,
            or anything with an Arrow stream), as its function would return them; a column that may be missing
            can be left out. They go through the source's parsing, rules, flags and deduplication. A column `arrival` gives the partition in
            which a row arrived, as the partition's start (a date; for hours a time). Without it, or where it is null, a row arrives in the
            partition of its event time.
        at: one or more times: "2024-03-05" (UTC), a date, or a datetime with a time zone. The value at a time is the last one
            whose valid_from is not after it: with daily partitions, that of the day before. For a view with temporal accuracy it is the
            value at the time itself, from the rows that have arrived by then: a row arrives at the end of its partition.

    Returns:
        One row for each time and each entity among the events, sorted: the keys, `at`, then the features (times since last in seconds).

    Raises:
        ComputeError: columns are missing or not in the source, a row would be quarantined, or a time has no time zone.
        SourceError: the times are naive and the source declares no timezone=.

    >>> order = {"invoice": "1", "quantity": 2, "unit_price": 1.5, "customer_id": 7, "country": "UK", "ordered_at": "2024-03-01T10:00Z"}
    >>> found = compute_features(customer_spend, [order], at=["2024-03-01", "2024-03-02", "2024-03-09"])
    >>> found.select("customer_id", pl.col("at").dt.day(), "count_7d", "spend_30d").rows()
    [(7, 1, 0, None), (7, 2, 1, 3.0), (7, 9, 0, 3.0)]
    """
    if not isinstance(view, View):
        raise ComputeError(f"compute_features: {shown(view)} is not a view. Give it a feature view or an attribute view.")
    if "at" in (*view.entity.keys, *view.served):
        raise ComputeError(f"view {view.name!r}: it has a column 'at', which here holds the times. Give the feature or key another name.")
    raw = received(view.source, events)
    asked, keys = moments(at), list(view.entity.keys)
    silver = accepted(view.source, raw)
    entities = silver.select(keys_of(view.key_columns)).drop_nulls().unique().sort(keys)
    times = pl.DataFrame({"at": sorted(set(asked))}, schema={"at": POLARS["datetime"]})
    labels = times.join(entities, how="cross")
    temporal = isinstance(view, FeatureView) and view.accuracy == "temporal"
    logs = {} if temporal else {view.name: _log(view, silver, asked).lazy()}
    found = point_in_time(FeatureService("computed", [view]), logs, labels, time="at", silver={view.name: silver.lazy()})
    return found.select(*keys, "at", *(pl.col(f"{view.name}__{name}").alias(name) for name in view.served))


def _log(view: View, silver: pl.DataFrame, asked: Sequence[datetime]) -> pl.DataFrame:
    """The part of the view's table that is needed."""
    first, last = span(view, silver, asked)
    if isinstance(view, AttributeView):
        return attributes_log(view, silver.lazy(), first, last)
    return pl.concat(change_log(view, silver.lazy(), first, last))


def received(source: Source, events: Any) -> pl.DataFrame:
    """Events as in raw: with arrival, delivery and row number (1, 2, ... in the given order)."""
    where = f"events of source {source.name!r}"
    frame = _frame(where, events)
    for column in frame.columns:
        if column not in source.columns and column != "arrival":
            raise ComputeError(f"{where}: the source has no column {column!r}. {suggestion(column, [*source.columns, 'arrival'])}")
    for column, declared in source.columns.items():
        if column not in frame.columns and (not declared.nullable or column in (*source.key, source.event_time)):
            raise ComputeError(f"{where}: the column {column!r} is missing. {suggestion(column, frame.columns)}")
    absent = [pl.lit(None, POLARS[c.type]).alias(name) for name, c in source.columns.items() if name not in frame.columns]
    frame = frame.with_columns(*absent, pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(_ROW), pl.lit(1, pl.Int64).alias("delivery"))
    return frame.with_columns(stored_partition(_arrival(source, frame, where), source.partitions).alias("arrival"))


def _frame(where: str, events: Any) -> pl.DataFrame:
    if is_table(events):
        return table_of(events, where, ComputeError)
    if isinstance(events, str | Mapping) or not isinstance(events, Sequence) or not all(isinstance(row, Mapping) for row in events):
        raise ComputeError(f"{where}: {type(events).__name__} is not a table. Give {KINDS}, or a list of dicts, one per event.")
    try:
        return pl.DataFrame(list(events), infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise ComputeError(f"{where}: the rows do not form a table: {error}. Give each column one type.") from error


def _arrival(source: Source, frame: pl.DataFrame, where: str) -> pl.Expr:
    """The index of the partition that each row arrived in."""
    event = frame.select(parsed(source, source.event_time, frame.schema[source.event_time])).with_columns(
        index_at(physical(source.event_time), source.partitions).alias("of_event")
    )
    given = pl.Series("of_arrival", [None] * frame.height, pl.Int64)
    if "arrival" in frame.columns and frame.schema["arrival"] != pl.Null:
        if not frame.schema["arrival"].is_temporal():
            raise ComputeError(f"{where}: 'arrival' is {frame.schema['arrival']}, but must be a date, or for hours a time in UTC.")
        inside = frame["arrival"].to_physical().is_between(*bounds_of(frame.schema["arrival"])).fill_null(True)
        if (odd := (~inside).arg_true()).len():
            raise ComputeError(f"{where}, row {odd[0] + 1}: it arrives outside the years 1000 to 9999.")
        given = frame.select(index_of("arrival", source.partitions).alias("of_arrival")).to_series()
    arrival = event.select(pl.coalesce(pl.lit(given), "of_event", pl.lit(source.partitions.first)).alias("arrival")).to_series()
    lowest, highest = source.partitions.first, source.partitions.last
    for row, index in enumerate(arrival.to_list(), start=1):
        if index < lowest or (highest is not None and index > highest):
            bounds = f"they start with {source.partitions.key(lowest)}" + (
                "" if highest is None else f" and end with {source.partitions.key(highest)}"
            )
            raise ComputeError(
                f"{where}, row {row}: it arrives in {source.partitions.key(index)}, outside the source's partitions: {bounds}."
            )
    return pl.lit(arrival)


def judged(source: Source, raw: pl.DataFrame) -> Judged:
    """Judges received events of any partitions. No partition is blocked, since one bad row would hide the others."""
    source = replace(source, accepted_share=0.0)
    if raw.is_empty():
        return judge(source, raw, source.partitions.first, source.partitions.first)
    indexes = raw.select(index_of("arrival", source.partitions).alias("index")).to_series()
    return judge(source, raw, *indexes.sort().gather([0, -1]).to_list())


def accepted(source: Source, raw: pl.DataFrame) -> pl.DataFrame:
    """The rows of silver; a ComputeError if a row would be quarantined, because a test of it would test nothing."""
    found = judged(source, raw)
    bad = found.quarantine.sort(_ROW)
    if bad.height:
        told = [f"row {row} ({', '.join(reasons)})" for row, reasons in bad.head(5).select(_ROW, "reasons").iter_rows()]
        more = "" if bad.height <= 5 else f" and {bad.height - 5} more"
        raise ComputeError(
            f"events of source {source.name!r}: {bad.height} of {raw.height} would be quarantined: {'; '.join(told)}{more}. Fix them or "
            "leave them out; platform_assets.testing.judged(source, events) shows what happens to each row."
        )
    return found.silver


def span(view: View, silver: pl.DataFrame, asked: Sequence[datetime]) -> tuple[int, int]:
    """The partitions whose snapshots can be read at these times."""
    partitions = view.source.partitions
    first = silver.select(index_of("arrival", partitions).min().alias("index")).item()
    first = partitions.first if first is None else first
    return first, max(first, partitions.index(max(asked) - view.source.data_delay) - 1)


def moments(at: Any) -> list[datetime]:
    """Times in UTC."""
    given = [at] if isinstance(at, str | date) else at
    if not isinstance(given, Sequence) or not given:
        raise ComputeError(f"at={at!r}: give a time, such as at='2024-03-05', or a list of times.")
    return [moment(one, "at") for one in given]


def moment(given: Any, where: str) -> datetime:
    """A time in UTC."""
    if isinstance(given, str):
        try:
            found = datetime.fromisoformat(given)
        except ValueError:
            raise ComputeError(f"{where}: {given!r} is not a time. Write '2024-03-05' or '2024-03-05 14:30' (UTC).") from None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise ComputeError(f"{where}: {given!r} has no time zone. Give it one: .replace(tzinfo=UTC).")
        return given.astimezone(UTC)
    if isinstance(given, date):
        return datetime(given.year, given.month, given.day, tzinfo=UTC)
    raise ComputeError(f"{where}: {given!r} is not a time. Write '2024-03-05' or '2024-03-05 14:30' (UTC).")
