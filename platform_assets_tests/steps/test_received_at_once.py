"""Two runs that receive other editions of one partition at the same time: both are kept in raw, one of them counts, none is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival
from platform_assets.declare.source import Source
from platform_assets.stores.delta import Lake
from platform_assets_tests.steps.business import Business


class Waiting(Business):
    """A business whose source, read for the first time, waits until the other run has read too: both know the same by then."""

    def __init__(self, home: Path, barrier: Barrier, **declared: Any) -> None:
        super().__init__(home, declared=declared)
        read, first = self.source.read, [True]

        def waits(arrival: Arrival) -> Any:
            rows = read(arrival)
            if first.pop() if first else False:
                barrier.wait(60)
            return rows

        object.__setattr__(self.source, "read", waits)


def two(home: Path, **declared: Any) -> tuple[Business, Business]:
    barrier = Barrier(2)
    return Waiting(home, barrier, **declared), Waiting(home, barrier, **declared)


def at_once(*acts: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(acts)) as threads:
        for done in [threads.submit(act) for act in acts]:
            done.result()


def raw(business: Business) -> list[tuple[str, int, bool]]:
    """Which sale lies in which delivery, and whether it still counts."""
    rows = business.lake.scan(("sales", "raw")).select("sale_id", "delivery", "superseded")
    return sorted(rows.collect().rows())


@pytest.mark.parametrize("known_before", [False, True])
def test_of_two_editions_the_later_commit_counts_and_the_earlier_is_kept(tmp_path: Path, known_before: bool) -> None:
    if known_before:
        earlier = Business(tmp_path)
        earlier.sell(0, "1 ada 1")
        earlier.make("raw", earlier.first, earlier.first)
    one, other = two(tmp_path)
    one.sell(0, "10 ada 1", "11 bob 2")
    other.sell(0, "20 ada 3")
    at_once(*(lambda b=b: b.make("raw", b.first, b.first) for b in (one, other)))  # type: ignore[misc]

    found = raw(one)
    assert {sale for sale, _, _ in found} == {"10", "11", "20", *(["1"] if known_before else [])}, "raw keeps what was received"
    counts = [sale for sale, _, superseded in found if not superseded]
    assert counts in (["10", "11"], ["20"])
    entry = one.entries("sales/raw")[one.day(0)]
    deliveries = entry.details["deliveries"]
    assert [d["delivery"] for d in deliveries] == list(range(1, 3 + known_before)) and entry.rows == len(counts)
    assert [d["superseded"] for d in deliveries] == [True] * (1 + known_before) + [False]

    late, current = (one, other) if counts == ["20"] else (other, one)
    assert current.stale("raw") == [current.first + day for day in range(1, 8)]
    assert late.first in late.stale("raw"), "whoever has another edition to show is heard"
    late.make("raw", late.first, late.first)
    assert [sale for sale, _, superseded in raw(late) if not superseded] == sorted(r["sale_id"] for r in late.deliveries[late.day(0)] or [])


def test_the_same_edition_received_by_two_is_there_once(tmp_path: Path) -> None:
    one, other = two(tmp_path)
    for business in (one, other):
        business.sell(0, "10 ada 1", "11 bob 2")
    at_once(*(lambda b=b: b.make("raw", b.first, b.first) for b in (one, other)))  # type: ignore[misc]
    assert raw(one) == [("10", 1, False), ("11", 1, False)]


def test_later_deliveries_of_two_days_that_arrive_in_one_partition_are_both_there(tmp_path: Path) -> None:
    earlier = Business(tmp_path, declared={"deliveries": "arrives_now", "duplicates_within": 7})
    for day in range(3):
        earlier.sell(day, f"{day} ada 1")
    earlier.make("raw", earlier.first, earlier.first + 2)
    one, other = two(tmp_path, deliveries="arrives_now", duplicates_within=7)
    one.sell(0, "0 ada 1", "10 ada 1")
    other.sell(1, "1 ada 1", "11 ada 1")
    at_once(lambda: one.make("raw", one.first, one.first), lambda: other.make("raw", other.first + 1, other.first + 1))
    assert {"10", "11"} <= {sale for sale, _, _ in raw(one)}
    newest = one.lake.scan(("sales", "raw")).filter(pl.col("arrival").cast(pl.String) == one.day(2)).collect()
    assert sorted(newest["sale_id"]) == ["0", "1", "10", "11", "2"]
    assert sorted(d["of"] for d in one.entries("sales/raw")[one.day(2)].details["deliveries"]) == ["", one.day(0), one.day(1)]


def test_a_range_that_takes_long_sees_what_another_run_received_meanwhile(tmp_path: Path) -> None:
    """The ledger was read once, when the range began."""
    slow = Business(tmp_path)
    slow.sell(0, "10 ada 1")
    slow.sell(1, "20 ada 1")
    quick, read = Business(tmp_path), slow.source.read
    quick.sell(1, "30 bob 1")

    def reads(arrival: Arrival) -> Any:
        if arrival.partition == slow.day(1):
            quick.make("raw", quick.first + 1, quick.first + 1)
        return read(arrival)

    source: Source = slow.source
    object.__setattr__(source, "read", reads)
    slow.make("raw", slow.first, slow.first + 1)
    assert raw(slow) == [("10", 1, False), ("20", 2, False), ("30", 1, True)]


def test_a_range_alone_reads_each_of_its_commits_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for what others wrote costs nothing where nobody writes: a long history is not read again for each of its days."""
    business, read, commit = Business(tmp_path), list[int](), Lake.commit
    for day in range(8):
        business.sell(day, f"{day} ada 1")
    monkeypatch.setattr(Lake, "commit", lambda lake, table, version: read.append(version) or commit(lake, table, version))
    for day in range(business.first, business.last, 2):
        business.make("raw", day, day + 1)
    assert read == list(range(4))
