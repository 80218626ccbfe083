"""Compares the ledger with a table's log: finds partitions whose files in the log are not those recorded in the ledger.

Both have a partition's row count, and its file names, which identify the write. This uses only what opening
the table has already loaded: no file is read.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from platform_assets.stores.commits import Commit, named_by_partition, stored_by_partition
from platform_assets.stores.delta_table import OpenTable

STORED_ROWS = "stored_rows"
"""A detail of an entry: the row count of its files, if it differs from the entry's rows. Raw keeps superseded deliveries."""


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
    """Contradictions between the log and the entries of a table, by partition, as clauses.

    delta: the table, open at the version of the entries. commit_at: returns one of its commits.
    """
    there, found = stored_by_partition(delta), dict[str, str]()
    for key, entry in entries.items():
        (stored, names), expected = there.get(key, (0, "")), _stored(entry)
        if stored is None or expected is None:
            continue
        if stored != expected:
            found[key] = (
                f"the ledger has {expected:,} rows, written at Delta version {entry.delta_version}, but its files in the log have "
                f"{stored:,}"
            )
        elif entry.files is not None and entry.files != names and not _is_whole(commit_at(entry.delta_version), entry):
            found[key] = (
                f"the log entry of Delta version {entry.delta_version}, which wrote its {expected:,} rows, no longer names the file that "
                "the ledger recorded; the log has those of an earlier write"
            )
    return found


def _stored(entry: Recorded) -> int | None:
    if STORED_ROWS in entry.details:
        return int(entry.details[STORED_ROWS])
    # Raw written by an earlier release: the number of stored rows is not recorded.
    return None if "deliveries" in entry.details else entry.rows


def _is_whole(commit: Commit | None, entry: Recorded) -> bool:
    """Whether the commit that wrote a partition is intact: then its files have other names because they were compacted."""
    return commit is None or named_by_partition(commit.added).get(entry.partition, "") == entry.files
