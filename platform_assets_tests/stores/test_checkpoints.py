"""Opening a table costs what it has, not how often it was written: every few commits there is a checkpoint, and no commit goes."""

from collections.abc import Callable

import pytest

from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import LEDGER, Entry, Ledger
from platform_assets.stores.tables import Table
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.stores.tables import TABLE, day, lake_in, replace, rows, span

COMMITS = 52


def write(lake: Lake, number: int) -> None:
    replace(lake, rows([1 + number % 3]), span(1 + number % 3))


def record(lake: Lake, number: int) -> None:
    Ledger(lake).record([Entry("orders/silver", f"{day(number)}", number, "v1", 1)])


@pytest.mark.parametrize(("table", "act"), [(TABLE, write), (LEDGER, record)], ids=["a table", "the ledger"])
def test_a_checkpoint_is_made_and_read_and_the_commits_stay(home: str, table: Table, act: Callable[[Lake, int], None]) -> None:
    lake = lake_in(home)
    for number in range(COMMITS):
        act(lake, number)
    log = on_disk(lake.uri(table)) / "_delta_log"
    newest = lake.version(table)
    assert newest is not None and newest >= COMMITS - 1
    commits = sorted(log.glob("*.json"))
    assert len(commits) == newest + 1, "training sets pin versions, and the ledger is repaired from commits"
    versions = [49] if lake.storage(table).is_local else [9, 19, 29, 39, 49]
    assert sorted(file.name[:20] for file in log.glob("*.checkpoint.parquet")) == [f"{version:020d}" for version in versions]
    before = lake.scan(table).collect().height
    for commit in commits[:50]:  # those that the checkpoint stands for are not needed to read the table
        commit.unlink()
    assert lake.scan(table).collect().height == before
    act(lake, COMMITS)
    assert lake.version(table) == newest + 1
