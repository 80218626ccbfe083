"""The lake: Delta tables with time partitions, each replaced as a whole in one commit, or not at all."""

import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from platform_assets.errors import LakeError, NotReadyError, suggestion
from platform_assets.stores.commits import Commit, DataFile, commit_properties, files_of, named_by_partition, read_commit
from platform_assets.stores.damage import Damage, Scanned, check_before_reading, damage_at_a_glance
from platform_assets.stores.delta_table import OpenTable, create_table, writer_for
from platform_assets.stores.frames import Batches, check_partitioning, check_span, kept_schema
from platform_assets.stores.location import checked_root, storage_at
from platform_assets.stores.open_tables import OPEN_TABLES
from platform_assets.stores.storage import Storage, with_credentials_hidden
from platform_assets.stores.tables import Moment as Moment
from platform_assets.stores.tables import PartitionFacts as PartitionFacts
from platform_assets.stores.tables import Span as Span
from platform_assets.stores.tables import Table as Table
from platform_assets.stores.tables import Written as Written
from platform_assets.stores.tables import name_of
from platform_assets.stores.transaction_log import opening

OWN = "_platform"
"""The folder of the platform's own tables, such as the ledger."""

TRIES = 12
"""How often a write is retried when other writers are faster."""


class Overtaken(LakeError):
    """Nothing was written: another writer has changed a partition since the version the rows were computed from."""


@dataclass(frozen=True)
class Checked:
    """A table that is about to be read."""

    delta: OpenTable
    files: tuple[DataFile, ...]
    """The files of the requested partitions."""
    left_out: Sequence[Moment]
    """Partitions with damaged files, which the reading step has already refused: their rows are not read."""


