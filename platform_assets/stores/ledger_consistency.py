"""The ledger against a table's log: the partitions whose files in the log are not those that the ledger knows to have been written.

Both say how many rows a partition has, and by the names of its files whether they mean the same edition of it. This takes what opening
the table has loaded already: no file is read.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from platform_assets.stores.commits import Commit, named_by_partition, stored_by_partition
from platform_assets.stores.delta_table import OpenTable

STORED_ROWS = "stored_rows"
"""In the details of an entry: how many rows its files have, where that is not its number of rows. Raw keeps superseded deliveries."""


class Recorded(Protocol):
    """An entry of the ledger."""

    @property
    def partition(self) -> str: ...
    @property
    def delta_version(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def details(self) -> Mapping[str, Any]: ...
    @property
    def files(self) -> str | None: ...


def contradictions(delta: OpenTable, entries: Mapping[str, Recorded], commit_at: Callable[[int], Commit | None]) -> dict[str, str]:
    """What the log says against the entries of a table, by partition, as clauses.

    delta: the table, open at the version that the entries are of. commit_at: gives a commit of it.
    """
    there, found = stored_by_partition(delta), dict[str, str]()
    for key, entry in entries.items():
        (stored, names), expected = there.get(key, (0, "")), _stored(entry)
        if stored is None or expected is None:
            continue
        if stored != expected:
            found[key] = (
                f"the ledger says {expected:,} rows, written at Delta version {entry.delta_version}, its files in the log have {stored:,}"
            )
        elif entry.files is not None and entry.files != names and not _is_whole(commit_at(entry.delta_version), entry):
            found[key] = (
                f"the log entry of Delta version {entry.delta_version}, which wrote its {expected:,} rows, no longer names the file that "
                "the ledger knows; the log has those of an earlier edition"
            )
    return found


def _stored(entry: Recorded) -> int | None:
    if STORED_ROWS in entry.details:
        return int(entry.details[STORED_ROWS])
    # Raw of an earlier edition of the platform: no number says how many rows it keeps.
    return None if "deliveries" in entry.details else entry.rows


def _is_whole(commit: Commit | None, entry: Recorded) -> bool:
    """Whether the commit that wrote a partition is in the log as it was: then its files have other names since they were compacted."""
    return commit is None or named_by_partition(commit.added).get(entry.partition, "") == entry.files
