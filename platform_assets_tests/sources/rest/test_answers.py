"""Answers are kept as they came before they are read: a partition is read again from them, without a call."""

import gzip
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import cursor_pages
from platform_assets.errors import SourceError
from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.verify import tables_of
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.sources.rest.declared import DAY, NOW, Asked, Says, declared, notes, raw_entries, receive, rows, serving, silver

PAGES: dict[str, Any] = {"rows": "items", "pages": cursor_pages("next")}


def two_pages(asked: Asked) -> Any:
    is_second = "cursor" in asked.params
    return Says({"items": rows(2 if is_second else 1), "next": None if is_second else "b"}, gzip=True)


def kept(home: Path, day: str = DAY) -> list[Path]:
    folder = home / "lake" / "rates" / "responses" / day
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_each_page_is_kept_with_what_is_known_of_the_call(tmp_path: Path) -> None:
    with serving(two_pages) as server:
        receive(declared(server.url, **PAGES), tmp_path).check()
    [folder] = kept(tmp_path)
    assert notes(tmp_path)["answers as they came"] == str(folder)
    assert {file.name for file in folder.iterdir()} == {
        *("00001.body.gz", "00001.json", "00002.body.gz", "00002.json", "complete.json"),
    }
    assert json.loads(gzip.decompress((folder / "00002.body.gz").read_bytes())) == {"items": rows(2), "next": None}
    known = json.loads((folder / "00002.json").read_text())
    assert (known["source"], known["url"], known["status"]) == ("rates", f"{server.url}/rates?cursor=b", 200)
    assert 0 < known["seconds"] < 60 and datetime.fromisoformat(known["asked_at"]).tzinfo is not None
    assert tables_of(Lake(str(tmp_path / "lake")))[1:] == [("rates", "quarantine"), ("rates", "raw"), ("rates", "silver")]


@pytest.mark.parametrize("body", [b"<html>", b'[{"a": ', b""])
def test_what_cannot_be_read_is_kept_too(tmp_path: Path, body: bytes) -> None:
    with serving(lambda _: Says(body)) as server, pytest.raises(SourceError):
        receive(declared(server.url), tmp_path)
    [folder] = kept(tmp_path)
    assert gzip.decompress((folder / "00001.body.gz").read_bytes()) == body
    assert not (folder / "complete.json").exists()


def test_a_declaration_that_was_corrected_reads_what_was_answered_then(tmp_path: Path) -> None:
    wrong = [{"currency": "C1", "at": "2024-03-05T09:00Z", "value": 1}]
    with serving(lambda _: {"items": wrong, "next": None}) as server:
        with pytest.raises(SourceError, match="the schema declares 'rate', there is no such column"):
            receive(declared(server.url, **PAGES), tmp_path)
        server.behaviour = lambda _: {"items": rows(9), "next": None}  # the present state is another one by now
        receive(declared(server.url, rename={"value": "rate"}, **PAGES), tmp_path, datetime(2024, 6, 1, tzinfo=UTC)).check()
        assert len(server.asked) == 1
        assert silver(tmp_path) == [("C1", 1.0)]
        # And once more after it has been received: raw reads it again, and what was read before is superseded.
        source = declared(server.url, rename={"value": "rate"}, add={"currency_of": "{day}"}, **PAGES)
        receive(source, tmp_path, datetime(2024, 6, 1, tzinfo=UTC)).check()
        assert len(server.asked) == 1
    raw = pl.read_delta(str(tmp_path / "lake" / "rates" / "raw")).sort("delivery")
    assert raw.select("delivery", "superseded", "currency_of").rows() == [(1, True, None), (2, False, DAY)]


def test_another_question_is_not_answered_by_what_was_kept(tmp_path: Path) -> None:
    with serving(lambda _: {"items": [{"x": 1}], "next": None}) as server:
        with pytest.raises(SourceError, match="declares"):
            receive(declared(server.url, **PAGES), tmp_path)
        server.behaviour = two_pages
        receive(declared(server.url, params={"kind": "spot"}, **PAGES), tmp_path).check()
    assert silver(tmp_path) == [("C1", 0.25), ("C2", 0.5)]


def test_a_damaged_partition_is_read_again_without_a_call(tmp_path: Path) -> None:
    with serving(two_pages) as server:
        source = declared(server.url, **PAGES)
        receive(source, tmp_path).check()
        server.behaviour = lambda _: {"items": rows(9), "next": None}
        for file in (tmp_path / "lake" / "rates" / "raw").glob("arrival=*/*.parquet"):
            file.unlink()
        receive(source, tmp_path).check()
        assert len(server.asked) == 2
    assert silver(tmp_path) == [("C1", 0.25), ("C2", 0.5)]
    assert "the answers that were kept" in notes(tmp_path)["read from"]


