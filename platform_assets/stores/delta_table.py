"""Opening and creating Delta tables: the places where deltalake and Polars need help."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

CHECKPOINT_INTERVAL = 50
"""10,000 commits take 2.7 CPU s to open without a checkpoint, .05 with one."""
CHECKPOINT_INTERVAL_IN_AN_OBJECT_STORE = 10
"""There each entry since the last checkpoint costs two requests, whenever a table is opened."""

WRITER = WriterProperties(
    compression="SNAPPY",
    dictionary_page_size_limit=1 << 17,
    column_properties={"row_number": ColumnProperties(dictionary_enabled=False)},
)
"""How Parquet files are written. Properties without a compression would write uncompressed files, which are twice as large.

A dictionary of values that are almost all different is built in vain: at 128 kB instead of 1 MB it is given up, which writes a million rows
of six columns in .69 CPU s instead of 1.02 (27 MB instead of 22)."""

BYTES_OF_A_ROW_GROUP, ROWS_OF_A_ROW_GROUP = 1 << 26, 1 << 20
"""A reader decodes a row group as a whole."""


def writer_for(row_bytes: int | None) -> WriterProperties:
    """How files are written whose rows take about so much memory each, as far as that is known: of long rows fewer are in a group."""
    if row_bytes is None or row_bytes * ROWS_OF_A_ROW_GROUP <= BYTES_OF_A_ROW_GROUP * _USUAL_GROUPS:
        return WRITER
    properties = copy(WRITER)
    properties.max_row_group_size = max(1, BYTES_OF_A_ROW_GROUP // row_bytes)
    return properties


_USUAL_GROUPS = 8
"""Rows of up to 512 bytes, as most are, lie in groups of a million: so they are read fastest."""

OUTSIDE_THE_LEDGER = "outside of the platform's ledger, written by the asset "
"""Begins the description of such tables, before the asset's key: Delta takes no properties that it does not know."""


class OpenTable(DeltaTable):
    """A table whose paths are those of its files.

    deltalake gives local paths percent-encoded, as parts of a URL; Polars takes them as they are, and finds no file below "my%20lake".
    Only the part up to the table's folder is decoded: the folder of an hour has a % in its real name.
    """

    state: object | None = None
    """Another object after each look at a log that had changed; None for a table that is not kept open."""
    _alive: tuple[int, pl.DataFrame] | None = None

    def alive(self) -> pl.DataFrame:
        """What the log says of each file that is alive, a row a file."""
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
            # In an object store a name of a partition column with a space would be encoded; the log has it, encoded once.
            return [f"{self.table_uri.rstrip('/')}/{unquote(path)}" for path in pl.DataFrame(self.get_add_actions())["path"]]
        encoded, plain = (uri.removeprefix("file://") for uri in (super().table_uri, self.table_uri))
        return [plain + uri.removeprefix(encoded) if uri.startswith(encoded) else uri for uri in super().file_uris(*args, **kwargs)]


def is_outside_the_ledger(delta: DeltaTable) -> bool:
    """Whether a table is one of people's own assets."""
    return (delta.metadata().description or "").startswith(OUTSIDE_THE_LEDGER)


def table_properties(uri: str) -> dict[str, str]:
    """What a new table at this place is to be like."""
    return {
        "delta.checkpointInterval": str(CHECKPOINT_INTERVAL_IN_AN_OBJECT_STORE if "://" in uri else CHECKPOINT_INTERVAL),
        # Training sets pin Delta versions, and the ledger is repaired from commits: the log is kept until a person decides otherwise.
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
    """Makes a table with its first rows, partitioned by these columns, or by none.

    Raises:
        CommitFailedError: another process has made the table meanwhile; nothing was written.
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
    """While a table is made: that another process was faster is a CommitFailedError, as it is of a table that is there."""
    try:
        yield
    except CommitFailedError:
        raise
    except DeltaError as error:
        # Found only as it began to write: an error without a class of its own.
        if "already exists" in str(error) and DeltaTable.is_deltatable(uri, dict(storage_options or {})):
            raise CommitFailedError(str(error)) from error
        raise
