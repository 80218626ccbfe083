"""Whether a partition can be computed: all inputs exist, are intact and not blocked, and have the current declaration version."""

from collections.abc import Mapping, Sequence

from platform_assets.declare.partitions import Partitions
from platform_assets.errors import BlockedError, FailedError, MissingInputError, NotReadyError
from platform_assets.steps.missing_inputs import MISSING, YOUR_MODULE, MissingInput
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.damage import Damage, damaged
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry


def unready(
    reader: str,
    table: Table,
    version: str,
    partitions: Partitions,
    needed: Sequence[int],
    entries: Mapping[str, Entry],
    run: Run | None = None,
) -> NotReadyError | None:
    """Why a partition cannot be computed from these partitions of a table; None if all exist, are not blocked, and have this version.

    run: used to report the progress of a version that is being computed next to the table.
    """
    module = run.module if run else YOUR_MODULE
    there = [index for index in needed if partitions.first <= index and (partitions.last is None or index <= partitions.last)]
    found = {index: entries.get(partitions.key(index)) for index in there}
    if missing := [index for index, entry in found.items() if entry is None]:
        if failed := _failed(reader, table, partitions, missing, run):
            return failed
        return _missing(reader, table, partitions, MISSING, missing, module)
    if spoilt := [(index, entry) for index, entry in found.items() if entry is not None and entry.damage]:
        damages = [Damage(name_of(table), entry.partition, entry.damage, module) for _, entry in spoilt]
        return damaged(damages, reader)
    open_or_not = [(index, entry) for index, entry in found.items() if entry is not None]
    if blocked := [entry for _, entry in open_or_not if entry.status == "blocked"]:
        return BlockedError(reader, _blocked(table, blocked[0], module))
    if older := [(index, entry.declaration_version) for index, entry in open_or_not if entry.declaration_version != version]:
        why = f"made by version {older[0][1]} of its declaration; the current one is {version}"
        going_on = run.succession(table, version, partitions, entries) if run else None
        if going_on and going_on.remaining:
            made = len(going_on.made)
            why += f" ({made} of {made + len(going_on.remaining)} partitions of it are made; until all are, readers get the old ones)"
            return _missing(reader, table, partitions, why, sorted(map(partitions.number, going_on.remaining)), module)
        return _missing(reader, table, partitions, why, [index for index, _ in older], module)
    return None


def _failed(reader: str, table: Table, partitions: Partitions, missing: Sequence[int], run: Run | None) -> FailedError | None:
    """Why a partition is missing whose delivery could not be received; None when there is none, or nobody has looked."""
    if run is None or table[1] not in ("raw", "silver"):
        return None
    raw = name_of((table[0], "raw"))
    failures, received = run.ledger.failures(raw), run.ledger.entries(raw)
    for key in map(partitions.key, missing):
        if key in failures and key not in received:
            said = failures[key].details
            return FailedError(
                f"{reader} needs {name_of(table)} {key}, which is FAILED: its delivery could not be received at {said['at']}: "
                f"{said['why']} "
                f"When it, or how it is read, has been corrected, materialize {raw} {key}"
                f"{' and ' + name_of(table) if table[1] != 'raw' else ''}: platform-assets backfill {table[0]} -m {run.module}"
            )
    return None


def _missing(reader: str, table: Table, partitions: Partitions, why: str, indexes: Sequence[int], module: str) -> MissingInputError:
    missing = MissingInput(reader, table, partitions, why, tuple(indexes), module)
    return MissingInputError(str(missing), missing)


def _blocked(table: Table, entry: Entry, module: str) -> str:
    if withdrawn := entry.details.get("withdrawn"):
        return f"{name_of(table)} {entry.partition}, which is blocked because the acceptance of its input was revoked: {withdrawn}"
    share, needed = entry.details.get("accepted_share", 0.0), entry.details.get("needed_share", 0.0)
    examples = entry.details.get("examples", {})
    reasons = "; ".join(
        f"{reason}: {rows}" + (f", such as {examples[reason]}" if reason in examples else "")
        for reason, rows in entry.details.get("reasons", {}).items()
        if not reason.startswith("blocked")
    )
    return (
        f"{name_of(table)} {entry.partition}, which is blocked: {share:.0%} of its rows were good, {needed:.0%} are "
        f"required ({reasons}). Its rows are in {table[0]}/quarantine. See them: platform-assets quarantine {table[0]} {entry.partition} "
        f"-m {module}. Have it delivered again, correct the rule, or accept it as it is: platform-assets accept {table[0]} "
        f"{entry.partition} --why '...' -m {module}"
    )
