"""The property of semantics.md 9: whatever happens on the way, publications end with the values as of the watermark.

Each run plays a random world: gold's partitions are rewritten out of order, rows disappear, publications die at any step, two are put
into each other step by step with clocks that differ, and the server loses its data. In the end one publication goes through undisturbed.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass

import pytest

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.publication_state import read_marks
from platform_assets.stores.online.publish import Published, publication, publish
from platform_assets_tests.stores.online.world import DAYS, ENTITIES, FIRST, LAYOUT, NEVER, World, at, gold_of, lose, stored

FEW, MANY = 150, 5000


@dataclass
class Publisher:
    """A publication under way."""

    steps: Generator[str, None, Published]
    has_lost: bool = False
    """Whether the server lost its data after it began, so that it may fail."""


@dataclass
class Seen:
    """How often a run met what it is about: a property that never met it says nothing."""

    checked: int = 0
    states: int = 0
    crashed: int = 0
    lost: int = 0
    refused: int = 0


def play(seed: int, store: OnlineStore, publishers: int, seen: Seen) -> None:
    rng = random.Random(seed)
    is_change_log = rng.random() < 0.5
    world = World(rng, is_change_log, is_state=not is_change_log and rng.random() < 0.5)
    running: list[Publisher] = []
    has_crashed = False  # one of those that overlap with what is running
    day = 0.0
    for _ in range(rng.randint(10, 60)):
        day += rng.random() * 0.4
        has_crashed &= bool(running)
        match rng.choices(["happen", "write", "begin", "step", "crash", "lose"], [1, 2, 5, 14, 1.5, 0.5])[0]:
            case "happen":
                world.happen()
            case "write":
                world.write()
            case "begin" if len(running) < publishers and world.versions:
                gold = gold_of(world, rng.choice([3, 1000]))
                # The clocks of two machines differ, and a run may be told an older time than another.
                running.append(Publisher(publication(store, LAYOUT, gold, at(day - rng.choice([0, 0, 1.5, 3])))))
            case "step" if running:
                publisher = rng.choice(running)
                for _ in range(rng.choice([1, 2, 4, 20])):
                    if publisher in running and has_ended(publisher, seen):
                        running.remove(publisher)
                if not running and not has_crashed and not world.is_change_log:
                    check_marks(store, world, seen)
            case "crash" if running:
                running.pop(rng.randrange(len(running))).steps.close()
                has_crashed = True
                seen.crashed += 1
            case "lose":
                lose(store)
                seen.lost += 1
                for publisher in running:
                    publisher.has_lost = True
    # Gold changes no more; what is under way has read older versions, and ends before or after one that has read all.
    world.write_all()
    if rng.random() < 0.7:
        publish(store, LAYOUT, gold_of(world), NEVER)
    rng.shuffle(running)
    for publisher in running:
        lasts = rng.choice([3, 6, 1000])
        while lasts and not has_ended(publisher, seen):
            lasts -= 1
        publisher.steps.close()
    publish(store, LAYOUT, gold_of(world), NEVER)
    seen.states += world.is_state
    newest = len(world.versions) - 1
    assert stored(store) == world.as_of(newest, DAYS - 1)
    with store.session() as session:
        marks = read_marks(session, LAYOUT)
    assert marks is not None
    assert (marks.version, marks.watermark) == (newest, FIRST + DAYS - 1)


def has_ended(publisher: Publisher, seen: Seen) -> bool:
    try:
        next(publisher.steps)
    except StopIteration:
        return True
    except OnlineError:
        assert publisher.has_lost, "only lost data stop a publication"
        seen.refused += 1
        return True
    return False


def check_marks(store: OnlineStore, world: World, seen: Seen) -> None:
    """When those that overlapped have all ended, and none has died, the store holds exactly what its marks say, whoever died before."""
    with store.session() as session:
        marks = read_marks(session, LAYOUT)
    if marks is not None:
        assert stored(store) == world.as_of(marks.version, marks.watermark - FIRST), "what the marks say"
        seen.checked += 1


def play_many(seeds: range, store: OnlineStore, publishers: int) -> None:
    seen = Seen()
    for seed in seeds:
        lose(store)
        try:
            play(seed, store, publishers, seen)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {publishers} publishers: {error}") from error
    assert seen.checked > len(seeds) / 5
    assert seen.states > len(seeds) / 6
    assert seen.crashed > len(seeds) / 5
    assert seen.lost > len(seeds) / 20
    assert seen.refused > len(seeds) / 200


def test_one_publisher_ends_right_whatever_happens_on_the_way(store: OnlineStore) -> None:
    play_many(range(FEW), store, 1)


def test_two_publishers_step_by_step_in_each_other_end_right(store: OnlineStore) -> None:
    play_many(range(FEW), store, 2)


@pytest.mark.slow
@pytest.mark.rotating("platform_assets/stores/online/")
@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("publishers", [1, 2, 3])
def test_thousands_of_runs_end_right(store: OnlineStore, publishers: int, part: int) -> None:
    play_many(range(1000 + part * MANY // 5, 1000 + (part + 1) * MANY // 5), store, publishers)


def test_worlds_have_entities_with_and_without_values() -> None:
    with_values, versions = 0, 0
    for seed in range(20):
        world = World(random.Random(seed), is_change_log=True)
        for _ in range(3):
            world.happen()
        world.write_all()
        with_values += len(world.as_of(len(world.versions) - 1, DAYS - 1))
        versions += len(world.versions)
    assert 10 < with_values < 20 * ENTITIES - 10
    assert versions > 20
