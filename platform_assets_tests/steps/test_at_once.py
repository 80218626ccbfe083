"""Two runs at once, of the same partitions or of neighbours, in threads and in processes, end in the tables that one run makes."""

import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier, Event
from typing import Any

import pytest

from platform_assets.steps.run import Run, span_of
from platform_assets.steps.silver import make_silver, quarantine_table, silver_table
from platform_assets.stores.delta import Lake, Table, Written
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import LAYERS, Business, deliver, same

RANGES = {"the same": [(0, 7), (0, 7)], "overlapping": [(0, 5), (2, 7)], "neighbours": [(0, 3), (4, 7)]}


def whole(home: Path | str) -> Business:
    business = Business(home)
    deliver(business, Random(3))
    return business


@pytest.mark.parametrize("ranges", RANGES)
def test_threads(tmp_path: Path, home: str, ranges: str) -> None:
    together, alone = whole(f"{home}/together"), whole(tmp_path / "alone")
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


def test_processes(tmp_path: Path, home: str) -> None:
    """Each makes all layers of all partitions, one a few moments behind the other at most."""
    together, alone = whole(f"{home}/together"), whole(tmp_path / "alone")
    alone.make_range()
    start = tmp_path / "start"
    program = [sys.executable, "-m", "platform_assets_tests.steps.other_process", f"{home}/together"]
    running = [subprocess.Popen([*program, ",".join(LAYERS), "0", "7", str(start)], cwd=ROOT) for _ in range(2)]
    while len(list(tmp_path.glob("start.*"))) < len(running):
        assert all(process.poll() is None for process in running), "a process ended before it began"
        time.sleep(0.01)
    start.touch()
    assert [process.wait(120) for process in running] == [0, 0]
    together.make_stale()
    same(together.tables(), alone.tables())
    same(together.ledger(), alone.ledger())


class Turns(Lake):
    """A lake whose writer tells when it comes to a table, waits there, and tells when it has written it."""

    def __init__(
        self, root: str, *, comes: Mapping[Table, Event] = {}, waits: Mapping[Table, Event] = {}, wrote: Mapping[Table, Event] = {}
    ) -> None:
        super().__init__(root)
        self.__dict__.update(events=(comes, waits, wrote))

    def replace(self, table: Table, *arguments: Any, **named: Any) -> Written:
        comes, waits, wrote = self.__dict__["events"]
        if table in comes:
            comes[table].set()
        assert table not in waits or waits[table].wait(60)
        written = super().replace(table, *arguments, **named)
        if table in wrote:
            wrote[table].set()
        return written


@pytest.mark.parametrize("last", ["the older run", "the newer run"])
def test_of_two_runs_that_judge_two_editions_of_a_day_the_last_to_write_judges_the_newer_one(tmp_path: Path, last: str) -> None:
    """Their four writes cross: whoever finds silver changed since it read raw judges again."""
    business = whole(tmp_path)
    for layer in LAYERS[:2]:
        business.make(layer, business.first, business.last)
    began, first, second = Event(), Event(), Event()
    silver, quarantine, root = silver_table(business.source), quarantine_table(business.source), business.lake.root
    if last == "the newer run":
        older = Turns(root, comes={quarantine: began}, waits={quarantine: first}, wrote={silver: second})
        newer = Turns(root, wrote={quarantine: first}, waits={silver: second})
    else:
        older = Turns(root, comes={quarantine: began}, wrote={quarantine: first}, waits={silver: second})
        newer = Turns(root, waits={quarantine: first}, wrote={silver: second})
    day = business.first + 4

    def judge(lake: Lake) -> None:
        make_silver(business.source, day, day, Run(lake, Ledger(lake), "run", business.now))

    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(judge, older)]
        assert began.wait(60)
        business.sell(4, "400 ada 1", "401 bob 2", "402 cy -1")
        business.make("raw", day, day)
        runs.append(threads.submit(judge, newer))
        for run in runs:
            run.result()
    assert business.stale("silver") == [day + 1, day + 2], "those that look back at it for duplicates"
    counted = business.entries("sales/silver")[business.day(4)].details
    aside = business.lake.scan(quarantine, by="arrival", span=span_of(business.source.partitions, day, day)).collect().height
    assert (counted["received"], counted["quarantined"]) == (3, aside)


class Dying(Turns):
    """One whose process dies when it comes to silver."""

    def replace(self, table: Table, *arguments: Any, **named: Any) -> Written:
        if table[1] == "silver":
            raise KeyboardInterrupt
        return super().replace(table, *arguments, **named)


def test_quarantine_of_a_run_that_died_beside_newer_silver_is_stale(tmp_path: Path) -> None:
    business = whole(tmp_path)
    day, quarantine = business.first + 4, quarantine_table(business.source)
    for layer in LAYERS[:2]:
        business.make(layer, business.first, business.last)
    began, first, second = Event(), Event(), Event()
    older = Dying(business.lake.root, comes={quarantine: began}, waits={quarantine: first}, wrote={quarantine: second})
    newer = Turns(business.lake.root, wrote={quarantine: first}, waits={silver_table(business.source): second})

    def judge(lake: Lake) -> None:
        make_silver(business.source, day, day, Run(lake, Ledger(lake), "run", business.now))

    with ThreadPoolExecutor(2) as threads:
        died = threads.submit(judge, older)
        assert began.wait(60)
        business.sell(4, "400 ada 1", "401 bob 2", "402 cy -1")
        business.make("raw", day, day)
        threads.submit(judge, newer).result()
        with pytest.raises(KeyboardInterrupt):
            died.result()
    assert day in business.stale("silver")


@in_turn("platform_assets/steps/", "platform_assets/stores/")
def test_a_run_that_judges_an_older_edition_forgets_no_event_day_of_a_newer_one(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for number in range(8):
        business.sell(number, f"{number}0 ada 1")
    business.make_range()
    day, silver = business.first + 5, silver_table(business.source)
    comes, goes = Event(), Event()
    older = Turns(business.lake.root, comes={silver: comes}, waits={silver: goes})
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(lambda: make_silver(business.source, day, day, Run(older, Ledger(older), "slow", business.now)))
        assert comes.wait(60)
        business.sell(5, "50 ada 1", "51 bob 7 -4")
        for layer in ("raw", "silver"):
            business.make(layer, day, day)
        business.make("report", business.first + 1, business.first + 1)  # with the late row
        goes.set()
        slow.result()
    business.sell(5, "50 ada 1")  # and it is taken back
    business.make_stale()
    straight = Business(tmp_path / "straight")
    straight.deliveries.update(business.deliveries)
    straight.make_range()
    same(business.tables([("takings", "gold")]), straight.tables([("takings", "gold")]))
