"""The ledger against a table's log: the partitions whose files in the log are not those that the ledger knows to have been written.

Both say how many rows a partition has, and by the names of its files whether they mean the same edition of it. This takes what opening
the table has loaded already: no file is read.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deltalake import DeltaTable

from platform_assets.stores.commits import DataFile, files_of, named_by_partition
from platform_assets.stores.tables import Table

if TYPE_CHECKING:
    from platform_assets.stores.delta import Lake
    from platform_assets.stores.ledger import Entry

STORED_ROWS = "stored_rows"
"""In the details of an entry: how many rows its files have, where that is not its number of rows. Raw keeps superseded deliveries."""


def contradictions(lake: "Lake", table: Table, delta: DeltaTable, entries: Mapping[str, "Entry"]) -> dict[str, str]:
    """What the log says against the entries of a table, by partition, as clauses.

    delta: the table, open at the version that the entries are of.
    """
    files = files_of(delta)
    rows, named = _rows_by_partition(files), named_by_partition(files)
    found = {}
    for key, entry in entries.items():
        stored, expected = rows.get(key, 0), _stored(entry)
        if stored is None or expected is None:
            continue
        if stored != expected:
            found[key] = (
                f"the ledger says {expected:,} rows, written at Delta version {entry.delta_version}, its files in the log have {stored:,}"
            )
        elif entry.files is not None and entry.files != named.get(key, "") and not _is_whole(lake, table, entry):
            found[key] = (
                f"the log entry of Delta version {entry.delta_version}, which wrote its {expected:,} rows, no longer names the file that "
                "the ledger knows; the log has those of an earlier edition"
            )
    return found


def _stored(entry: "Entry") -> int | None:
    if STORED_ROWS in entry.details:
        return int(entry.details[STORED_ROWS])
    # Raw of an earlier edition of the platform: no number says how many rows it keeps.
    return None if "deliveries" in entry.details else entry.rows


def _rows_by_partition(files: list[DataFile]) -> dict[str, int | None]:
    rows: dict[str, int | None] = {}
    for file in files:
        key, before = file.partition or "", rows.get(file.partition or "", 0)
        rows[key] = None if before is None or file.rows is None else before + file.rows
    return rows


def _is_whole(lake: "Lake", table: Table, entry: "Entry") -> bool:
    """Whether the commit that wrote a partition is in the log as it was: then its files have other names since they were compacted."""
    commit = lake.commit(table, entry.delta_version)
    return commit is None or named_by_partition(commit.added).get(entry.partition, "") == entry.files
