"""Connectors of PostgreSQL: the rows of a table or query by a cursor, or a whole table as it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from platform_assets.declare.arguments import checked_arguments, names_of, one_of, shown
from platform_assets.declare.durations import duration, positive
from platform_assets.declare.source import Source
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError, NotReadyError, SourceError, suggestion
from platform_assets.sources.arrival import NOT_READ, Arrival
from platform_assets.sources.postgres_commits import OpenTransactions, open_transactions
from platform_assets.sources.postgres_rows import columns_of, frames
from platform_assets.sources.postgres_session import Connection, Session, session
from platform_assets.sources.postgres_sql import SETTINGS, CursorUnit, Range, from_clause, parts_of, without_cursor

LateCommits = Literal["wait", "ignore"]
STATEMENT_TIMEOUT, LOCK_TIMEOUT = "30m", "10s"
_COUNTED = 1_000
"""Rows without a cursor are counted up to here."""


@dataclass(frozen=True)
class _Postgres:
    """What both connectors have."""

    table: tuple[str, ...]
    """Schema and name; empty of a query."""
    query: str
    columns: tuple[str, ...]
    """Those that are read; empty: all."""
    connection: Connection
    statement_timeout: str
    lock_timeout: str

    is_final = True

    @property
    def reads(self) -> str:
        return f"the table {'.'.join(self.table)}" if self.table else "the query"

    @property
    def _read(self) -> dict[str, Any]:
        """What the version is made of."""
        named = {"columns": list(self.columns)} if self.columns else {}
        return {**({"table": list(self.table)} if self.table else {"query": self.query}), **named}

    def _where(self, arrival: Arrival) -> str:
        return f"source {arrival.source!r}, partition {arrival.partition}"

    def _began(self, arrival: Arrival) -> Any:
        arrival.origins.append(".".join(self.table) or "query")
        return session(self.connection, self._where(arrival), f"{arrival.source} {arrival.partition}")

    def _open(self, arrival: Arrival, *, waits: bool) -> OpenTransactions:
        """What is open, looked at once for many partitions. A server that does not answer is not asked for each of them."""
        key = (self.connection, waits)
        if key not in arrival.shared.remembered:
            try:
                with session(self.connection, f"source {arrival.source!r}", f"{arrival.source} looks") as opened:
                    arrival.shared.remembered[key] = open_transactions(opened, waits=waits)
            except SourceError as error:
                arrival.shared.remembered[key] = error
        found = arrival.shared.remembered[key]
        if isinstance(found, SourceError):
            raise found
        assert isinstance(found, OpenTransactions)
        return found

    def _reading(self, opened: Session) -> Any:
        opened.reads = self.reads
        opened.limits = {"statement_timeout": self.statement_timeout, "lock_timeout": self.lock_timeout}
        return opened.reading({**SETTINGS, **{name: _milliseconds(text) for name, text in opened.limits.items()}})

    def _counted(self, rows: Iterator[pl.DataFrame], arrival: Arrival) -> Iterator[pl.DataFrame]:
        count = 0
        for frame in rows:
            count += frame.height
            yield frame
        arrival.notes["rows read"] = count


@dataclass(frozen=True)
class PostgresRows(_Postgres):
    """The rows of a table or query whose cursor lies in the partition. Made by `postgres_table` and `postgres_query`."""

    cursor: str
    cursor_unit: CursorUnit | None
    overlap: timedelta
    late_commits: LateCommits
    reader: str

    @property
    def version(self) -> str:
        more = {"overlap": self.overlap} if self.overlap else {}
        return version_of({"postgres": self._read, "cursor": [self.cursor, self.cursor_unit], **more})

    def check(self, where: str, source: Source) -> None:
        if source.kind == "snapshot":
            raise DeclarationError(
                f"{where}, {self.reader}: a partition has only the rows that were changed in it, and all others would be "
                "taken for removed. Read the whole table, postgres_snapshot('public.products'), or declare kind='state'."
            )
        if self.overlap and source.kind == "events" and not (source.key and source.duplicates_within):
            raise DeclarationError(
                f"{where}, {self.reader}: with overlap= rows come twice, in two partitions. Say how copies are known: key=[...] and "
                "duplicates_within=1."
            )

    def look(self, arrival: Arrival) -> str | None:
        """Whether all rows of the partition can be seen. No row is read."""
        return "" if self._open(arrival, waits=self.late_commits == "wait").why_not_all_of(arrival.end) else "complete"

    def read(self, arrival: Arrival) -> Iterator[pl.DataFrame]:
        with self._began(arrival) as opened:
            # Before the snapshot is taken: what ends between the two is seen.
            why = open_transactions(opened, waits=self.late_commits == "wait").why_not_all_of(arrival.end)
            if why is not None:
                raise NotReadyError(f"{arrival.source}/raw {arrival.partition}: {self.reads} cannot be read yet: {why}.")
            with self._reading(opened):
                yield from self._rows(opened, arrival)

    def _rows(self, opened: Session, arrival: Arrival) -> Iterator[pl.DataFrame]:
        wanted = self.columns if self.cursor in self.columns else (*self.columns, self.cursor) if self.columns else ()
        columns = columns_of(opened, self.table, self.query, wanted)
        names = [column.name for column in columns]
        if self.cursor not in names:
            raise SourceError(f"{opened.where}: {self.reads} has no column {self.cursor!r}, its cursor. {suggestion(self.cursor, names)}")
        cursor = columns[names.index(self.cursor)]
        if cursor.type == "date" and arrival.end - arrival.start < timedelta(hours=12):
            raise SourceError(f"{opened.where}: the cursor {self.cursor!r} is a date, which hours cannot be read by. Declare daily(...).")
        between = Range(arrival.start, arrival.end, self.overlap, arrival.timezone, arrival.days_of, self.cursor_unit)
        condition = between.condition(cursor, opened.where)
        ((never,),) = opened.rows(without_cursor(cursor, from_clause(self.table, self.query), _COUNTED + 1))
        if never:
            number = f"{never:,}" if never <= _COUNTED else f"more than {_COUNTED:,}"
            arrival.notes[f"rows never read, whose {self.cursor} is null or infinite"] = number
        read = [column for column in columns if not self.columns or column.name in self.columns]
        yield from self._counted(frames(opened, self.table, self.query, read, condition), arrival)


@dataclass(frozen=True)
class PostgresSnapshot(_Postgres):
    """A whole table as it is when a partition has just ended. Made by `postgres_snapshot`."""

    reader = "postgres_snapshot"

    @property
    def version(self) -> str:
        return version_of({"postgres snapshot": self._read})

    def check(self, where: str, source: Source) -> None:
        if source.kind == "events":
            raise DeclarationError(f"{where}, postgres_snapshot: a whole table a partition is no list of events. Declare kind='snapshot'.")

    def look(self, arrival: Arrival) -> str | None:
        """Whether the table can be read now for the partition."""
        found = self._open(arrival, waits=False)
        return "" if found.why_not_all_of(arrival.end) or self._is_over(found, arrival) else "to be seen"

    def read(self, arrival: Arrival) -> Iterator[pl.DataFrame]:
        with self._began(arrival) as opened:
            now = open_transactions(opened, waits=False)
            if (why := now.why_not_all_of(arrival.end)) is not None:
                raise NotReadyError(f"{arrival.source}/raw {arrival.partition}: {self.reads} cannot be read yet: {why}.")
            if self._is_over(now, arrival):
                arrival.notes[NOT_READ] = f"the table is seen as it is at {now.clock:%Y-%m-%d %H:%M:%S} UTC, after the next partition's end"
                return
            arrival.notes["seen at"] = f"{now.clock:%Y-%m-%d %H:%M:%S} UTC, {now.clock - arrival.end} after the partition's end"
            with self._reading(opened):
                columns = columns_of(opened, self.table, self.query, self.columns)
                yield from self._counted(frames(opened, self.table, self.query, columns, ""), arrival)

    def _is_over(self, now: OpenTransactions, arrival: Arrival) -> bool:
        """Whether the partition after it has ended: then what is seen is that one's."""
        return now.clock >= arrival.end + (arrival.end - arrival.start)


