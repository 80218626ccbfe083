"""A declaration that changes: its partitions are made beside the table, which takes them over when all are there."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureService, FeatureView, daily, source, sum
from platform_assets.errors import NotReadyError
from platform_assets.serving.features import online_features
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.online import compare, make_online
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver, silver_table
from platform_assets.stores.delta import Lake, Table
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.successor import successor_of
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.pipeline import TABLES, Pipeline, pipeline_with

OFFLINE = ("raw", "silver", "gold", "checkpoints", "history", "report", "training", "model", "predictions")


def redeclared(home: Path, edition: str = "new") -> Pipeline:
    """The pipeline with the deliveries of an edition, and the other declarations."""
    pipeline, deliveries = pipeline_with(home, "redeclared"), pipeline_with(home, edition).deliveries
    pipeline.deliveries.clear()
    pipeline.deliveries.update(deliveries)
    return pipeline


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with everything that the first declarations make."""
    home = tmp_path_factory.mktemp("made")
    pipeline_with(home).bring_up(*OFFLINE)
    return home


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the other declarations make where there was nothing."""
    fresh = redeclared(tmp_path_factory.mktemp("fresh"))
    fresh.bring_up(*OFFLINE)
    return seen(fresh)


def copy_of(made: Path, to: Path) -> Path:
    import shutil

    shutil.copytree(made, to / "home")
    return to / "home"


def seen(pipeline: Pipeline) -> dict[str, Any]:
    """Rows, types and the ledger of all tables but raw, which no declaration changes, and models, which are named for what they read."""
    state = pipeline.state(exact=False)
    schemas = {f"{'/'.join(table)} columns": sorted(pipeline.lake.schema(table).items(), key=str) for table in TABLES if table[1] != "raw"}
    # What quarantine has was received: a column that nobody declares any more stays.
    return {name: said for name, said in {**state, **schemas}.items() if "raw" not in name}


def nothing_is_stale(pipeline: Pipeline) -> bool:
    return all(pipeline.stale(layer) == [] for layer in OFFLINE)


def successors(pipeline: Pipeline) -> list[Path]:
    """Logs of tables beside others."""
    return [log for log in Path(pipeline.lake.root).rglob("_delta_log/*.json") if log.parent.parent.name.startswith("_next_")]


@in_turn("platform_assets/stores/succession.py", "platform_assets/stores/successor.py", "platform_assets/steps/")
def test_ranges_of_all_layers_leave_what_a_new_lake_has(made: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    pipeline = redeclared(copy_of(made, tmp_path))
    before = {table: (pipeline.lake.version(table), pipeline.lake.scan(table).collect()) for table in TABLES}
    pipeline.bring_up(*OFFLINE)
    assert seen(pipeline) == expected
    assert nothing_is_stale(pipeline)
    assert successors(pipeline) == []
    for table, (version, rows) in before.items():
        assert pipeline.lake.scan(table, version=version).collect().equals(rows), "what was pinned stays readable"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_partitions_in_any_order_leave_the_same_and_readers_see_old_or_new(
    made: Path, expected: dict[str, Any], tmp_path: Path, seed: int
) -> None:
    random, home = Random(seed), copy_of(made, tmp_path)
    pipeline, old = redeclared(home), pipeline_with(home)
    for layer in OFFLINE[1:]:
        tables = {"silver": [("sales", "silver"), ("sales", "quarantine")], "gold": [("spending", "gold")], "report": [("takings", "gold")]}
        mine = tables.get(layer, [("history", "checkpoints")] if layer == "checkpoints" else [])
        before = {table: pipeline.lake.scan(table).collect() for table in mine}
        wanted = pipeline.stale(layer)
        while wanted:
            partition = wanted[0] if layer in ("checkpoints", "training", "model") else random.choice(wanted)
            pipeline.make(layer, partition, partition)
            left = pipeline.stale(layer)
            assert len(left) < len(wanted), "what is made beside the table is not made again"
            wanted = left
            for table, rows in before.items():
                assert not wanted or pipeline.lake.scan(table).collect().equals(rows), "nobody sees a part of it"
            if layer == "silver" and wanted:
                assert old.stale("silver") == [], "to the old declaration all is as it was"
    assert seen(pipeline) == expected
    assert nothing_is_stale(pipeline)


def test_who_needs_the_new_version_is_told_how_far_it_is(made: Path, tmp_path: Path) -> None:
    pipeline = redeclared(copy_of(made, tmp_path))
    pipeline.make("silver", pipeline.first, pipeline.first + 4)
    refused = pipeline.make("gold", pipeline.first, pipeline.last)
    with pytest.raises(NotReadyError) as error:
        refused.check()
    said = str(error.value)
    assert "(5 of 8 partitions of it are made; until all are, readers get the old ones)" in said
    assert f"""--select 'key:"sales/silver"' --partition-range {pipeline.day(5)}...{pipeline.day(7)}""" in said
    assert {e.status for e in pipeline.entries("spending/gold").values()} == {"ok"}, "the old gold is not withdrawn"


@pytest.mark.slow
def test_a_partition_that_is_blocked_under_the_new_declaration_holds_up_no_other(made: Path, tmp_path: Path) -> None:
    pipeline = redeclared(copy_of(made, tmp_path), "withdrawn")
    pipeline.bring_up(*OFFLINE)
    assert pipeline.entries("sales/silver")[pipeline.day(7)].status == "blocked"
    assert pipeline.entries("spending/gold")[pipeline.day(7)].status == "blocked"
    assert pipeline.lake.schema(("spending", "gold"))["amount_sum_3d"] == pl.Int64
    assert successors(pipeline) == []


@pytest.mark.slow
def test_back_and_forth_ends_as_the_last_declaration_says(made: Path, tmp_path: Path) -> None:
    home = copy_of(made, tmp_path)
    first, other = pipeline_with(home), redeclared(home)
    wanted = {table: first.lake.scan(table).collect().sort(pl.all()) for table in (("sales", "silver"), ("spending", "gold"))}
    other.make("silver", other.first, other.last)
    other.make("gold", other.first, other.first + 2)  # and no further
    first.bring_up("silver", "gold")
    for table, rows in wanted.items():
        found = first.lake.scan(table).collect()
        assert found.select(rows.columns).sort(pl.all()).equals(rows)
    assert first.stale("silver") == [] == first.stale("gold")


def test_a_table_that_lacks_a_column_takes_it_in_place(made: Path, tmp_path: Path) -> None:
    home = copy_of(made, tmp_path)
    pipeline = pipeline_with(home)
    table: Table = silver_table(pipeline.source)
    changed = Pipeline(home)
    object.__setattr__(changed.source, "flags", {**changed.source.flags, **redeclared(home).source.flags})
    changed.source.__dict__.pop("version", None)
    changed.source.__dict__.pop("types", None)
    changed.deliveries.update(pipeline.deliveries)
    changed.make("silver", changed.first, changed.first)
    assert not changed.lake.exists(successor_of(table, changed.source.version))
    assert changed.lake.schema(table)["small"] == pl.Boolean
    assert [changed.day(number) for number in range(8)] == sorted(changed.entries("sales/silver"))


@pytest.mark.slow
def test_two_runs_at_once_make_one_version(made: Path, expected: dict[str, Any], tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    home = copy_of(made, tmp_path)
    one, other = redeclared(home), redeclared(home)
    half = one.first + 4
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(one.make, "silver", one.first, half), pool.submit(other.make, "silver", half, other.last)]:
            done.result().check()
    assert one.stale("silver") == []
    one.bring_up(*OFFLINE)
    assert seen(one) == expected


class ByName:
    who: str
    at: datetime
    qty: int


class ByNumber:
    who: int
    at: datetime
    qty: float


def view_of(schema: type, where: str | None = None) -> FeatureView:
    """A view whose only key, and whose feature, is of another type in the other schema."""

    @source(schema=schema, event_time="at", partitions=daily("2024-03-01"))
    def orders(arrival: Arrival) -> pl.DataFrame:
        return pl.DataFrame({"who": ["1", "2"], "at": [f"{arrival.partition}T10:00:00Z"] * 2, "qty": ["3", "4"]})

    who = Entity("who", keys=["who"])
    return FeatureView("spend", entity=who, source=orders, online=True, features=[sum("qty", where=where).over("2d").named("total")])


@pytest.mark.slow
def test_online_gets_the_new_version_when_it_is_whole_also_of_entities_with_keys_of_another_type(tmp_path: Path) -> None:
    lake, days = Lake(str(tmp_path / "lake")), [view_of(ByName).source.partitions.index_of(f"2024-03-0{day}") for day in (1, 2, 3)]
    run = Run(lake, Ledger(lake), "run", datetime(2024, 3, 4, 1, tzinfo=UTC))
    with EmbeddedValkey(tmp_path / "valkey") as server:
        store = OnlineStore(server.url, "orders")

        def served(view: FeatureView, who: object) -> object:
            service = FeatureService("orders", [view])
            return online_features(service, [{"who": who}], OnlineClient(store.url, store.project), now=run.now).rows[0]["spend__total"]

        def make(view: FeatureView, first: int, last: int) -> None:
            make_raw(view.source, first, last, run).check()
            make_silver(view.source, first, last, run).check()
            make_change_log(view, first, last, run)
            make_online(view, run, store)

        old, new = view_of(ByName), view_of(ByNumber)
        make(old, days[0], days[-1])
        assert served(old, "2") == 8
        for day in (days[2], days[0]):
            make(new, day, day)
            assert served(old, "2") == 8, "the old version is served until the new one is whole"
        make(new, days[1], days[1])
        make(new, days[0], days[-1])
        assert served(new, 2) == 8.0 and isinstance(served(new, 2), float)
        assert compare(new, run, store, run.now).mismatches == []
        make(old, days[0], days[-1])  # and back
        assert served(old, "1") == 6
        assert compare(old, run, store, run.now).mismatches == []
