"""The ledger says what was written last, whoever died, wrote twice or came later."""

import signal
import subprocess
import sys
from dataclasses import replace as changed
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from platform_assets.errors import LakeError
from platform_assets.stores import ledger as ledger_module
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import LEDGER, Entry, Ledger
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.stores.tables import TABLE, lake_in, replace, rows, span

SILVER = "orders/silver"


@pytest.fixture
def lake(home: str) -> Lake:
    return lake_in(home)


def step(lake: Lake, day: int, rows_written: int, **facts: object) -> Entry:
    """Writes a day as a step does, without the ledger; gives the entry that a step would record."""
    written = replace(lake, rows([day] * rows_written), span(day), **facts)
    commit = lake.commit(TABLE, written.version)
    assert commit is not None
    [fact] = commit.facts
    return Entry(SILVER, fact.partition, written.version, "v1", fact.rows, fact.status, fact.tier, "run", fact.details)


def recorded(lake: Lake) -> int:
    """How many rows the ledger has on disk."""
    return lake.scan(LEDGER).collect().height if lake.exists(LEDGER) else 0


def test_a_lake_without_tables_has_no_entries(lake: Lake) -> None:
    assert Ledger(lake).entries(SILVER) == {} and Ledger(lake).all_entries() == {}


def test_what_was_recorded_is_read_as_it_was(lake: Lake) -> None:
    entry = step(lake, 1, 2, status="blocked", tier="LOW", details={"reasons": {'it\'s "so"': 3}, "share": 0.25, "read": {"orders/raw": 7}})
    Ledger(lake).record([entry])
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry}


def test_the_entry_with_the_highest_delta_version_counts_not_the_last_recorded(lake: Lake) -> None:
    older, newer = step(lake, 1, 1), step(lake, 1, 2)
    Ledger(lake).record([newer])
    Ledger(lake).record([older])
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": newer}


def test_entries_at_a_version_are_those_that_were_there_then(lake: Lake) -> None:
    first, second, third = step(lake, 1, 1), step(lake, 2, 1), step(lake, 1, 2)
    Ledger(lake).record([first, second, third])
    read = Ledger(lake)
    assert read.entries(SILVER, -1) == {}
    assert read.entries(SILVER, 0) == {"2024-01-01": first}
    assert read.entries(SILVER, 1) == {"2024-01-01": first, "2024-01-02": second}
    assert read.entries(SILVER, 2) == read.entries(SILVER, 99) == {"2024-01-01": third, "2024-01-02": second}


def test_one_append_holds_entries_of_several_tables(lake: Lake) -> None:
    silver = step(lake, 1, 1)
    replace(lake, rows([1]), span(1), ("orders", "quarantine"))
    quarantine = changed(silver, table="orders/quarantine")
    Ledger(lake).record([silver, quarantine])
    assert lake.version(LEDGER) == 0
    assert Ledger(lake).all_entries() == {"orders/quarantine": {"2024-01-01": quarantine}, SILVER: {"2024-01-01": silver}}


def test_lost_entries_are_read_from_the_commits_and_written_by_the_next_step(lake: Lake) -> None:
    kept, lost, last = step(lake, 1, 1, details={"a": 1}), step(lake, 1, 2, details={"a": 2}), step(lake, 2, 3)
    Ledger(lake).record([kept])
    ledger = Ledger(lake)
    assert ledger.entries(SILVER) == {"2024-01-01": lost, "2024-01-02": last}
    assert ledger.entries(SILVER, 1) == {"2024-01-01": lost}
    assert recorded(lake) == 1, "reading writes nothing"
    other = changed(last, table="other/gold")
    ledger.record([other])
    assert recorded(lake) == 4
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": lost, "2024-01-02": last}
    ledger.record([])
    assert recorded(lake) == 4, "they are written once"


def test_what_was_recorded_counts_more_than_what_was_recovered(lake: Lake) -> None:
    said = step(lake, 1, 2)
    early = Ledger(lake)
    early.entries(SILVER)  # reads between the commit of the data and the append of the step
    Ledger(lake).record([changed(said, details={"said": "by the step"})])
    early.record([])
    assert recorded(lake) == 2
    assert Ledger(lake).entries(SILVER)["2024-01-01"].details == {"said": "by the step"}


def test_a_commit_of_others_is_looked_into_once(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = step(lake, 1, 1)
    lake.open(TABLE).alter.set_table_properties({"delta.appendOnly": "false"})
    ledger = Ledger(lake)
    ledger.record([entry])
    asked: list[int] = []
    commit = Lake.commit
    monkeypatch.setattr(Lake, "commit", lambda lake, table, version: asked.append(version) or commit(lake, table, version))
    assert ledger.entries(SILVER) == ledger.entries(SILVER) == {"2024-01-01": entry}
    assert asked == [1]
    ledger.record([])
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry}
    assert asked == [1]


def test_a_ledger_that_was_removed_is_made_anew_from_the_tables(lake: Lake) -> None:
    entries = [step(lake, 1, 1), step(lake, 2, 2)]
    assert Ledger(lake).entries(SILVER) == {entry.partition: entry for entry in entries}


def test_a_table_that_was_removed_and_made_anew_has_none_of_its_old_entries(lake: Lake) -> None:
    Ledger(lake).record([step(lake, 1, 1), step(lake, 2, 1), step(lake, 3, 1)])
    on_disk(lake.uri(TABLE)).rename(on_disk(lake.root) / "removed")
    assert Ledger(lake).entries(SILVER) == {}
    anew = [step(lake, 4, 1), step(lake, 5, 1)]
    assert list(Ledger(lake).entries(SILVER)) == ["2024-01-04", "2024-01-05"]
    Ledger(lake).record(anew)
    step(lake, 6, 1)
    assert list(Ledger(lake).entries(SILVER)) == ["2024-01-04", "2024-01-05", "2024-01-06"]


