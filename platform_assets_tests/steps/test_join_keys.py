"""An entity whose key has another name than the column that holds it: the same tables, with the entity's name, on the whole way."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from platform_assets import FeatureService, build_definitions, historical_features, online_features
from platform_assets.assets.model import training_columns
from platform_assets.declare.training import FeaturesFrom
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.assets.shop import Shop
from platform_assets_tests.steps.business import DAYS, START
from platform_assets_tests.steps.pipeline import ALL_LAYERS, Pipeline, delivered

ABOUT_USERS = {
    "spending/gold": [],
    "history/checkpoints": [],
    "history/gold": [],
    "coming/training": [],
    "coming/predictions": ["artifact"],  # the model's name says which features it has read
}
"""Tables with the entity's key, and their columns that are not compared."""
USERS = ["user0", "user1", "user2", "nobody"]
NOW = START + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> list[Pipeline]:
    """The same days, once of the entity's key `user`, once of `buyer`."""
    made = [Pipeline(tmp_path_factory.mktemp(key), key=key) for key in ("user", "buyer")]
    for pipeline in made:
        delivered(pipeline)
        pipeline.bring_up(*(layer for layer in ALL_LAYERS if layer != "online"))
    return made


@pytest.mark.parametrize("table", ABOUT_USERS)
def test_a_table_has_the_same_rows_under_the_entity_s_name(pipelines: list[Pipeline], table: str) -> None:
    plain, renamed = (pipeline.lake.scan((table.split("/")[0], table.split("/")[1])).collect() for pipeline in pipelines)
    assert "user" not in renamed.columns
    assert plain.height, "there is something to compare"
    compared = sorted(set(plain.columns) - {"run", *ABOUT_USERS[table]})
    same_names = renamed.rename({"buyer": "user"}).select(compared)
    assert sorted(same_names.rows(), key=repr) == sorted(plain.select(compared).rows(), key=repr)


@pytest.mark.parametrize("features_from", ["gold", "silver"])
def test_historical_features_take_the_entity_s_name(pipelines: list[Pipeline], features_from: FeaturesFrom) -> None:
    times = pl.DataFrame({"label_time": [START + timedelta(days=day) for day in range(1, DAYS + 1)]}).cast(pl.Datetime("us", "UTC"))
    found = []
    for pipeline, key in zip(pipelines, ("user", "buyer"), strict=True):
        labels = pl.DataFrame({key: [*USERS, None]}).join(times, how="cross")
        service = FeatureService("read", [pipeline.view, pipeline.history])
        frame = historical_features(service, labels, lake=pipeline.lake, features_from=features_from)
        assert frame.null_keys == {"spending": DAYS, "history": DAYS}
        found.append(frame.frame.drop(key).rows())
    assert found[0] == found[1]
    assert len(set(found[0])) > DAYS


def test_the_online_store_is_asked_by_the_entity_s_name(pipelines: list[Pipeline], tmp_path: Path) -> None:
    found = []
    with EmbeddedValkey(tmp_path / "valkey") as server:
        for pipeline, key in zip(pipelines, ("user", "buyer"), strict=True):
            pipeline.store = OnlineStore(server.url, key)
            pipeline.bring_up("online")
            asked = [{key: user} for user in [*USERS, None]]
            read = online_features(FeatureService("read", [pipeline.view]), asked, OnlineClient(server.url, key), now=NOW)
            found.append((read.rows, read.valid_from, read.missing))
    assert found[0] == found[1]
    assert found[0][0][0]["spending__count_3d"] > 0


def test_lineage_leads_from_the_entity_s_name_to_the_column_that_holds_it(pipelines: list[Pipeline], tmp_path: Path) -> None:
    pipeline = pipelines[1]
    assert training_columns(pipeline.training)["buyer"] == [(("sales", "silver"), "user")]
    shop = Shop(tmp_path, pipeline.view)
    assert shop.run(pipeline.day(0), pipeline.day(1), select=("sales/raw", "sales/silver", "sales/quarantine", "spending/gold")).success
    told = shop.materializations("spending/gold")[pipeline.day(1)].metadata["dagster/column_lineage"].value
    assert isinstance(told, dg.TableColumnLineage)
    assert told.deps_by_column["buyer"] == [dg.TableColumnDep(dg.AssetKey(["sales", "silver"]), "user")]
    graph = build_definitions(pipeline.view, pipeline.history, pipeline.model).resolve_asset_graph()
    for table in ABOUT_USERS:
        schema = graph.get(dg.AssetKey(table.split("/"))).metadata["dagster/column_schema"]
        [said] = [column.description for column in schema.columns if column.name == "buyer"]
        assert said == ("key of user" if table == "coming/predictions" else "key of user: user of sales")
