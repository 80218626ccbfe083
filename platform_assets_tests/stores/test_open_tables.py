"""Tables that a process keeps open: they are always what opening them anew gives, and are opened anew only when they must be."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from platform_assets.stores.delta_table import OpenTable
from platform_assets.stores.open_tables import KEPT, OpenTables
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.rotation import PART, ROOT


def rows(day: int, value: int = 1, **more: int) -> pl.DataFrame:
    return pl.DataFrame({"partition": [date(2024, 1, 1) + timedelta(day)], "value": [value], **{name: [one] for name, one in more.items()}})


def write(table: str | DeltaTable, day: int, value: int = 1, **more: int) -> None:
    is_there = isinstance(table, DeltaTable) or DeltaTable.is_deltatable(table)
    write_deltalake(
        table,
        rows(day, value, **more),
        mode="overwrite",
        predicate=f"partition = '{date(2024, 1, 1) + timedelta(day)}'" if is_there else None,
        schema_mode="merge",
        partition_by=["partition"],
        configuration={"delta.checkpointInterval": "5"},
    )


def said(table: DeltaTable) -> tuple[object, ...]:
    """All that we ask a table for."""
    files = pl.DataFrame(table.get_add_actions(flatten=True))
    metadata = table.metadata()
    return table.version(), metadata.id, metadata.partition_columns, table.schema().to_json(), files.sort("path").to_dicts()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return str(tmp_path / "table")


@pytest.fixture
def anywhere(home: str) -> str:
    """A table in a folder and in an object store."""
    return f"{home}/table"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which tables have been opened, by name."""
    found: list[str] = []
    init = OpenTable.__init__

    def counted(self: OpenTable, table_uri: str, *args: object, **kwargs: object) -> None:
        found.append(Path(table_uri).name)
        init(self, table_uri, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenTable, "__init__", counted)
    yield found


def change(uri: str, draw: random.Random) -> None:
    """One of the things that happen to a table."""
    table = DeltaTable(uri)
    match draw.randrange(9):
        case 0:
            table.delete(f"partition = '{date(2024, 1, 1) + timedelta(draw.randrange(6))}'")
        case 1:
            table.optimize.compact()
        case 2:
            table.create_checkpoint()
        case 3:
            write(uri, draw.randrange(6), **{f"more_{draw.randrange(4)}": 1})
        case 4:
            table.alter.set_table_properties({"delta.checkpointInterval": str(draw.randrange(2, 9))})
        case 5:
            if table.version():
                table.restore(table.version() - 1)
        case _:
            write(uri, draw.randrange(6), draw.randrange(100))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_is_what_opening_it_anew_gives(anywhere: str, seed: int) -> None:
    uri = anywhere
    draw, tables, held = random.Random(f"{PART.seed} {seed}"), OpenTables(), list[tuple[OpenTable, tuple[object, ...]]]()
    write(uri, 0)
    for _ in range(40):
        for _ in range(draw.randrange(3)):
            change(uri, draw)
        if draw.random() < 0.4:
            taken = tables.take(uri)
            if draw.random() < 0.3:
                change(uri, draw)
            with suppress(CommitFailedError):
                write(taken.table, draw.randrange(6), draw.randrange(100))
                tables.give_back(uri, taken)
        table = tables.open(uri)
        assert said(table) == said(DeltaTable(uri))
        if draw.random() < 0.3:  # somebody goes on reading it
            held = [*held[-2:], (table, said(table))]
        for one, then in held:
            assert said(one) == then, "what somebody reads stays at its version"


def test_a_table_is_opened_once_and_then_only_read_on(anywhere: str, opened: list[str]) -> None:
    uri = anywhere
    write(uri, 0)
    tables = OpenTables()
    for day in range(1, 18):
        assert tables.open(uri).version() == tables.open(uri).version() == day - 1
        write(uri, day)
    assert opened == ["table"]


def test_a_table_that_is_being_read_is_opened_anew_when_it_has_changed(uri: str, opened: list[str]) -> None:
    write(uri, 0)
    tables = OpenTables()
    first = tables.open(uri)
    write(uri, 1)
    assert (first.version(), tables.open(uri).version()) == (0, 1)
    assert opened == ["table", "table"]


def test_a_writer_has_its_table_alone_and_leaves_it_open(uri: str, opened: list[str]) -> None:
    write(uri, 0)
    tables = OpenTables()
    for day in (1, 2, 3):
        taken = tables.take(uri)
        write(taken.table, day)
        tables.give_back(uri, taken)
        assert tables.open(uri).version() == day
    assert opened == ["table"]
    reader, taken = tables.open(uri), tables.take(uri)
    write(taken.table, 4)
    tables.give_back(uri, taken)
    assert (reader.version(), tables.open(uri).version()) == (3, 4)
    assert len(opened) == 3, "what somebody reads is not written with"


