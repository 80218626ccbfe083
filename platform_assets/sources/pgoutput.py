"""Changes of PostgreSQL's tables, from the messages of its plug-in pgoutput, in the envelope that Debezium made common.

A message is one of those of "Logical Replication Message Formats" in PostgreSQL's manual, in version 1 of the protocol: the server sends a
transaction when it has been committed, its changes in their order, whole.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from platform_assets.errors import SourceError

Op = Literal["c", "u", "d", "t", "r"]
"""Insert, update, delete, truncate; r: a row that was there when the stream began."""
Row = Mapping[str, str | None]
"""A row's values as the server writes them, by column."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """Where a change stands: changes of one row are in this order, and so are all of a database.

    A record's own place in the log is not enough: transactions write between each other's records, and count when they commit.
    """

    commit_lsn: int
    """Of the transaction's commit; of rows that were there, of the moment at which they were seen."""
    sequence: int
    """The number of the change in its transaction, from 1 on."""


class Column(NamedTuple):
    """A column of a table, as it is when a change is made."""

    name: str
    type: str
    """The name of its type; of one that the server has not named, its number."""
    is_key: bool
    """Whether it belongs to the replica identity, by which the server tells which row it was."""


@dataclass(frozen=True)
class Origin:
    """Where a change comes from."""

    schema: str
    table: str
    lsn: int
    """Of the change's record in the log, as Debezium's `source.lsn`."""
    txid: int
    ts: datetime
    """When the transaction was committed."""
    position: Position


@dataclass(frozen=True)
class Change:
    """A change of a row, or of a table as a whole."""

    op: Op
    before: Row | None
    """Of an update or delete: the row as it was, or only its key if that is all that the server tells; None: nothing."""
    after: Row | None
    """The row as it is. None of a delete and of a truncate."""
    source: Origin
    columns: tuple[Column, ...]
    """Of the table then: another object when the table has been altered."""
    unchanged: tuple[str, ...] = ()
    """Columns that `after` lacks: large values that the change left as they were, which the server does not send again (TOAST)."""
    moved_from: Row | None = None
    """Of an insert that is the second half of a change of the key: the key that the row had."""


@dataclass(frozen=True)
class Commit:
    """The end of a transaction. Who has stored its changes may acknowledge `end_lsn`."""

    txid: int
    commit_lsn: int
    end_lsn: int
    ts: datetime


@dataclass(frozen=True)
class _Table:
    schema: str
    name: str
    columns: tuple[Column, ...]
    is_full: bool
    """Whether the server tells the whole row as it was (REPLICA IDENTITY FULL)."""
    key: tuple[str, ...]


@dataclass
class _Transaction:
    txid: int
    commit_lsn: int
    ts: datetime
    changes: int = 0


