"""The oracle: semantics.md as loops over entities, times and rows. Slow, and obviously right.

Rows are dicts. It shares only the declarations with the fast engines and, for expressions, the closures that also
serve online. Partitions are represented by their indexes (declare.partitions); an arrival is the index of a partition.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.declare.attributes import EVENT_TIME, AttributeView, View
from platform_assets.declare.features import Measure, Window
from platform_assets.declare.names import REMOVED, UNPARSED, UNPARSED_REASON
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.engines.reference_partitions import containing, ends_at
from platform_assets.engines.reference_pictures import is_blocked, is_exact, news, of_each_key
from platform_assets.engines.reference_times import Unreadable
from platform_assets.engines.reference_values import AGGREGATE

Row = dict[str, Any]


# --- silver (semantics.md 7) ---------------------------------------------------------------------------------------


def silver(source: Source, raw: Sequence[Row], partition: int) -> tuple[list[Row], list[Row], list[Row]]:
    """The accepted, quarantined and duplicate rows of one arrival partition.

    raw: typed rows of all arrivals up to `partition`, each with arrival (index), delivery and row_number; a value that was
    received but could not be parsed is an `Unreadable`.
    """
    received = [row for row in raw if row["arrival"] == partition]
    if source.kind == "snapshot":
        return picture(source, raw, partition)
    good = [row for row in received if not broken_rules(source, row)]
    duplicates = [row for row in good if earlier_copies(source, raw, row)]
    accepted = [{**row, **flags(source, row)} for row in good if row not in duplicates]
    quarantined = [{**row, "reasons": broken_rules(source, row)} for row in received if broken_rules(source, row)]
    if accepted_share(len(accepted), len(quarantined)) < source.accepted_share:
        return [], quarantined + [{**row, "reasons": ["blocked"]} for row in good if row not in duplicates], duplicates
    return accepted, quarantined, duplicates


def picture(source: Source, raw: Sequence[Row], partition: int) -> tuple[list[Row], list[Row], list[Row]]:
    """The same of a snapshot: updates and removals, quarantined rows, and rows that say nothing new."""
    received = [row for row in raw if row["arrival"] == partition]
    quarantined = [{**row, "reasons": broken_rules(source, row)} for row in received if broken_rules(source, row)]
    if is_blocked(source, received, broken_rules):
        firsts = of_each_key(source, received, broken_rules)
        copies = [row for row in received if not broken_rules(source, row) and row not in firsts]
        return [], quarantined + [{**row, "reasons": ["blocked"]} for row in firsts], copies
    new, gone, old = news(source, raw, partition, broken_rules)
    return [{**row, **flags(source, row)} for row in new] + gone, quarantined, old


def earlier_copies(source: Source, raw: Sequence[Row], row: Row) -> list[Row]:
    """The earlier good rows with the same key within the horizon, which make a row a duplicate; the nearest one last."""
    copies = [
        other
        for other in raw
        if source.unique_key
        and all(other[column] == row[column] for column in source.unique_key)
        and place(other) < place(row)
        and row["arrival"] - other["arrival"] <= source.duplicates_within
        and not broken_rules(source, other)
    ]
    return sorted(copies, key=place)


def place(row: Row) -> tuple[int, int, int]:
    """The position of a row in raw; it is unique."""
    return row["arrival"], row["delivery"], row["row_number"]


def accepted_share(accepted: int, quarantined: int) -> float:
    """The accepted share of the rows that are not duplicates; a partition without rows is not blocked."""
    return accepted / (accepted + quarantined) if accepted + quarantined else 1.0


def flags(source: Source, row: Row) -> Row:
    """The flags of a row; null does not flag it."""
    return {name: flag.closure()(_readable(row)) is True for name, flag in source.flags.items()}


def counts(source: Source, raw: Sequence[Row], partition: int) -> Row:
    """The ledger details of an arrival partition."""
    received = [row for row in raw if row["arrival"] == partition]
    accepted, quarantined, duplicates = silver(source, raw, partition)
    removed = [row for row in accepted if row.get(REMOVED)]
    accepted = [row for row in accepted if not row.get(REMOVED)]
    contents = [[row[column] for column in source.columns] for row in accepted]
    bad = sum(bool(broken_rules(source, row)) for row in received)
    share = accepted_share(len(received) - bad - len(duplicates), bad)
    exact = []
    if source.unique_key:
        exact = [row for row in duplicates if all(earlier_copies(source, raw, row)[-1][c] == row[c] for c in source.columns)]
    if source.kind == "snapshot":
        share = accepted_share(len(of_each_key(source, received, broken_rules)), bad)
        exact = [row for row in duplicates if is_exact(source, raw, row, broken_rules)]
    return {
        "received": len(received),
        "accepted": len(accepted),
        "quarantined": len(quarantined),
        "duplicates": len(duplicates),
        "duplicates_exact": len(exact),
        "exact_copies": 0 if source.kind == "snapshot" else sum(content in contents[:number] for number, content in enumerate(contents)),
        **({"removed": len(removed)} if source.kind == "snapshot" else {}),
        "flags": {name: sum(flags(source, row)[name] for row in received) for name in source.flags},
        "reasons": dict(Counter(reason for row in quarantined for reason in row["reasons"])),
        "accepted_share": share,
        "tier": tier(source, share, received, quarantined),
    }


def tier(source: Source, share: float, received: Sequence[Row], quarantined: Sequence[Row]) -> str:
    """LOW below the share; MEDIUM when a reason stands against more rows than is tolerated; else HIGH."""
    if share < source.accepted_share:
        return "LOW"
    against = Counter(reason for row in quarantined for reason in row["reasons"])
    tolerated = {reason: source.tolerates.get(reason, source.tolerates_otherwise) * len(received) for reason in against}
    return "MEDIUM" if any(against[reason] > tolerated[reason] for reason in against) else "HIGH"


UNREADABLE = Unreadable()
ZONELESS = Unreadable("no time zone (declare timezone=)")
"""A time without a zone, from a source that declares none, is unreadable, too."""


def broken_rules(source: Source, row: Row) -> list[str]:
    """Why a row is quarantined: an unparsed line; unreadable or missing values, broken rules, a time in the future."""
    if row.get(UNPARSED) is not None:
        return [f"not parsed: {row[UNPARSED_REASON]}"]
    unreadable = [
        f"{name}: {value.reason or f'not {column.type}'}"
        for name, column in source.columns.items()
        if isinstance(value := row[name], Unreadable)
    ]
    readable = _readable(row)
    required = {name for name, column in source.columns.items() if not column.nullable} | {source.event_time, *source.key}
    missing = [f"{name}: missing" for name in source.columns if name in required and row[name] is None]
    broken = [name for name, rule in source.rules.items() if rule.closure()(readable) is False]
    at = readable[source.event_time]
    future = ["in the future"] if at is not None and at >= ends_at(source.partitions, row["arrival"]) + source.clock_skew else []
    return unreadable + missing + broken + future


def _readable(row: Row) -> Row:
    return {name: None if isinstance(value, Unreadable) else value for name, value in row.items()}


# --- feature views (semantics.md 2 to 4) ----------------------------------------------------------------------------


def in_window(window: Window, at: datetime, anchor: datetime) -> bool:
    """Whether an event time is in a window at an anchor."""
    end = anchor - window.offset
    before_end = at <= end if window.closed in ("right", "both") else at < end
    if window.length is None:
        return before_end
    start = end - window.length
    after_start = at >= start if window.closed in ("left", "both") else at > start
    return after_start and before_end


def change_log(view: FeatureView, rows: Sequence[Row], first: int, last: int) -> list[Row]:
    """The rows of a feature view's table for the partitions first..last, from silver rows (all arrivals)."""
    source, windows = view.source, {feature.window for feature in view.stored}
    written = []
    for entity in entities(view.key_columns, rows):
        mine = [row for row in rows if entity_of(view.key_columns, row) == entity]
        now = {window: members(window, mine, source, first - 1) for window in windows}
        for partition in range(first, last + 1):
            before, now = now, {window: members(window, mine, source, partition) for window in windows}
            if any({id(row) for row in before[window]} != {id(row) for row in now[window]} for window in windows):
                written.append(
                    {
                        **dict(zip(view.entity.keys, entity, strict=True)),
                        "partition": partition,
                        "valid_from": readable_from(source, partition),
                        "is_empty": not any(now.values()),
                        **{f.name: value(f.measure, now[f.window], source) for f in view.stored},
                    }
                )
    return written