def test_a_partition_that_was_received_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving(two_pages) as server:
        source = declared(server.url, **PAGES)
        for _ in range(3):
            receive(source, tmp_path).check()
        assert len(server.asked) == 2


def test_the_present_is_not_taken_for_an_earlier_day(tmp_path: Path) -> None:
    with serving(lambda _: rows(1)) as server:
        source = declared(server.url, source={"empty_after": "2h"})
        done = receive(source, tmp_path, datetime(2024, 3, 7, 1, tzinfo=UTC), first=DAY, last="2024-03-06")
        assert "present state, and the next partition has ended" in str(raw_entries(tmp_path)[DAY].details["read_from"]["not read"])
        assert sorted(done.tables["rates/raw"].made) == [DAY, "2024-03-06"]
        assert len(server.asked) == 1
    assert {day: entry.rows for day, entry in raw_entries(tmp_path).items()} == {DAY: 0, "2024-03-06": 1}


def run_in(home: Path, now: datetime) -> Run:
    lake = Lake(str(home / "lake"))
    return Run(id="test", lake=lake, ledger=Ledger(lake), now=now, module="tests")


def test_a_history_is_asked_for_again_after_the_declared_times_and_restates(tmp_path: Path) -> None:
    days: dict[str, list[Any]] = {DAY: rows(1)}
    with serving(lambda asked: days.get(asked.params["day"], [])) as server:
        source = declared(server.url, params={"day": "{day}"}, again_after=["2d"], cache=False)
        receive(source, tmp_path).check()
        asked, memory = len(server.asked), Memory()
        for hour in (2, 5, 20):  # the sensor looks, and asks for nothing
            looked = find_new_deliveries(source, run_in(tmp_path, datetime(2024, 3, 6, hour, tzinfo=UTC)), memory, 10)
            assert looked.ready == []
            memory = looked.memory
        assert len(server.asked) == asked
        days[DAY] = rows(1, 2)
        later = datetime(2024, 3, 8, 1, tzinfo=UTC)
        looked = find_new_deliveries(source, run_in(tmp_path, later), memory, 10)
        assert source.partitions.index_of(DAY) in looked.ready
        receive(source, tmp_path, later).check()
        asked = len(server.asked)
        looked = find_new_deliveries(source, run_in(tmp_path, datetime(2024, 3, 9, tzinfo=UTC)), looked.memory, 10)
        assert source.partitions.index_of(DAY) not in looked.ready
    assert silver(tmp_path) == [("C1", 0.25), ("C2", 0.5)]


def test_a_sensor_asks_for_what_is_missing_and_makes_no_call_itself(tmp_path: Path) -> None:
    with serving(lambda _: rows(1)) as server:
        source = declared(server.url)
        looked = find_new_deliveries(source, run_in(tmp_path, NOW), Memory(), 10)
        assert looked.ready == [source.partitions.index_of(DAY)] and not server.asked
        again = find_new_deliveries(source, run_in(tmp_path, NOW), looked.memory, 10)
        assert again.ready == []
        receive(source, tmp_path).check()
        assert find_new_deliveries(source, run_in(tmp_path, NOW), again.memory, 10).ready == []
        assert len(server.asked) == 1


@pytest.mark.slow
def test_killed_in_the_middle_of_a_read_it_leaves_raw_as_before(tmp_path: Path) -> None:
    def slow_second(asked: Asked) -> Any:
        return Says({"items": rows(2), "next": None}, after=60) if "cursor" in asked.params else {"items": rows(1), "next": "b"}

    program = """
        import sys
        from pathlib import Path
        from platform_assets import cursor_pages
        from platform_assets_tests.sources.rest.declared import declared, receive
        source = declared(sys.argv[1], rows="items", pages=cursor_pages("next"), timeout="90s")
        receive(source, Path(sys.argv[2]))
    """
    with serving(slow_second) as server:
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), server.url, str(tmp_path)], cwd=ROOT)
        until = time.monotonic() + 120
        while len(server.asked) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        [folder] = kept(tmp_path)
        assert {file.name for file in folder.iterdir()} == {"00001.body.gz", "00001.json"}, "the first page was kept before it was read"
        assert raw_entries(tmp_path) == {}
        server.behaviour = two_pages
        receive(declared(server.url, **PAGES), tmp_path).check()
    assert silver(tmp_path) == [("C1", 0.25), ("C2", 0.5)]
    assert raw_entries(tmp_path)[DAY].rows == 2
