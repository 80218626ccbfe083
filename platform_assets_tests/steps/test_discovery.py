"""Which partitions have something to receive: found once, cheaply, and again only when it is something else."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival, daily, source
from platform_assets.declare.source import Source
from platform_assets.sources import csv_file
from platform_assets.steps.discovery import Memory, NewDeliveries, find_new_deliveries
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

FIRST = daily("2024-03-01").first


class Reading:
    at: datetime
    value: str


class Inbox:
    """A source, its lake, a clock, and one look after the other."""

    def __init__(self, home: Path, read: Callable[[Arrival], object], *, empty_after: str | None = None) -> None:
        def readings(arrival: Arrival) -> object:
            return read(arrival)

        self.source: Source = source(schema=Reading, event_time="at", partitions=daily("2024-03-01"), empty_after=empty_after)(readings)
        self.lake, self.memory = Lake(str(home / "lake")), Memory()
        self.now = datetime(2024, 3, 4, tzinfo=UTC)

    def run(self) -> Run:
        return Run(self.lake, Ledger(self.lake), "run", self.now)

    def news(self, *, stretches: int = 10, seconds: float = 60) -> NewDeliveries:
        news = find_new_deliveries(self.source, self.run(), self.memory, stretches, seconds=seconds)
        self.memory = news.memory
        return news

    def ready(self) -> list[int]:
        """The days of March that are ready."""
        return [partition - FIRST + 1 for partition in self.news().ready]

    def receive(self, *days: int) -> None:
        for day in days:
            make_raw(self.source, FIRST + day - 1, FIRST + day - 1, self.run()).check()


class Files(Inbox):
    """A source of files, one a day."""

    def __init__(self, home: Path, *, empty_after: str | None = None) -> None:
        self.folder = home / "in"
        self.folder.mkdir()
        super().__init__(home, lambda arrival: arrival.read_csv(self.folder / "{day}.csv"), empty_after=empty_after)

    def deliver(self, day: int, value: object = 1) -> None:
        (self.folder / f"2024-03-{day:02}.csv").write_text(f"at,value\n2024-03-01T10:00Z,{value}\n")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_file_is_ready_once_its_partition_has_ended(files: Files) -> None:
    for day in (1, 3, 4):
        files.deliver(day)
    assert files.ready() == [1, 3]
    files.now += timedelta(hours=23, minutes=59)
    files.receive(1, 3)
    assert files.ready() == []
    files.now += timedelta(minutes=1)
    assert files.ready() == [4]


def test_a_file_that_was_asked_for_and_not_received_is_ready_again_ever_more_rarely(files: Files) -> None:
    """The run may have died, or failed at something that has been corrected since: a function, a disk, the network."""
    files.deliver(1)
    asked = []
    for minutes in range(0, 300, 5):
        if files.ready():
            asked.append(minutes)
        files.now += timedelta(minutes=5)
    assert asked == [0, 10, 20, 35, 65, 130, 260], "whenever twice the time has passed"
    files.receive(1)
    files.now += timedelta(days=100)
    assert files.ready() == []


def test_a_file_that_was_asked_for_is_ready_at_once_only_when_it_is_another(files: Files) -> None:
    files.deliver(1)
    assert (files.ready(), files.ready()) == ([1], []), "receiving it may have failed: that does not repeat itself"
    files.deliver(1, 22)
    assert files.ready() == [1]
    files.receive(1)
    assert files.ready() == []
    assert files.memory.asked == {}, "what raw knows need not be remembered"


def test_a_corrected_file_is_ready_and_one_that_was_only_copied_again_is_not(files: Files) -> None:
    files.deliver(1)
    files.receive(1)
    assert files.ready() == []
    os.utime(files.folder / "2024-03-01.csv", (1, 1))
    assert files.ready() == []
    files.deliver(1, 2)
    assert (files.ready(), files.ready()) == ([1], [])
    files.receive(1)
    assert files.ready() == []


def test_files_that_raw_was_made_of_are_not_read_again(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (1, 2):
        files.deliver(day)
    files.receive(1, 2)
    read: list[str] = []
    read_file = csv_file.read_file
    monkeypatch.setattr(csv_file, "read_file", lambda file, *more: read.append(file.name) or read_file(file, *more))
    files.deliver(2, 22)
    assert files.ready() == [2]
    assert read == ["2024-03-02.csv"]


def test_a_file_that_is_gone_takes_nothing_back(files: Files) -> None:
    files.deliver(1)
    files.receive(1)
    (files.folder / "2024-03-01.csv").unlink()
    assert files.ready() == []


def test_a_broken_file_is_ready_so_that_its_run_says_why_once(files: Files) -> None:
    files.deliver(1)
    files.receive(1)
    (files.folder / "2024-03-01.csv").write_text("")
    (files.folder / "2024-03-02.csv").write_text("")
    assert (files.ready(), files.ready()) == ([1, 2], [])


def test_what_has_not_come_in_time_is_ready_as_empty_and_what_comes_later_corrects_it(tmp_path: Path) -> None:
    files = Files(tmp_path, empty_after="6h")
    files.now += timedelta(hours=6) - timedelta(microseconds=1)
    assert files.ready() == [1, 2]
    files.receive(1, 2)
    files.now += timedelta(microseconds=1)
    assert (files.ready(), files.ready()) == ([3], [])
    files.receive(3)
    assert files.ready() == []
    files.deliver(2)
    assert files.ready() == [2]


def test_a_look_stops_after_so_many_stretches_and_goes_on_the_next_time(files: Files) -> None:
    files.now = datetime(2024, 3, 12, tzinfo=UTC)
    for day in (1, 2, 4, 6, 8, 9):
        files.deliver(day)
    found = [[partition - FIRST + 1 for partition in files.news(stretches=2).ready] for _ in range(4)]
    assert found == [[6, 8, 9], [1, 2, 4], [], []]


def test_a_look_whose_time_is_up_goes_on_the_next_time(files: Files) -> None:
    for day in (1, 2, 3):
        files.deliver(day)
    assert files.news(seconds=-1).ready == []
    assert files.memory.at == FIRST + 2
    assert files.ready() == [1, 2, 3]


class Joined(Inbox):
    """A source of two files a day, whose function looks at the rows of one before it asks for the other."""

    def __init__(self, home: Path, *, empty_after: str | None = None) -> None:
        self.folder = home / "in"
        self.folder.mkdir()
        super().__init__(home, self._read, empty_after=empty_after)
        self.now = datetime(2024, 3, 3, tzinfo=UTC)

    def _read(self, arrival: Arrival) -> pl.DataFrame | None:
        times = arrival.read_csv(self.folder / "times_{day}.csv")
        if times is None:
            return None
        sure = times.filter(pl.col("at") != "").collect()
        values = arrival.read_csv(self.folder / "values_{day}.csv")
        return None if values is None else pl.concat([sure, values.collect()], how="horizontal")

    def deliver(self, day: int) -> None:
        (self.folder / f"times_2024-03-{day:02}.csv").write_text("at\n2024-03-01T10:00Z\n")

    def value(self, day: int, value: int) -> None:
        (self.folder / f"values_2024-03-{day:02}.csv").write_text(f"value\n{value}\n")


def test_a_corrected_second_file_is_found_though_the_function_cannot_go_on_without_the_rows_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Joined(tmp_path)
    for day in (1, 2):
        files.deliver(day)
        files.value(day, 1)
    assert files.ready() == [1, 2]
    files.receive(1, 2)
    read: list[str] = []
    read_file = csv_file.read_file
    monkeypatch.setattr(csv_file, "read_file", lambda file, *more: read.append(file.name) or read_file(file, *more))
    assert (files.ready(), read) == ([], []), "files that raw was made of are not read again"
    files.value(2, 22)
    assert (files.ready(), files.ready()) == ([2], [])
    assert {name[-6:-4] for name in read} == {"02"}
    files.receive(2)
    assert (files.ready(), files.memory.asked) == ([], {})
    (files.folder / "values_2024-03-02.csv").unlink()
    assert files.ready() == [], "half a delivery takes nothing back"
    files.value(2, 333)
    assert (files.ready(), files.ready()) == ([2], [])


@pytest.mark.parametrize("was_closed_as_empty", [False, True])
def test_a_second_file_that_comes_later_is_found_though_the_first_was_asked_for_alone(tmp_path: Path, was_closed_as_empty: bool) -> None:
    files = Joined(tmp_path, empty_after="6h" if was_closed_as_empty else None)
    if was_closed_as_empty:
        files.now += timedelta(hours=6)
        files.receive(1, 2)
    files.deliver(1)
    files.ready()
    assert files.ready() == []
    files.value(1, 1)
    files.now += timedelta(hours=4)
    assert (files.ready(), files.ready()) == ([1], [])
    files.receive(1)
    assert (files.ready(), files.memory.asked) == ([], {})


class Function(Inbox):
    """A source that is any function, and the ages of the first of March at which it was called for it."""

    def __init__(self, home: Path, *, empty_after: str | None = None) -> None:
        self.returns: object = None
        self.called: list[timedelta] = []
        super().__init__(home, self._read, empty_after=empty_after)
        self.now = datetime(2024, 3, 2, tzinfo=UTC)

    def _read(self, arrival: Arrival) -> object:
        if arrival.partition != "2024-03-01":
            return None
        self.called.append(self.now - arrival.end)
        if isinstance(self.returns, Exception):
            raise self.returns
        return self.returns

    def ready_within(self, time: timedelta, *, every: timedelta) -> int:
        """How often the first of March is ready."""
        end, found = self.now + time, 0
        while self.now < end:
            self.now += every
            found += 1 in self.ready()
        return found


def rows(value: str) -> pl.DataFrame:
    return pl.DataFrame({"at": ["2024-03-01T10:00Z"], "value": [value]})


def test_a_function_is_called_ever_more_rarely(tmp_path: Path) -> None:
    function = Function(tmp_path)
    assert function.ready_within(timedelta(hours=1), every=timedelta(seconds=30)) == 0
    first = len(function.called)
    assert 30 < first < 60
    assert function.ready_within(timedelta(days=6), every=timedelta(minutes=20)) == 0
    assert len(function.called) - first < 60
    waits = [(later - sooner) / sooner for sooner, later in pairwise(function.called[first:])]
    assert sum(waits) / len(waits) < 0.2, "about a tenth of its age"


def test_what_a_function_returns_is_ready_at_once_and_if_receiving_it_fails_at_twice_the_age(tmp_path: Path) -> None:
    function = Function(tmp_path)
    function.returns = rows("1")
    function.now += timedelta(hours=1)
    assert (function.ready(), function.ready()) == ([1], [])
    assert function.ready_within(timedelta(days=1), every=timedelta(minutes=20)) == 5
    function.receive(1)
    assert function.ready_within(timedelta(days=1), every=timedelta(minutes=20)) == 0
    assert function.memory.asked == {}


def test_once_received_other_rows_of_a_function_are_found_when_its_age_has_grown_by_a_tenth(tmp_path: Path) -> None:
    function = Function(tmp_path)
    function.returns = rows("1")
    function.now += timedelta(days=30)
    assert function.ready() == [1]
    function.receive(1)
    function.returns = rows("2")
    assert function.ready_within(timedelta(days=4), every=timedelta(hours=6)) == 1
    assert function.ready_within(timedelta(days=10), every=timedelta(hours=6)) == 0, "if these cannot be received, at twice the age"


def test_other_rows_of_a_function_are_found_and_the_same_are_not(tmp_path: Path) -> None:
    function = Function(tmp_path)
    function.returns = rows("1")
    function.receive(1)
    assert function.ready_within(timedelta(days=1), every=timedelta(hours=1)) == 0
    function.returns = rows("2")
    function.now += timedelta(days=1)
    assert function.ready() == [1]


def test_nothing_from_a_function_in_time_is_ready_as_empty_and_again_if_it_was_not_received(tmp_path: Path) -> None:
    function = Function(tmp_path, empty_after="6h")
    assert function.ready_within(timedelta(hours=5, minutes=50), every=timedelta(minutes=10)) == 0
    assert function.ready_within(timedelta(hours=2), every=timedelta(minutes=10)) == 2
    function.receive(1)
    assert function.ready_within(timedelta(days=2), every=timedelta(minutes=10)) == 0


def test_a_function_that_fails_is_reported_and_called_again_later_and_holds_up_no_other_partition(tmp_path: Path) -> None:
    function = Function(tmp_path, empty_after="6h")
    function.returns = ConnectionError("no route to host")
    function.now = datetime(2024, 3, 3, 7, tzinfo=UTC)
    news = function.news()
    assert [str(error) for error in news.failed.values()] == [
        "source 'readings', partition 2024-03-01: its function failed: ConnectionError: no route to host"
    ]
    assert [partition - FIRST + 1 for partition in news.ready] == [2]
    assert function.news().failed == {}, "not yet"
    function.returns = rows("1")
    function.receive(2)
    function.now += timedelta(hours=4)
    assert function.ready() == [1]


def test_a_history_that_comes_to_a_function_all_at_once_is_found_within_a_day(tmp_path: Path) -> None:
    function = Function(tmp_path)
    function.now += timedelta(days=500)
    assert function.ready() == []
    function.returns = rows("1")
    assert function.ready_within(timedelta(days=1), every=timedelta(hours=1)) == 1


def test_a_folder_that_is_made_later_is_looked_into_at_once(files: Files) -> None:
    files.folder.rmdir()
    failed = files.news().failed
    assert list(failed) == ["2024-03-03", "2024-03-02", "2024-03-01"]
    assert "there is no folder" in str(failed["2024-03-01"])
    files.folder.mkdir()
    files.deliver(2)
    assert files.ready() == [2]
