"""Writers of one table at the same time, in threads and in processes: nothing is lost, nothing stands there twice."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import polars as pl
import pytest

from platform_assets.errors import LakeError
from platform_assets.stores import delta as delta_module
from platform_assets.stores import ledger as ledger_module
from platform_assets.stores.delta import Lake, Overtaken, PartitionFacts
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.tables import Moment
from platform_assets_tests.stores.tables import TABLE, day, heights, hour, lake_in, replace, rows, span

SILVER = "orders/silver"


@pytest.fixture
def lake(home: str) -> Lake:
    return lake_in(home)


def at_once(act: Callable[[int], object], writers: int) -> None:
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(act, range(writers)))


@pytest.mark.parametrize("unit", [day, hour])
def test_neighbours_that_make_the_table_together_all_stay(lake: Lake, unit: Callable[[int], Moment]) -> None:
    at_once(lambda n: [replace(lake, rows([n, n], unit), span(n, unit=unit)) for _ in range(3)], 4)
    assert heights(lake) == {unit(n): 2 for n in range(4)}
    assert lake.version(TABLE) == 11


@pytest.mark.parametrize("exists", [False, True])
def test_writers_of_the_same_partition_leave_the_rows_of_one(lake: Lake, exists: bool) -> None:
    if exists:
        replace(lake, rows([9]), span(9))
    at_once(lambda n: replace(lake, rows([1] * (n + 1)), span(1), run=str(n)), 4)
    version = lake.version(TABLE)
    assert version is not None
    last = lake.commit(TABLE, version)
    assert last is not None
    assert heights(lake)[day(1)] == int(last.run) + 1 == last.facts[0].rows
    assert Ledger(lake).entries(SILVER)["2024-01-01"].rows == last.facts[0].rows


def test_what_a_writer_is_told_is_its_own_commit(lake: Lake) -> None:
    told = {}

    def write(n: int) -> None:
        for turn in range(4):
            run = f"{n}.{turn}"
            told[run] = replace(lake, rows([n]), span(n), run=run).version

    at_once(write, 3)
    for run, version in told.items():
        commit = lake.commit(TABLE, version)
        assert commit is not None and commit.run == run


def test_columns_added_by_two_at_once_are_both_there(lake: Lake) -> None:
    replace(lake, rows([9]), span(9))
    at_once(lambda n: replace(lake, rows([n], **{f"y{n}": [n]}), span(n)), 3)
    found = lake.scan(TABLE).sort("partition").collect()
    assert [found[f"y{n}"].to_list()[n] for n in range(3)] == [0, 1, 2]


def test_steps_that_record_together_lose_no_entry(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "FILES_OF_A_TABLE", 5)
    replace(lake, rows([1]), span(1))

    def record(n: int) -> None:
        for turn in range(6):
            Ledger(lake).record([Entry(SILVER, f"{n}.{turn}", 0, "v1", turn)])

    at_once(record, 4)
    assert {f"{n}.{turn}" for n in range(4) for turn in range(6)} == Ledger(lake).entries(SILVER).keys()


WRITES = """
import sys
from platform_assets.stores.delta import Lake, Overtaken, PartitionFacts
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets_tests.stores.tables import day, replace, rows, span
lake, me = Lake(sys.argv[1]), int(sys.argv[2])
sys.stdin.read()
for turn in range(1, 6):
    for first, last, own in ((me * 10, me * 10 + 1, "own"), (5, 6, "shared")):
        written = replace(lake, rows([first] * turn + [last] * me), span(first, last), run=f"{me}.{turn}.{own}")
        Ledger(lake).record([Entry("orders/silver", day(first).isoformat(), written.version, "v1", turn + me, run=f"{me}.{turn}.{own}")])
"""


def test_two_processes_end_as_if_they_had_taken_turns(lake: Lake) -> None:
    command = [sys.executable, "-c", WRITES, lake.root]
    writers = [subprocess.Popen([*command, str(me)], stdin=subprocess.PIPE) for me in (1, 2)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0, 0]
    found = heights(lake)
    shared = Ledger(lake).entries(SILVER)[day(5).isoformat()]
    me, turn, _ = shared.run.split(".")
    assert found == {day(10): 5, day(11): 1, day(20): 5, day(21): 2, day(5): int(turn), day(6): int(me)}
    assert lake.version(TABLE) == 19
    runs = [commit.run for commit in (lake.commit(TABLE, version) for version in range(20)) if commit is not None]
    for me in ("1", "2"):
        turns = [int(run.split(".")[1]) for run in runs if run.startswith(me)]
        assert all(before <= after for before, after in pairwise(turns))


def test_a_writer_that_is_always_too_late_gives_up_and_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(lake, rows([1]), span(1))
    monkeypatch.setattr(delta_module, "TRIES", 2)
    slow = rows([1]).lazy().map_batches(lambda frame: replace(lake, rows([1, 1]), span(1)) and frame, schema=rows([1]).schema)
    with pytest.raises(LakeError, match=r"2 times another writer of \[2024-01-01, 2024-01-02\) was faster"):
        lake.replace(TABLE, slow, by="partition", span=span(1), facts=[], declaration_version="v", run="r")
    assert heights(lake) == {day(1): 2}


def made_from(lake: Lake, version: int, number: int, frame: pl.DataFrame | pl.LazyFrame) -> None:
    facts = [PartitionFacts(f"{day(number)}", 1)]
    lake.replace(TABLE, frame, by="partition", span=span(number), facts=facts, declaration_version="v1", run="late", made_from=version)


@pytest.mark.parametrize("theirs", [[1, 1], []], ids=["rows", "no rows"])
@pytest.mark.parametrize("version", [-1, 0])
def test_rows_made_from_what_another_has_replaced_meanwhile_are_refused(lake: Lake, version: int, theirs: list[int]) -> None:
    if version == 0:
        replace(lake, rows([1, 2]), span(1, 2))
    replace(lake, rows(theirs), span(1))
    with pytest.raises(Overtaken, match=rf"orders/silver 2024-01-01 was changed by another run after Delta version {version}"):
        made_from(lake, version, 1, rows([1]))
    assert heights(lake).get(day(1), 0) == len(theirs)
    made_from(lake, version, 3, rows([3]))
    assert heights(lake)[day(3)] == 1, "another's partition is not a hindrance"


def test_rows_are_refused_too_when_another_replaces_theirs_while_they_are_written(lake: Lake) -> None:
    """A real conflict: the other's commit comes between the check and ours."""
    replace(lake, rows([1]), span(1))
    slow = rows([1]).lazy().map_batches(lambda frame: replace(lake, rows([1, 1]), span(1)) and frame, schema=rows([1]).schema)
    with pytest.raises(Overtaken):
        made_from(lake, 0, 1, slow)
    assert heights(lake) == {day(1): 2}
