"""Training sets: the labels of a month, each with the features that were known at its time."""

import polars as pl

from platform_assets.declare.training import TrainingSet
from platform_assets.engines.polars.labels import label_times, labels
from platform_assets.expressions.types import POLARS
from platform_assets.steps.damaged import without_damaged
from platform_assets.steps.reading import features_of, lacking, origins, versions_of
from platform_assets.steps.run import Done, Run, name_of, span_of, unready, withdraw, write_and_record
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import PartitionFacts, Table


def training_table(data: TrainingSet) -> Table:
    return (data.name, "training")


@without_damaged
def make_training(data: TrainingSet, first: int, last: int, run: Run) -> Done:
    """Writes the months first..last of a training set, with the Delta versions that it has read in the ledger.

    A month that is there and cannot be made now is withdrawn: models do not go on learning from what was taken back.
    """
    done, table = Done(), training_table(data)
    source, months = data.labels.source, data.partitions
    silver = silver_table(source)
    pinned = {name_of(silver): run.version(silver)}
    # At the version that is read: a partition that is written meanwhile is neither read nor counted as being there.
    arrived = run.ledger.entries(name_of(silver), at_version=pinned[name_of(silver)])
    spans = {month: (times[0], times[-1]) for month in range(first, last + 1) if (times := label_times(data, month))}
    features = origins(data.features, run, list(spans.values()), data.features_from, pinned=pinned)
    read = {**pinned, **versions_of(features)}
    layers = {origin.view.name: origin.layer for origin in features}
    for month in range(first, last + 1):
        reader = f"{name_of(table)} {months.key(month)}"
        times = label_times(data, month)
        days = source.partitions
        since = days.index(times[0] - data.labels.spine.active - source.clock_skew) if times else 0
        arrivals = range(since, days.index(months.ends_at(month))) if times else range(0)
        error = unready(reader, silver, source.version, days, arrivals, arrived, run)
        if times and not error:
            error = lacking(reader, features, times[0], times[-1])
        if error:
            done.refused[months.key(month)] = error
            continue
        if times:
            span = span_of(days, max(days.first, arrivals.start), max(days.first, arrivals.stop - 1))
            rows = labels(data, run.lake.scan(silver, by="arrival", span=span, version=pinned[name_of(silver)]), month)
            frame = features_of(data.features, run, features, rows, times[0], times[-1])
        else:
            frame = _no_labels(data)
        key = months.key(month)
        details = {"read": read, "features_from": layers, "positive": int(frame[data.label].sum() or 0), "label_times": len(times)}
        facts = {month: PartitionFacts(key, frame.height, details=details)}
        whole = frame.with_columns(pl.lit(months.value(month)).alias("partition"))
        write_and_record(run, done, table, whole, months, facts, data.version)
    withdraw(table, done.refused, run, months, data.version)
    return done


def _no_labels(data: TrainingSet) -> pl.DataFrame:
    """A month in which no label can end yet."""
    keys = {key: POLARS[data.features.keys[key]] for key in data.entity.keys}
    features = {name: POLARS[dtype] for name, dtype in data.features.features.items()}
    return pl.DataFrame(schema={**keys, "label_time": POLARS["datetime"], data.label: POLARS["bool"], **features})
