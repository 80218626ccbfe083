"""Changes of a real PostgreSQL by logical replication: the envelope of each kind, the order, no gap behind the snapshot, nothing lost."""

import itertools
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from platform_assets.errors import SourceError
from platform_assets.sources.pgoutput import Change, Commit, Position
from platform_assets.sources.postgres_session import Connection
from platform_assets.sources.replication import Slot, drop_slot, new_slot, stream
from platform_assets_tests.postgres_server import running
from platform_assets_tests.sources.postgres_tables import URL, Database
from platform_assets_tests.sources.postgres_tables import database as database
from platform_assets_tests.sources.postgres_tables import postgres as postgres

TABLE = "CREATE TABLE orders (id int PRIMARY KEY, name text, body text)"
LARGE = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 400))"


@pytest.fixture
def slot(database: Database) -> Iterator[Slot]:
    """A slot's name, with a publication of all tables."""
    database.sql("CREATE PUBLICATION shop FOR ALL TABLES")
    found = Slot(Connection(URL, None), database.name, "shop", "source 'orders'")
    yield found
    with suppress(SourceError):
        drop_slot(found)


def begun(slot: Slot) -> None:
    """Makes the slot; the tables are empty."""
    with new_slot(slot):
        pass


def read(slot: Slot, *, acknowledge: bool = True, **keys: Any) -> list[Change]:
    """The changes that were committed until now."""
    with stream(slot, **keys) as opened:
        found = list(opened.changes())
        if acknowledge:
            opened.acknowledge(opened.read)
    return [change for change in found if isinstance(change, Change)]


def told(change: Change) -> tuple[Any, ...]:
    return (change.op, change.before, change.after, *([change.unchanged] if change.unchanged else []))


def test_each_operation_has_its_envelope(database: Database, slot: Slot) -> None:
    database.sql(TABLE)
    begun(slot)
    database.sql("INSERT INTO orders VALUES (1, 'ada', null), (2, '', 'ä')", "UPDATE orders SET name = 'bob' WHERE id = 1")
    database.sql("DELETE FROM orders WHERE id = 2", "TRUNCATE orders")
    changes = read(slot)
    assert [told(change) for change in changes] == [
        ("c", None, {"id": "1", "name": "ada", "body": None}),
        ("c", None, {"id": "2", "name": "", "body": "ä"}),
        ("u", None, {"id": "1", "name": "bob", "body": None}),
        ("d", {"id": "2"}, None),
        ("t", None, None),
    ]
    first, second = changes[0].source, changes[1].source
    assert (first.schema, first.table) == ("public", "orders") and first.txid == second.txid != changes[2].source.txid
    assert first.position[0] == second.position[0] > first.lsn > 0 and (first.position.sequence, second.position.sequence) == (1, 2)
    assert [(c.name, c.type, c.is_key) for c in changes[0].columns] == [
        ("id", "int4", True),
        ("name", "text", False),
        ("body", "text", False),
    ]
    assert abs(first.ts.timestamp() - time.time()) < 60
    assert read(slot) == [], "what was acknowledged is not sent again"


def test_an_update_that_changes_the_key_is_a_delete_and_an_insert(database: Database, slot: Slot) -> None:
    database.sql(TABLE, f"INSERT INTO orders VALUES (1, 'ada', {LARGE})")
    begun(slot)
    database.sql("UPDATE orders SET id = 7 WHERE id = 1")
    gone, come = read(slot)
    assert told(gone) == ("d", {"id": "1"}, None)
    assert told(come) == ("c", None, {"id": "7", "name": "ada"}, ("body",)) and come.moved_from == {"id": "1"}
    assert gone.source.position < come.source.position and gone.source.position.commit_lsn == come.source.position.commit_lsn


def test_a_declared_key_tells_it_too_where_the_whole_row_is_sent(database: Database, slot: Slot) -> None:
    database.sql(TABLE, "ALTER TABLE orders REPLICA IDENTITY FULL", f"INSERT INTO orders VALUES (1, 'ada', {LARGE})")
    begun(slot)
    body = database.value("SELECT body FROM orders")
    database.sql("UPDATE orders SET name = 'bob'", "UPDATE orders SET id = 7", "DELETE FROM orders")
    row = {"id": "1", "name": "bob", "body": body}
    assert [told(change) for change in read(slot, keys={"public.orders": ["id"]})] == [
        ("u", {**row, "name": "ada"}, row),
        ("d", row, None),
        ("c", None, {**row, "id": "7"}),
        ("d", {**row, "id": "7"}, None),
    ], "a large value that did not change is taken from the row as it was"


