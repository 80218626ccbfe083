"""How often an API is asked, by all processes together; and what is answered from the cache instead."""

import multiprocessing
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.errors import NotReadyError
from platform_assets.sources.rest.limits import Limits, folder
from platform_assets_tests.sources.rest.declared import DAY, Says, declared, notes, receive, received, rows, serving, silver

API = "https://api.example.com"


@pytest.fixture(autouse=True)
def a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path / "home"))


def count_calls(limit: int, tries: int, queue: Any) -> None:
    counted = []
    for _ in range(tries):
        try:
            counted.append(Limits(API, {}, limit).count())
        except NotReadyError:
            counted.append(0)
    queue.put(counted)


def take_turns(calls: int, queue: Any) -> None:
    turns = Limits(API, {timedelta(seconds=1): 5}, None).turns()
    assert turns is not None
    with closing(turns):
        for _ in range(calls):
            turns.wait()
            queue.put(time.time())


def in_processes(target: Any, *arguments: Any, results: int) -> list[Any]:
    """What four processes of their own have put into a queue."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=target, args=(*arguments, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=120) for _ in range(results)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    return found


@pytest.mark.slow
def test_processes_share_the_calls_of_a_day() -> None:
    counted = sorted(number for numbers in in_processes(count_calls, 50, 20, results=4) for number in numbers)
    assert counted == [0] * 30 + list(range(1, 51))


@pytest.mark.slow
def test_processes_share_a_rate() -> None:
    times = sorted(in_processes(take_turns, 5, results=20))
    # The times are noted after the turns: a process may be late by a moment, and never early.
    assert all(later - sooner > 0.8 for sooner, later in zip(times, times[5:], strict=False)), times


def test_when_the_calls_of_a_day_are_used_up_the_partition_waits_for_the_next(tmp_path: Path) -> None:
    with serving(lambda _: rows(1)) as server:
        source = declared(server.url, calls_a_day=2, cost_of_a_call=0.002, params={"day": "{day}"}, source={"empty_after": "1h"})
        later = datetime(2024, 3, 8, 1, tzinfo=UTC)
        done = receive(source, tmp_path, later, first=DAY, last="2024-03-07")
        assert sorted(done.tables["rates/raw"].made) == [DAY, "2024-03-06"]
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        says = str(done.tables["rates/raw"].refused["2024-03-07"])
        assert "the 2 calls of http://127.0.0.1" in says and f"It goes on at {tomorrow:%Y-%m-%d} 00:00 UTC" in says
        assert len(server.asked) == 2
        assert notes(tmp_path, "2024-03-06") | {"calls of this day (UTC)": "2 of 2", "cost of calls": 0.002} == notes(
            tmp_path, "2024-03-06"
        )
        with closing(sqlite3.connect(folder() / "calls.sqlite")) as database:
            database.execute("update calls set day = '2024-01-01'")  # as if it were another day
            database.commit()
        receive(source, tmp_path, later, first=DAY, last="2024-03-07").check()
    assert len(silver(tmp_path)) == 3


def test_tries_count_as_calls_and_cost(tmp_path: Path) -> None:
    with received(lambda a: Says(b"", status=500) if a.number < 3 else rows(1), tmp_path, cost_of_a_call=0.5):
        assert (notes(tmp_path)["calls"], notes(tmp_path)["cost of calls"]) == (3, 1.5)


def test_a_count_survives_a_process_that_dies() -> None:
    Limits(API, {}, 2).count()
    child = os.fork()
    if child == 0:
        Limits(API, {}, 2).count()
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with pytest.raises(NotReadyError, match=r"the 2 calls of https://api\.example\.com that calls_a_day= allows are used up"):
        Limits(API, {}, 2).count()


@pytest.mark.parametrize(
    ("headers", "asked", "cached"),
    [
        ({"Cache-Control": "max-age=3600"}, 1, 1),
        ({"Cache-Control": "private, max-age=3600"}, 1, 1),
        ({"Cache-Control": "no-store"}, 2, 0),
        ({}, 2, 0),
        ({"Last-Modified": "Mon, 01 Jan 2001 00:00:00 GMT"}, 2, 0),
    ],
)
def test_answers_are_used_again_for_as_long_as_their_headers_allow(
    tmp_path: Path, headers: dict[str, str], asked: int, cached: int
) -> None:
    with serving(lambda _: Says(rows(1), headers=headers)) as server:
        source = declared(server.url)
        receive(source, tmp_path).check()
        receive(source, tmp_path / "other").check()  # another lake, the same machine
        assert len(server.asked) == asked
    assert notes(tmp_path / "other")["answers from the cache"] == cached
    assert notes(tmp_path / "other")["calls"] == asked - 1
    assert silver(tmp_path / "other") == [("C1", 0.25)]


def test_what_has_not_changed_is_not_sent_again(tmp_path: Path) -> None:
    def answer(asked: Any) -> Any:
        tag = {"ETag": '"v1"'}
        return Says(b"", status=304, headers=tag) if asked.headers.get("if-none-match") == '"v1"' else Says(rows(1), headers=tag)

    with serving(answer) as server:
        receive(declared(server.url), tmp_path).check()
        receive(declared(server.url), tmp_path / "other").check()
        assert [("if-none-match" in asked.headers) for asked in server.asked] == [False, True]
    assert silver(tmp_path / "other") == [("C1", 0.25)]


def test_without_a_cache_every_answer_is_asked_for(tmp_path: Path) -> None:
    with serving(lambda _: Says(rows(1), headers={"Cache-Control": "max-age=3600"})) as server:
        receive(declared(server.url, cache=False), tmp_path).check()
        receive(declared(server.url, cache=False), tmp_path / "other").check()
        assert len(server.asked) == 2
    assert not list(folder().glob("answers_*"))
