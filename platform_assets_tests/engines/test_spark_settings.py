"""How Spark is configured, and what is said where it cannot be used; none of it needs Spark."""

import pickle
import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, count, daily, source
from platform_assets.engines.choice import Engines
from platform_assets.engines.spark.session import configuration
from platform_assets.errors import EngineError, MissingExtraError, SettingsError
from platform_assets.settings import Settings, load_settings
from platform_assets.stores.delta import Lake


def test_settings_override_defaults_but_not_what_values_depend_on() -> None:
    asked = {"spark.driver.memory": "8g", "spark.sql.session.timeZone": "Europe/Berlin"}
    conf = configuration(Settings(spark_master="local[3]", spark_conf=asked))
    assert (conf["spark.master"], conf["spark.driver.memory"], conf["spark.sql.session.timeZone"]) == ("local[3]", "8g", "UTC")


def test_a_machine_without_a_cluster_uses_its_own_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPARK_REMOTE", "PYSPARK_GATEWAY_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert configuration(Settings())["spark.master"] == "local[*]"
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "25333")
    assert "spark.master" not in configuration(Settings()), "spark-submit says where it runs"


def test_a_server_of_spark_connect_is_asked_for_nothing_that_no_session_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"spark.sql.shuffle.partitions": "64", "spark.sql.session.timeZone": "Europe/Berlin"}
    conf = configuration(Settings(spark_master="sc://cluster:15002", spark_conf=asked))
    assert (conf["spark.sql.shuffle.partitions"], conf["spark.sql.session.timeZone"]) == ("64", "UTC")
    assert not {"spark.master", "spark.jars.packages", "spark.driver.memory", "spark.sql.extensions"} & set(conf)
    monkeypatch.setenv("SPARK_REMOTE", "sc://cluster:15002")
    assert configuration(Settings(spark_conf=asked)) == conf
    monkeypatch.setenv("SPARK_REMOTE", "local[2]")
    assert "spark.jars.packages" in configuration(Settings()), "a server that this session starts"


def test_jars_are_downloaded_or_those_of_a_folder(tmp_path: Path) -> None:
    assert "delta-spark" in configuration(Settings())["spark.jars.packages"]
    with pytest.raises(EngineError, match=r"has no delta-spark_4.2_2.13-4.4.0.jar. Put io.delta:delta-spark"):
        configuration(Settings(spark_jars=tmp_path))
    jar = tmp_path / "delta-spark_4.2_2.13-4.4.0.jar"
    jar.write_bytes(b"")
    assert configuration(Settings(spark_jars=tmp_path))["spark.jars"] == str(jar)


@pytest.mark.parametrize("conf", ["[1", "[]", '{"executor.memory": "8g"}'])
def test_a_configuration_that_is_none_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch, conf: str) -> None:
    monkeypatch.setenv("PLATFORM_SPARK_CONF", conf)
    with pytest.raises(SettingsError, match=r"PLATFORM_SPARK_CONF=.* cannot be used: write a JSON object .*spark.executor.memory"):
        load_settings()


def test_without_pyspark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith(("pyspark", "platform_assets.engines.spark"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'platform-assets\[spark\]'"):
        Engines("spark").of(None, Lake("/nowhere"))
    assert Engines("polars").of(None, Lake("/nowhere")).name == "polars"


class Line:
    at: datetime
    customer: int


def test_declarations_are_pickled_without_the_functions_of_their_users() -> None:
    @source(schema=Line, event_time="at", partitions=daily("2024-01-01"))
    def sales(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv("{day}.csv")

    view = FeatureView("spending", entity=Entity("customer", keys=["customer"]), source=sales, features=[count().over("7d")])
    there = pickle.loads(pickle.dumps(view))
    assert there.source.read is None
    assert (there, there.version, there.source.columns) == (view, view.version, sales.columns)