def test_a_large_value_that_did_not_change_is_named_and_never_null(database: Database, slot: Slot) -> None:
    database.sql(TABLE, f"INSERT INTO orders VALUES (1, 'ada', {LARGE})")
    begun(slot)
    database.sql("UPDATE orders SET name = null", "UPDATE orders SET body = null")
    assert [told(change) for change in read(slot)] == [
        ("u", None, {"id": "1", "name": None}, ("body",)),
        ("u", None, {"id": "1", "name": None, "body": None}),
    ]


def test_each_change_has_the_columns_of_its_time(database: Database, slot: Slot) -> None:
    database.sql("CREATE TYPE mood AS ENUM ('sad', 'happy')", TABLE)
    begun(slot)
    database.sql("INSERT INTO orders VALUES (1)", "ALTER TABLE orders ADD size numeric(8, 2) DEFAULT 1.5, ADD mood mood")
    database.sql("INSERT INTO orders VALUES (2, null, null, 2, 'happy')", "ALTER TABLE orders DROP name, ALTER size TYPE text")
    database.sql("INSERT INTO orders VALUES (3, null, 'large')")
    changes = [change for change in read(slot) if change.op == "c"]
    assert [change.after for change in changes] == [
        {"id": "1", "name": None, "body": None},
        {"id": "2", "name": None, "body": None, "size": "2.00", "mood": "happy"},
        {"id": "3", "body": None, "size": "large", "mood": None},
    ]
    assert [{c.name: c.type for c in change.columns}.get("size") for change in changes] == [None, "numeric", "text"]
    assert {c.name: c.type for c in changes[1].columns}["mood"] == "mood"


def test_values_are_written_as_in_a_snapshot_whatever_the_database_has_set(database: Database, slot: Slot) -> None:
    database.sql(
        "CREATE TABLE orders (id int PRIMARY KEY, at timestamptz, span interval, bytes bytea, list int[], number float8, doc jsonb)"
    )
    database.sql(f"ALTER DATABASE {database.name} SET TimeZone = 'Asia/Tokyo'", f"ALTER DATABASE {database.name} SET DateStyle = 'German'")
    with new_slot(slot) as snapshot:
        values = "'2024-03-05 10:00:00.000001+01', '1 day 2 hours', '\\x00ff', '{1,null}', 0.1, '{\"a\": 1.10}'"
        database.sql(f"INSERT INTO orders VALUES (1, {values})")
        assert list(snapshot.rows("public", "orders")) == []
    (change,) = read(slot)
    written = {"at": "2024-03-05 09:00:00.000001+00", "span": "P1DT2H", "bytes": "\\x00ff", "list": "{1,NULL}", "number": "0.1"}
    assert change.after == {"id": "1", **written, "doc": '{"a": 1.10}'}
    drop_slot(slot)
    with new_slot(slot) as snapshot:
        (seen,) = snapshot.rows("public", "orders", key=["id"])
    assert seen.op == "r" and seen.after == change.after
    assert [c._replace(is_key=False) for c in seen.columns] == [c._replace(is_key=False) for c in change.columns]


