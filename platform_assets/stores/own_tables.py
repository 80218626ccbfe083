"""Tables of users' own assets: replaced as a whole, or only the requested partitions, in one commit or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from platform_assets.errors import LakeError, suggestion
from platform_assets.stores.commits import files_of
from platform_assets.stores.damage import Scanned, check_before_reading
from platform_assets.stores.delta import OWN, TRIES, Lake, wait_for_others
from platform_assets.stores.delta_table import OUTSIDE_THE_LEDGER, OpenTable, create_table, is_outside_the_ledger
from platform_assets.stores.frames import Batches, kept_schema
from platform_assets.stores.storage import with_credentials_hidden
from platform_assets.stores.tables import Span, Table, equals, name_of


@dataclass(frozen=True)
class Keys:
    """Some values of a partition column of strings."""

    keys: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(map(repr, self.keys))

    @property
    def type(self) -> pl.DataType:
        return pl.String()

    def holds(self, column: str) -> pl.Expr:
        return pl.col(column).is_in(list(self.keys))

    def predicate(self, column: str) -> str:
        return " OR ".join(equals(column, key) for key in self.keys)


@dataclass(frozen=True)
class Spans:
    """Some ranges of a partition column of dates or times."""

    spans: tuple[Span, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.spans))

    @property
    def type(self) -> pl.DataType:
        return self.spans[0].type

    def holds(self, column: str) -> pl.Expr:
        return pl.any_horizontal(span.holds(column) for span in self.spans)

    def predicate(self, column: str) -> str:
        return " OR ".join(f"({span.predicate(column)})" for span in self.spans)


@dataclass(frozen=True)
class Slice:
    """Partitions in one or two dimensions: every combination of the columns' values."""

    columns: Mapping[str, Keys | Spans]

    def __str__(self) -> str:
        return "; ".join(f"{column}: {part}" for column, part in self.columns.items())

    def holds(self, _: str) -> pl.Expr:
        return pl.all_horizontal(part.holds(column) for column, part in self.columns.items())

    def predicate(self) -> str:
        return " AND ".join(f"({part.predicate(column)})" for column, part in self.columns.items())


@dataclass(frozen=True)
class OwnWritten:
    """What one commit wrote."""

    version: int
    rows: int
    uri: str


def write_table(lake: Lake, table: Table, frame: pl.LazyFrame, part: Slice | None, run: str, asset: str) -> OwnWritten:
    """Replaces these partitions with the rows of the frame, or without `part` the whole table, whose columns may then change.

    asset: the key of the asset; another asset's table at this location is refused.

    Raises:
        LakeError: a row belongs to other partitions; a partition column is missing or has the wrong type; a column's type differs from the
            table's; or there are too many other writers.
    """
    where, found = name_of(table), frame.collect_schema()
    if table[0] == OWN:
        raise LakeError(f"{where}: the folder {OWN} is reserved for the platform. Give the asset another key.")
    if not found:
        raise LakeError(f"{where}: a frame without columns is not a table. Give it the columns of its rows.")
    if part is not None:
        check_columns(where, part, found)
        if set(found) <= set(part.columns):
            raise LakeError(
                f"{where}: there is no column besides {' and '.join(map(repr, part.columns))}, which Delta stores in folder names."
            )
    for attempt in range(TRIES):
        try:
            return _commit(lake, table, frame, part, run, asset)
        except CommitFailedError as error:
            if attempt == TRIES - 1:
                raise LakeError(f"{where}: {TRIES} times another writer was faster. Run it again when the others have finished.") from error
            wait_for_others(attempt)
    raise AssertionError("unreachable")


def read_table(lake: Lake, table: Table, part: Slice | None, columns: Sequence[str] | None = None) -> pl.LazyFrame:
    """The rows of these partitions, or without `part` of the whole table; only their files, and only these columns, are read.

    Raises:
        NotReadyError: there is no such table.
        DamagedError: files are missing or have the wrong size.
        LakeError: there is no such column.
    """
    delta = lake.open(table)
    schema = pl.Schema(delta.schema())
    for column in columns or ():
        if column not in schema:
            raise LakeError(f"{name_of(table)} has no column {column!r}. {suggestion(column, schema)}")
    check_before_reading(Scanned(table, lake.storage(table), tuple(files_of(delta, _only_span(delta, part)))))
    rows = pl.scan_delta(delta, storage_options=lake.polars_options)
    if part is not None:
        check_columns(name_of(table), part, schema)
        rows = rows.filter(part.holds(""))
    return rows if columns is None else rows.select(columns)


