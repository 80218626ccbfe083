"""Opening and creating Delta tables, with workarounds for deltalake and Polars."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

CHECKPOINT_INTERVAL = 50
"""The checkpoint interval. 10,000 commits take 2.7 CPU s to open without a checkpoint, .05 with one."""
CHECKPOINT_INTERVAL_IN_AN_OBJECT_STORE = 10
"""In an object store: there each entry since the last checkpoint costs two requests whenever a table is opened."""

WRITER = WriterProperties(
    compression="SNAPPY",
    dictionary_page_size_limit=1 << 17,
    column_properties={"row_number": ColumnProperties(dictionary_enabled=False)},
)
"""How Parquet files are written. Without an explicit compression they would be uncompressed, and twice as large.

A dictionary of mostly distinct values is wasted effort: it is given up at 128 kB instead of 1 MB, which writes a million rows
of six columns in .69 CPU s instead of 1.02 (27 MB instead of 22)."""

BYTES_OF_A_ROW_GROUP, ROWS_OF_A_ROW_GROUP = 1 << 26, 1 << 20
"""Readers decode whole row groups."""


def writer_for(row_bytes: int | None) -> WriterProperties:
    """Writer properties for rows of about this size in memory, if known: long rows get smaller row groups."""
    if row_bytes is None or row_bytes * ROWS_OF_A_ROW_GROUP <= BYTES_OF_A_ROW_GROUP * _USUAL_GROUPS:
        return WRITER
    properties = copy(WRITER)
    properties.max_row_group_size = max(1, BYTES_OF_A_ROW_GROUP // row_bytes)
    return properties


_USUAL_GROUPS = 8
"""Rows of up to 512 bytes, as most are, are stored in groups of a million, which read fastest."""

OUTSIDE_THE_LEDGER = "outside of the platform's ledger, written by the asset "
"""The prefix of such tables' descriptions, before the asset's key: Delta does not accept unknown properties."""


class OpenTable(DeltaTable):
    """A DeltaTable whose paths are the actual file paths.

    deltalake returns local paths percent-encoded, as in a URL; Polars takes them literally and finds no file below "my%20lake".
    Only the part up to the table's folder is decoded: the actual folder name of an hour contains a %.
    """

    state: object | None = None
    """A new object after each refresh that found a changed log; None for a table that is not kept open."""
    _alive: tuple[int, pl.DataFrame] | None = None

    def alive(self) -> pl.DataFrame:
        """The live files from the log, one row per file."""
        version = self.version()
        if self._alive is None or self._alive[0] != version:
            self._alive = (version, pl.DataFrame(self.get_add_actions(flatten=True)))
        return self._alive[1]

    @property
    def table_uri(self) -> str:
        uri = super().table_uri
        return unquote(uri) if uri.startswith("file://") else uri

    def file_uris(self, *args: Any, **kwargs: Any) -> list[str]:
        if not self.table_uri.startswith("file://"):
            # In an object store, a space in a partition column's name would be encoded twice; the log already has it encoded once.
            return [f"{self.table_uri.rstrip('/')}/{unquote(path)}" for path in pl.DataFrame(self.get_add_actions())["path"]]
        encoded, plain = (uri.removeprefix("file://") for uri in (super().table_uri, self.table_uri))
        return [plain + uri.removeprefix(encoded) if uri.startswith(encoded) else uri for uri in super().file_uris(*args, **kwargs)]


def is_outside_the_ledger(delta: DeltaTable) -> bool:
    """Whether a table belongs to a user's own asset."""
    return (delta.metadata().description or "").startswith(OUTSIDE_THE_LEDGER)


def table_properties(uri: str) -> dict[str, str]:
    """The properties of a new table at this location."""
    return {
        "delta.checkpointInterval": str(CHECKPOINT_INTERVAL_IN_AN_OBJECT_STORE if "://" in uri else CHECKPOINT_INTERVAL),
        # Training sets pin Delta versions, and the ledger is repaired from commits: the log is kept until someone decides otherwise.
        "delta.enableExpiredLogCleanup": "false",
    }


def create_table(
    uri: str,
    rows: Any,
    by: Sequence[str],
    noted: Mapping[str, str],
    storage_options: Mapping[str, str] | None,
    description: str | None = None,
    writer: WriterProperties = WRITER,
) -> None:
    """Creates a table with its first rows, partitioned by these columns, or unpartitioned.

    Raises:
        CommitFailedError: another process has created the table in the meantime; nothing was written.
    """
    options = dict(storage_options or {})
    # Without retries: delta-rs lets the slower of two creators append its rows to those of the faster one.
    once = CommitProperties(custom_metadata=dict(noted), max_commit_retries=0)
    with creating(uri, options):
        write_deltalake(
            uri,
            rows,
            mode="error",
            partition_by=list(by) or None,
            description=description,
            configuration=table_properties(uri),
            storage_options=options,
            commit_properties=once,
            writer_properties=writer,
        )


@contextmanager
def creating(uri: str, storage_options: Mapping[str, str] | None) -> Iterator[None]:
    """Wraps the creation of a table: if another process was faster, that is a CommitFailedError, as for an existing table."""
    try:
        yield
    except CommitFailedError:
        raise
    except DeltaError as error:
        # Detected only after writing began: the error has no class of its own.
        if "already exists" in str(error) and DeltaTable.is_deltatable(uri, dict(storage_options or {})):
            raise CommitFailedError(str(error)) from error
        raise