class Copy:
    """A table as its changes make it. A change at or below the position that a key has changes nothing."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str | None]] = {}
        self.positions: dict[str, Position] = {}
        self.emptied = Position(0, 0)

    def apply(self, change: Change) -> None:
        position = change.source.position
        if change.op == "t":
            self.emptied = max(self.emptied, position)
            for key in [key for key in self.rows if self.positions[key] < position]:
                del self.rows[key]
            return
        row = change.after if change.after is not None else change.before
        assert row is not None and row["id"] is not None
        key = row["id"]
        if position <= max(self.positions.get(key, Position(0, 0)), self.emptied):
            return
        self.positions[key] = position
        if change.after is None:
            self.rows.pop(key, None)
        else:
            had = self.rows.get(key, {})
            self.rows[key] = {**{column: had.get(column) for column in change.unchanged}, **change.after}


def there(database: Database) -> dict[str, dict[str, str | None]]:
    with database.session() as session:
        rows = session.execute("SELECT id::text, name, body FROM orders").fetchall()
    return {number: {"id": number, "name": name, "body": body} for number, name, body in rows}


def write(database: Database, seed: int, seconds: float) -> None:
    """Transactions of some changes of a few rows; some are rolled back, as a whole or to a savepoint. However slow the machine, many."""
    chance, ends = random.Random(seed), time.monotonic() + seconds
    with database.session(autocommit=False) as session:
        for transaction in itertools.count():
            if transaction > 150 and time.monotonic() > ends:
                return
            for number in sorted(chance.sample(range(40), 3)):  # in one order, so that no two wait for each other
                session.execute("SAVEPOINT here")
                kind = chance.random()
                body = LARGE if chance.random() < 0.3 else "null"
                if kind < 0.5:
                    changed = "name = excluded.name" if chance.random() < 0.5 else "name = excluded.name, body = excluded.body"
                    values = f"({number}, '{seed}-{chance.random()}', {body})"
                    session.execute(f"INSERT INTO orders VALUES {values} ON CONFLICT (id) DO UPDATE SET {changed}".encode())
                else:
                    session.execute(f"DELETE FROM orders WHERE id = {number}".encode())
                if kind > 0.9:
                    session.execute("ROLLBACK TO here")
            session.rollback() if chance.random() < 0.1 else session.commit()


@pytest.mark.slow
def test_a_snapshot_and_the_changes_after_it_are_the_table_while_others_write(database: Database, slot: Slot) -> None:
    database.sql(TABLE)
    writers = [threading.Thread(target=write, args=(database, seed, 6.0)) for seed in range(3)]
    for writer in writers:
        writer.start()
    time.sleep(1)
    copy, seen, came = Copy(), list[Change](), list[Change]()
    with new_slot(slot) as snapshot:
        time.sleep(1)  # what is committed meanwhile is not in it
        seen += snapshot.rows("public", "orders")
    for change in seen:
        copy.apply(change)
    chance = random.Random(7)
    for turn in itertools.count():
        is_last = not any(writer.is_alive() for writer in writers)
        # Every other time the reader dies, before it has stored what it read, or after, and cannot say so.
        found = read(slot, acknowledge=turn % 2 == 1)
        came += found
        for change in found:
            copy.apply(change)
        if is_last:
            break
        time.sleep(0.2)
    for writer in writers:
        writer.join()
    assert copy.rows == there(database)
    assert len(came) > len({change.source.position for change in came}) > 300, "some came twice"
    assert len({(c.source.position, c.op, str(c.after)) for c in came}) == len({c.source.position for c in came}), "each has its own"
    for change in chance.sample([*seen, *came], len(seen) + len(came)):
        copy.apply(change)
    assert copy.rows == there(database), "once more, in any order, they change nothing"
    anew = Copy()
    for change in [*seen, *sorted(came, key=lambda change: change.source.position)]:
        anew.apply(change)
    assert anew.rows == copy.rows and any(change.unchanged for change in came)


def test_positions_are_in_the_order_of_commits(database: Database, slot: Slot) -> None:
    """Two transactions write between each other's records; the one that began first commits last."""
    database.sql(TABLE)
    begun(slot)
    with database.session(autocommit=False) as one, database.session(autocommit=False) as other:
        one.execute("INSERT INTO orders VALUES (1)")
        other.execute("INSERT INTO orders VALUES (2)")
        one.execute("INSERT INTO orders VALUES (3)")
        other.commit()
        one.commit()
    changes = read(slot)
    assert [change.after["id"] for change in changes if change.after] == ["2", "1", "3"]
    positions = [change.source.position for change in changes]
    assert positions == sorted(positions) and changes[0].source.lsn > changes[1].source.lsn


def test_what_was_not_acknowledged_comes_again_with_the_same_positions(database: Database, slot: Slot) -> None:
    database.sql(TABLE)
    begun(slot)
    database.sql("INSERT INTO orders VALUES (1)", "INSERT INTO orders VALUES (2)")
    first = read(slot, acknowledge=False)
    assert read(slot, acknowledge=False) == first and len(first) == 2
    with stream(slot) as opened:  # one of two transactions is stored
        for change in opened.changes():
            if isinstance(change, Commit):
                opened.acknowledge(change.end_lsn)
                break
    assert read(slot) == first[1:]


