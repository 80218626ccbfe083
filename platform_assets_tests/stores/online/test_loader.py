"""Bulk writing: versions decide, tombstones go by themselves, and every refusal is an error."""

import time
from datetime import UTC, datetime

import polars as pl
import pytest

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore, Session
from platform_assets.stores.online.key_layout import entity_keys
from platform_assets.stores.online.loader import BATCH, Loader, Unannounced
from platform_assets.stores.online.publication_state import Readable, begin, end
from platform_assets.stores.online.value_layout import pack, tombstone, version_of_field
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.stores.online.world import LAYOUT

AT = datetime(2024, 3, 1, tzinfo=UTC)
TOKEN = "0123456789ab"


def rows(entities: int, total: int) -> pl.DataFrame:
    last = [f"{total}:é" * (entity % 3) for entity in range(entities)]
    return pl.DataFrame({"customer_id": range(entities), "valid_from": [AT] * entities, "total": [total] * entities, "last": last})


def write(loader: Loader, store: OnlineStore, frame: pl.DataFrame, version: int) -> int:
    return loader.write(entity_keys(LAYOUT, frame, store.project), pack(LAYOUT, frame, version), version)


def field(session: Session, entity: int) -> bytes:
    packed: bytes = session.call("HGET", f"{session.store.project}:{{customer:{entity}}}", LAYOUT.field)
    return packed


@pytest.fixture
def session(store: OnlineStore) -> Session:
    """A session whose publication has begun."""
    session = store.session()
    begin(session, LAYOUT, TOKEN, Readable("memory", 0, 0, 0, 0, 0))
    return session


@pytest.fixture
def loader(session: Session) -> Loader:
    return Loader(session, LAYOUT, TOKEN)


def test_a_value_is_replaced_unless_the_stored_one_is_newer(loader: Loader, session: Session, store: OnlineStore) -> None:
    assert write(loader, store, rows(3, total=1), version=5) == 3
    assert write(loader, store, rows(5, total=2), version=4) == 2, "only those that were not there"
    assert write(loader, store, rows(1, total=3), version=5) == 1, "the same version replaces itself"
    assert write(loader, store, rows(1, total=4), version=300) == 1, "300 is more than 5, though not as its last byte"
    assert write(loader, store, rows(1, total=5), version=255) == 0
    found = LAYOUT.unpack([field(session, entity) for entity in range(5)])
    assert [total for total, _ in found.rows] == [4, 1, 1, 2, 2]


def test_tombstones_obey_the_same_rule(loader: Loader, session: Session, store: OnlineStore) -> None:
    write(loader, store, rows(2, total=1), version=5)
    keys = entity_keys(LAYOUT, rows(2, total=0), store.project)
    assert loader.bury(keys[:1], 4) == 0
    assert loader.bury(keys[:1], 6) == 1
    assert write(loader, store, rows(2, total=1), version=5) == 1, "a tombstone keeps older values away"
    assert field(session, 0) == tombstone(6)
    assert write(loader, store, rows(1, total=9), version=7) == 1
    assert version_of_field(field(session, 0)) == 7


def test_more_rows_than_a_batch_are_all_written(loader: Loader, session: Session, store: OnlineStore) -> None:
    count = 40 * BATCH + 1
    assert write(loader, store, rows(count, total=1), version=5) == count
    assert LAYOUT.unpack([field(session, count - 1)]).rows == [(1, "1:é" * ((count - 1) % 3))]
    assert write(loader, store, rows(0, total=1), version=5) == 0


def test_only_tombstones_expire_and_then_the_entity_takes_no_memory(session: Session, store: OnlineStore) -> None:
    loader = Loader(session, LAYOUT, TOKEN, seconds=1)
    write(loader, store, rows(2, total=1), version=5)
    loader.bury(entity_keys(LAYOUT, rows(2, total=0), store.project), 6)
    write(loader, store, rows(1, total=2), version=7)
    time.sleep(1.3)
    assert version_of_field(field(session, 0)) == 7, "a value in a tombstone's place does not inherit its end"
    assert session.call("EXISTS", f"{store.project}:{{customer:1}}") == 0


