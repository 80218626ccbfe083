"""The oracle's labels: what semantics.md 6 says of spine, horizon and label, in loops."""

from collections.abc import Sequence

from platform_assets.declare.training import TrainingSet
from platform_assets.engines.reference import Row, arrived_at, entities, entity_of
from platform_assets.engines.reference_partitions import ends_at, starts_at


def labels(data: TrainingSet, rows: Sequence[Row], partition: int) -> list[Row]:
    """The labels of training partition `partition` (a month): those whose interval ends in it, as known at its end."""
    declared, source = data.labels, data.labels.source
    start, end = starts_at(data.partitions, partition), ends_at(data.partitions, partition)
    events = [row for row in rows if declared.where is None or declared.where.closure()(row) is True]
    found = []
    first, number, apart = source.partitions.first, 0, declared.spine.step // source.partitions.step
    t = starts_at(source.partitions, first)
    while t + declared.horizon < end and (source.partitions.end is None or t + declared.horizon < source.partitions.end):
        if t + declared.horizon >= start:
            known = [row for row in events if arrived_at(source, row) <= t and t - declared.spine.active <= row[source.event_time] < t]
            for entity in entities(data.key_columns, known):
                follows = any(
                    entity_of(data.key_columns, row) == entity
                    and t < row[source.event_time] <= t + declared.horizon
                    and ends_at(source.partitions, row["arrival"]) <= end
                    for row in events
                )
                found.append(
                    {
                        **dict(zip(data.entity.keys, entity, strict=True)),
                        "label_time": t,
                        data.label: follows if declared.event == "any" else not follows,
                    }
                )
        number += 1
        t = starts_at(source.partitions, first + number * apart)
    return found