def test_changes_of_other_tables_do_not_hold_up_the_log(database: Database, slot: Slot) -> None:
    database.sql(TABLE, "CREATE TABLE others (id int PRIMARY KEY)", "DROP PUBLICATION shop", "CREATE PUBLICATION shop FOR TABLE orders")
    begun(slot)
    database.sql("INSERT INTO others SELECT generate_series(1, 1000)")
    confirmed = f"SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '{slot.name}'"
    before = database.value(confirmed)
    assert read(slot) == []
    assert database.value(f"SELECT confirmed_flush_lsn > '{before}' FROM pg_replication_slots WHERE slot_name = '{slot.name}'")


def test_a_snapshot_that_fails_leaves_no_slot(database: Database, slot: Slot) -> None:
    database.sql(TABLE)
    with (
        pytest.raises(SourceError, match=r"the table public.order cannot be used: relation \"public.order\" does not exist"),
        new_slot(slot) as found,
    ):
        list(found.rows("public", "order"))
    assert database.value("SELECT count(*) FROM pg_replication_slots") == 0


def test_what_cannot_be_read_says_what_to_do(database: Database, slot: Slot) -> None:
    with pytest.raises(
        SourceError, match=r"there is no publication 'shopp'. Let an administrator run CREATE PUBLICATION \"shopp\" FOR TABLE"
    ):
        begun(Slot(slot.connection, slot.name, "shopp", slot.where))
    with pytest.raises(SourceError, match=rf"the slot '{slot.name}' cannot be read: replication slot .* does not exist. Make it, and read"):
        read(slot)
    begun(slot)
    with pytest.raises(
        SourceError, match=rf"the slot '{slot.name}' cannot be used: .* already exists. Another source uses it, or a run died"
    ):
        begun(slot)
    with stream(slot), pytest.raises(SourceError, match=r"is active for PID \d+. Another process reads it"):
        read(slot)
    with pytest.raises(SourceError, match=r"'Shop; drop' is no name of a slot"):
        Slot(slot.connection, "Shop; drop", "shop", slot.where)
    database.login("zoe")
    try:
        with pytest.raises(SourceError, match=r"Let an administrator run ALTER ROLE \.\.\. REPLICATION for the user in SHOP_DATABASE_URL"):
            begun(Slot(slot.connection, f"{slot.name}_b", "shop", slot.where))
    finally:
        database.sql("DROP OWNED BY zoe", "DROP USER zoe")


@pytest.mark.slow
def test_a_server_that_keeps_no_logical_log_or_too_little_of_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = Slot(Connection(URL, None), "shop", "shop", "source 'orders'")
    with running(wal_level="replica") as server:
        monkeypatch.setenv(URL, server.url())
        server.sql("CREATE PUBLICATION shop FOR ALL TABLES")
        with pytest.raises(SourceError, match="Set wal_level = logical on the server"):
            begun(slot)
    with running(max_slot_wal_keep_size="1MB", max_wal_size="32MB", min_wal_size="32MB") as server:
        monkeypatch.setenv(URL, server.url())
        server.sql(TABLE, "CREATE PUBLICATION shop FOR ALL TABLES")
        begun(slot)
        for _ in range(4):
            server.sql(
                f"INSERT INTO orders SELECT n + coalesce((SELECT max(id) FROM orders), 0), '', {LARGE} FROM generate_series(1, 3000) n"
            )
            server.sql("SELECT pg_switch_wal()", "CHECKPOINT")
        with pytest.raises(SourceError, match=r"Changes are lost: .* Drop the slot 'shop', and begin with a snapshot"):
            read(slot)


@pytest.mark.slow
def test_fifty_thousand_changes_take_a_second_of_cpu(database: Database, slot: Slot) -> None:
    database.sql(TABLE)
    begun(slot)
    database.sql("INSERT INTO orders SELECT n, 'name ' || n, 'the body of order ' || n FROM generate_series(1, 200000) n")
    began = time.process_time()
    with stream(slot) as opened:
        count = sum(isinstance(change, Change) for change in opened.changes())
    seconds = time.process_time() - began
    print(f"{count / seconds:,.0f} changes a CPU second")
    assert count == 200_000 and count / seconds > 50_000