class Decoder:
    """Makes changes of messages. It remembers the tables that the server has described, so that it is made anew with each connection.

    keys: by table, such as "public.orders", its key, where that is not the replica identity: a change of it becomes a delete and an insert.
    types: names of types by their number.
    """

    def __init__(self, keys: Mapping[str, Sequence[str]] | None = None, types: Mapping[int, str] | None = None) -> None:
        self._keys, self._types = dict(keys or {}), dict(types or {})
        self._tables: dict[int, _Table] = {}
        self._open: _Transaction | None = None

    @property
    def is_inside(self) -> bool:
        """Whether a transaction has begun and not ended."""
        return self._open is not None

    def decode(self, lsn: int, message: bytes) -> Iterator[Change | Commit]:
        """What a message says.

        lsn: where its record stands in the log.

        Raises:
            SourceError: it is none that this decoder knows.
        """
        kind = message[:1]
        if kind == b"I":
            table, at = self._table(message)
            after, missing, _ = _tuple(message, at + 1, table)
            yield Change("c", None, after, self._origin(table, lsn), table.columns, missing)
        elif kind == b"U":
            yield from self._update(lsn, message)
        elif kind == b"D":
            table, at = self._table(message)
            before, _, _ = _tuple(message, at + 1, table)
            yield Change("d", _key_of(before, table, message[at : at + 1]), None, self._origin(table, lsn), table.columns)
        elif kind == b"B":
            commit_lsn, micros, txid = struct.unpack_from(">QqI", message, 1)
            self._open = _Transaction(txid, commit_lsn, _EPOCH + timedelta(microseconds=micros))
        elif kind == b"C":
            commit_lsn, end_lsn, micros = struct.unpack_from(">QQq", message, 2)
            opened, self._open = self._transaction(), None
            yield Commit(opened.txid, commit_lsn, end_lsn, _EPOCH + timedelta(microseconds=micros))
        elif kind == b"R":
            self._describe(message)
        elif kind == b"T":
            count, _ = struct.unpack_from(">IB", message, 1)
            for oid in struct.unpack_from(f">{count}I", message, 6):
                table = self._known(oid)
                yield Change("t", None, None, self._origin(table, lsn), table.columns)
        elif kind == b"Y":
            (oid,) = struct.unpack_from(">I", message, 1)
            _, at = _text(message, 5)
            self._types[oid], _ = _text(message, at)
        elif kind not in (b"O", b"M"):  # where a replicated transaction came from; what a program has written into the log
            raise SourceError(f"pgoutput sent a message {kind!r}, which this version does not know. Ask for version 1 of its protocol.")

    def _update(self, lsn: int, message: bytes) -> Iterator[Change]:
        table, at = self._table(message)
        told, before = message[at : at + 1], None
        if told in (b"K", b"O"):
            row, _, at = _tuple(message, at + 1, table)
            before = _key_of(row, table, told)
        after, missing, _ = _tuple(message, at + 1, table)
        if missing and before is not None and told == b"O":
            after = {column.name: before[column.name] if column.name in missing else after[column.name] for column in table.columns}
            missing = ()
        change = Change("u", before, after, self._origin(table, lsn), table.columns, missing)
        old = None if before is None else {name: before.get(name) for name in table.key}
        if not table.key or old is None or old == {name: after.get(name) for name in table.key}:
            yield change
            return
        yield replace(change, op="d", after=None, unchanged=())
        yield replace(change, op="c", before=None, source=self._origin(table, lsn), moved_from=old)

    def _describe(self, message: bytes) -> None:
        (oid,) = struct.unpack_from(">I", message, 1)
        schema, at = _text(message, 5)
        name, at = _text(message, at)
        identity = message[at : at + 1]
        (count,) = struct.unpack_from(">H", message, at + 1)
        at += 3
        columns = []
        for _ in range(count):
            flags = message[at]
            column, at = _text(message, at + 1)
            (type_oid,) = struct.unpack_from(">I", message, at)
            at += 8
            columns.append(Column(column, self._types.get(type_oid, str(type_oid)), bool(flags & 1)))
        schema = schema or "pg_catalog"
        declared = self._keys.get(f"{schema}.{name}")
        is_full = identity == b"f"
        key = tuple(declared) if declared is not None else () if is_full else tuple(c.name for c in columns if c.is_key)
        self._tables[oid] = _Table(schema, name, tuple(columns), is_full, key)

    def _table(self, message: bytes) -> tuple[_Table, int]:
        return self._known(struct.unpack_from(">I", message, 1)[0]), 5

    def _known(self, oid: int) -> _Table:
        if oid not in self._tables:
            raise SourceError(f"pgoutput sent a change of table {oid}, which it has not described. Begin a new connection.")
        return self._tables[oid]

    def _transaction(self) -> _Transaction:
        if self._open is None:
            raise SourceError("pgoutput sent a change outside of a transaction. Begin a new connection.")
        return self._open

    def _origin(self, table: _Table, lsn: int) -> Origin:
        opened = self._transaction()
        opened.changes += 1
        return Origin(table.schema, table.name, lsn, opened.txid, opened.ts, Position(opened.commit_lsn, opened.changes))


def _tuple(message: bytes, at: int, table: _Table) -> tuple[dict[str, str | None], tuple[str, ...], int]:
    """A row, the columns that were not sent since they are as they were, and where it ends."""
    count = message[at] << 8 | message[at + 1]
    at += 2
    row: dict[str, str | None] = {}
    missing: list[str] = []
    for number in range(count):
        kind, name = message[at], table.columns[number].name
        at += 1
        if kind == 0x74:  # t
            end = at + 4 + int.from_bytes(message[at : at + 4], "big")
            row[name] = message[at + 4 : end].decode()
            at = end
        elif kind == 0x6E:  # n
            row[name] = None
        elif kind == 0x75:  # u
            missing.append(name)
        else:
            raise SourceError(f"pgoutput sent a value of kind {chr(kind)!r}. Ask it for texts.")
    return row, tuple(missing), at


def _key_of(row: dict[str, str | None], table: _Table, told: bytes) -> dict[str, str | None]:
    """The row as it was. Where only its key is told, the server sends nulls for the others: they are left out."""
    return row if told == b"O" else {column.name: row[column.name] for column in table.columns if column.is_key and column.name in row}


def _text(message: bytes, at: int) -> tuple[str, int]:
    end = message.index(b"\x00", at)
    return message[at:end].decode(), end + 1


def lsn_text(lsn: int) -> str:
    """A place in the log as PostgreSQL writes it.

    >>> lsn_text(0x1A2B3C4D5E6F), lsn_number("1A2B/3C4D5E6F") == 0x1A2B3C4D5E6F
    ('1A2B/3C4D5E6F', True)
    """
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def lsn_number(text: str) -> int:
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)
