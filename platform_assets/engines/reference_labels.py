"""The oracle's labels: spine, horizon, label and given labels as in semantics.md 6, in loops."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from platform_assets.declare.labels import LABEL_TIME, GivenLabels, Labels
from platform_assets.declare.training import TrainingSet
from platform_assets.engines.reference import Row, arrived_at, entities, entity_of, place, value
from platform_assets.engines.reference_partitions import ends_at, starts_at


def labels(data: TrainingSet, rows: Sequence[Row], partition: int) -> list[Row]:
    """The labels of a training partition: those whose interval ends in it, as known at its end."""
    declared = data.labels
    assert isinstance(declared, Labels), "given labels are not made from events"
    source = declared.source
    start, end = starts_at(data.partitions, partition), ends_at(data.partitions, partition)
    events = [row for row in rows if declared.where is None or declared.where.closure()(row) is True]
    found = []
    first, number, apart = source.partitions.first, 0, declared.spine.step // source.partitions.step
    t = starts_at(source.partitions, first)
    while t + declared.horizon < end and (source.partitions.end is None or t + declared.horizon < source.partitions.end):
        if t + declared.horizon >= start:
            known = [row for row in events if arrived_at(source, row) <= t and t - declared.spine.active <= row[source.event_time] < t]
            for entity in entities(data.key_columns, known):
                following = [
                    row
                    for row in events
                    if entity_of(data.key_columns, row) == entity
                    and t < row[source.event_time] <= t + declared.horizon
                    and ends_at(source.partitions, row["arrival"]) <= end
                ]
                label = _label(declared, following)
                found.append({**dict(zip(data.entity.keys, entity, strict=True)), LABEL_TIME: t, data.label: label})
        number += 1
        t = starts_at(source.partitions, first + number * apart)
    return found


def _label(declared: Labels, following: Sequence[Row]) -> Any:
    if declared.measure is not None:
        return value(declared.measure, following, declared.source) if following else declared.measure.empty
    return bool(following) if declared.event == "any" else not following


def given_labels(data: TrainingSet, rows: Sequence[Row], partition: int, now: datetime | None = None) -> tuple[list[Row], list[Row]]:
    """The labels of a training partition among rows that are labels, and the rows that are rejected, each with its reason.

    rows: silver of a source (all arrivals), or a table's; now: when the table was read.
    """
    given = data.labels
    assert isinstance(given, GivenLabels), "labels made from events are not given"
    start, end = starts_at(data.partitions, partition), ends_at(data.partitions, partition)
    if given.source is not None:
        rows = sorted((row for row in rows if ends_at(given.source.partitions, row["arrival"]) <= end), key=place)
    found: list[Row] = []
    rejected: list[Row] = []
    for row in rows:
        if given.where is not None and given.where.closure()(row) is not True:
            continue
        at = row[given.time]
        is_nowhere = at is None or (now is not None and at > now)
        is_late = (
            not is_nowhere and given.source is not None and at + given.horizon < start < ends_at(given.source.partitions, row["arrival"])
        )
        if not is_nowhere and not is_late and not start <= at + given.horizon < end:
            continue
        label = {**{name: row[column] for name, column in data.columns.items()}, LABEL_TIME: at, data.label: row[given.value]}
        before = [one for one in found if all(one[column] == label[column] for column in (*data.entity.keys, LABEL_TIME))]
        reason = _reason(data, given, label, now, is_late, before)
        if reason is None:
            found.append(label)
        else:
            rejected.append(
                {**{key: label[key] for key in data.entity.keys}, LABEL_TIME: at, given.value: row[given.value], "reason": reason}
            )
    if given.kind == "binary":
        found = [{**label, data.label: bool(label[data.label])} for label in found]
    return found, rejected


def _reason(data: TrainingSet, given: GivenLabels, label: Row, now: datetime | None, is_late: bool, before: Sequence[Row]) -> str | None:
    """Why a row is not a label: the first reason that applies."""
    for key in data.entity.keys:
        if label[key] is None:
            return f"{key} is missing"
    if label[LABEL_TIME] is None:
        return f"{given.time} is missing"
    if now is not None and label[LABEL_TIME] > now:
        return f"{given.time} is in the future"
    is_value = label[data.label]
    if is_value is None:
        return f"{given.value} is missing"
    if isinstance(is_value, float) and not math.isfinite(is_value):
        return f"{given.value} is not finite"
    if given.kind == "binary" and is_value not in (0, 1):
        return f"{given.value} is neither 0 nor 1"
    if given.classes and is_value not in given.classes:
        return f"{given.value} is none of the classes"
    if is_late:
        return "it came after the end of its partition"
    if before:
        return "the same label once more" if before[0][data.label] == is_value else "another label came before it"
    return None
