"""The dagster.yaml of docs/how-to/compose.md is what Dagster reads: a run and its events end up in a real PostgreSQL."""

import re
from pathlib import Path

import dagster as dg
import psycopg2
import pytest
import yaml

from platform_assets_tests.postgres_server import running

PAGE = (Path(__file__).parents[2] / "docs/how-to/compose.md").read_text()
COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text())


@dg.asset
def something() -> None:
    """An asset that does nothing, so that there is an event to keep."""


def documented() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block
    return yaml.safe_load(block[1])


def test_the_page_names_the_database_of_the_compose_file() -> None:
    database = documented()["storage"]["postgres"]["postgres_db"]
    environment = COMPOSE["services"]["postgres"]["environment"]
    assert (database["db_name"], database["username"]) == (environment["POSTGRES_DB"], environment["POSTGRES_USER"])
    assert database["password"] == {"env": "POSTGRES_PASSWORD"}
    assert f"${{POSTGRES_PORT:-{database['port']}}}" in COMPOSE["services"]["postgres"]["ports"][0]


@pytest.mark.slow
def test_dagster_keeps_its_history_in_postgresql_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "s3cret")
    with running(user="dagster", password="s3cret") as server:
        server.sql("CREATE DATABASE dagster")
        place = {"host": "127.0.0.1", "port": server.port, "user": "dagster", "password": "s3cret"}

        configuration = documented()
        configuration["storage"]["postgres"]["postgres_db"]["port"] = server.port
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(configuration))
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            assert dg.materialize([something], instance=instance).success

        connection = psycopg2.connect(dbname="dagster", **place)
        rows = connection.cursor()
        rows.execute("select count(*) from event_logs where dagster_event_type = 'ASSET_MATERIALIZATION'")
        assert rows.fetchone() == (1,)
        connection.close()
