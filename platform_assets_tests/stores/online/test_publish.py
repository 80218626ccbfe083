"""Publishing, case by case; test_publish_at_random.py has the property."""

import random
import threading
from datetime import UTC, datetime

import pytest

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.publication_state import Begun, Readable, begin, end, read_marks
from platform_assets.stores.online.publish import publication, publish, rebuild
from platform_assets_tests.stores.online.world import DAYS, FIRST, LAYOUT, NEVER, Row, World, at, gold_of, key, lose, stored

ALL_DAYS: dict[int, dict[int, Row]] = {day: {} for day in range(DAYS)}


def world_of(*versions: dict[int, dict[int, Row]]) -> World:
    """A world whose versions rewrite these days with these rows: {day: {entity: (value, is it empty)}}."""
    world = World(random.Random(0), is_change_log=True)
    for rows in versions:
        rewrite(world, rows)
    return world


def rewrite(world: World, rows: dict[int, dict[int, Row]]) -> None:
    world.versions.append({**(world.versions[-1] if world.versions else {}), **rows})
    world.rewritten.append(set(rows))


def totals(store: OnlineStore) -> dict[int, int]:
    return {entity: total for entity, (total, _) in stored(store).items()}


def test_the_value_is_that_of_the_last_row_up_to_the_watermark(store: OnlineStore) -> None:
    world = world_of({0: {1: (10, False), 2: (20, False)}, 1: {1: (11, False)}, 2: {2: (0, True)}, 3: {3: (30, False)}})
    done = publish(store, LAYOUT, gold_of(world), at(1))
    assert stored(store) == {1: (11, at(1)), 2: (20, at(0))}
    assert (done.version, done.watermark, done.values, done.tombstones) == (0, at(1), 2, 0)
    done = publish(store, LAYOUT, gold_of(world), at(3))
    assert totals(store) == {1: 11, 3: 30}
    assert (done.watermark, done.values, done.tombstones) == (at(3), 1, 1), "only what the watermark passed"


def test_nothing_is_done_where_nothing_changed(store: OnlineStore) -> None:
    world = world_of({0: {1: (10, False)}})
    publish(store, LAYOUT, gold_of(world), at(0))
    done = publish(store, LAYOUT, gold_of(world), at(0))
    assert (done.version, done.watermark, done.values) == (0, at(0), 0)


def test_before_the_first_snapshot_may_be_read_nothing_is_published(store: OnlineStore) -> None:
    done = publish(store, LAYOUT, gold_of(world_of({0: {1: (10, False)}})), at(-0.1))
    assert (done.version, done.watermark) == (None, None)
    assert totals(store) == {}


def test_the_watermark_stops_before_a_gap(store: OnlineStore) -> None:
    world = world_of({0: {1: (10, False)}}, {2: {1: (12, False)}})
    assert publish(store, LAYOUT, gold_of(world), NEVER).watermark == at(0)
    assert totals(store) == {1: 10}
    rewrite(world, {1: {}})
    assert publish(store, LAYOUT, gold_of(world), NEVER).watermark == at(2)
    assert totals(store) == {1: 12}