def without_files(lake: Lake, table: Table, parts: Mapping[str, Slice]) -> list[str]:
    """The partitions without files: nothing was ever written for them, or no rows."""
    actions = lake.open(table).alive()
    values = actions.select(
        pl.col(name).alias(name.removeprefix("partition.")) for name in actions.columns if name.startswith("partition.")
    )
    return [key for key, part in parts.items() if values.filter(part.holds("")).is_empty()]


def is_own(lake: Lake, table: Table) -> bool:
    """Whether this is the table of a user's own asset, not one of the platform's."""
    return is_outside_the_ledger(lake.open(table))


def partition_columns(lake: Lake, table: Table) -> list[str]:
    """The partition columns of a table."""
    return list(lake.open(table).metadata().partition_columns)


def check_columns(where: str, part: Slice, schema: Mapping[str, pl.DataType]) -> None:
    """Refuses a partition column of the wrong type: a predicate on it would compare wrongly, or not at all."""
    for column, values in part.columns.items():
        if misread := next((sign for sign in "=/" if sign in column), None):
            raise LakeError(
                f"{where}: a partition column cannot have {misread!r} in its name, {column!r}: Delta uses it in folder names, in which its "
                "rows would not be found again. Rename it."
            )
        if column not in schema:
            raise LakeError(
                f"{where}: there is no partition column {column!r}. {suggestion(column, schema)} "
                "To use another column, set the asset's metadata={'partition_column': ...}."
            )
        if schema[column] != values.type:
            raise LakeError(
                f"{where}: the partition column {column!r} is {schema[column]}, but its partitions are {values.type}. Store days, weeks "
                "and months as pl.Date, hours as pl.Datetime('us', 'UTC'), names as pl.String."
            )


def _only_span(delta: OpenTable, part: Slice | None) -> Span | None:
    """The single time range that is read from a table partitioned by time; None if there is more than one."""
    by = delta.metadata().partition_columns
    values = part.columns.get(by[0]) if part is not None and len(by) == 1 else None
    return values.spans[0] if isinstance(values, Spans) and len(values.spans) == 1 else None


def _commit(lake: Lake, table: Table, frame: pl.LazyFrame, part: Slice | None, run: str, asset: str) -> OwnWritten:
    where, uri, delta = name_of(table), lake.uri(table), lake.open_to_write(table)
    is_replaced = part is None and delta is not None
    stored = dict(pl.Schema(delta.schema())) if delta is not None and not is_replaced else {}
    batches = Batches(where, frame, kept_schema(where, frame.collect_schema(), stored), next(iter(part.columns), "") if part else "", part)
    by, noted = list(part.columns) if part else [], {"run": run}
    try:
        if delta is None:
            create_table(uri, batches.reader(), by, noted, lake.storage_options, f"{OUTSIDE_THE_LEDGER}{asset}")
            return OwnWritten(0, batches.rows, uri)
        if not is_outside_the_ledger(delta):
            raise LakeError(f"{where} is a table of the platform: only its own steps write to it. Give the asset another key.")
        if (other := str(delta.metadata().description).removeprefix(OUTSIDE_THE_LEDGER)) != asset:
            raise LakeError(
                f"{where} is the table of the asset {other}, not of {asset}: their keys have the same location. Rename one of them."
            )
        if delta.metadata().partition_columns != by:
            raise LakeError(
                f"{where} is partitioned by {delta.metadata().partition_columns or 'nothing'}, but should now be by {by or 'nothing'}. "
                f"Remove the table {uri} and materialize all its partitions, or give the asset another key."
            )
        properties, rows = CommitProperties(custom_metadata=noted), batches.reader()
        if part is None:
            write_deltalake(delta, rows, mode="overwrite", schema_mode="overwrite", commit_properties=properties)
        else:
            predicate = part.predicate()
            write_deltalake(delta, rows, mode="overwrite", predicate=predicate, schema_mode="merge", commit_properties=properties)
        return OwnWritten(delta.version(), batches.rows, uri)
    except Exception as error:  # deltalake wraps the cause in a DeltaError or a bare Exception
        if batches.failed is not None:
            raise batches.failed from None
        if hidden := with_credentials_hidden(error, [lake.storage(table)]):
            raise hidden from None
        raise