class BackwardClock(datetime):
    """Each look at it is a minute before the one before, and all are years before any table was made."""

    looks = 0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        cls.looks += 1
        return datetime(2001, 1, 1, tzinfo=tz) - timedelta(minutes=cls.looks)


def test_the_later_of_two_decisions_counts_whatever_the_clocks_of_the_machines_say(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = step(lake, 1, 2)
    Ledger(lake).record([entry])
    monkeypatch.setattr(ledger_module, "datetime", BackwardClock)
    for decision in ("accepted", "taken back", "accepted again"):
        decided = changed(entry, details={"decision": decision})
        Ledger(lake).record([decided])
        assert Ledger(lake).entries(SILVER) == {"2024-01-01": decided}
    written = step(lake, 1, 3)
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": changed(written, declaration_version="v1")}


def test_the_order_of_decisions_outlives_the_files_that_they_were_written_to(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "FILES_OF_A_TABLE", 3)
    monkeypatch.setattr(ledger_module, "datetime", BackwardClock)
    entry = step(lake, 1, 2)
    for number in range(12):
        Ledger(lake).record([changed(entry, details={"decision": number})])
    assert len(lake.files(LEDGER)) <= 4, "they have been put together"
    assert Ledger(lake).entries(SILVER)["2024-01-01"].details == {"decision": 11}


def test_a_ledger_that_does_not_say_which_tables_it_means_is_made_anew_from_their_commits(lake: Lake) -> None:
    entry = step(lake, 1, 2)
    Ledger(lake).record([entry])
    of_old = lake.scan(LEDGER).collect().drop("table_id", "ledger_version")
    on_disk(lake.uri(LEDGER)).rename(on_disk(lake.root) / "removed")
    write_deltalake(lake.uri(LEDGER), of_old, partition_by=["table"])
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry}
    other = step(lake, 2, 1)
    Ledger(lake).record([other])
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry, "2024-01-02": other}


def test_read_once_a_ledger_stays_what_it_was(lake: Lake) -> None:
    first = step(lake, 1, 1)
    ledger = Ledger(lake)
    seen = ledger.read_once()
    assert seen.entries(SILVER) == {"2024-01-01": first}
    ledger.record([step(lake, 2, 1)])
    assert list(seen.entries(SILVER)) == ["2024-01-01"]
    assert list(ledger.entries(SILVER)) == list(ledger.read_once().entries(SILVER)) == ["2024-01-01", "2024-01-02"]


def test_details_that_are_not_json_are_refused_before_anything_is_written(lake: Lake) -> None:
    with pytest.raises(LakeError, match="must be JSON"):
        replace(lake, rows([1]), span(1), details={"day": date(2024, 1, 1)})
    with pytest.raises(LakeError, match="2024-01-01: details must be JSON"):
        Ledger(lake).record([Entry(SILVER, "2024-01-01", 0, "v1", 1, details={"day": date(2024, 1, 1)})])
    assert not lake.exists(TABLE) and not lake.exists(LEDGER)


def test_small_files_are_put_together_and_every_entry_stays(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "FILES_OF_A_TABLE", 3)
    entries = [step(lake, number, 1, details={"n": number}) for number in range(1, 10)]
    for entry in entries:
        Ledger(lake).record([entry, changed(entry, table="other/gold")])
    assert Ledger(lake).entries(SILVER) == {entry.partition: entry for entry in entries}
    assert recorded(lake) == 18
    files = pl.DataFrame(lake.open(LEDGER).get_add_actions(flatten=True))["partition.table"].value_counts()
    assert dict(files.iter_rows()).keys() == {SILVER, "other/gold"} and files["count"].max() <= 3


DIES = """
import os, signal, sys
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.stores.test_ledger import step
lake = Lake(sys.argv[1])
Ledger(lake).record([step(lake, 1, 1)])
step(lake, 2, 5, tier="HIGH", details={"accepted": 5})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_killed_between_data_and_ledger_loses_nothing(lake: Lake) -> None:
    ended = subprocess.run([sys.executable, "-c", DIES, lake.root], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert recorded(lake) == 1
    ledger = Ledger(lake)
    expected = Entry(SILVER, "2024-01-02", 1, "v1", 5, "ok", "HIGH", "run", {"accepted": 5})
    assert ledger.entries(SILVER)["2024-01-02"] == expected
    ledger.record([])
    assert recorded(lake) == 2 and Ledger(lake).entries(SILVER)["2024-01-02"] == expected


@pytest.mark.parametrize("harm", ["removed", "cut", "overwritten"])
def test_a_file_of_the_ledger_that_is_damaged_after_it_was_read_is_noticed(tmp_path: Path, harm: str) -> None:
    lake = Lake(str(tmp_path))
    entry = step(lake, 1, 1)
    Ledger(lake).record([entry])
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry}, "now its rows are kept"
    [file] = (Path(lake.uri(LEDGER), one.path) for one in lake.files(LEDGER))
    content = file.read_bytes()
    match harm:
        case "removed":
            file.unlink()
        case "cut":
            file.write_bytes(content[:100])
        case "overwritten":  # with as many bytes
            file.write_bytes(b"x" * len(content))
    with pytest.raises(LakeError, match="the ledger is damaged"):
        Ledger(lake).entries(SILVER)
    file.write_bytes(content)
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry}


def test_what_readers_do_with_entries_does_not_reach_others(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    entry = step(lake, 1, 1)
    Ledger(lake).record([entry])
    Ledger(lake).entries(SILVER).clear()
    assert Ledger(lake).entries(SILVER) == {"2024-01-01": entry}
