"""Two runs at once, of the same partitions or of neighbours, in threads and in processes, end in the tables that one run makes."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier

import pytest

from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.steps.business import LAYERS, Business, deliver, same

RANGES = {"the same": [(0, 7), (0, 7)], "overlapping": [(0, 5), (2, 7)], "neighbours": [(0, 3), (4, 7)]}


def whole(home: Path) -> Business:
    business = Business(home)
    deliver(business, Random(3))
    return business


@pytest.mark.parametrize("ranges", RANGES)
def test_threads(tmp_path: Path, ranges: str) -> None:
    together, alone = whole(tmp_path / "together"), whole(tmp_path / "alone")
    alone.make_range()
    for table in LAYERS:
        barrier = Barrier(2)

        def work(first: int, last: int, table: str = table, barrier: Barrier = barrier) -> None:
            barrier.wait()
            together.make(table, together.first + first, together.first + last)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(work, *zip(*RANGES[ranges], strict=True)))
        assert together.stale(table) == alone.stale(table), "all is made that can be made"
    same(together.tables(), alone.tables())
    same(together.ledger(), alone.ledger())


def test_processes(tmp_path: Path) -> None:
    """Each makes all layers of all partitions, one a few moments behind the other at most."""
    together, alone = whole(tmp_path / "together"), whole(tmp_path / "alone")
    alone.make_range()
    start = tmp_path / "start"
    program = [sys.executable, "-m", "platform_assets_tests.steps.other_process", str(tmp_path / "together")]
    running = [subprocess.Popen([*program, ",".join(LAYERS), "0", "7", str(start)], cwd=ROOT) for _ in range(2)]
    while len(list(tmp_path.glob("start.*"))) < len(running):
        assert all(process.poll() is None for process in running), "a process ended before it began"
        time.sleep(0.01)
    start.touch()
    assert [process.wait(120) for process in running] == [0, 0]
    together.make_stale()
    same(together.tables(), alone.tables())
    same(together.ledger(), alone.ledger())