@pytest.mark.parametrize("version", [0, 1])
def test_what_was_damaged_while_its_writer_had_it_is_noticed(uri: str, version: int) -> None:
    write(uri, 0)
    tables = OpenTables()
    taken = tables.take(uri)
    write(taken.table, 1)
    Path(uri, f"_delta_log/{version:020d}.json").write_bytes(b"{")
    tables.give_back(uri, taken)
    if version:  # the last entry: as it is, its own writer could not tell
        Path(uri, f"_delta_log/{version:020d}.json").write_bytes(b"x")
    with pytest.raises(DeltaError):
        tables.open(uri)


def test_readers_of_one_version_share_it_and_earlier_versions_are_opened(uri: str, opened: list[str]) -> None:
    write(uri, 0)
    write(uri, 1)
    tables = OpenTables()
    newest = tables.open(uri)
    assert tables.open(uri) is newest is tables.open(uri, 1)
    assert (tables.open(uri, 0).version(), newest.version()) == (0, 1)
    assert len(opened) == 2
    with pytest.raises(DeltaError):
        tables.open(uri, 2)


def test_what_another_process_writes_is_there_at_once(anywhere: str) -> None:
    uri = anywhere
    write(uri, 0)
    tables = OpenTables()
    assert tables.open(uri).version() == 0
    code = "import sys; from platform_assets_tests.stores.test_open_tables import write; write(sys.argv[1], int(sys.argv[2]))"
    subprocess.run([sys.executable, "-c", code, uri, "1"], check=True, cwd=ROOT)
    assert tables.open(uri).version() == 1
    assert said(tables.open(uri)) == said(DeltaTable(uri))


def test_a_table_that_was_made_anew_is_another_one(anywhere: str) -> None:
    uri = anywhere
    tables = OpenTables()
    with pytest.raises(TableNotFoundError):
        tables.open(uri)
    ids = set()
    for versions in (2, 2, 1, 3, 7, 7):
        for day in range(versions):
            write(uri, day)
        table = tables.open(uri)
        assert said(table) == said(DeltaTable(uri))
        ids.add(table.metadata().id)
        shutil.rmtree(on_disk(uri))
        with pytest.raises(TableNotFoundError):
            tables.open(uri)
    assert len(ids) == 6


@pytest.mark.parametrize("harm", ["overwrite", "cut", "replace", "remove"])
@pytest.mark.parametrize("version", [0, 1])
def test_a_file_of_the_log_that_is_damaged_later_is_noticed(uri: str, version: int, harm: str) -> None:
    write(uri, 0)
    write(uri, 1)
    tables, entry = OpenTables(), Path(uri, f"_delta_log/{version:020d}.json")
    tables.open(uri)
    match harm:
        case "overwrite":  # the file keeps its inode and size
            size = entry.stat().st_size
            with entry.open("r+b") as file:
                file.write(b"x" * size)
        case "cut":
            entry.write_bytes(entry.read_bytes()[:100])
        case "replace":
            other = entry.with_name("other")
            other.write_bytes(b"x" * entry.stat().st_size)
            os.replace(other, entry)
        case "remove":
            entry.unlink()
    if (harm, version) == ("remove", 1):
        assert tables.open(uri).version() == 0
    else:
        with pytest.raises(DeltaError):
            tables.open(uri)


def test_a_new_entry_that_is_damaged_is_named_as_when_the_table_is_opened(uri: str) -> None:
    write(uri, 0)
    tables = OpenTables()
    tables.open(uri)
    Path(uri, f"_delta_log/{1:020d}.json").write_bytes(b"{")
    with pytest.raises(DeltaError) as kept:
        tables.open(uri)
    with pytest.raises(DeltaError) as anew:
        DeltaTable(uri)
    assert str(kept.value).splitlines()[0] == str(anew.value).splitlines()[0]


def test_a_damaged_checkpoint_is_noticed(uri: str) -> None:
    for day in range(3):
        write(uri, day)
    DeltaTable(uri).create_checkpoint()
    tables = OpenTables()
    tables.open(uri)
    Path(uri, f"_delta_log/{2:020d}.checkpoint.parquet").write_bytes(b"PAR1")
    with pytest.raises(DeltaError):
        tables.open(uri)


def test_threads_that_read_while_others_write_see_whole_versions(uri: str) -> None:
    write(uri, 0)
    tables = OpenTables()

    def read(_: int) -> bool:
        table = tables.open(uri)
        version = table.version()
        return len(table.alive()) == version + 1 and table.version() == version

    with ThreadPoolExecutor(4) as pool:
        looks = [pool.map(read, range(40))]
        for day in range(1, 25):
            write(uri, day)
            looks.append(pool.map(read, range(20)))
        assert all(one for look in looks for one in look)
    assert tables.open(uri).version() == 24


def test_of_many_tables_those_asked_for_last_are_kept(tmp_path: Path, opened: list[str]) -> None:
    tables = OpenTables()
    write(str(tmp_path / "0"), 0)
    for number in range(1, KEPT + 1):
        shutil.copytree(tmp_path / "0", tmp_path / str(number))
    for number in (*range(KEPT), 0, KEPT, 0, 1):
        tables.open(str(tmp_path / str(number)))
    assert opened[KEPT:] == [str(KEPT), "1"]