def test_a_row_that_disappears_takes_its_value_along(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False), 2: (20, False)}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    rewrite(world, {DAYS - 1: {2: (20, False)}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(store) == {2: 20}


def test_a_row_that_came_and_went_between_two_publications_does_no_harm(store: OnlineStore) -> None:
    world = world_of(ALL_DAYS)
    publish(store, LAYOUT, gold_of(world), NEVER)
    rewrite(world, {DAYS - 1: {1: (10, False)}})
    dying = publication(store, LAYOUT, gold_of(world), NEVER)
    assert [next(dying) for _ in range(4)] == ["gold read", "begun", "values read", "values written"]
    dying.close()
    assert totals(store) == {1: 10}, "written, though the marks do not say so yet"
    rewrite(world, {DAYS - 1: {}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(store) == {}


def test_a_first_publication_that_died_is_made_good_though_its_rows_have_gone(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False), 2: (20, False)}})
    dying = publication(store, LAYOUT, gold_of(world), NEVER)
    while next(dying) != "values written":
        pass
    dying.close()
    rewrite(world, {DAYS - 1: {2: (20, False)}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(store) == {2: 20}


def test_an_overtaken_publication_leaves_the_newer_values(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False), 2: (20, False)}})
    slow = publication(store, LAYOUT, gold_of(world), NEVER)
    while next(slow) != "values read":
        pass
    rewrite(world, {DAYS - 1: {1: (11, False)}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(store) == {1: 11}
    list(slow)
    assert totals(store) == {1: 11}
    with store.session() as session:
        marks = read_marks(session, LAYOUT)
    assert marks is not None
    assert (marks.version, marks.watermark) == (1, FIRST + DAYS - 1)


def test_a_publication_with_a_slower_clock_takes_over_the_watermark(store: OnlineStore) -> None:
    world = world_of({0: {1: (10, False), 2: (20, False)}, 1: {1: (11, False)}})
    slow = publication(store, LAYOUT, gold_of(world), at(0))
    while next(slow) != "values read":
        pass
    publish(store, LAYOUT, gold_of(world), at(1))
    list(slow)  # it has written the value of day 0 over that of day 1: the same version; then it sees the watermark
    assert totals(store) == {1: 11, 2: 20}
    assert publish(store, LAYOUT, gold_of(world), at(0)).watermark == at(1), "never backwards"


def test_a_lost_store_is_published_in_full(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False)}, DAYS - 2: {2: (20, False)}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    lose(store)
    publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(store) == {1: 10, 2: 20}


def test_a_store_that_is_lost_meanwhile_gets_nothing_from_what_is_under_way(store: OnlineStore) -> None:
    steps = publication(store, LAYOUT, gold_of(world_of({**ALL_DAYS, DAYS - 1: {1: (10, False)}})), NEVER)
    while next(steps) != "values read":
        pass
    lose(store)
    with pytest.raises(OnlineError, match=r"lost its data during the publication. Publish again"):
        list(steps)
    assert totals(store) == {}


def test_gold_that_was_made_anew_is_refused_until_the_view_is_rebuilt(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False)}}, {0: {}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    anew = world_of({**ALL_DAYS, DAYS - 1: {2: (20, False)}})
    anew.id = "another"
    with pytest.raises(OnlineError, match=r"come from another spend/gold, which has been removed.*platform-assets rebuild spend"):
        publish(store, LAYOUT, gold_of(anew), NEVER)
    assert totals(store) == {1: 10}
    done = rebuild(store, LAYOUT, gold_of(anew), NEVER)
    assert totals(store) == {2: 20}
    assert done.version == 0


def test_rebuilding_removes_only_the_fields_of_the_view(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False)}})
    with store.session() as session:
        session.call("HSET", f"{store.project}:{{customer:1}}", "of another view", "stays")
        rebuild(store, LAYOUT, gold_of(world), NEVER)
        assert session.call("HGET", f"{store.project}:{{customer:1}}", "of another view") == b"stays"
    assert totals(store) == {1: 10}


def test_a_partition_that_gets_lost_behind_the_watermark_stops_publishing_and_is_named(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 1: {1: (10, False)}})
    publish(store, LAYOUT, gold_of(world), NEVER)
    rewrite(world, {DAYS - 1: {}})
    del world.versions[-1][3]
    with pytest.raises(OnlineError, match=rf"published up to {key(DAYS - 1)}, but spend/gold {key(3)} is missing now.*Materialize"):
        publish(store, LAYOUT, gold_of(world), NEVER)
    assert totals(store) == {1: 10}


