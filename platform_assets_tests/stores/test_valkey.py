"""The embedded Valkey: its data stay, it is alone on its folder, and what goes wrong is told."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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


STARTS = """
import sys, time
from pathlib import Path
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
with EmbeddedValkey(Path(sys.argv[1])) as server, OnlineStore(server.url).session() as session:
    session.call("SET", "written", 1)
    print(server.pid, flush=True)
    time.sleep(60)
"""


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_it_ends_with_its_killed_parent_and_saves_before(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        os.kill(parent.pid, signal.SIGKILL)
    end = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_running(pid)
    with EmbeddedValkey(tmp_path) as server, OnlineStore(server.url).session() as session:
        assert session.call("GET", "written") == b"1"


def test_it_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    with ThreadPoolExecutor(1) as other:
        other.submit(server.start).result()
    try:
        time.sleep(0.2)
        with OnlineStore(server.url).session() as session:
            assert session.call("PING") == b"PONG"
    finally:
        server.stop()


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