@checked_arguments("postgres_table")
def postgres_table(
    table: str,
    *,
    cursor: str,
    connection_env: str | None = None,
    connection_file: str | Path | None = None,
    columns: Sequence[str] = (),
    cursor_unit: CursorUnit | None = None,
    overlap: str | None = None,
    late_commits: LateCommits = "wait",
    statement_timeout: str = STATEMENT_TIMEOUT,
    lock_timeout: str = LOCK_TIMEOUT,
) -> PostgresRows:
    """A table or view of PostgreSQL: a partition has the rows whose cursor lies in it.

    A partition that has been received is not read again: rows that were updated since have left it.

    Args:
        table: schema and name, as they are written in SQL, such as "public.orders" or 'sales."Order Lines"'; case counts.
        cursor: the column that says when a row was written or changed, such as "updated_at": a timestamptz, a timestamp in the source's
            `timezone`, a date, or an integer with cursor_unit. An index on it makes reading cheap.
        connection_env: the environment variable that holds postgresql://user:password@host:5432/database.
        connection_file: or the file that does, such as "/run/secrets/shop".
        columns: those that are read; default: all.
        cursor_unit: of an integer that counts time since 1970: "s", "ms" or "us".
        overlap: how far before its start a partition reads once more, such as "1h": for cursors that applications set, whose clocks
            differ. Of events it needs key= and duplicates_within=1 of the source, which remove the copies.
        late_commits: "wait" until no transaction is open that could commit rows of the partition; "ignore" them.
        statement_timeout: how long reading a partition may take.
        lock_timeout: how long it waits for a lock on the table.

    Raises:
        DeclarationError: an argument is wrong.
    """
    names = parts_of(table) if isinstance(table, str) else None
    if names is None:
        raise DeclarationError(f"postgres_table: {shown(table)} is no table's name. Write 'public.orders', or 'sales.\"Order Lines\"'.")
    found = _found("postgres_table", connection_env, connection_file, columns, statement_timeout, lock_timeout)
    return PostgresRows(tuple(names), "", *found, *_by_cursor("postgres_table", cursor, cursor_unit, overlap, late_commits))


