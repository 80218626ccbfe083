"""Gold: the change log of a feature view, the updates of an attribute view, and reports."""

from collections.abc import Mapping
from dataclasses import replace

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.checkpoints import arrivals_of_snapshot, month_of
from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.declare.report import GoldTable
from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import ComputedRows
from platform_assets.steps.batches import batches
from platform_assets.steps.checkpoints import checkpoints_table, slice_of_checkpoint, unready_start
from platform_assets.steps.readiness import unready
from platform_assets.steps.run import Done, Run, name_of, rows_of, slice_of, stretches, withdraw, write_and_record
from platform_assets.steps.silver import silver_table
from platform_assets.steps.skip_damaged import without_damaged
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry


def gold_table(declaration: View | GoldTable) -> Table:
    return (declaration.name, "gold")


def online_table(view: View) -> Table:
    """The asset name of a view's copy in the online store; it is not a Delta table."""
    return (view.name, "online")


@without_damaged
def make_change_log(view: FeatureView, first: int, last: int, run: Run) -> Done:
    """Writes the view's partitions first..last, except those whose silver or checkpoint is missing or blocked."""
    source, partitions, done = view.source, view.source.partitions, Done()
    silver, checkpoints, gold = silver_table(source), checkpoints_table(view), gold_table(view)
    # First, so that rows and their ledger entries have the same version.
    read = {name_of(table): run.version(table) for table in (silver, *([checkpoints] if view.lifetime else []))}
    arrived = run.ledger.entries(name_of(silver), at_version=read[name_of(silver)])
    kept = run.ledger.entries(name_of(checkpoints), at_version=read[name_of(checkpoints)]) if view.lifetime else {}
    for partition in range(first, last + 1):
        key = partitions.key(partition)
        reader, needed = f"{name_of(gold)} {key}", arrivals_of_snapshot(view, partition)
        if error := unready(reader, silver, source.version, partitions, needed, arrived, run) or unready_start(
            view, partition, reader, kept, run
        ):
            done.refused[key] = error
    ready = [p for p in range(first, last + 1) if partitions.key(p) not in done.refused]
    # A lifetime window reads all silver since its checkpoint: for consecutive days all of it exists.
    for begin, end in stretches(ready) if view.lifetime or not ready else [(ready[0], ready[-1])]:
        _write_change_log(view, [p for p in ready if begin <= p <= end], read, done, run)
    withdraw(gold, done.refused, run, partitions, view.version)
    return done


def _write_change_log(view: FeatureView, ready: list[int], read: dict[str, int], done: Done, run: Run) -> None:
    """Writes these partitions, ascending, in one pass over silver."""
    partitions, silver, gold = view.source.partitions, silver_table(view.source), gold_table(view)
    engine, since = run.engine(view), arrivals_of_snapshot(view, ready[0]).start
    rows = slice_of(silver, "arrival", partitions, since, ready[-1], read[name_of(silver)])
    month, start = month_of(view, ready[0]) if view.lifetime else None, None
    if month is not None:
        start = slice_of_checkpoint(view, month, read[name_of(checkpoints_table(view))])
    with engine.change_log(view, rows, ready[0], ready[-1], start) as log:
        made = log.by_partition(partitions)
        for batch in batches(ready, lambda p: made.get(partitions.key(p), 0), engine.rows_at_once):
            _write(gold, log, made, batch, partitions, read, view.version, done, run)


