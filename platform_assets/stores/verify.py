"""Checks a lake for damage by comparing logs, files and the ledger.

It processes one table and one file at a time: memory does not grow with the lake.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from platform_assets.errors import LakeError, NotReadyError
from platform_assets.stores.commits import DataFile, files_of
from platform_assets.stores.damage import Scanned, content_fault, damage_at_a_glance
from platform_assets.stores.delta import OWN, Lake
from platform_assets.stores.delta_table import is_outside_the_ledger
from platform_assets.stores.ledger import LEDGER, LOST, Ledger
from platform_assets.stores.location import storage_at
from platform_assets.stores.tables import RESPONSES, Table, name_of, table_named
from platform_assets.stores.transaction_log import LogFault, log_faults

Told = Callable[[str], None]
"""A callback for progress messages."""


@dataclass(frozen=True)
class Finding:
    """A problem in a table, and its repair."""

    table: str
    what: str
    repair: str
    partition: str = ""
    """Empty for problems in a table's log or in the ledger."""

    def __str__(self) -> str:
        return f"{self.table}{' ' if self.partition else ''}{self.partition}: {self.what}. {self.repair}"


LOG_REPAIR = "--repair sets the file aside and replaces it with an empty entry; the partitions it had written must be rematerialized"
PARTITION_REPAIR = "--repair removes the damaged files from the table; then materialize the partition"
LEDGER_REPAIR = "--repair removes the damaged files from the ledger and restores their entries from the tables' commits"
RECORD_REPAIR = "--repair adds them; until then they are read from the commits"


def tables_of(lake: Lake) -> list[Table]:
    """Every table of a lake: those in the ledger, and all that exist. The ledger itself comes first."""
    named: set[Table] = set()
    with suppress(LakeError):  # a damaged ledger is found when it is checked
        named |= {table_named(name) for name in Ledger(lake).tables()}
    root = storage_at(lake.root, lake.storage_options)
    named |= {(name, layer) for name in root.folders() if name != OWN for layer in root.below(name).folders() if layer != RESPONSES}
    there = [table for table in sorted(named) if lake.storage(table).files()]
    return [LEDGER, *there] if lake.storage(LEDGER).files() else there


def check_log(lake: Lake, table: Table) -> list[LogFault]:
    """The damaged and missing files of a table's log, including those after its end that the ledger knows."""
    return log_faults(lake.storage(table), -1 if table == LEDGER else _known_upto(lake, table))


def check_table(lake: Lake, table: Table, *, deep: bool = False, told: Told = lambda what: None) -> Iterator[Finding]:
    """Finds the problems of one table.

    deep: whether to decode all pages of all files, rather than only footers.
    """
    name = name_of(table)
    told(f"{name}: log")
    if faults := check_log(lake, table):
        for fault in faults:
            yield Finding(name, f"{fault} in {lake.uri(table)}", LOG_REPAIR)
    try:
        delta = lake.open(table)
        damaged = check_files(lake, table, files_of(delta), deep=deep, told=told)
    except (LakeError, NotReadyError) as error:
        if not faults:
            yield Finding(name, str(error).removeprefix(f"{name}: "), "--repair sets the table aside; then materialize its partitions")
        return
    repair = LEDGER_REPAIR if table == LEDGER else PARTITION_REPAIR
    for key, what in damaged.items():
        yield Finding(name, what, repair, key)
    if table != LEDGER and not faults and not is_outside_the_ledger(delta):
        yield from _against_ledger(lake, table, damaged)


def check_files(lake: Lake, table: Table, files: list[DataFile], *, deep: bool = False, told: Told = lambda what: None) -> dict[str, str]:
    """The damaged partitions of a table according to its files, and the damage of each."""
    name, storage = name_of(table), lake.storage(table)
    told(f"{name}: {len(files):,} files")
    damaged = {one.partition: one.what for one in damage_at_a_glance(Scanned(table, storage, tuple(files)))}
    if deep:
        for number, file in enumerate(files):
            if number % 100 == 0:
                told(f"{name}: decoding file {number + 1:,} of {len(files):,}")
            if (key := file.partition or "") not in damaged and (why := content_fault(storage, file)):
                damaged[key] = f"its file {storage.path(file.path)} {why}"
    return damaged


def _against_ledger(lake: Lake, table: Table, damaged: dict[str, str]) -> Iterator[Finding]:
    name, ledger = name_of(table), Ledger(lake)
    try:
        entries, unrecorded = ledger.entries(name), ledger.unrecorded(name)
    except LakeError as error:
        yield Finding(name, str(error).removeprefix(f"{name}: "), LEDGER_REPAIR)
        return
    for key, entry in entries.items():
        if entry.damage and key not in damaged:
            repair = f"Materialize it: {entry.damage}" if entry.status == LOST else PARTITION_REPAIR
            what = "its damaged rows were removed, and it has not been rematerialized" if entry.status == LOST else entry.damage
            yield Finding(name, what, repair, key)
    if unrecorded:
        versions = ", ".join(map(str, unrecorded[:5])) + (" ..." if len(unrecorded) > 5 else "")
        yield Finding(name, f"the ledger has no entries of {len(unrecorded)} of its Delta versions ({versions})", RECORD_REPAIR)


def _known_upto(lake: Lake, table: Table) -> int:
    try:
        return Ledger(lake).last_version(name_of(table))
    except LakeError:
        return -1
