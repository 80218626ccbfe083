"""A private PostgreSQL on loopback, from the programs that are installed; its data vanish with it."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def programs() -> Path | None:
    """The folder of the newest installed PostgreSQL's programs; Debian keeps them off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("postgres")
    return folders[-1] if folders else Path(on_path).resolve().parent if on_path else None


@contextmanager
def postgres(folder: Path, user: str, password: str) -> Iterator[int]:
    """Start it with one user, who owns everything and needs the password; yields the port."""
    data = Path(tempfile.mkdtemp(prefix="postgres-"))
    secret = data / "password"
    secret.write_text(password)
    account = _account_that_may_run_it(data)
    authentication = [f"--username={user}", "--auth=scram-sha-256", f"--pwfile={secret}"]
    subprocess.run([folder / "initdb", "-D", data / "data", *authentication, "--no-sync"], check=True, capture_output=True, **account)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-p", str(port)]
    with open(data / "log", "wb") as log:
        server = subprocess.Popen([folder / "postgres", "-D", data / "data", *options], stdout=log, stderr=log, **account)
    try:
        deadline = time.monotonic() + 60
        while subprocess.run([folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL did not start:\n" + (data / "log").read_text()[-2000:])
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(data, ignore_errors=True)


def _account_that_may_run_it(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as an account without rights, to which the folder is given."""
    if os.geteuid():
        return {"cwd": folder}
    account = pwd.getpwnam("nobody")
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    return {"cwd": folder, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