@without_damaged
def make_attributes(view: AttributeView, first: int, last: int, run: Run) -> Done:
    """Writes the view's partitions first..last, each from its own partition of silver, except those whose silver is missing.

    A blocked partition of silver has no rows, and so neither has the view's: a state falls back to the last good value. When the
    partition is accepted or delivered again, silver has a newer version of it, and the view's partition is stale.
    """
    source, partitions, done = view.source, view.source.partitions, Done()
    silver, gold = silver_table(source), gold_table(view)
    read = {name_of(silver): run.version(silver)}  # first, so that rows and the ledger's word on them are of one version
    arrived = run.ledger.entries(name_of(silver), at_version=read[name_of(silver)])
    judged = for_attributes(arrived)
    for partition in range(first, last + 1):
        key = partitions.key(partition)
        if error := unready(f"{name_of(gold)} {key}", silver, source.version, partitions, [partition], judged, run):
            done.refused[key] = error
    ready = [p for p in range(first, last + 1) if partitions.key(p) not in done.refused]
    engine = run.engine(view)
    for batch in batches(ready, lambda p: rows_of(arrived, partitions.key(p)), engine.rows_at_once):
        rows = slice_of(silver, "arrival", partitions, batch[0], batch[-1], read[name_of(silver)])
        with engine.attributes(view, rows, batch[0], batch[-1]) as updates:
            _write(gold, updates, updates.by_partition(partitions), batch, partitions, read, view.version, done, run)
    withdraw(gold, done.refused, run, partitions, view.version)
    return done


def for_attributes(silver: Mapping[str, Entry]) -> dict[str, Entry]:
    """Silver's ledger entries for readers of attributes: a blocked partition counts as existing but empty (semantics.md 4, 7)."""
    return {key: replace(entry, status="ok") for key, entry in silver.items()}


@without_damaged
def make_report(table: GoldTable, first: int, last: int, run: Run) -> Done:
    """Writes the report for the event partitions first..last, from the rows that have arrived so far."""
    source, partitions, done = table.source, table.source.partitions, Done()
    silver, gold = silver_table(source), gold_table(table)
    read = {name_of(silver): run.version(silver)}  # first, so that rows and the ledger's word on them are of one version
    arrived = run.ledger.entries(name_of(silver), at_version=read[name_of(silver)])
    arrivals = arrivals_of(partitions, arrived)
    for partition in range(first, last + 1):
        key = partitions.key(partition)
        if error := unready(
            f"{name_of(gold)} {key}", silver, source.version, partitions, needed_arrivals(table, partition, arrivals), arrived, run
        ):
            done.refused[key] = error
    ready = [p for p in range(first, last + 1) if partitions.key(p) not in done.refused]
    engine = run.engine(table)
    for batch in batches(ready, lambda p: rows_of(arrived, partitions.key(p)), engine.rows_at_once):
        needed = [arrival for p in batch for arrival in needed_arrivals(table, p, arrivals)]
        rows = slice_of(silver, "arrival", partitions, max(min(needed), partitions.first), max(needed), read[name_of(silver)])
        with engine.report(table, rows, batch[0], batch[-1]) as found:
            _write(gold, found, found.by_partition(partitions), batch, partitions, read, table.version, done, run)
    withdraw(gold, done.refused, run, partitions, table.version)
    return done


def _write(
    table: Table,
    rows: ComputedRows,
    made: Mapping[str, int],
    batch: list[int],
    partitions: Partitions,
    read: dict[str, int],
    version: str,
    done: Done,
    run: Run,
) -> None:
    """Writes some partitions. made: the row count of each."""
    facts = {p: PartitionFacts(partitions.key(p), made.get(partitions.key(p), 0), details={"read": read}) for p in batch}
    write_and_record(run, done, table, rows, partitions, facts, version)


def arrivals_of(partitions: Partitions, silver: Mapping[str, Entry]) -> dict[int, set[int]]:
    """For each event partition the arrival partitions that have, or once had, rows of it."""
    arrivals: dict[int, set[int]] = {}
    for key, entry in silver.items():
        for event in entry.details.get("event_partitions", []):
            arrivals.setdefault(partitions.number(event), set()).add(partitions.number(key))
    return arrivals


def needed_arrivals(table: GoldTable, partition: int, arrivals: Mapping[int, set[int]]) -> list[int]:
    """The arrival partitions that a report's partition reads: its own, and those with rows of it.

    The arrivals of events are recorded by the source's partitions: a day of another time zone overlaps two or three of them.
    """
    days, mine = table.event_partitions, table.source.partitions
    day = days.number(mine.key(partition)) if days != mine else partition
    touched = range(mine.index(days.starts_at(day)), mine.index(days.ends_at(day) - MICROSECOND) + 1)
    return sorted({partition}.union(*(arrivals.get(event, set()) for event in touched)))