def test_entities_in_many_parts_are_all_written(store: OnlineStore) -> None:
    world = world_of({**ALL_DAYS, DAYS - 2: {e: (e, False) for e in range(5)}, DAYS - 1: {e: (e, e == 9) for e in range(5, 12)}})
    done = publish(store, LAYOUT, gold_of(world, rows_at_once=1), NEVER)
    assert (done.values, done.tombstones, done.replaced) == (11, 1, 12)
    assert totals(store) == {entity: entity for entity in range(12) if entity != 9}


def test_versions_of_a_view_and_projects_lie_side_by_side(store: OnlineStore) -> None:
    publish(store, LAYOUT, gold_of(world_of({**ALL_DAYS, DAYS - 1: {1: (10, False)}})), NEVER)
    other = OnlineStore(store.url, f"{store.project}-b")
    publish(other, LAYOUT, gold_of(world_of({**ALL_DAYS, DAYS - 1: {1: (99, False)}})), NEVER)
    assert totals(store) == {1: 10}
    assert totals(other) == {1: 99}


def test_what_a_publication_says_before_it_writes(store: OnlineStore) -> None:
    """since and after of those that overlap are the same; one that covers another takes back what that has said."""
    gold = Readable("memory", 5, FIRST + 3, FIRST + 9, FIRST, 2)
    later = Readable("memory", 6, FIRST + 4, FIRST + 9, FIRST, 2)
    moment = datetime(2024, 3, 9, tzinfo=UTC)
    with store.session() as session:
        unfinished = (b"HGET", f"{store.project}:published", f"{LAYOUT.name} unfinished")
        assert begin(session, LAYOUT, "a", gold) == Begun("begun", 5, FIRST, FIRST + 3)
        assert begin(session, LAYOUT, "b", later) == Begun("begun", 5, FIRST, FIRST + 4)
        assert end(session, LAYOUT, "b", later, FIRST + 4, moment) == "published"
        assert session.call(*unfinished) is None, "b has written all that a writes"
        assert end(session, LAYOUT, "a", gold, FIRST + 3, moment) == "published", "by b"
        assert begin(session, LAYOUT, "c", gold).state == "newer"
        assert begin(session, LAYOUT, "d", later).state == "done"
        assert end(session, LAYOUT, "e", Readable("memory", 7, 0, 0, 0, 2), FIRST + 4, moment) == "lost", "nobody knows e"


def test_of_two_first_publications_the_older_one_stays_unfinished(store: OnlineStore) -> None:
    """The newer one began with its own version: what the older one writes of rows that are gone by then, it does not cover."""
    older, newer = (Readable("memory", version, FIRST, FIRST, FIRST, 2) for version in (5, 6))
    with store.session() as session:
        assert begin(session, LAYOUT, "newer", newer).since == 6
        assert begin(session, LAYOUT, "older", older).since == 5
        assert end(session, LAYOUT, "newer", newer, FIRST, at(0)) == "published"
        assert end(session, LAYOUT, "older", older, FIRST, at(0)) == "again"
        assert begin(session, LAYOUT, "next", newer) == Begun("begun", 5, FIRST - 3, FIRST)


def test_two_threads_publishing_while_gold_changes_end_right(store: OnlineStore) -> None:
    for seed in range(5):
        world = World(random.Random(seed), is_change_log=False)
        world.write_all()
        lose(store)
        failed: list[BaseException] = []
        is_over = threading.Event()

        def work(world: World = world, failed: list[BaseException] = failed, is_over: threading.Event = is_over) -> None:
            try:
                while not is_over.is_set():
                    publish(store, LAYOUT, gold_of(world, 3), NEVER)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(15):
            world.commit({world.rng.randrange(DAYS)})
            is_over.wait(0.01)
        is_over.set()
        for thread in threads:
            thread.join()
        assert failed == []
        publish(store, LAYOUT, gold_of(world), NEVER)
        assert stored(store) == world.as_of(len(world.versions) - 1, DAYS - 1)