def test_an_entity_that_comes_back_takes_as_little_memory_as_before(loader: Loader, session: Session, store: OnlineStore) -> None:
    key, keys = f"{store.project}:{{customer:0}}", entity_keys(LAYOUT, rows(1, total=0), store.project)
    session.call("HSET", key, "of another view", "its value")
    write(loader, store, rows(1, total=1), version=5)
    before = session.call("MEMORY", "USAGE", key)
    assert session.call("OBJECT", "ENCODING", key) == b"listpack"
    loader.bury(keys, 6)
    assert session.call("OBJECT", "ENCODING", key) == b"hashtable", "Valkey's price for a field that expires"
    write(loader, store, rows(1, total=1), version=7)
    assert session.call("OBJECT", "ENCODING", key) == b"listpack"
    # The allocator rounds what grew field by field otherwise than what is written at once; the other encoding would take 176 more.
    assert abs(session.call("MEMORY", "USAGE", key) - before) <= 32
    assert session.call("HGET", key, "of another view") == b"its value"
    assert version_of_field(field(session, 0)) == 7


def test_another_views_tombstone_keeps_its_end(session: Session, store: OnlineStore) -> None:
    loader, keys = Loader(session, LAYOUT, TOKEN, seconds=1), entity_keys(LAYOUT, rows(1, total=0), store.project)
    loader.bury(keys, 6)
    session.call("HSET", keys[0], "of another view", tombstone(3))
    session.call("HEXPIRE", keys[0], 1, "FIELDS", 1, "of another view")
    write(loader, store, rows(1, total=1), version=7)
    time.sleep(1.3)
    assert session.call("HKEYS", keys[0]) == [LAYOUT.field]


def test_where_the_server_cannot_expire_fields_tombstones_stay(session: Session, store: OnlineStore) -> None:
    loader = Loader(session, LAYOUT, TOKEN, seconds=1)
    assert loader.expires, "Valkey 9 can"
    loader._seconds = b"$1\r\n0\r\n"  # what a server without HEXPIRE is told
    loader.bury(entity_keys(LAYOUT, rows(1, total=0), store.project), 6)
    time.sleep(1.3)
    assert field(session, 0) == tombstone(6)


def test_a_publication_that_the_store_does_not_know_writes_nothing(loader: Loader, session: Session, store: OnlineStore) -> None:
    end(session, LAYOUT, TOKEN, Readable("memory", 0, 0, 0, 0, 0), 0, AT)
    with pytest.raises(Unannounced, match="publish again"):
        write(loader, store, rows(1, total=1), version=5)
    assert field(session, 0) is None


def test_what_the_server_refuses_is_an_error(loader: Loader, session: Session, store: OnlineStore) -> None:
    session.call("SET", f"{store.project}:{{customer:1}}", "no hash")
    with pytest.raises(OnlineError, match=r"refuses a command: .*wrong kind of value"):
        write(loader, store, rows(3, total=1), version=5)


def test_a_lost_server_is_an_error_that_names_it_without_its_password(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), {"requirepass": "hunter2"}) as server:
        store = OnlineStore(server.url.replace("://", "://:hunter2@"), "lost")
        with store.session() as session:
            begin(session, LAYOUT, TOKEN, Readable("memory", 0, 0, 0, 0, 0))
            loader = Loader(session, LAYOUT, TOKEN)
            server.kill()
            with pytest.raises(OnlineError, match=r"online store redis://\*\*\*@127.0.0.1:\d+/0 does not answer") as failed:
                write(loader, store, rows(40 * BATCH, total=1), version=5)
            assert "hunter2" not in str(failed.value)
            with pytest.raises(OnlineError, match="does not answer"):
                session.call("PING")


def test_a_session_never_connects_again(valkey: EmbeddedValkey, store: OnlineStore) -> None:
    with store.session() as session, OnlineStore(valkey.url).session() as other:
        other.call("CLIENT", "KILL", "ID", session.call("CLIENT", "ID"))
        for _ in range(2):
            with pytest.raises(OnlineError, match="does not answer"):
                session.call("PING")


def test_a_wrong_password_is_told_as_such(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), {"requirepass": "hunter2"}) as server:
        store = OnlineStore(server.url.replace("://", "://:hunter3@"))
        with pytest.raises(OnlineError, match="refuses the user or password") as failed:
            store.check()
        assert "hunter3" not in str(failed.value)


def test_an_address_that_is_none_is_told_as_such() -> None:
    with pytest.raises(OnlineError, match="is not an address"):
        OnlineStore("http://127.0.0.1").pool()
    with pytest.raises(OnlineError, match=r"is not an address: .*unexpected keyword argument 'timeot'") as failure:
        OnlineStore("redis://ada:hunter2@127.0.0.1:1/0?timeot=3").check()
    assert "hunter2" not in str(failure.value)
