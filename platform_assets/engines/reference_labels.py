"""The oracle's labels: what semantics.md 6 says of spine, horizon and label, in loops."""

from collections.abc import Sequence

from platform_assets.declare.training import TrainingSet
from platform_assets.engines.reference import Row, entities


def labels(data: TrainingSet, rows: Sequence[Row], partition: int) -> list[Row]:
    """The labels of training partition `partition` (a month): those whose interval ends in it, as known at its end."""
    declared, source = data.labels, data.labels.source
    start, end = data.partitions.starts_at(partition), data.partitions.ends_at(partition)
    events = [row for row in rows if declared.where is None or declared.where.closure()(row) is True]
    found = []
    t = source.partitions.start
    while t + declared.horizon < end and (source.partitions.end is None or t + declared.horizon < source.partitions.end):
        if t + declared.horizon >= start:
            known = [
                row
                for row in events
                if source.partitions.ends_at(row["arrival"]) + source.data_delay <= t
                and t - declared.spine.active <= row[source.event_time] < t
            ]
            for entity in entities(data.entity.keys, known):
                follows = any(
                    tuple(row[k] for k in data.entity.keys) == entity
                    and t < row[source.event_time] <= t + declared.horizon
                    and source.partitions.ends_at(row["arrival"]) <= end
                    for row in events
                )
                found.append(
                    {
                        **dict(zip(data.entity.keys, entity, strict=True)),
                        "label_time": t,
                        data.label: follows if declared.event == "any" else not follows,
                    }
                )
        t += declared.spine.step
    return found
