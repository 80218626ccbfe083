"""Staged files: data files that another program has written below a table's folder, and that are added to it in one commit.

A cluster can so write Parquet in parallel, while the commit, with its facts, retries and conditions, is like any other of ours.
Files that are never committed do not belong to the table; a full vacuum removes them: `DeltaTable.vacuum` with `full=True`. The default
only removes files that a commit has removed.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from deltalake import CommitProperties, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from platform_assets.errors import LakeError
from platform_assets.stores.commits import commit_properties, files_of, named_by_partition, read_actions, relative_path
from platform_assets.stores.delta import TRIES, Lake, Span, Table, Written, wait_for_others
from platform_assets.stores.delta_table import OpenTable, creating, table_properties
from platform_assets.stores.frames import kept_schema
from platform_assets.stores.tables import Moment, PartitionFacts, name_of

FOLDER = "staged-"
"""The prefix of the folders' names. It has no underscore, so that a vacuum finds files that were never committed."""


@dataclass(frozen=True)
class StagedFile:
    """A data file with its metadata from the log of its own folder."""

    path: str
    """The path relative to the table, not URL-encoded."""
    value: Moment
    """Its partition."""
    values: Mapping[str, str | None]
    """The path as written in the log."""
    bytes: int
    modified: int
    stats: str
    rows: int


@dataclass(frozen=True)
class Staged:
    """Rows stored below a table's folder as their own Delta table."""

    table: Table
    """The staged table."""
    files: tuple[StagedFile, ...]
    schema: pl.Schema

    def rows(self) -> dict[Moment, int]:
        """The row count of each partition."""
        found: dict[Moment, int] = {}
        for file in self.files:
            found[file.value] = found.get(file.value, 0) + file.rows
        return found


def staged_table(table: Table, name: str) -> Table:
    """The table that holds a table's staged rows."""
    return (table[0], f"{table[1]}/{FOLDER}{name}")


def read_staged(lake: Lake, table: Table, name: str) -> Staged:
    """The rows written to a staged table, in its only commit."""
    own = staged_table(table, name)
    delta = lake.open(own)
    folder = own[1].rpartition("/")[2]
    by_path = {file.path: file for file in lake.files(own)}
    files = []
    for version in range(delta.version() + 1):
        for action in read_actions(lake.storage(own), version) or []:
            if add := action.get("add"):
                file = by_path[relative_path(add["path"])]
                assert file.value is not None and not isinstance(file.value, str), "staged rows have partitions"
                stats = (add["partitionValues"], add["size"], add["modificationTime"], add.get("stats") or "{}", file.rows or 0)
                files.append(StagedFile(f"{folder}/{file.path}", file.value, *stats))
    return Staged(own, tuple(files), pl.Schema(delta.schema()))


def take(
    lake: Lake,
    table: Table,
    staged: Staged,
    *,
    by: str,
    span: Span,
    facts: Sequence[PartitionFacts],
    declaration_version: str,
    run: str,
    made_from: int | None = None,
    without: Collection[Moment] = (),
) -> Written:
    """Replaces the rows with span.start <= by < span.end with the staged ones, in one commit, like Lake.replace.

    without: partitions whose staged rows are not added.
    """
    where = name_of(table)
    files = [file for file in staged.files if span.start <= file.value < span.end and file.value not in without]
    noted = commit_properties(facts, declaration_version, run)
    for attempt in range(TRIES):
        try:
            with lake.writing(table) as delta:
                if made_from is not None:
                    lake.check_unchanged(table, {fact.partition for fact in facts}, made_from, delta.version() if delta else -1)
                version = _commit(lake, table, delta, staged, files, by, span, noted)
        except CommitFailedError as error:
            if attempt == TRIES - 1:
                raise LakeError(
                    f"{where}: {TRIES} times another writer of {span} was faster. Run it again when the others have finished."
                ) from error
            wait_for_others(attempt)
            continue
        commit = lake.commit(table, version)
        names = named_by_partition(commit.added) if commit else {}
        return Written(version, sum(file.rows for file in files), sum(file.bytes for file in files), lake.uri(table), names)
    raise AssertionError("unreachable")


def _commit(
    lake: Lake,
    table: Table,
    delta: OpenTable | None,
    staged: Staged,
    files: Sequence[StagedFile],
    by: str,
    span: Span,
    noted: Mapping[str, str],
) -> int:
    stored = dict(pl.Schema(delta.schema())) if delta else {}
    schema = {**stored, **kept_schema(name_of(table), staged.schema, stored)}
    arrow = Schema.from_arrow(pl.DataFrame(schema=schema).to_arrow().schema)
    adds = [AddAction(file.path, file.bytes, file.values, file.modified, True, file.stats) for file in files]
    # Without retries: other writers' commits are checked before the next try.
    once = CommitProperties(custom_metadata=dict(noted), max_commit_retries=0)
    if delta is None:
        with creating(lake.uri(table), lake.delta_options):
            create_table_with_add_actions(
                lake.uri(table),
                arrow,
                adds,
                mode="error",
                partition_by=[by],
                configuration=table_properties(lake.uri(table)),
                storage_options=lake.delta_options,
                commit_properties=once,
            )
        return 0
    if more := [field for field in arrow.fields if field.name not in stored]:  # a transaction of files cannot add columns
        delta.alter.add_columns(more, commit_properties=CommitProperties(max_commit_retries=0))
    now = int(time.time() * 1000)
    removes = [RemoveAction(file.path, True, now, file.bytes) for file in files_of(delta, span)]
    delta.create_write_transaction([*adds, *removes], "append", arrow, [by], commit_properties=once)
    return delta.version() + 1
