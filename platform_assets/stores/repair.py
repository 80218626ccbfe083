"""Repairs a lake from what is left. Nothing is deleted: damaged files are moved to a folder of the lake, and their partitions are recorded
as lost, so that they are stale and rematerialized."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from deltalake.exceptions import DeltaError

from platform_assets.errors import LakeError, NotReadyError
from platform_assets.stores.commits import files_of
from platform_assets.stores.delta import OWN, Lake
from platform_assets.stores.delta_table import OpenTable, is_outside_the_ledger
from platform_assets.stores.ledger import LEDGER, LOST, Ledger
from platform_assets.stores.location import storage_at
from platform_assets.stores.storage import Storage
from platform_assets.stores.tables import Moment, Table, equals, name_of
from platform_assets.stores.transaction_log import HINT, LogFault, checkpoints_of_log, entry_path
from platform_assets.stores.verify import Told, check_files, check_log

ASIDE = "damaged"
"""The folder, below the platform's own, that damaged files are moved to."""


def repair_table(lake: Lake, table: Table, *, deep: bool = False, told: Told = lambda what: None) -> Iterator[str]:
    """Repairs what can be repaired, and reports what was done. Run it while nothing writes to the table."""
    name = name_of(table)
    if faults := check_log(lake, table):
        told(f"{name}: repairing its log")
        yield from _repair_log(lake, table, faults)
    try:
        delta = lake.open_to_write(table)
    except LakeError:
        delta = None
    if delta is None:
        yield _set_table_aside(lake, table)
        return
    damaged = check_files(lake, table, files_of(delta), deep=deep, told=told)
    if table == LEDGER:
        for key in damaged:
            _remove(delta, key)
            yield f"removed the damaged entries of {key} from the ledger: they are read from its commits"
        return
    if is_outside_the_ledger(delta):
        yield from (f"{name} {key}: {what}. Materialize it: that replaces the damaged files" for key, what in sorted(damaged.items()))
        return
    ledger = Ledger(lake)
    entries = ledger.entries(name)
    damaged |= {key: entry.damage for key, entry in entries.items() if entry.damage and entry.status != LOST}
    version = delta.version()
    lost = []
    for key, what in sorted(damaged.items()):
        version = _remove(delta, key)
        if key in entries:
            lost.append(replace(entries[key], status=LOST, files="", details={**entries[key].details, "damage": what}))
        yield f"removed {name} {key} from the table: {what}. Materialize it"
    recovered = len(ledger.unrecorded(name))
    # All with the last version: an entry with an earlier one would be older than the commit that removed its files.
    ledger.record([replace(entry, delta_version=version) for entry in lost])
    if recovered and not lost:
        yield f"wrote the entries of {recovered} Delta versions of {name} to the ledger, from its commits"


def _repair_log(lake: Lake, table: Table, faults: list[LogFault]) -> Iterator[str]:
    storage, aside = lake.storage(table), _aside(lake, table)
    checkpoints = checkpoints_of_log(storage.files("_delta_log"))
    for fault in faults:
        if fault.version is not None and fault.path == entry_path(fault.version):
            continue
        for path in checkpoints.get(fault.version, [fault.path]) if fault.version is not None else [fault.path]:
            with suppress(FileNotFoundError):
                storage.move(path, aside, path)
        with suppress(FileNotFoundError):
            storage.move(HINT, aside, HINT)
        yield f"set {fault.path} of {name_of(table)} aside: it {fault.what}"
    is_checkpointed = bool(checkpoints_of_log(storage.files("_delta_log")))
    for fault in faults:
        if fault.version is None or fault.path != entry_path(fault.version):
            continue
        if fault.version == 0 and not is_checkpointed:
            yield _set_table_aside(lake, table)  # nothing describes the table any more
            return
        with suppress(FileNotFoundError):
            storage.move(fault.path, aside, fault.path)
        storage.write(fault.path, _without_changes(fault))
        yield f"replaced {fault.path} of {name_of(table)}, which {fault.what}, with an empty entry"
    with suppress(LakeError, NotReadyError, DeltaError):
        lake.open(table).create_checkpoint()


def _without_changes(fault: LogFault) -> bytes:
    now = int(datetime.now(UTC).timestamp() * 1000)
    return json.dumps({"commitInfo": {"timestamp": now, "operation": "REPAIR", "repaired": str(fault)}}).encode() + b"\n"


def _remove(delta: OpenTable, key: str) -> int:
    """Removes the files of a partition from a table without reading them; returns the new version."""
    [by] = delta.metadata().partition_columns
    values: list[Moment | str] = [file.value for file in files_of(delta) if file.partition == key and file.value is not None]
    if values:
        delta.delete(equals(by, values[0]))
    return delta.version()


def _set_table_aside(lake: Lake, table: Table) -> str:
    storage, aside = lake.storage(table), _aside(lake, table)
    for path in sorted(storage.files()):
        storage.move(path, aside, path)
    return f"set {name_of(table)} aside as a whole, to {aside.uri}: its log no longer describes it. Materialize its partitions"


def _aside(lake: Lake, table: Table) -> Storage:
    return storage_at("/".join((lake.root, OWN, ASIDE, *table)), lake.storage_options)
