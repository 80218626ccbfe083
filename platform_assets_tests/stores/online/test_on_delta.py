"""Publishing from real Delta tables and their ledger, also while the server dies."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets.errors import LakeError, NotReadyError, OnlineError
from platform_assets.stores.delta import Lake, PartitionFacts, Span
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore, Session
from platform_assets.stores.online.publish import Gold, publication, publish, rebuild
from platform_assets.stores.tables import name_of
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.rotation import PART, in_turn
from platform_assets_tests.stores.online.world import (
    DAYS,
    DELAY,
    FIRST,
    LAYOUT,
    NEVER,
    PARTITIONS,
    TABLE,
    World,
    at,
    frame,
    key,
    lose,
    stored,
)


class DeltaGold:
    """A world whose commits are written to a Delta table as they come, sometimes by a step that dies before the ledger."""

    def __init__(self, root: Path, world: World) -> None:
        self.world, self.lake = world, Lake(str(root))
        self.ledger = Ledger(self.lake)
        self.written = 0

    @property
    def gold(self) -> Gold:
        return Gold(self.lake, self.ledger, TABLE, PARTITIONS, self.world.lookback, DELAY)

    def write(self) -> None:
        """What the world has committed since."""
        for days, rows in list(zip(self.world.rewritten, self.world.versions, strict=True))[self.written :]:
            first, last = min(days), max(days)
            facts = [PartitionFacts(key(day), len(rows[day])) for day in sorted(days)]
            written = self.lake.replace(
                TABLE,
                frame({day: rows[day] for day in days}),
                by="partition",
                span=Span(PARTITIONS.value(FIRST + first), PARTITIONS.value(FIRST + last + 1)),
                facts=facts,
                declaration_version=LAYOUT.version,
                run="test",
            )
            assert written.version == self.written
            self.written += 1
            if self.world.rng.random() < 0.8:
                entries = [Entry(name_of(TABLE), fact.partition, written.version, LAYOUT.version, fact.rows) for fact in facts]
                self.ledger.record(entries)


def play(seed: int, store: OnlineStore, root: Path) -> int:
    rng = random.Random(seed)
    gold = DeltaGold(root, World(rng, is_change_log=rng.random() < 0.5))
    checked, running = 0, None
    for step in range(rng.randint(3, 8)):
        gold.world.happen()
        gold.world.write()
        gold.write()
        running = running or publication(store, LAYOUT, gold.gold, at(rng.random() * step))
        for _ in range(rng.choice([1, 3, 20])):
            if running is not None and next(running, "ended") == "ended":
                running, checked = None, checked + 1
        if running is not None and rng.random() < 0.3:
            running.close()
            running = None
    gold.world.write_all()
    gold.write()
    if running is not None:
        list(running)
    publish(store, LAYOUT, gold.gold, NEVER)
    assert stored(store) == gold.world.as_of(gold.written - 1, DAYS - 1), f"seed {seed}"
    return checked


def play_many(seeds: Sequence[int], store: OnlineStore, root: Path) -> None:
    checked = 0
    for seed in seeds:
        lose(store)
        checked += play(seed, store, root / str(seed))
    assert checked > len(seeds) / 2


def test_random_runs_on_delta_end_right(store: OnlineStore, tmp_path: Path) -> None:
    play_many(range(6), store, tmp_path)


@pytest.mark.slow
def test_hundreds_of_random_runs_on_delta_end_right(store: OnlineStore, tmp_path: Path) -> None:
    play_many(PART.of(range(100, 400)), store, tmp_path)


def changed_world(root: Path) -> DeltaGold:
    gold = DeltaGold(root, World(random.Random(3), is_change_log=False))
    gold.world.write_all()
    gold.write()
    return gold


@in_turn("platform_assets/stores/online/")
@pytest.mark.parametrize("is_saved", [True, False], ids=["with its data", "without its data"])
@pytest.mark.parametrize("dies_after", ["begun", "values read", "values written", "tombstones written"])
def test_a_server_killed_in_the_middle_is_made_good_by_the_next_publication(tmp_path: Path, dies_after: str, is_saved: bool) -> None:
    gold = changed_world(tmp_path / "lake")
    options = {"appendonly": "yes", "appendfsync": "always"} if is_saved else {"save": ""}
    server = EmbeddedValkey(tmp_path / "valkey", options).start()
    try:
        store = OnlineStore(server.url)
        publish(store, LAYOUT, gold.gold, NEVER)
        before = stored(store)
        gold.world.commit({DAYS - 1})
        gold.world.commit({2})
        gold.write()
        steps = publication(store, LAYOUT, gold.gold, NEVER)
        while next(steps) != dies_after:
            pass
        server.kill()
        with pytest.raises(OnlineError, match=r"does not answer .*can be repeated"):
            list(steps)
        with EmbeddedValkey(tmp_path / "valkey", options) as again:
            store = OnlineStore(again.url)
            if not is_saved:
                assert stored(store) == {}
            elif dies_after in ("begun", "values read"):
                assert stored(store) == before
            publish(store, LAYOUT, gold.gold, NEVER)
            assert stored(store) == gold.world.as_of(gold.written - 1, DAYS - 1)
            assert stored(store) != before
    finally:
        server.stop()


def test_a_server_that_was_stopped_has_its_values_when_it_starts_again(tmp_path: Path) -> None:
    gold = changed_world(tmp_path / "lake")
    for _ in range(2):
        with EmbeddedValkey(tmp_path / "valkey") as server:
            done = publish(OnlineStore(server.url), LAYOUT, gold.gold, NEVER)
            assert stored(OnlineStore(server.url)) == gold.world.as_of(gold.written - 1, DAYS - 1)
    assert done.values == 0, "the second time there was nothing to do"


def test_what_is_published_is_read_by_the_client(store: OnlineStore, tmp_path: Path) -> None:
    gold = changed_world(tmp_path)
    publish(store, LAYOUT, gold.gold, NEVER)
    answer = OnlineClient(store.url, store.project).reader([LAYOUT]).read([{"customer_id": entity} for entity in range(12)])
    expected = gold.world.as_of(gold.written - 1, DAYS - 1)
    assert [total for total, *_ in answer.views["spend"].rows] == [expected.get(entity, (0,))[0] for entity in range(12)]
    assert answer.watermarks == {"spend": at(DAYS - 1)}


def test_a_table_that_is_not_there_is_named(store: OnlineStore, tmp_path: Path) -> None:
    gold = DeltaGold(tmp_path, World(random.Random(0), is_change_log=True))
    with pytest.raises(NotReadyError, match="no table spend/gold"):
        publish(store, LAYOUT, gold.gold, NEVER)


def test_a_table_that_was_removed_and_made_again_has_to_be_rebuilt(store: OnlineStore, tmp_path: Path) -> None:
    publish(store, LAYOUT, changed_world(tmp_path / "one").gold, NEVER)
    gold = DeltaGold(tmp_path / "two", World(random.Random(4), is_change_log=False))
    gold.world.write_all()
    gold.write()
    with pytest.raises(OnlineError, match="Rebuild it"):
        publish(store, LAYOUT, gold.gold, NEVER)
    rebuild(store, LAYOUT, gold.gold, NEVER)
    assert stored(store) == gold.world.as_of(gold.written - 1, DAYS - 1)


@pytest.mark.parametrize("dies_after", [0, 3])
def test_a_rebuild_that_died_halfway_lets_nobody_publish_until_it_is_run_again(
    store: OnlineStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    """What it had not removed yet is of a higher version than any of the new table: a publication could not replace it."""
    before = changed_world(tmp_path / "one")
    publish(store, LAYOUT, before.gold, NEVER)
    gold = DeltaGold(tmp_path / "two", World(random.Random(4), is_change_log=False))
    gold.world.commit(set(range(DAYS)))
    gold.write()
    assert gold.written < before.written
    call, removed = Session.call, list[bytes]()

    def dies(session: Session, *command: Any) -> Any:
        if command[0] == "SCAN":
            keys = call(session, "KEYS", command[3])[:dies_after]
            removed.extend(keys)
            for key in keys:
                call(session, "HDEL", key, LAYOUT.field)
            raise KeyboardInterrupt
        return call(session, *command)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Session, "call", dies)
        rebuild(store, LAYOUT, gold.gold, NEVER)
    assert len(removed) == dies_after
    with pytest.raises(OnlineError, match=r"a rebuild has not finished\. Rebuild it: platform-assets rebuild spend"):
        publish(store, LAYOUT, gold.gold, NEVER)
    with pytest.raises(OnlineError, match="never"):
        OnlineClient(store.url, store.project).reader([LAYOUT]).read([{"customer_id": 1}])
    rebuild(store, LAYOUT, gold.gold, NEVER)
    assert stored(store) == gold.world.as_of(gold.written - 1, DAYS - 1)
    assert publish(store, LAYOUT, gold.gold, NEVER).values == 0


def test_versions_that_were_vacuumed_cannot_be_published_from(store: OnlineStore, tmp_path: Path) -> None:
    gold = changed_world(tmp_path)
    publish(store, LAYOUT, gold.gold, NEVER)
    gold.world.commit({1})
    gold.write()
    delta: Any = gold.lake.open(TABLE)
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(LakeError, match=r"vacuum.*rebuild"):
        publish(store, LAYOUT, gold.gold, NEVER)
    rebuild(store, LAYOUT, gold.gold, NEVER)
    assert stored(store) == gold.world.as_of(gold.written - 1, DAYS - 1)


def test_a_partition_of_another_declaration_is_a_gap(store: OnlineStore, tmp_path: Path) -> None:
    gold = changed_world(tmp_path)
    gold.ledger.record([Entry(name_of(TABLE), key(4), gold.written - 1, "ffffffffffff", 1)])
    assert publish(store, LAYOUT, gold.gold, NEVER).watermark == at(3)
    assert stored(store) == gold.world.as_of(gold.written - 1, 3)


def test_rows_are_read_from_the_newest_partition_backwards(store: OnlineStore, tmp_path: Path) -> None:
    """Most entities have their row in the partition that the watermark passes: no other is read for them."""
    gold = changed_world(tmp_path)
    publish(store, LAYOUT, gold.gold, at(DAYS - 2))
    read: list[Span] = []

    class WatchedLake(Lake):
        def scan(self, *arguments: Any, **named: Any) -> pl.LazyFrame:
            read.append(named["span"])
            return super().scan(*arguments, **named)

    watched = Gold(WatchedLake(gold.lake.root), gold.ledger, TABLE, PARTITIONS, gold.world.lookback, DELAY)
    publish(store, LAYOUT, watched, NEVER)
    assert read == [Span(PARTITIONS.value(FIRST + DAYS - 1), PARTITIONS.value(FIRST + DAYS))]
