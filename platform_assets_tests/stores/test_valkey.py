"""The embedded Valkey: its data stay, it is alone on its folder, and what goes wrong is told."""

import os
from pathlib import Path

import pytest

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey


def test_what_was_written_is_there_after_a_stop_and_not_after_a_kill(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server, OnlineStore(server.url).session() as session:
        session.call("SET", "saved", 1)
    with EmbeddedValkey(tmp_path / "valkey") as server, OnlineStore(server.url).session() as session:
        assert session.call("GET", "saved") == b"1"
        session.call("SET", "not saved", 1)
        server.kill()
    with EmbeddedValkey(tmp_path / "valkey") as server, OnlineStore(server.url).session() as session:
        assert session.call("MGET", "saved", "not saved") == [b"1", None]


def test_stopping_ends_its_process(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path).start()
    pid = server.pid
    os.kill(pid, 0)
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    server.stop()
    with pytest.raises(OnlineError, match="is not running"):
        server.pid  # noqa: B018


def test_two_servers_never_share_a_folder(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server:
        with pytest.raises(OnlineError, match=rf"another Valkey already runs on {tmp_path} \({server.url}, process {server.pid}\)"):
            EmbeddedValkey(tmp_path).start()
        assert server.start() is server
        with EmbeddedValkey(tmp_path / "other") as other:
            assert other.url != server.url
    EmbeddedValkey(tmp_path).start().stop()


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(OnlineError, match=r"did not start in (?s:.*)no-such-setting"):
        EmbeddedValkey(tmp_path, {"no-such-setting": "1"}).start()
    EmbeddedValkey(tmp_path).start().stop()


def test_it_keeps_small_hashes_small_and_drops_nothing(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server, OnlineStore(server.url).session() as session:
        assert session.call("CONFIG", "GET", "hash-max-listpack-value", "maxmemory-policy", "bind") == {
            b"hash-max-listpack-value": b"1024",
            b"maxmemory-policy": b"noeviction",
            b"bind": b"127.0.0.1",
        }
