"""Processes that die of SIGKILL at an exact write.

Started as a program, it loads what a step needs, and then for each line of its input, a JSON `Job`, forks a child that does the job.
A fork costs a hundredth of a new Python with its libraries. (It is safe as long as the program itself computes nothing: the
libraries' threads start with their first work.)

The child runs the product as it is. Only the functions through which it writes are wrapped, to count the writes and to die at one.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import deltalake.table
import sklearn.tree  # noqa: F401  what training imports, so that no child need do it

import platform_assets.models.train  # noqa: F401
from platform_assets.steps import raw
from platform_assets.stores import delta, delta_table, folder, ledger, object_store, successor
from platform_assets.stores.online import connection, publication_state
from platform_assets.stores.online.connection import OnlineStore
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.steps.pipeline import pipeline_with


@dataclass(frozen=True)
class Job:
    """Bring some layers up, and die.

    kill: the number of the write at which to die, from 1 on; 0 to live. before: die before it, else after it.
    seconds: how long after the beginning of that write to die, wherever it stands then, instead of before or after it.
    files_of_a_table: at how many files the ledger puts them together, where a test cannot wait for sixty-four.
    """

    home: str
    layers: tuple[str, ...]
    edition: str = "new"
    redis: str | None = None
    project: str = ""
    kill: int = 0
    before: bool = False
    seconds: float = 0
    files_of_a_table: int = ledger.FILES_OF_A_TABLE


@dataclass(frozen=True)
class Ended:
    """How a job ended: minus the signal that killed it, or its exit code; the writes it had begun."""

    code: int
    writes: list[str]


class Writes:
    """Wraps every function that writes."""

    def __init__(self, job: Job, report: int) -> None:
        self._job, self._report, self._count = job, report, 0
        for module in (delta, delta_table, ledger):
            self._wrap(module, "write_deltalake", lambda table, *_, **__: f"{self._table(table)} commit")
        self._wrap(deltalake.table.TableOptimizer, "compact", lambda optimizer, *_, **__: f"{self._table(optimizer.table)} compaction")
        self._wrap(deltalake.table.DeltaTable, "create_write_transaction", lambda table, *_, **__: f"{self._table(table)} takes over")
        self._wrap(successor, "drop", lambda lake, table: f"{self._table(lake.uri(table))} ends")
        for files in (folder.Folder, object_store.Bucket):
            self._wrap(files, "write", lambda _, path, __: f"model: {path}")
        self._wrap(connection.Session, "send", lambda _, packed: self._command(b"".join(packed)))

    def _wrap(self, place: Any, name: str, label: Callable[..., str | None]) -> None:
        write = getattr(place, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            said = label(*arguments, **named)
            if said is None:
                return write(*arguments, **named)
            self._count += 1
            os.write(self._report, f"{said}\n".encode())
            mine = self._count == self._job.kill and not self._job.seconds
            if mine and self._job.before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = write(*arguments, **named)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(place, name, counted)

    def _table(self, table: Any) -> str:
        """The table's name; successors are named for what they are, and not for their versions."""
        uri = table if isinstance(table, str) else table.table_uri
        parts = Path(uri.removeprefix("file://")).parts
        names = parts[len(parts) - parts[::-1].index("lake") :]
        return "/".join(re.sub("^(_next|_wider)_.*", r"\1", name) for name in names)

    def _command(self, packed: bytes) -> str | None:
        """A command to the online store, if it writes."""
        if b"EVALSHA" in packed:
            return "online: values"
        if publication_state.BEGIN.encode() in packed:
            return "online: begin"
        if publication_state.END.encode() in packed:
            return "online: marks"
        name = packed.split(b"\r\n")[2]
        assert name in (b"HGET", b"SCRIPT", b"COMMAND", b"PING", b"INFO"), f"{name!r}: does it write? Then it is a point to die at"
        return None


def do(job: Job, report: int) -> None:
    Writes(job, report)
    ledger.FILES_OF_A_TABLE = job.files_of_a_table
    raw.PARTITIONS_AT_ONCE = 1 if job.edition == "typed" else 4  # so that a range has more than one commit
    store = OnlineStore(job.redis, job.project) if job.redis else None
    pipeline_with(job.home, job.edition, store).bring_up(*job.layers)


def main() -> None:
    for line in sys.stdin:
        job = Job(**json.loads(line))
        read, report = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            code = 0
            try:
                do(job, report)
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                os._exit(code)
        os.close(report)
        writes: list[str] = []
        with os.fdopen(read) as said:
            for write in said:
                writes.append(write.rstrip())
                if job.seconds and len(writes) == job.kill:
                    time.sleep(job.seconds)
                    os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(json.dumps(asdict(Ended(os.waitstatus_to_exitcode(status), writes))), flush=True)


class Killer:
    """The program, running: gives it jobs."""

    def __enter__(self) -> "Killer":
        command = [sys.executable, "-m", __name__]
        # One thread each: what a child starts dies with it, and there are many children.
        environment = {**os.environ, "POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()

    def run(self, job: Job) -> Ended:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


if __name__ == "__main__":
    main()
