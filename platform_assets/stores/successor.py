"""Successors: a table written next to another one, which adopts its files in a single commit.

So a table's column types can change while it is being read: before the commit all readers see the old rows, afterwards the new ones. No row
is copied, whatever the table's size. Earlier versions stay readable, since their files stay where they are.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import polars as pl
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from platform_assets.errors import LakeError
from platform_assets.kernels.received_types import integers_of, widened, wider
from platform_assets.stores.commits import SAME_ROWS, commit_properties, read_actions, relative_path
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table, Written, wait_for_others
from platform_assets.stores.frames import RetypedError
from platform_assets.stores.tables import Moment, moment_of, name_of

NEXT, WIDER = "_next_", "_wider_"
"""Prefixes of the names of successors' folders, which are inside the table's: a vacuum skips folders with an underscore."""

_BYTES_AT_ONCE = 64_000_000
_TRIES = 12


def successor_of(table: Table, version: str) -> Table:
    """The successor of a table for a version of its declaration, as a separate table."""
    return (table[0], f"{table[1]}/{NEXT}{version}")


def adopt(
    lake: Lake, table: Table, successor: Table, at_version: int, properties: Mapping[str, str], successor_version: int | None = None
) -> None:
    """Replaces all rows and columns of a table with those of its successor, in one commit after this version of the table.

    Raises:
        CommitFailedError: the table is no longer at this version; nothing was changed.
    """
    delta, new = lake.open_to_write(table, at_version), lake.open(successor, successor_version)
    assert delta is not None, "a table with a successor exists"
    folder = successor[1].removeprefix(f"{table[1]}/")
    written, alive = lake.storage(successor), dict[str, dict[str, Any]]()
    for version in range(new.version() + 1):
        for action in read_actions(written, version) or []:
            if "remove" in action:
                alive.pop(action["remove"]["path"], None)
            elif "add" in action:
                alive[action["add"]["path"]] = action["add"]
    files: list[AddAction | RemoveAction] = [
        # Paths in a log are URL-encoded, which the transaction does itself: the folder of an hour has a % in its name.
        AddAction(
            f"{folder}/{relative_path(path)}", add["size"], add["partitionValues"], add["modificationTime"], True, add.get("stats") or "{}"
        )
        for path, add in alive.items()
    ]
    # Without retries: files that others added in the meantime would stay, with other types.
    once = CommitProperties(custom_metadata=dict(properties), max_commit_retries=0)
    by = delta.metadata().partition_columns
    delta.create_write_transaction(files, "overwrite", new.schema(), by, commit_properties=once)


def drop(lake: Lake, successor: Table) -> None:
    """Ends a successor: its log is removed. Files that the table has adopted stay."""
    lake.storage(successor).delete_folder("_delta_log")


def drop_all(lake: Lake, table: Table) -> None:
    """Ends all successors of a table for versions of its declaration: its current contents are newer."""
    for name in lake.storage(table).folders():
        if name.startswith(NEXT):
            drop(lake, (table[0], f"{table[1]}/{name}"))


def replace_received(
    lake: Lake,
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
    """Like Lake.replace, for columns without declared types: if a value does not fit the table's type, the column is widened.

    frame: has the types of `kept_exactly`.
    """
    came = frame.collect_schema()

    def written() -> Written:
        types = make_room(lake, table, frame.lazy(), by, run)
        wide = frame.select(widened(column, dtype, types[column]) for column, dtype in came.items())
        return lake.replace(
            table,
            wide,
            by=by,
            span=span,
            facts=facts,
            declaration_version=declaration_version,
            run=run,
            made_from=made_from,
            rows=rows,
            row_bytes=row_bytes,
        )

    return with_room(table, written)


def with_room(table: Table, write: Callable[[], Written]) -> Written:
    """Retries a write that has widened columns, if another run has changed their types in the meantime."""
    for _ in range(_TRIES):
        try:
            return write()
        except RetypedError:  # another run has created or widened the table
            continue
    raise LakeError(f"{name_of(table)}: {_TRIES} times another run has changed the types of its columns. Run it again.")


def make_room(lake: Lake, table: Table, frame: pl.LazyFrame, by: str, run: str) -> dict[str, pl.DataType]:
    """Widens a table's columns so that they can hold the values of a frame; returns the types in which to write the frame."""
    kept = lake.schema(table)
    types = together(kept, frame, lambda: lake.scan(table))
    if narrow := {column: types[column] for column, dtype in kept.items() if types.get(column, dtype) != dtype}:
        _widen(lake, table, by, kept, narrow, run)
    return types


def together(kept: Mapping[str, pl.DataType], frame: pl.LazyFrame, rows: Callable[[], pl.LazyFrame]) -> dict[str, pl.DataType]:
    """For each column of a frame the type that can hold its values and the stored ones. rows: the stored rows, read only if needed."""
    types = {}
    for column, came in frame.collect_schema().items():
        had = kept.get(column, came)
        whole = {type(had), type(came)} == {pl.Int64, pl.Float64} and integers_of(rows() if had == pl.Int64 else frame, column)
        types[column] = wider(had, came, is_exact_in_float=whole)
    return types


def _widen(lake: Lake, table: Table, by: str, kept: pl.Schema, types: Mapping[str, pl.DataType], run: str) -> None:
    """Widens columns of a table: all its rows are rewritten in a successor, some partitions at a time."""
    successor, copied = (table[0], f"{table[1]}/{WIDER}{uuid4().hex[:12]}"), -1
    properties = {
        **commit_properties([], "", run),
        SAME_ROWS: "types: " + ", ".join(f"{column} {dtype}" for column, dtype in types.items()),
    }
    try:
        for attempt in range(_TRIES):
            version = lake.version(table)
            if version is None or lake.schema(table) != kept:
                return  # the caller checks again
            _copy(lake, table, successor, by, types, copied, version, run)
            copied = version
            try:
                adopt(lake, table, successor, version, properties)
                return
            except CommitFailedError:
                wait_for_others(attempt)
    finally:
        drop(lake, successor)


def _copy(
    lake: Lake, table: Table, successor: Table, by: str, types: Mapping[str, pl.DataType], after: int, version: int, run: str
) -> None:
    """Brings a successor from one version of its table to another."""
    sizes: dict[Moment, int] = {}
    for file in lake.files(table, version):
        if isinstance(file.value, date):
            sizes[file.value] = sizes.get(file.value, 0) + file.bytes
    if after >= 0:
        sizes = {value: sizes.get(value, 0) for key in lake.changed_partitions(table, after, version) for value in [moment_of(key)]}
    kept = lake.schema(table)
    if not sizes and after < 0:
        sizes = {datetime(1970, 1, 1, tzinfo=UTC) if isinstance(kept[by], pl.Datetime) else date(1970, 1, 1): 0}  # a table without rows
    for values in _batches(sorted(sizes), sizes):
        span = Span(values[0], Span.of_one(values[-1]).end)
        rows = lake.scan(table, by=by, span=span, version=version)
        if after >= 0:  # the partitions in between have not changed
            rows = rows.filter(pl.col(by).is_in(values))
        rows = rows.select(widened(column, dtype, types.get(column, dtype)) for column, dtype in kept.items())
        lake.replace(successor, rows, by=by, span=span, facts=[], declaration_version="", run=run)


def _batches(values: Sequence[Moment], sizes: Mapping[Moment, int]) -> list[list[Moment]]:
    found: list[list[Moment]] = []
    held = 0
    for value in values:
        if not found or held + sizes[value] > _BYTES_AT_ONCE:
            found.append([])
            held = 0
        found[-1].append(value)
        held += sizes[value]
    return found
