"""What executors publish is what one process publishes, byte by byte; and what a task meets comes back as an error of ours."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from platform_assets.errors import OnlineError
from platform_assets.serving.plan import layout_of
from platform_assets.steps.online import _gold
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.publish import Changes, Counted, Published, Publisher, ValueWriter, publish
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.spark.session import Sizes, SparkEngine, spark
from platform_assets_tests.steps.pipeline import DAYS, START, Pipeline, pipeline_with

pytestmark = pytest.mark.slow


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[OnlineStore, OnlineStore]]:
    """Two projects of one server."""
    with EmbeddedValkey(tmp_path / "valkey") as server:
        yield OnlineStore(server.url, "polars"), OnlineStore(server.url, "spark")


def published(pipeline: Pipeline, store: OnlineStore, publisher: Publisher | None, days: int = DAYS + 1) -> Published:
    """Publishes what may be read so many days after the first one has begun."""
    gold = _gold(pipeline.view, pipeline.run())
    return publish(store, layout_of(pipeline.view), gold, START + timedelta(days=days), publisher=publisher)


def online(home: Path, store: OnlineStore, edition: str = "new") -> object:
    """All that a store has of the business."""
    return pipeline_with(home, edition, store).state()["online"]


def on_spark(pipeline: Pipeline) -> Publisher:
    """By executors, however few rows there are."""
    return SparkEngine(pipeline.lake, spark, Sizes(task=1)).publisher


def test_each_publication_leaves_the_same_store(tmp_path: Path, stores: tuple[OnlineStore, OnlineStore]) -> None:
    here, there = stores
    written: list[Published] = []
    for edition, days in (("new", 3), ("new", 6), ("new", DAYS), ("corrected", DAYS), ("corrected", DAYS + 1)):
        pipeline = pipeline_with(tmp_path / "home", edition)
        pipeline.bring_up("raw", "silver", "gold")
        expected = published(pipeline, here, None, days)
        assert published(pipeline, there, on_spark(pipeline), days) == expected
        assert online(tmp_path / "home", there, edition) == online(tmp_path / "home", here, edition)
        written.append(expected)
    assert [bool(one.values) for one in written] == [True, True, True, True, False], "the last time nothing is new"
    assert any(one.tombstones for one in written)
    again = published(pipeline, there, on_spark(pipeline))
    assert (again.values, again.tombstones, again.replaced) == (0, 0, 0)


def require_made_good(home: Path, pipeline: Pipeline, stores: tuple[OnlineStore, OnlineStore]) -> None:
    """The next publication leaves what one process leaves in a store of its own."""
    assert published(pipeline, stores[1], on_spark(pipeline)).values > 0
    published(pipeline, stores[0], None)
    assert online(home, stores[1]) == online(home, stores[0])


def test_few_rows_are_left_to_this_process(tmp_path: Path, stores: tuple[OnlineStore, OnlineStore]) -> None:
    pipeline = pipeline_with(tmp_path / "home")
    pipeline.bring_up("raw", "silver", "gold")

    def no_session() -> None:
        raise AssertionError("Spark was started for a few rows")

    engine = SparkEngine(pipeline.lake, no_session)  # type: ignore[arg-type]
    assert published(pipeline, stores[1], engine.publisher).values > 0


def test_a_store_that_is_full_is_said_and_the_next_publication_makes_it_good(
    tmp_path: Path, stores: tuple[OnlineStore, OnlineStore]
) -> None:
    pipeline, store = pipeline_with(tmp_path / "home"), stores[1]
    pipeline.bring_up("raw", "silver", "gold")

    def full(changes: Changes, writer: ValueWriter) -> Iterator[Counted] | None:
        with store.session() as session:
            session.call("CONFIG", "SET", "maxmemory", "1")
        return on_spark(pipeline)(changes, writer)

    with pytest.raises(OnlineError, match=r"Its memory is full: give it more \(maxmemory\), then run this again"):
        published(pipeline, store, full)
    with store.session() as session:
        session.call("CONFIG", "SET", "maxmemory", "0")
    require_made_good(tmp_path / "home", pipeline, stores)


def test_a_store_that_lost_its_data_meanwhile_is_said_and_filled_by_the_next(
    tmp_path: Path, stores: tuple[OnlineStore, OnlineStore]
) -> None:
    """Tasks are refused: the server does not know the publication that they write for."""
    pipeline, store = pipeline_with(tmp_path / "home"), stores[1]
    pipeline.bring_up("raw", "silver", "gold")

    def flushed(changes: Changes, writer: ValueWriter) -> Iterator[Counted] | None:
        with store.session() as session:
            session.call("FLUSHALL")
        return on_spark(pipeline)(changes, writer)

    with pytest.raises(OnlineError, match=r"lost its data during the publication|was emptied"):
        published(pipeline, store, flushed)
    require_made_good(tmp_path / "home", pipeline, stores)