def entities(keys: Mapping[str, str], rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """The entities in rows of a source."""
    found = {entity_of(keys, row) for row in rows}
    return sorted(entity for entity in found if None not in entity)


def entity_of(keys: Mapping[str, str], row: Row) -> tuple[Any, ...]:
    """The entity of a row of a source: for each key the value of the column that holds it."""
    return tuple(row[column] for column in keys.values())


def members(window: Window, rows: Sequence[Row], source: Source, partition: int) -> list[Row]:
    """The rows inside a window at the end of a partition that have arrived by then."""
    anchor = ends_at(source.partitions, partition)
    return [row for row in rows if row["arrival"] <= partition and in_window(window, row[source.event_time], anchor)]


def value(measure: Measure, rows: Sequence[Row], source: Source) -> Any:
    """The aggregation of the rows in a window."""
    argument = None if measure.argument is None else measure.argument.closure()
    where = None if measure.where is None else measure.where.closure()
    kept = []
    # Two rows with the same key are in silver if they arrived further apart than duplicates_within: the later arrival is the later row.
    for row in sorted(rows, key=lambda row: (row[source.event_time], *(row[c] for c in source.order), row["arrival"])):
        if where is not None and where(row) is not True:
            continue
        of_row = True if argument is None else argument(row)
        if of_row is not None:
            kept.append((row[source.event_time], of_row))
    return AGGREGATE[measure.aggregation.name]([v for _, v in kept], [at for at, _ in kept], measure.aggregation)


# --- straight from silver (semantics.md 2 and 6) --------------------------------------------------------------------------


def stored_at(view: FeatureView, rows: Sequence[Row], entity: tuple[Any, ...], t: datetime) -> Row | None:
    """The stored features of an entity as a reader at t gets them, from silver rows (all arrivals); None if it has none."""
    mine = [row for row in rows if entity_of(view.key_columns, row) == entity]
    if not mine or None in entity:
        return None
    if view.accuracy == "temporal":
        return {f.name: value(f.measure, temporal_members(f.window, mine, view.source, t), view.source) for f in view.stored}
    snapshot = last_snapshot(view.source, t)
    return {f.name: value(f.measure, members(f.window, mine, view.source, snapshot), view.source) for f in view.stored}


def last_snapshot(source: Source, t: datetime) -> int:
    """The last partition whose valid_from is not after t."""
    partition, last = containing(source.partitions, t), source.partitions.last
    while readable_from(source, partition) > t or (last is not None and partition > last):
        partition -= 1
    return partition


def temporal_members(window: Window, rows: Sequence[Row], source: Source, t: datetime) -> list[Row]:
    """The rows inside a temporal window at time t that have arrived by then."""
    return [row for row in rows if arrived_at(source, row) <= t and in_temporal_window(window, row[source.event_time], t)]


def arrived_at(source: Source, row: Row) -> datetime:
    """The time from which a row may be read."""
    return readable_from(source, row["arrival"])


def readable_from(source: Source, partition: int) -> datetime:
    """The time from which rows that arrived in a partition may be read."""
    return ends_at(source.partitions, partition) + source.data_delay


def in_temporal_window(window: Window, at: datetime, t: datetime) -> bool:
    """Whether an event time is in [floor(t - length), t), or with an offset in [floor(t - offset - length), floor(t - offset))."""
    assert window.length is not None
    assert window.tile is not None
    start = floor(t - window.offset - window.length, window.tile)
    end = floor(t - window.offset, window.tile) if window.offset else t
    return start <= at < end


def floor(at: datetime, tile: timedelta) -> datetime:
    """The start of the tile that contains a time; tiles are counted from 1970."""
    return at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % tile


# --- attribute views (semantics.md 4) --------------------------------------------------------------------------------


def attributes_log(view: AttributeView, rows: Sequence[Row], first: int, last: int) -> list[Row]:
    """The rows of an attribute view's table for the partitions first..last, from silver rows (all arrivals)."""
    written = []
    for partition in range(first, last + 1):
        arrived = [row for row in rows if row["arrival"] == partition]
        for entity in entities(view.key_columns, arrived):
            mine = [row for row in arrived if entity_of(view.key_columns, row) == entity]
            row = max(mine, key=lambda row: (row[view.source.event_time], row["delivery"], row["row_number"]))
            written.append(
                {
                    **dict(zip(view.entity.keys, entity, strict=True)),
                    "partition": partition,
                    "valid_from": readable_from(view.source, partition),
                    "is_empty": False,
                    EVENT_TIME: row[view.source.event_time],
                    **{attribute: row[attribute] for attribute in view.attributes},
                }
            )
    return written


def attributes_as_of(view: AttributeView, rows: Sequence[Row], entity: tuple[Any, ...], t: datetime) -> Row:
    """The attributes of an entity as a reader at t gets them, computed from silver rows (all arrivals), without the view's table."""
    seen = [row for row in rows if entity_of(view.key_columns, row) == entity and arrived_at(view.source, row) <= t]
    if not seen:
        return dict.fromkeys(view.attributes)
    latest = max(seen, key=lambda row: (row[view.source.event_time], *place(row)))
    return {attribute: latest[attribute] for attribute in view.attributes}


# --- reading (semantics.md 3, 5, 6) ---------------------------------------------------------------------------------


def as_of(view: View, log: Sequence[Row], entity: tuple[Any, ...], t: datetime) -> Row:
    """The features of an entity as a reader at t gets them: the last row with valid_from <= t, finalized and derived.

    For an attribute view: among the rows with valid_from <= t, the last one with the greatest event time.
    """
    seen = [row for row in log if tuple(row[k] for k in view.entity.keys) == entity and row["valid_from"] <= t]
    if isinstance(view, AttributeView):
        latest = max(seen, key=lambda row: (row[EVENT_TIME], row["valid_from"]), default=dict.fromkeys(view.attributes))
        return {attribute: latest[attribute] for attribute in view.attributes}
    return _read(view, max(seen, key=lambda row: row["valid_from"]) if seen and None not in entity else None, t)


def as_of_silver(view: View, rows: Sequence[Row], entity: tuple[Any, ...], t: datetime) -> Row:
    """The same, computed from silver rows (all arrivals), without the view's table."""
    if isinstance(view, AttributeView):
        return attributes_as_of(view, rows, entity, t)
    return _read(view, stored_at(view, rows, entity, t), t)


def _read(view: FeatureView, row: Row | None, t: datetime) -> Row:
    """Stored features as read at t: finalized and derived. row: None if nothing is known."""
    values: Row = {}
    for feature in view.stored:
        stored = feature.measure.empty if row is None else row[feature.name]
        if feature.measure.aggregation.name == "time_since_last":
            stored = None if stored is None else (t - stored) / timedelta(seconds=1)
        values[feature.name] = stored
    return {**values, **{feature.name: feature.expression.closure()(values) for feature in view.derived}}


def point_in_time(
    service: FeatureService, logs: Mapping[str, Sequence[Row]], labels: Sequence[Row], silver: Mapping[str, Sequence[Row]] | None = None
) -> list[Row]:
    """The labels, in order, each with the features known at its label_time, and the on-demand features of that request.

    logs: the tables of views, by name; silver: source rows for the other views.
    """
    joined = []
    for label in labels:
        t: datetime = label["label_time"]
        features: Row = {}
        for view in service.views:
            entity = tuple(label[k] for k in view.entity.keys)
            if view.name in logs:
                of_view = as_of(view, logs[view.name], entity, t)
            else:
                of_view = as_of_silver(view, (silver or {})[view.name], entity, t)
            features |= {f"{view.name}__{name}": v for name, v in of_view.items()}
        request = {**label, **features, "request_time": t}
        features |= {f.name: f.expression.closure()(request) for f in service.on_demand}
        joined.append({**label, **{name: features[name] for name in service.features}})
    return joined