@dataclass(frozen=True)
class Lake:
    """Delta tables under a folder or URL.

    root: a folder, or a URL such as s3://bucket/lake.
    storage_options: of the object store, with the names that Delta and Polars use. They may be secrets and are not printed.
    """

    root: str
    storage_options: Mapping[str, str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", checked_root(str(self.root)))

    @property
    def polars_options(self) -> dict[str, Any] | None:
        """The storage options as Polars expects them: the number of retries is a number."""
        return {name: int(value) if name == "max_retries" else value for name, value in (self.storage_options or {}).items()} or None

    def uri(self, table: Table) -> str:
        return "/".join((self.root, *table))

    def exists(self, table: Table) -> bool:
        return self.log(table) is not None

    def version(self, table: Table) -> int | None:
        """The newest Delta version of a table; None if there is no table."""
        log = self.log(table)
        return None if log is None else log.version()

    def identity(self, table: Table) -> str | None:
        """The id that a table got when it was created; a recreated table has a new one. None if there is no table."""
        log = self.log(table)
        return None if log is None else str(log.metadata().id)

    def schema(self, table: Table, version: int | None = None) -> pl.Schema:
        """The columns of a table, at a version or now; empty if there is no table."""
        log = self.log(table) if version is None else self.open(table, version)
        return pl.Schema() if log is None else pl.Schema(log.schema())

    def log(self, table: Table) -> OpenTable | None:
        """The state of a table's log at the newest version; None if there is no table. Read-only: the object is shared.

        Raises:
            LakeError: a log file is damaged; it names the file and the repair.
        """
        try:
            return self._opened(table)
        except TableNotFoundError:
            return None

    def open(self, table: Table, version: int | None = None) -> OpenTable:
        """The deltalake table at a version or at the newest one. Read-only: the object is shared.

        Raises:
            NotReadyError: there is no such table.
            LakeError: the version does not exist, or no longer.
        """
        try:
            return self._opened(table, version)
        except TableNotFoundError:
            if version is not None and self.exists(table):
                raise self._gone(table, version) from None
            raise NotReadyError(
                f"there is no table {name_of(table)} in {self.root}: nothing has been written to it. Materialize it first."
            ) from None
        except DeltaError as error:
            if version is None:
                raise
            raise self._gone(table, version) from error

    def open_to_write(self, table: Table, version: int | None = None) -> OpenTable | None:
        """The table at a version or at the newest one, exclusively for a writer: deltalake updates the object to the version it writes.

        None if there is no table.
        """
        try:
            return self._opened(table, version, is_shared=False)
        except TableNotFoundError:
            return None

    @contextmanager
    def writing(self, table: Table) -> Iterator[OpenTable | None]:
        """Like `open_to_write`, at the newest version, for a write within the context; afterwards the table stays open for others."""
        uri = self.uri(table)
        try:
            with opening(table, self.root, self.storage_options):
                taken = OPEN_TABLES.take(uri, self.storage_options)
        except TableNotFoundError:
            yield None
            return
        yield taken.table
        OPEN_TABLES.give_back(uri, taken, self.storage_options)

    def _opened(self, table: Table, version: int | None = None, *, is_shared: bool = True) -> OpenTable:
        with opening(table, self.root, self.storage_options):
            if is_shared:
                return OPEN_TABLES.open(self.uri(table), version, self.storage_options)
            return OpenTable(self.uri(table), version=version, storage_options=self.delta_options)

    def storage(self, table: Table) -> Storage:
        """The files of a table."""
        return storage_at(self.uri(table), self.storage_options)

    @property
    def models(self) -> Storage:
        """The files of trained models."""
        return storage_at("/".join((self.root, OWN, "models")), self.storage_options)

    def scan(self, table: Table, *, by: str | None = None, span: Span | None = None, version: int | None = None) -> pl.LazyFrame:
        """The rows of a table, or those with span.start <= by < span.end; only files of these partitions are read.

        Raises:
            NotReadyError: there is no such table.
            DamagedError: files of these partitions are missing or have the wrong size.
            LakeError: there is no such version, or the table is not partitioned by that column.
        """
        if (by is None) != (span is None):
            raise LakeError(f"{name_of(table)}: by={by!r} with span={span}: give both, or neither for the whole table.")
        checked = self.checked(table, by=by, span=span, version=version)
        rows = pl.scan_delta(checked.delta, storage_options=self.polars_options)
        if by is None or span is None:
            return rows
        return rows.filter(span.holds(by), *(pl.col(by) != pl.lit(value, span.type) for value in checked.left_out))

    def checked(self, table: Table, *, by: str | None, span: Span | None, version: int | None) -> "Checked":
        """Checks the files of all partitions, or of a span of them, before any engine reads them. Raises the same errors as `scan`."""
        delta = self.open(table, version)
        if by is not None and span is not None:
            check_partitioning(name_of(table), by, span, dict(pl.Schema(delta.schema())))
        files = tuple(files_of(delta, span))
        left_out = check_before_reading(Scanned(table, self.storage(table), files))
        return Checked(delta, files, left_out if span is not None else [])

    def replace(
        self,
        table: Table,
        frame: pl.DataFrame | pl.LazyFrame,
        *,
        by: str,
        span: Span,
        facts: Sequence[PartitionFacts],
        declaration_version: str,
        run: str,
        made_from: int | None = None,
        rows: int | None = None,
        row_bytes: int | None = None,
    ) -> Written:
        """Replaces exactly the rows with span.start <= by < span.end with those of the frame, in one commit.

        A lazy frame is computed and written batch by batch, again for each retry if other writers are faster. Columns that
        are missing in the frame become null; new ones are added to the table. The facts are stored in the commit.

        made_from: for rows computed from the previous contents of these partitions: the table's version then, -1 if there was no table.
        rows: the number of rows in the frame, if known: a frame that ends early is not written.
        row_bytes: the approximate size of a row in memory, if known: long rows are written in smaller row groups.

        Raises:
            Overtaken: another writer has changed one of the facts' partitions after version made_from.
            LakeError: a row is outside the span; a column has changed its type or has a type unknown to Delta; or there are too many other
                writers.
        """
        where = name_of(table)
        if table[0] == OWN:
            raise LakeError(f"{where}: the folder {OWN} is reserved for the platform. Give the declaration another name.")
        found = frame.collect_schema()
        check_partitioning(where, by, span, dict(found))
        if isinstance(frame, pl.DataFrame):
            check_span(where, frame, by, span)
        noted = commit_properties(facts, declaration_version, run)
        for attempt in range(TRIES):
            try:
                with self.writing(table) as delta:
                    if made_from is not None:
                        self.check_unchanged(table, {fact.partition for fact in facts}, made_from, delta.version() if delta else -1)
                    return self._commit(table, delta, frame.lazy(), found, by, span, noted, rows, row_bytes)
            except CommitFailedError as error:
                if attempt == TRIES - 1:
                    raise LakeError(
                        f"{where}: {TRIES} times another writer of {span} was faster. Run it again when the others have finished."
                    ) from error
                wait_for_others(attempt)
        raise AssertionError("unreachable")

    def commit(self, table: Table, version: int) -> Commit | None:
        """One commit of a table; None if its log entry is gone."""
        return read_commit(self.storage(table), version)

    def files(self, table: Table, version: int | None = None) -> list[DataFile]:
        """The live data files at a version."""
        return files_of(self.open(table, version))

    def damaged_files(self, table: Table, partitions: Collection[str]) -> list[Damage]:
        """The damage that sizes and footers of some partitions' files reveal; their rows are not read."""
        try:
            files = self.files(table)
        except NotReadyError:
            return []
        return damage_at_a_glance(Scanned(table, self.storage(table), tuple(file for file in files if file.partition in partitions)))

    def changed_partitions(self, table: Table, after: int, upto: int) -> list[str]:
        """The keys of the partitions rewritten by the commits after one version, up to another; -1 is before the first.

        Raises:
            LakeError: a log entry is gone.
        """
        return sorted(set[str]().union(*(commit.changed for commit in self._commits(table, after, upto))))

    def rows_of_partitions_between(
        self, table: Table, partitions: Sequence[str], first: int, last: int, columns: Sequence[str]
    ) -> pl.LazyFrame:
        """The distinct values of some columns in every row that these partitions had at any version from first to last.

        first: -1 for all versions up to last. Every file is read once, however many versions contain it. Versions in which these columns
        had other types are skipped: none of their values can occur in the last version.

        Raises:
            LakeError: log entries or files of these versions are gone.
        """
        paths, types = self.files_of_partitions_between(table, partitions, first, last, columns)
        if not paths:
            return pl.LazyFrame(schema=types)
        files = [f"{self.uri(table)}/{path}" for path in paths]
        reading: Any = {"missing_columns": "insert", "extra_columns": "ignore", "hive_partitioning": False, "glob": False}
        return pl.scan_parquet(files, schema=types, storage_options=self.polars_options, **reading).unique()

    def files_of_partitions_between(
        self, table: Table, partitions: Sequence[str], first: int, last: int, columns: Sequence[str]
    ) -> tuple[list[str], dict[str, pl.DataType]]:
        """Like rows_of_partitions_between, but returns the files, relative to the table, and the types of the columns."""
        asked = set(partitions)
        schema = pl.Schema(self.open(table, last).schema())
        for column in columns:
            if column not in schema:
                raise LakeError(f"{name_of(table)} has no column {column!r}. {suggestion(column, schema)}")
        types = {column: schema[column] for column in columns}
        then = pl.Schema() if first < 0 else pl.Schema(self.open(table, first).schema())
        is_same = all(then.get(column, dtype) == dtype for column, dtype in types.items())
        found = [] if first < 0 or not is_same else self.files(table, first)
        for commit in self._commits(table, first, last):
            if commit.schema is not None:
                is_same = all(commit.schema.get(column, dtype) == dtype for column, dtype in types.items())
            found += commit.added if is_same else ()
        files = dict.fromkeys(file.path for file in found if file.partition in asked)
        still_there = {file.path for file in self.files(table)} if files else ()
        self._check_files(table, [path for path in files if path not in still_there])
        return list(files), types

    def check_unchanged(self, table: Table, partitions: set[str], made_from: int, newest: int) -> None:
        """Raises Overtaken if another writer has changed one of these partitions from one version to another."""
        changed = sorted(partitions.intersection(self.changed_partitions(table, made_from, newest)))
        if changed:
            raise Overtaken(
                f"{name_of(table)} {changed[0]} was changed by another run after Delta version {made_from}, which was read for this write. "
                "Nothing was written. Run it again."
            )

    def _commit(
        self,
        table: Table,
        delta: OpenTable | None,
        frame: pl.LazyFrame,
        found: pl.Schema,
        by: str,
        span: Span,
        noted: dict[str, str],
        rows: int | None,
        row_bytes: int | None,
    ) -> Written:
        where, uri = name_of(table), self.uri(table)
        batches = Batches(where, frame, kept_schema(where, found, dict(pl.Schema(delta.schema())) if delta else {}), by, span, rows)
        try:
            if delta is None:
                create_table(uri, batches.reader(), [by], noted, self.storage_options, writer=writer_for(row_bytes))
                version = 0
            else:
                partitioned = delta.metadata().partition_columns
                if partitioned != [by]:
                    raise LakeError(f"{where} is partitioned by {partitioned}, not by {by!r}: the platform did not create it.")
                how: dict[str, Any] = {"mode": "overwrite", "predicate": span.predicate(by), "schema_mode": "merge"}
                properties = CommitProperties(custom_metadata=noted)
                write_deltalake(delta, batches.reader(), **how, commit_properties=properties, writer_properties=writer_for(row_bytes))
                version = delta.version()
        except Exception as error:  # deltalake wraps the cause in a DeltaError or a bare Exception
            if batches.failed is not None:
                raise batches.failed from None
            if hidden := with_credentials_hidden(error, [self.storage(table)]):
                raise hidden from None
            raise
        commit = self.commit(table, version)
        added = commit.added if commit else ()
        return Written(version, batches.rows, sum(file.bytes for file in added), uri, named_by_partition(added))

    def _commits(self, table: Table, after: int, upto: int) -> list[Commit]:
        found = []
        for version in range(after + 1, upto + 1):
            commit = self.commit(table, version)
            if commit is None:
                raise self._gone(table, version)
            found.append(commit)
        return found

    def _check_files(self, table: Table, paths: Sequence[str]) -> None:
        gone = [path for path, size in self.storage(table).sizes(paths).items() if size is None]
        if gone:
            raise LakeError(
                f"{name_of(table)}: {len(gone)} files of earlier versions have been removed (vacuum), such as {gone[0]}. "
                "What was computed from them cannot be brought up to date: rebuild it."
            )

    def _gone(self, table: Table, version: int) -> LakeError:
        newest = self.version(table)
        if newest is not None and version > newest:
            return LakeError(f"{name_of(table)} has no Delta version {version}: the newest is {newest}.")
        return LakeError(
            f"{name_of(table)}: the log no longer has Delta version {version}. "
            "What was computed from it cannot be brought up to date: rebuild it."
        )

    @property
    def delta_options(self) -> dict[str, str] | None:
        """The storage options as Delta expects them."""
        return dict(self.storage_options) if self.storage_options else None


def wait_for_others(attempt: int) -> None:
    """Sleeps for a random time, longer after each try, so that writers that collided once do not collide again."""
    time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))
