"""What a disk loses of a table is named: the table, the partition, the file, and what repairs it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from platform_assets.errors import DamagedError, LakeError
from platform_assets.stores.damage import damage_named
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import LEDGER, Entry, Ledger
from platform_assets.stores.transaction_log import entry_fault, log_faults
from platform_assets_tests.lakes import copied_from, on_disk
from platform_assets_tests.steps.damaging import HARMS
from platform_assets_tests.stores.tables import TABLE, lake_in, replace, rows, span

SILVER = "orders/silver"
DAYS = 8


def written(lake: Lake, day: int, height: int) -> None:
    done = replace(lake, rows([day] * height), span(day))
    key = f"2024-01-{day:02d}"
    Ledger(lake).record([Entry(SILVER, key, done.version, "v1", height, files=done.files.get(key, ""))])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of days with as many rows as their number; the third day was corrected to as many rows as it had."""
    folder = tmp_path_factory.mktemp("whole")
    lake = lake_in(folder)
    for day in range(1, DAYS + 1):
        written(lake, day, day)
    written(lake, 3, 3)
    return folder


@pytest.fixture
def lake(whole: Path, home: str) -> Lake:
    return lake_in(copied_from(whole, home))


def log_file(lake: Lake, name: str) -> Path:
    return on_disk(lake.uri(TABLE)).joinpath("_delta_log", name)


def entry_file(lake: Lake, version: int) -> Path:
    return log_file(lake, f"{version:020d}.json")


def keep_first_line(file: Path) -> None:
    file.write_text(file.read_text().splitlines()[0] + "\n")


def damages(lake: Lake) -> dict[str, str]:
    return {key: entry.damage for key, entry in Ledger(lake).entries(SILVER).items() if entry.damage}


def test_a_whole_table_has_no_damage(lake: Lake) -> None:
    assert damages(lake) == {} and log_faults(lake.storage(TABLE)) == []
    lake.open(TABLE).optimize.compact()  # other files with the same rows
    assert damages(lake) == {}


@pytest.mark.parametrize("harm", [lambda file: file.write_text(""), keep_first_line], ids=["emptied", "first line only"])
@pytest.mark.parametrize(("version", "key", "said"), [(5, "2024-01-06", "6 rows"), (8, "2024-01-03", "earlier write")])
def test_rows_of_a_half_written_log_entry_are_missed(lake: Lake, version: int, key: str, said: str, harm: Callable[[Path], None]) -> None:
    harm(entry_file(lake, version))
    found = damages(lake)
    assert list(found) == [key] and said in found[key] and f"version {version}" in found[key]
    [fault] = log_faults(lake.storage(TABLE))
    assert fault.version == version


@pytest.mark.parametrize("version", [0, 4, 8])
@pytest.mark.parametrize("harm", ["overwritten", "cut in the middle", "cut at the end", "deleted"])
def test_a_log_that_cannot_be_opened_names_the_file_and_the_repair(lake: Lake, version: int, harm: str) -> None:
    HARMS[harm](entry_file(lake, version))
    with pytest.raises(LakeError, match=rf"orders/silver.*{version}.*platform-assets verify orders/silver --repair") as raised:
        Ledger(lake).entries(SILVER)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("harm", [harm for harm in HARMS if "flipped" not in harm])
def test_a_damaged_checkpoint_names_the_file_and_the_repair(lake: Lake, harm: str) -> None:
    lake.open(TABLE).create_checkpoint()
    [checkpoint] = log_file(lake, "").glob("*.checkpoint.parquet")
    HARMS[harm](checkpoint)
    with pytest.raises(LakeError, match=r"orders/silver.*checkpoint.*platform-assets verify orders/silver --repair"):
        lake.open(TABLE)


@pytest.mark.parametrize("harm", ["deleted", "emptied", "overwritten"])
def test_a_log_without_its_hint_is_read_all_the_same(lake: Lake, harm: str) -> None:
    lake.open(TABLE).create_checkpoint()
    HARMS[harm](log_file(lake, "_last_checkpoint"))
    assert lake.version(TABLE) == DAYS and damages(lake) == {}


def test_a_table_whose_log_is_gone_is_no_new_table(lake: Lake) -> None:
    shutil.rmtree(log_file(lake, ""))
    with pytest.raises(LakeError, match=r"orders/silver: its log is missing.*verify orders/silver --repair"):
        Ledger(lake).entries(SILVER)
    shutil.rmtree(on_disk(lake.uri(TABLE)))  # one that a person removes goes as a whole
    assert Ledger(lake).entries(SILVER) == {}


@pytest.mark.parametrize("harm", [harm for harm in HARMS if "flipped" not in harm])
def test_a_damaged_file_is_named_and_no_other_partition_suffers(lake: Lake, harm: str) -> None:
    [file] = [file for file in lake.files(TABLE) if file.partition == "2024-01-05"]
    HARMS[harm](on_disk(lake.uri(TABLE)).joinpath(file.path))
    if harm == "overwritten":  # seen when it is read
        [found] = lake.damaged_files(TABLE, {"2024-01-05", "2024-01-06"})
        assert "no longer a Parquet file" in found.what
        return
    with pytest.raises(DamagedError, match=rf"{SILVER} 2024-01-05.*{file.name}.*Materialize it") as raised, damage_named():
        read = lake.scan(TABLE)
        assert not lake.storage(TABLE).is_local, "in a folder it is seen before anything is read"
        read.collect()
    assert [(one.table, one.partition) for one in raised.value.found] == [(SILVER, "2024-01-05")]
    assert lake.scan(TABLE, by="partition", span=span(6, 8)).collect().height == 6 + 7 + 8


@pytest.mark.parametrize("harm", [harm for harm in HARMS if "flipped" not in harm])
def test_a_damaged_file_of_the_ledger_is_named(lake: Lake, harm: str) -> None:
    file = next(on_disk(lake.uri(LEDGER)).rglob("*.parquet"))
    HARMS[harm](file)
    with pytest.raises(LakeError, match=rf"the ledger is damaged.*{file.name}.*verify --repair"):
        Ledger(lake).entries(SILVER)


def test_a_lost_ledger_is_recovered_from_the_commits(lake: Lake) -> None:
    before = Ledger(lake).entries(SILVER)
    shutil.rmtree(on_disk(lake.uri(LEDGER)))
    found = Ledger(lake).entries(SILVER)
    assert {key: (entry.rows, entry.delta_version, entry.files) for key, entry in found.items()} == {
        key: (entry.rows, entry.delta_version, entry.files) for key, entry in before.items()
    }
    entry_file(lake, 5).write_text("")
    assert damages(lake) == {} and "2024-01-06" not in Ledger(lake).entries(SILVER)  # nobody knows of it: it never happened


def test_a_commit_that_counts_its_files_shows_that_it_was_cut(lake: Lake) -> None:
    content = entry_file(lake, 8).read_bytes()
    assert entry_fault(content, 8) is None
    lines = content.splitlines(keepends=True)
    for kept in range(1, len(lines)):
        assert entry_fault(b"".join(lines[:kept]), 8)
    for end in range(0, len(content) - 1, 7):
        assert entry_fault(content[:end], 8), end
    assert entry_fault(os.urandom(200), 8)