@checked_arguments("postgres_query")
def postgres_query(
    query: str,
    *,
    cursor: str,
    connection_env: str | None = None,
    connection_file: str | Path | None = None,
    columns: Sequence[str] = (),
    cursor_unit: CursorUnit | None = None,
    overlap: str | None = None,
    late_commits: LateCommits = "wait",
    statement_timeout: str = STATEMENT_TIMEOUT,
    lock_timeout: str = LOCK_TIMEOUT,
) -> PostgresRows:
    """A query of PostgreSQL: a partition has the rows whose cursor lies in it.

    Args:
        query: one SELECT, such as "select o.*, c.country from orders o join customers c using (customer_id)". It is read as a table, in a
            transaction that cannot write; the server moves the condition on the cursor into it where it can.
        cursor: a column of its result. The other arguments are those of `postgres_table`.
        connection_env: as there.
        connection_file: as there.
        columns: as there.
        cursor_unit: as there.
        overlap: as there.
        late_commits: as there.
        statement_timeout: as there.
        lock_timeout: as there.

    Raises:
        DeclarationError: an argument is wrong.
    """
    if not isinstance(query, str) or not query.strip() or "\x00" in query:
        raise DeclarationError(
            f"postgres_query: {shown(query)} is no query. Write postgres_query('select ... from ...', cursor='updated_at')."
        )
    found = _found("postgres_query", connection_env, connection_file, columns, statement_timeout, lock_timeout)
    one = query.strip().removesuffix(";")
    return PostgresRows((), one, *found, *_by_cursor("postgres_query", cursor, cursor_unit, overlap, late_commits))


@checked_arguments("postgres_snapshot")
def postgres_snapshot(
    table: str,
    *,
    connection_env: str | None = None,
    connection_file: str | Path | None = None,
    columns: Sequence[str] = (),
    statement_timeout: str = STATEMENT_TIMEOUT,
    lock_timeout: str = LOCK_TIMEOUT,
) -> PostgresSnapshot:
    """A whole table or view of PostgreSQL: a partition has all its rows, as they are when the partition has just ended.

    Declare kind="snapshot", which makes a state of such pictures. A table shows its present only. So a partition is received before the
    next one ends, or never: then nothing has come for it, and empty_after= closes it.

    Args:
        table: as `postgres_table` has it.
        connection_env: as there.
        connection_file: as there.
        columns: as there.
        statement_timeout: as there.
        lock_timeout: as there.

    Raises:
        DeclarationError: an argument is wrong.
    """
    names = parts_of(table) if isinstance(table, str) else None
    if names is None:
        raise DeclarationError(f"postgres_snapshot: {shown(table)} is no table's name. Write 'public.products'.")
    found = _found("postgres_snapshot", connection_env, connection_file, columns, statement_timeout, lock_timeout)
    return PostgresSnapshot(tuple(names), "", *found)


def _found(
    what: str, environment: Any, file: Any, columns: Any, statement_timeout: Any, lock_timeout: Any
) -> tuple[tuple[str, ...], Connection, str, str]:
    for name, text in (("statement_timeout", statement_timeout), ("lock_timeout", lock_timeout)):
        positive(text, f"{what}, {name}")
    listed = names_of(columns, f"{what}, columns", "columns=['order_id', 'amount']")
    return listed, _connection(what, environment, file), statement_timeout, lock_timeout


def _connection(what: str, environment: Any, file: Any) -> Connection:
    """Where the URL stands. A value that could be one is not quoted."""
    if (environment is None) == (file is None):
        raise DeclarationError(f"{what}: say where the database's URL stands: connection_env='SHOP_DATABASE_URL', or connection_file=.")
    if file is not None:
        if "://" in str(file):
            raise DeclarationError(
                f"{what}, connection_file: that is a URL. Write it into a file, and name the file: its password is secret."
            )
        return Connection(None, str(file))
    if not isinstance(environment, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", environment):
        raise DeclarationError(
            f"{what}, connection_env: that is no name of an environment variable. Write connection_env='SHOP_DATABASE_URL', and set that "
            "variable to postgresql://user:password@host:5432/database: the password is secret, and stands in no declaration."
        )
    return Connection(environment, None)


def _by_cursor(what: str, cursor: Any, unit: Any, overlap: Any, late_commits: Any) -> tuple[Any, ...]:
    if not isinstance(cursor, str) or not cursor or "\x00" in cursor:
        raise DeclarationError(f"{what}, cursor: {shown(cursor)} is no column. Write cursor='updated_at'.")
    if unit is not None:
        one_of(unit, get_args(CursorUnit), f"{what}, cursor_unit", "unit of a cursor")
    one_of(late_commits, get_args(LateCommits), f"{what}, late_commits", "way to treat late commits")
    back = timedelta(0) if overlap is None else duration(overlap, f"{what}, overlap")
    return cursor, unit, back, late_commits, what


def _milliseconds(text: str) -> str:
    return str(duration(text, "timeout") // timedelta(milliseconds=1))
