"""Changes of a PostgreSQL database as they were committed: what is there first, then every change, none lost.

A slot keeps the log on the server from the moment on at which it was made. It is made together with a snapshot, so the rows that are read
from that and the changes that follow have no gap between them and no overlap. What was read is forgotten by the server when it is
acknowledged, and not before: who dies is sent it once more, with the same positions.
"""

import re
import select
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from platform_assets.errors import SourceError, extra
from platform_assets.sources.pgoutput import Change, Column, Commit, Decoder, Origin, Position, lsn_number
from platform_assets.sources.postgres_errors import while_connecting, words_of
from platform_assets.sources.postgres_session import APPLICATION, Connection, hidden, literal
from platform_assets.sources.postgres_sql import quoted

_WRITTEN_AS = "-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1"
_PATIENCE = "-c wal_sender_timeout=15min"
"""How long the server waits for somebody who stores what was read."""
_ROWS_AT_ONCE = 5_000
_SAYS_HOW_FAR = 5.0
"""Seconds after which the server is told that this end lives."""


@dataclass(frozen=True)
class Slot:
    """Where changes are kept for one reader."""

    connection: Connection
    name: str
    publication: str
    where: str
    """For messages: source and partition."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]{1,63}", self.name):
            raise SourceError(f"{self.where}: {self.name!r} is no name of a slot: small letters, digits and _ alone, at most 63.")


@dataclass(frozen=True)
class Snapshot:
    """The tables as they were when a slot was made."""

    name: str
    lsn: int
    """Changes that were committed at or after it are those that the slot sends."""
    slot: Slot

    def rows(self, schema: str, table: str, key: Sequence[str] = ()) -> Iterator[Change]:
        """All rows of a table, as changes of the kind `r`, in texts as changes have them. Some thousand are in memory."""
        import psycopg

        with _session(self.slot) as session, _told(self.slot, f"the table {schema}.{table}"):
            session.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            session.execute(_sql(f"SET TRANSACTION SNAPSHOT {literal(self.name)}"))
            seen = session.execute("SELECT transaction_timestamp()").fetchone()[0].astimezone(UTC)
            name = f"{quoted(schema)}.{quoted(table)}"
            described = session.execute(_sql(f"SELECT * FROM {name} LIMIT 0")).description or []
            types = _type_names()
            columns = tuple(Column(one.name, types.get(one.type_code, str(one.type_code)), one.name in key) for one in described)
            listed = ", ".join(f"{quoted(column.name)}::text" for column in columns)
            with psycopg.ServerCursor(session, "rows") as cursor:
                cursor.itersize = _ROWS_AT_ONCE
                cursor.execute(_sql(f"SELECT {listed} FROM {name}"))
                names = [column.name for column in columns]
                for number, row in enumerate(cursor, 1):
                    origin = Origin(schema, table, self.lsn, 0, seen, Position(self.lsn, number))
                    yield Change("r", None, dict(zip(names, row, strict=True)), origin, columns)


@contextmanager
def new_slot(slot: Slot) -> Iterator[Snapshot]:
    """Makes a slot, and shows the tables as they are at that moment as long as the context is open.

    If what is done in it fails, the slot is removed: without all rows of the snapshot its changes are of no use. A process that is killed
    leaves it; `drop_slot` then, and begin again.

    Raises:
        SourceError: the slot is there already, there is no such publication, the server keeps no logical log, or the user may not.
    """
    with _session(slot) as session, _told(slot, "the publication"):
        found = session.execute("SELECT 1 FROM pg_publication WHERE pubname = %s", [slot.publication]).fetchone()
        if found is None:
            raise SourceError(
                f"{slot.where}: there is no publication {slot.publication!r}. Let an administrator run CREATE PUBLICATION "
                f"{quoted(slot.publication)} FOR TABLE ..., with the tables whose changes are read."
            )
    with _session(slot, replicates=True) as session:
        with _told(slot, f"the slot {slot.name!r}"):
            made = session.execute(_sql(f"CREATE_REPLICATION_SLOT {slot.name} LOGICAL pgoutput EXPORT_SNAPSHOT")).fetchone()
        try:
            yield Snapshot(made[2], lsn_number(made[1]), slot)
        except BaseException:
            session.close()
            with suppress(SourceError):
                drop_slot(slot)
            raise


def drop_slot(slot: Slot) -> None:
    """Removes a slot, so that the server keeps no log for it. None there: nothing."""
    with _session(slot) as session, _told(slot, f"the slot {slot.name!r}"):
        session.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", [slot.name])


class Stream:
    """The changes that a slot has, in the order in which they were committed."""

    def __init__(self, session: Any, slot: Slot, upto: int, keys: Mapping[str, Sequence[str]] | None) -> None:
        self._pg, self._slot = session.pgconn, slot
        self.upto = upto
        """How far the log went when the stream began."""
        self._decoder = Decoder(keys, _type_names())
        self._read, self._stored, self._told_at = 0, 0, time.monotonic()

    def changes(self, upto: int | None = None) -> Iterator[Change | Commit]:
        """All changes of transactions that were committed before a place in the log; by default those that are there when it begins."""
        upto = self.upto if upto is None else upto
        while True:
            size, data = self._pg.get_copy_data(1)
            if size > 0:
                message = bytes(data)
                if message[:1] == b"w":
                    (lsn,) = struct.unpack_from(">Q", message, 1)
                    for change in self._decoder.decode(lsn, message[25:]):
                        yield change
                        if isinstance(change, Commit):
                            self._read = change.end_lsn
                            if change.end_lsn >= upto:
                                return
                else:
                    (end,) = struct.unpack_from(">Q", message, 1)
                    if end >= upto and not self._decoder.is_inside:
                        self._read = max(self._read, end)
                        return
                    if message[17]:
                        self._say()
            elif size == 0:
                self._wait()
            else:
                said = self._pg.get_result()
                reason = words_of((said.error_message if said is not None else self._pg.error_message).decode(errors="replace"))
                raise SourceError(f"{self._slot.where}: the changes of the slot {self._slot.name!r} ended: {reason}. {_AGAIN}")
            if time.monotonic() - self._told_at > _SAYS_HOW_FAR:
                self._say()

    @property
    def read(self) -> int:
        """Up to where everything was given that was committed. It may be acknowledged when it is stored."""
        return self._read

    def acknowledge(self, lsn: int) -> None:
        """Says that all changes of transactions that ended at or before a place are stored: they are not sent again."""
        self._stored = max(self._stored, lsn)
        self._say()

    def _wait(self) -> None:
        """Until something comes; the server is asked how far it is."""
        self._say(asks=True)
        select.select([self._pg.socket], [], [], 1.0)
        try:
            self._pg.consume_input()
        except Exception as error:
            raise SourceError(f"{self._slot.where}: the connection broke: {words_of(str(error))}. {_AGAIN}") from None

    def _say(self, *, asks: bool = False) -> None:
        import psycopg

        self._told_at = time.monotonic()
        try:
            # A status update: what was read, what is stored, what is visible, the time (not needed), whether an answer is wanted.
            self._pg.put_copy_data(b"r" + struct.pack(">QQQqB", max(self._read, self._stored), self._stored, self._stored, 0, asks))
            self._pg.flush()
        except psycopg.Error as error:
            raise SourceError(f"{self._slot.where}: the connection broke: {words_of(str(error))}. {_AGAIN}") from None


_AGAIN = "What was not acknowledged is sent again: read once more"


@contextmanager
def stream(slot: Slot, keys: Mapping[str, Sequence[str]] | None = None) -> Iterator[Stream]:
    """Reads what a slot has.

    keys: by table, such as "public.orders", the columns of its key, where that is not its replica identity.

    Raises:
        SourceError: there is no such slot, another reader has it, or the server has thrown away log that it needed.
    """
    from psycopg.pq import ExecStatus

    with _session(slot, replicates=True) as session:
        with _told(slot, f"the slot {slot.name!r}"):
            upto = lsn_number(session.execute("IDENTIFY_SYSTEM").fetchone()[2])
        names = literal(quoted(slot.publication))
        command = f"START_REPLICATION SLOT {slot.name} LOGICAL 0/0 (proto_version '1', publication_names {names})"
        begun, ends = session.pgconn.exec_(command.encode()), time.monotonic() + _SLOT_IS_FREE_WITHIN
        while b"is active for PID" in begun.error_message and time.monotonic() < ends:  # the server has not noticed yet that a reader died
            time.sleep(0.1)
            begun = session.pgconn.exec_(command.encode())
        if begun.status != ExecStatus.COPY_BOTH:
            said = begun.error_message.decode(errors="replace")
            raise SourceError(f"{slot.where}: the slot {slot.name!r} cannot be read: {words_of(said)}. {_advice(said, slot)}")
        yield Stream(session, slot, upto, keys)


@contextmanager
def _session(slot: Slot, *, replicates: bool = False) -> Iterator[Any]:
    url = slot.connection.url(slot.where)
    with extra("postgres"):
        import psycopg
    options = f"{_WRITTEN_AS} {_PATIENCE}" if replicates else _WRITTEN_AS
    more: dict[str, Any] = {"replication": "database"} if replicates else {}
    try:
        session = psycopg.connect(
            url, autocommit=True, connect_timeout=10, options=options, application_name=f"{APPLICATION}: {slot.name}"[:63], **more
        )
    except psycopg.Error as error:
        said = hidden(str(error), url)
        raise SourceError(f"{slot.where}: {while_connecting(said, str(slot.connection))}") from None
    try:
        yield session
    finally:
        session.close()


_SLOT_IS_FREE_WITHIN = 5.0
"""Seconds that are waited for a slot which another reader has."""


@contextmanager
def _told(slot: Slot, what: str) -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        said = f"ERROR: {error}"
        raise SourceError(f"{slot.where}: {what} cannot be used: {words_of(said)}. {_advice(said, slot)}") from None


_ADVICE = (
    (r"wal_level", "Set wal_level = logical on the server, and start it again."),
    (r"already exists", "Another source uses it, or a run died before it had all rows: take another name, or drop it and begin again."),
    (r"is active for PID", "Another process reads it: wait until that has ended."),
    (
        r"invalidated|can no longer|no longer get changes|already been removed",
        "Changes are lost: the server has kept less log than was needed. Drop the slot {slot!r}, and begin with a snapshot.",
    ),
    (r"does not exist", "Make it, and read the rows that are there, before changes are read."),
    (
        r"permission denied|must be superuser|REPLICATION",
        "Let an administrator run ALTER ROLE ... REPLICATION, and GRANT SELECT on the tables.",
    ),
    (r"slots are in use", "Raise max_replication_slots, or drop a slot that nobody reads."),
)


def _advice(said: str, slot: Slot) -> str:
    found = next((advice for pattern, advice in _ADVICE if re.search(pattern, said)), "See the server's log.")
    return found.format(slot=slot.name)


def _type_names() -> dict[int, str]:
    from psycopg.postgres import types

    found: dict[int, str] = {}
    for one in types:
        found[one.oid] = one.name
        if one.array_oid:
            found[one.array_oid] = f"{one.name}[]"
    return found


def _sql(text: str) -> bytes:
    return text.encode()
