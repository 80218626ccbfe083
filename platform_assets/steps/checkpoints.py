"""Checkpoints: the monthly states of a view's lifetime windows, each computed from silver and the previous checkpoint."""

from platform_assets.declare.checkpoints import arrivals_of_checkpoint, month_of, months_of, snapshot_of
from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import CheckpointSlice
from platform_assets.errors import NotReadyError
from platform_assets.steps.readiness import unready
from platform_assets.steps.run import Done, Run, name_of, slice_of, withdraw, write_and_record
from platform_assets.steps.silver import silver_table
from platform_assets.steps.skip_damaged import without_damaged
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.succession import succession


def checkpoints_table(view: FeatureView) -> Table:
    return (view.name, "checkpoints")


@without_damaged
def make_checkpoints(view: FeatureView, first: int, last: int, run: Run) -> Done:
    """Writes the checkpoints of the months first..last in order: each reads only its own month of silver."""
    source, months, done = view.source, months_of(view), Done()
    silver, table = silver_table(source), checkpoints_table(view)
    read = {name_of(silver): run.version(silver)}  # first, so that rows and their ledger entries have the same version
    arrived = run.ledger.entries(name_of(silver), at_version=read[name_of(silver)])
    for month in range(first, last + 1):
        key, needed = months.key(month), arrivals_of_checkpoint(view, month)
        own = made_in(view, run)
        reader, before = f"{name_of(table)} {key}", {name_of(own): run.version(own)} if month > months.first else {}
        error = unready(reader, silver, source.version, source.partitions, needed, arrived, run)
        if month > months.first and not error:
            known = {**run.ledger.entries(name_of(table)), **run.ledger.entries(name_of(own), at_version=before[name_of(own)])}
            error = unready_checkpoint(view, month - 1, reader, known)
        if error:
            done.refused[key] = error
            withdraw(table, {key: error}, run, months, view.version)  # immediately: the next month reads it
            continue
        rows = slice_of(silver, "arrival", source.partitions, needed.start, needed.stop - 1, read[name_of(silver)])
        earlier = slice_of_checkpoint(view, month - 1, before[name_of(own)], own) if before else None
        with run.engine(view).checkpoint(view, rows, month, earlier) as states:
            made = states.by_partition(months).get(key, 0)
            facts = {month: PartitionFacts(key, made, details={"read": {**read, **before}})}
            write_and_record(run, done, table, states, months, facts, view.version)
    return done


def made_in(view: FeatureView, run: Run) -> Table:
    """The table that checkpoints are written to: their own, or its successor while a declaration version is incomplete."""
    table = checkpoints_table(view)
    found = succession(run.lake, run.ledger, table, view.version, months_of(view))
    return found.successor if found else table


def slice_of_checkpoint(view: FeatureView, month: int, version: int, table: Table | None = None) -> CheckpointSlice:
    """The checkpoint that later values start from. table: its table, if not the table of checkpoints."""
    rows = slice_of(table or checkpoints_table(view), "partition", months_of(view), month, month, version)
    return CheckpointSlice(snapshot_of(view, month), rows)


def unready_start(view: FeatureView, partition: int, reader: str, made: dict[str, Entry], run: Run) -> NotReadyError | None:
    """Why a snapshot cannot start from the checkpoint before it; None if it can, or if there is no earlier checkpoint."""
    month = month_of(view, partition) if view.lifetime else None
    return None if month is None else unready_checkpoint(view, month, reader, made, run)


def unready_checkpoint(view: FeatureView, month: int, reader: str, made: dict[str, Entry], run: Run | None = None) -> NotReadyError | None:
    return unready(reader, checkpoints_table(view), view.version, months_of(view), [month], made, run)
