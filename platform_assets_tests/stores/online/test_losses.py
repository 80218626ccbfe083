"""A store that loses entities: by eviction, by hand, or all of them. Readers are told, and the next publication puts them back."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from platform_assets.declare.freshness import Freshness
from platform_assets.errors import OnlineError
from platform_assets.stores.online.client import LOOK_AGAIN_SECONDS, LOOK_SECONDS, OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.entities import Entities, count_entities
from platform_assets.stores.online.key_layout import entities_field, lost_field, marks_key
from platform_assets.stores.online.publish import publication, publish, rebuild
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.stores.online.world import DAYS, ENTITIES, LAYOUT, NEVER, Row, World, at, gold_of, lose, stored

EVERYONE: dict[int, Row] = {entity: (entity + 1, False) for entity in range(ENTITIES)}
ASKED = [{"customer_id": entity} for entity in range(ENTITIES)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A server whose policy and memory the tests change."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey"), {"save": ""}) as running:
        yield running


@pytest.fixture
def direct(server: EmbeddedValkey) -> Iterator["redis.Redis"]:
    found = redis.Redis.from_url(server.url)
    found.config_set("maxmemory-samples", "64")
    yield found
    found.config_set("maxmemory", "0")
    found.config_set("maxmemory-policy", "noeviction")
    found.flushall()


@pytest.fixture
def store(server: EmbeddedValkey, direct: "redis.Redis") -> OnlineStore:
    return OnlineStore(server.url, "losses")


def world_of_all(seed: int = 0) -> World:
    world = World(random.Random(seed), is_change_log=True)
    rows = {day: {} for day in range(DAYS)} | {DAYS - 1: dict(EVERYONE)}
    world.versions.append(rows)
    world.rewritten.append(set(rows))
    return world


def read(store: OnlineStore, when_stale: Any = "serve") -> Any:
    reader = OnlineClient(store.url, store.project).reader([LAYOUT], {LAYOUT.view: Freshness(when_stale=when_stale)})
    return reader.read(ASKED, NEVER)


def totals(answer: Any) -> list[int | None]:
    return [total for total, _ in answer.views[LAYOUT.view].rows]


EVERYONES = [value for value, _ in EVERYONE.values()]


def entity(number: int, store: OnlineStore) -> str:
    return f"{store.project}:{{customer:{number}}}"


def noted(store: OnlineStore, field: Any) -> Any:
    with store.session() as session:
        return session.call("HGET", marks_key(store.project), field(LAYOUT))


def evict(direct: "redis.Redis", store: OnlineStore) -> int:
    """Lets the server evict some entities, never the marks, which are in use; how many it has evicted."""
    before = direct.info("stats")["evicted_keys"]
    for number in range(4000):
        direct.hset(f"others:{number}", "field", "x" * 500)
    direct.config_set("maxmemory-policy", "allkeys-lfu")
    for _ in range(300):
        direct.hget(f"{store.project}:published", LAYOUT.name)
        for number in range(0, ENTITIES, 2):
            direct.hget(entity(number, store), LAYOUT.field)
    while all(direct.exists(entity(number, store)) for number in range(ENTITIES)):
        direct.config_set("maxmemory", str(int(direct.info("memory")["used_memory"] * 0.97)))
    return int(direct.info("stats")["evicted_keys"]) - int(before)


def test_nothing_is_published_to_a_server_that_may_evict(store: OnlineStore, direct: "redis.Redis") -> None:
    for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random"):
        direct.config_set("maxmemory-policy", policy)
        for act in (publish, rebuild):
            with pytest.raises(OnlineError, match=rf"maxmemory-policy {policy}.*Nothing is published\. Set it to noeviction"):
                act(store, LAYOUT, gold_of(world_of_all()), NEVER)
        assert direct.dbsize() == 0
    for policy in ("volatile-lru", "volatile-ttl", "noeviction"):
        direct.config_set("maxmemory-policy", policy)
        publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
        assert totals(read(store)) == EVERYONES
        lose(store)


def test_a_read_says_so_when_the_policy_was_changed_after_publishing(store: OnlineStore, direct: "redis.Redis") -> None:
    publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    reader = OnlineClient(store.url, store.project).reader([LAYOUT])
    assert reader.read(ASKED, NEVER).incomplete == {}
    direct.config_set("maxmemory-policy", "allkeys-lru")
    time.sleep(LOOK_SECONDS)
    for _ in range(3):
        answer = reader.read(ASKED, NEVER)
        assert answer.incomplete["spend"].startswith("the server may have evicted entities: its maxmemory-policy is allkeys-lru.")
        assert totals(answer) == EVERYONES, "what is there is right"
    direct.config_set("maxmemory-policy", "noeviction")
    time.sleep(LOOK_SECONDS)
    assert reader.read(ASKED, NEVER).incomplete == {}, "nothing was evicted"


def test_an_evicted_entity_is_never_answered_as_if_it_were_empty(store: OnlineStore, direct: "redis.Redis") -> None:
    publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    reader = OnlineClient(store.url, store.project).reader([LAYOUT], {LAYOUT.view: Freshness()})
    assert totals(reader.read(ASKED, NEVER)) == EVERYONES
    evict(direct, store)
    time.sleep(LOOK_AGAIN_SECONDS)
    for answer in (reader.read(ASKED, NEVER), read(store)):
        assert answer.missing["spend"], "some are evicted"
        for place, total in enumerate(totals(answer)):
            assert total == (None if place in answer.missing["spend"] else place + 1)
        assert "may have evicted entities" in answer.incomplete["spend"]
    with pytest.raises(OnlineError, match=r"has no values for \d+ of the requested entities .* may have lost them: .*noeviction"):
        read(store, when_stale="fail")
    direct.config_set("maxmemory", "0")
    direct.config_set("maxmemory-policy", "noeviction")
    assert "keys since all entities were known to exist. Run platform-assets rebuild --missing spend" in read(store).incomplete["spend"]
    done = publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    assert done.everything.startswith("the server has evicted ")
    assert (totals(read(store)), read(store).incomplete) == (EVERYONES, {})
    assert publish(store, LAYOUT, gold_of(world_of_all()), NEVER).values == 0, "once"


def test_a_policy_that_is_changed_while_values_are_written_leaves_the_watermark(store: OnlineStore, direct: "redis.Redis") -> None:
    world = world_of_all()
    steps = publication(store, LAYOUT, gold_of(world), NEVER)
    while next(steps) != "values written":
        pass
    evict(direct, store)
    with pytest.raises(OnlineError, match="Nothing is published"):
        list(steps)
    direct.config_set("maxmemory", "0")
    direct.config_set("maxmemory-policy", "noeviction")
    with pytest.raises(OnlineError, match="was never published"):
        read(store)
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(read(store)) == EVERYONES


@pytest.mark.parametrize("policy", ["noeviction", "volatile-lru", "volatile-ttl"])
def test_a_full_store_is_an_error_and_leaves_the_watermark(store: OnlineStore, direct: "redis.Redis", policy: str) -> None:
    """volatile-*: tombstones have an expiry, and are not keys that are evicted."""
    world = world_of_all()
    world.versions[0][DAYS - 2] = dict.fromkeys(range(ENTITIES), (0, True))
    publish(store, LAYOUT, gold_of(world), at(DAYS - 2))
    direct.config_set("maxmemory-policy", policy)
    direct.config_set("maxmemory", "1")
    watermark = read(store).watermarks
    for act in (publish, rebuild):
        with pytest.raises(OnlineError, match=r"redis://127.*Its memory is full: give it more \(maxmemory\), then run this again"):
            act(store, LAYOUT, gold_of(world), NEVER)
        assert (read(store).watermarks, read(store).incomplete) == (watermark, {})
    direct.config_set("maxmemory", "0")
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(read(store)) == EVERYONES


def test_hashes_that_somebody_deleted_are_counted_noted_and_put_back(store: OnlineStore, direct: "redis.Redis") -> None:
    world = world_of_all()
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert count_entities(store, LAYOUT) == Entities(ENTITIES, ENTITIES)
    direct.delete(entity(1, store), entity(7, store))
    direct.set("others:1", 1), direct.set("others:2", 2)
    assert publish(store, LAYOUT, gold_of(world), NEVER).values == 0, "as many keys as before: nothing looks wrong"
    assert count_entities(store, LAYOUT) == Entities(ENTITIES, ENTITIES - 2)
    answer = read(store)
    assert answer.incomplete == {
        "spend": "2 published entities are missing. Run platform-assets rebuild --missing spend",
    }
    assert [place for place, total in enumerate(totals(answer)) if total is None] == [1, 7] == list(answer.missing["spend"])
    assert publish(store, LAYOUT, gold_of(world), NEVER).everything == "2 entities were missing"
    assert (totals(read(store)), read(store).incomplete) == (EVERYONES, {})
    assert count_entities(store, LAYOUT) == Entities(ENTITIES, ENTITIES)


def test_a_database_with_fewer_keys_is_counted_before_publishing(store: OnlineStore, direct: "redis.Redis") -> None:
    world = world_of_all()
    publish(store, LAYOUT, gold_of(world), NEVER)
    direct.delete(entity(1, store))
    assert publish(store, LAYOUT, gold_of(world), NEVER).everything == "1 entities were missing"
    assert totals(read(store)) == EVERYONES


def test_all_entities_can_be_written_again_without_readers_noticing(store: OnlineStore, direct: "redis.Redis") -> None:
    world = world_of_all()
    publish(store, LAYOUT, gold_of(world), NEVER)
    direct.hdel(entity(3, store), LAYOUT.field)
    steps = publication(store, LAYOUT, gold_of(world), NEVER, everything=True)
    for _ in steps:
        assert totals(read(store))[:3] == EVERYONES[:3]
    assert totals(read(store)) == EVERYONES


def test_an_entity_of_which_the_store_has_nothing_is_told_apart_from_one_that_is_empty(store: OnlineStore) -> None:
    world = world_of_all()
    world.versions[0][DAYS - 1][4] = (0, True)
    del world.versions[0][DAYS - 1][5]
    publish(store, LAYOUT, gold_of(world), NEVER)
    answer = read(store)
    assert answer.missing == {"spend": (5,)}
    assert totals(answer)[3:7] == [4, 0, 0, 7], "both have the empty values while nothing is known to be lost"
    assert count_entities(store, LAYOUT) == Entities(ENTITIES - 2, ENTITIES - 2)


def test_a_flushed_server_is_not_taken_for_an_empty_one(store: OnlineStore, direct: "redis.Redis") -> None:
    publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    reader = OnlineClient(store.url, store.project).reader([LAYOUT], {LAYOUT.view: Freshness()})
    reader.read(ASKED, NEVER)
    direct.flushdb()
    with pytest.raises(OnlineError, match=r"is no longer in .*lost its data \(project 'losses'\)\. Materialize spend/online"):
        reader.read(ASKED, NEVER)
    with pytest.raises(OnlineError, match=r"was never published .* or is lost .*PLATFORM_REDIS_URL \(its last number is the database\)"):
        read(store)
    assert publish(store, LAYOUT, gold_of(world_of_all()), NEVER).everything == "nothing was published"
    assert totals(reader.read(ASKED, NEVER)) == EVERYONES


def test_what_another_edition_published_is_written_again_once(store: OnlineStore, direct: "redis.Redis") -> None:
    publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    direct.hdel(f"{store.project}:published", *(f"{LAYOUT.name} {field}" for field in ("entities", "complete")))
    assert count_entities(store, LAYOUT) == Entities(None, None)
    assert read(store).incomplete == {}
    assert publish(store, LAYOUT, gold_of(world_of_all()), NEVER).values == ENTITIES
    assert publish(store, LAYOUT, gold_of(world_of_all()), NEVER).values == 0
    assert count_entities(store, LAYOUT) == Entities(ENTITIES, ENTITIES)


@pytest.mark.parametrize(
    ("field", "text"),
    [("", "rubbish"), ("", "1 2 3"), ("", b"\xff 1 1 x"), (" unfinished", "{")],
)
def test_marks_that_cannot_be_read_are_named_and_made_anew(store: OnlineStore, direct: "redis.Redis", field: str, text: Any) -> None:
    publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    direct.hset(f"{store.project}:published", LAYOUT.name + field, text)
    unreadable = r"spend: its marks in the online store redis://127.* cannot be read.*platform-assets rebuild spend"
    for act in (publish, *([] if field else [lambda *_: read(store)])):
        with pytest.raises(OnlineError, match=unreadable):
            act(store, LAYOUT, gold_of(world_of_all()), NEVER)
    rebuild(store, LAYOUT, gold_of(world_of_all()), NEVER)
    assert totals(read(store)) == EVERYONES


@pytest.mark.parametrize("damage", [b"", b"short", bytes(40), "cut", "longer"])
def test_a_damaged_value_is_named(store: OnlineStore, direct: "redis.Redis", damage: Any) -> None:
    publish(store, LAYOUT, gold_of(world_of_all()), NEVER)
    packed = direct.hget(entity(3, store), LAYOUT.field)
    direct.hset(entity(3, store), LAYOUT.field, {"cut": packed[:-1], "longer": packed + b"x"}.get(damage, damage))
    with pytest.raises(OnlineError, match=r"spend: .*cannot be read as total, last.*platform-assets rebuild spend"):
        read(store)
    rebuild(store, LAYOUT, gold_of(world_of_all()), NEVER)
    assert totals(read(store)) == EVERYONES


def test_keys_of_another_program_are_named(store: OnlineStore, direct: "redis.Redis") -> None:
    direct.set(f"{store.project}:published", "theirs")
    for act in (publish, rebuild, lambda *_: read(store)):
        with pytest.raises(OnlineError, match=r"Another program uses keys that begin with PLATFORM_PROJECT"):
            act(store, LAYOUT, gold_of(world_of_all()), NEVER)
    assert direct.get(f"{store.project}:published") == b"theirs"


def play(seed: int, store: OnlineStore, direct: "redis.Redis") -> int:
    """Publications, some of which die, between losses of every kind; in the end the store is what gold is."""
    rng = random.Random(seed)
    world = World(rng, is_change_log=rng.random() < 0.5)
    world.write_all()
    lost, running = 0, None
    for _ in range(rng.randint(3, 12)):
        match rng.choice(["write", "publish", "publish", "die", "delete", "field", "flush", "check", "other", "slow"]):
            case "write":
                world.happen()
                world.write()
            case "publish":
                publish(store, LAYOUT, gold_of(world), NEVER, everything=rng.random() < 0.3)
            case "die":
                steps = publication(store, LAYOUT, gold_of(world), NEVER)
                for _ in range(rng.randint(1, 5)):
                    next(steps, None)
                steps.close()
            case "slow":
                running = running or publication(store, LAYOUT, gold_of(world, 3), NEVER)
                for _ in range(rng.randint(1, 5)):
                    running = None if running is None or next(running, "ended") == "ended" else running
            case "delete":
                lost += direct.delete(*(entity(rng.randrange(ENTITIES), store) for _ in range(3)))
            case "field":
                lost += direct.hdel(entity(rng.randrange(ENTITIES), store), LAYOUT.field)
            case "flush" if rng.random() < 0.3:
                lose(store)
                running = None
            case "check":
                count_entities(store, LAYOUT)
            case "other":  # so that the number of keys says nothing
                direct.set(f"others:{rng.random()}", 1)
    world.write_all()
    if running is not None:
        list(running)
    if rng.random() < 0.5:
        publish(store, LAYOUT, gold_of(world), NEVER, everything=True)
    else:  # as Dagster does: a publication, its check, and the next one
        for _ in range(2):
            publish(store, LAYOUT, gold_of(world), NEVER)
            count_entities(store, LAYOUT)
    expected = world.as_of(len(world.versions) - 1, DAYS - 1)
    assert stored(store) == expected
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert count_entities(store, LAYOUT) == Entities(len(expected), len(expected)), "the count that publishing keeps"
    assert noted(store, lost_field) is None and int(noted(store, entities_field) or 0) == len(expected)
    return lost


def play_many(seeds: range, store: OnlineStore, direct: "redis.Redis") -> None:
    lost = 0
    for seed in seeds:
        lose(store)
        try:
            lost += play(seed, store, direct)
        except (AssertionError, OnlineError) as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert lost > len(seeds) / 2


def test_after_random_losses_the_store_is_what_gold_is(store: OnlineStore, direct: "redis.Redis") -> None:
    play_many(range(60), store, direct)


@pytest.mark.slow
def test_after_random_losses_the_store_is_what_gold_is_hundreds_of_times(store: OnlineStore, direct: "redis.Redis") -> None:
    play_many(range(1000, 1400), store, direct)


def test_an_older_copy_of_the_data_is_noticed_and_brought_up_to_date(tmp_path: Path) -> None:
    world = world_of_all()
    with EmbeddedValkey(tmp_path / "older") as server:
        publish(OnlineStore(server.url), LAYOUT, gold_of(world), at(DAYS - 2))
    with EmbeddedValkey(tmp_path / "newer") as server:
        publish(OnlineStore(server.url), LAYOUT, gold_of(world), NEVER)
        direct = redis.Redis.from_url(server.url)
        reader = OnlineClient(server.url).reader([LAYOUT], {LAYOUT.view: Freshness()})
        assert (totals(reader.read(ASKED, NEVER)), reader.read(ASKED, NEVER).stale) == (EVERYONES, ())
        with EmbeddedValkey(tmp_path / "older") as older:  # its data come to the server as a replica gets them
            direct.replicaof("127.0.0.1", older.url.rsplit(":")[-1].split("/")[0])
            while direct.info("replication").get("master_link_status") != "up":
                time.sleep(0.02)
            direct.replicaof("NO", "ONE")
        answer = reader.read(ASKED, NEVER)
        assert (answer.stale, answer.watermarks, answer.ages) == (("spend",), {"spend": at(DAYS - 2)}, {"spend": NEVER - at(DAYS - 2)})
        with pytest.raises(OnlineError, match=r"is older than before in .*restored from an older copy\. Materialize spend/online"):
            reader.read(ASKED, NEVER, {"spend": Freshness(when_stale="fail")})
        publish(OnlineStore(server.url), LAYOUT, gold_of(world), NEVER)
        assert (totals(reader.read(ASKED, NEVER)), reader.read(ASKED, NEVER).stale) == (EVERYONES, ())
