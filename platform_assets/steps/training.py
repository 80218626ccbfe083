"""Training sets: the labels of a month, each with the features that were known at its time."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.engines.polars.as_of import point_in_time
from platform_assets.engines.polars.labels import label_times, labels
from platform_assets.errors import NotReadyError
from platform_assets.expressions.types import POLARS
from platform_assets.steps.gold import gold_table
from platform_assets.steps.run import Done, Run, name_of, span_of, unready, write_and_record
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry


def training_table(data: TrainingSet) -> Table:
    return (data.name, "training")


def make_training(data: TrainingSet, first: int, last: int, run: Run) -> Done:
    """Writes the months first..last of a training set, with the Delta versions that it has read in the ledger."""
    done, table = Done(), training_table(data)
    source, months = data.labels.source, data.partitions
    silver = silver_table(source)
    reads = [silver, *(gold_table(view) for view in data.features.views)]
    read = {name_of(t): run.version(t) for t in reads}
    # At the versions that are read: a partition that is written meanwhile is neither read nor counted as being there.
    arrived = run.ledger.entries(name_of(silver), at_version=read[name_of(silver)])
    ledgers = snapshot_ledgers(data.features, run, read)
    for month in range(first, last + 1):
        reader = f"{name_of(table)} {months.key(month)}"
        times = label_times(data, month)
        days = source.partitions
        arrivals = range(days.index(times[0] - data.labels.spine.active), days.index(months.ends_at(month))) if times else range(0)
        error = unready(reader, silver, source.version, days, arrivals, arrived)
        if times and not error:
            error = require_snapshots(reader, data.features, times[0], times[-1], ledgers)
        if error:
            done.refused[months.key(month)] = error
            continue
        if times:
            span = span_of(days, max(days.first, arrivals.start), max(days.first, arrivals.stop - 1))
            rows = labels(data, run.lake.scan(silver, by="arrival", span=span, version=read[name_of(silver)]), month)
            logs = {v.name: scan_snapshots(run, v, times[0], times[-1], read[name_of(gold_table(v))]) for v in data.features.views}
            frame = point_in_time(data.features, logs, rows)
        else:
            frame = _no_labels(data)
        key = months.key(month)
        details = {"read": read, "positive": int(frame[data.label].sum() or 0), "label_times": len(times)}
        facts = {month: PartitionFacts(key, frame.height, details=details)}
        whole = frame.with_columns(pl.lit(months.value(month)).alias("partition"))
        write_and_record(run, done, table, whole, months, facts, data.version)
    return done


def _no_labels(data: TrainingSet) -> pl.DataFrame:
    """A month in which no label can end yet."""
    keys = {key: POLARS[data.labels.source.types[key]] for key in data.entity.keys}
    features = {name: POLARS[dtype] for name, dtype in data.features.features.items()}
    return pl.DataFrame(schema={**keys, "label_time": POLARS["datetime"], data.label: POLARS["bool"], **features})


def snapshots_read(view: View, first: datetime, last: datetime) -> range:
    """The partitions of a view that reads at times from first to last need: valid then, and as far back as an entity's last row may lie.

    Attributes never expire: of an attribute view that is all from the first one on.
    """
    partitions = view.source.partitions
    newest = partitions.index(last - view.source.data_delay) - 1
    if view.lookback is None:
        return range(partitions.first, newest + 1)
    oldest = partitions.index(first - view.source.data_delay) - 1 - view.lookback
    return range(max(oldest, partitions.first), newest + 1)


def scan_snapshots(run: Run, view: View, first: datetime, last: datetime, version: int) -> pl.LazyFrame:
    """The part of a view's gold that reads at times from first to last can see."""
    needed = snapshots_read(view, first, last)
    if not needed:
        return run.lake.scan(gold_table(view), version=version).clear()
    span = span_of(view.source.partitions, needed.start, needed.stop - 1)
    return run.lake.scan(gold_table(view), by="partition", span=span, version=version)


def snapshot_ledgers(service: FeatureService, run: Run, read: Mapping[str, int]) -> dict[str, dict[str, Entry]]:
    """What the ledger says of each view's snapshots, by view, at the Delta versions of gold that are read."""
    tables = {view.name: name_of(gold_table(view)) for view in service.views}
    return {view: run.ledger.entries(table, at_version=read[table]) for view, table in tables.items()}


def require_snapshots(
    reader: str, service: FeatureService, first: datetime, last: datetime, ledgers: Mapping[str, Mapping[str, Entry]]
) -> NotReadyError | None:
    """Why a read of a service's features at these times cannot be answered; None when it can."""
    for view in service.views:
        needed = snapshots_read(view, first, last)
        if error := unready(reader, gold_table(view), view.version, view.source.partitions, needed, ledgers[view.name]):
            return error
    return None
