"""Runs Dagster's UI on the existing data: the web server, the daemon and the online store, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import click

from platform_assets.cli.environment import lake_shown, online_store, use_dagster_home
from platform_assets.errors import PlatformError, SettingsError, extra
from platform_assets.settings import load_settings
from platform_assets.stores.location import storage_at

HOST = "127.0.0.1"
_STARTS_WITHIN = 180.0
_ENDS_WITHIN = 30.0


def run_ui(port: int, module: str) -> None:
    """Starts all three, prints the URL once it answers, and stops them in order on Ctrl-C or SIGTERM."""
    with extra("ui"):
        import dagster_webserver  # noqa: F401
    settings = load_settings()
    if not storage_at(settings.lake_root, settings.storage_options).folders():
        raise SettingsError(f"there is no data in {settings.lake_root} yet: run `make demo` first, or set PLATFORM_LAKE.")
    _check_free(port)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    use_dagster_home(settings, module)
    log = Path(os.environ["DAGSTER_HOME"]) / "ui.log"
    with online_store(settings) as store:
        history = os.path.relpath(os.environ["DAGSTER_HOME"])
        click.echo(f"Starting Dagster on {lake_shown(settings)}, history in {history}, online store: {store}")
        dagster = _dagster(port, module, log)
        try:
            if _answers(port, dagster, stop, log):
                click.echo(f"http://{HOST}:{port}    Ctrl-C stops it; Dagster's log: {os.path.relpath(log)}")
            while not stop.wait(0.2):
                _check_alive(dagster, log)
        finally:
            _end(dagster)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            other = f"platform-assets ui --port {port + 1}, or make ui PORT={port + 1}"
            raise SettingsError(f"another program listens on port {port}, perhaps a running UI. Use another port: {other}") from None


def _dagster(port: int, module: str, log: Path) -> "subprocess.Popen[bytes]":
    """`dagster dev`: the web server, the daemon and one code server, in a separate session, so that we can pass on Ctrl-C."""
    command = [sys.executable, "-m", "dagster", "dev", "-m", module, "-h", HOST, "-p", str(port), "--log-level", "warning"]
    with log.open("wb") as said:
        return subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL, start_new_session=True)


def _answers(port: int, dagster: "subprocess.Popen[bytes]", stop: threading.Event, log: Path) -> bool:
    """Waits until the web server answers; False if told to stop before that."""
    end = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < end:
        if stop.wait(0.2):
            return False
        _check_alive(dagster, log)
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/server_info", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            continue
    raise PlatformError(f"Dagster did not answer on port {port} within {_STARTS_WITHIN:.0f} s. {_last_words(log)}")


def _check_alive(dagster: "subprocess.Popen[bytes]", log: Path) -> None:
    if dagster.poll() is not None:
        raise PlatformError(f"Dagster exited unexpectedly with exit code {dagster.returncode}. {_last_words(log)}")


def _last_words(log: Path) -> str:
    return f"The end of {log}:\n{log.read_text(errors='replace')[-1500:]}"


def _end(dagster: "subprocess.Popen[bytes]") -> None:
    """Sends Ctrl-C to all of them; whatever still runs after a while is killed."""
    _signal(dagster, signal.SIGINT)
    end = time.monotonic() + _ENDS_WITHIN
    while _signal(dagster, 0) and time.monotonic() < end:
        dagster.poll()
        time.sleep(0.1)
    _signal(dagster, signal.SIGKILL)
    dagster.wait()


def _signal(dagster: "subprocess.Popen[bytes]", number: int) -> bool:
    """Whether a process of the session still existed to receive the signal."""
    try:
        os.killpg(dagster.pid, number)
    except ProcessLookupError:
        return False
    return True
