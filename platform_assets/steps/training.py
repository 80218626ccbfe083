"""Training sets: the labels of a month, week or day, each with the features known at its time."""

from platform_assets.declare.labels import Labels
from platform_assets.declare.training import TrainingSet
from platform_assets.steps.labels import arrivals_of, empty_outcomes, find_labels, times_of
from platform_assets.steps.readiness import unready
from platform_assets.steps.reading import lacking, origins, versions_of
from platform_assets.steps.run import Done, Run, name_of, withdraw, write_and_record
from platform_assets.steps.silver import silver_table
from platform_assets.steps.skip_damaged import without_damaged
from platform_assets.stores.delta import PartitionFacts, Table


def training_table(data: TrainingSet) -> Table:
    return (data.name, "training")


@without_damaged
def make_training(data: TrainingSet, first: int, last: int, run: Run) -> Done:
    """Writes the partitions first..last of a training set, and records the Delta versions read in the ledger.

    An existing partition that can no longer be computed is withdrawn: models must not be trained on revoked rows.
    """
    done, table, engine = Done(), training_table(data), run.engine(data)
    source, own = data.labels.source, data.partitions
    pinned = {name_of(silver_table(source)): run.version(silver_table(source))} if source else {}
    # At the version that is read: a partition written concurrently is neither read nor counted as existing.
    arrived = {name: run.ledger.entries(name, at_version=version) for name, version in pinned.items()}
    given = engine.given_labels(data) if source is None else None
    spans = [times for partition in range(first, last + 1) if (times := times_of(data, partition))]
    features = origins(data.features, run, spans, data.features_from, pinned=pinned)
    read = {**pinned, **versions_of(features)}
    layers = {origin.view.name: origin.layer for origin in features}
    for partition in range(first, last + 1):
        key = own.key(partition)
        reader, arrivals = f"{name_of(table)} {key}", arrivals_of(data, partition)
        if source and arrivals:
            silver = silver_table(source)
            if error := unready(reader, silver, source.version, source.partitions, arrivals, arrived[name_of(silver)], run):
                done.refused[key] = error
                continue
        times = times_of(data, partition) if isinstance(data.labels, Labels) else None
        if times and (error := lacking(reader, features, *times)):
            done.refused[key] = error
            continue
        found = find_labels(data, partition, engine, pinned[name_of(silver_table(source))] if source else -1, given, run.now)
        times = times or found.times  # given labels have their own times
        if times and (error := lacking(reader, features, *times)):
            done.refused[key] = error
            continue
        empty = empty_outcomes(data, partition, arrived[name_of(silver_table(source))]) if source else {}
        details = {"read": read, "features_from": layers, **found.details, **empty}
        with engine.training(data, partition, found, [origin.slice(*times) for origin in features] if times else None) as rows:
            facts = {partition: PartitionFacts(key, rows.by_partition(own).get(key, 0), details=details)}
            write_and_record(run, done, table, rows, own, facts, data.version)
    withdraw(table, done.refused, run, own, data.version)
    return done
