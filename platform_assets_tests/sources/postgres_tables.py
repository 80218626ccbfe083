"""A server for the tests of sources in PostgreSQL, each with a database of its own, and sources that read from it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from platform_assets import daily, materialize, postgres_table, source_from
from platform_assets.declare.source import Source
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.postgres_server import PostgresServer, running

URL = "SHOP_DATABASE_URL"
NOW = datetime(2024, 3, 9, tzinfo=UTC)


class Order:
    id: int
    at: datetime
    amount: float | None


OPTIONS: dict[str, Any] = {"schema": Order, "event_time": "at", "key": ["id"], "partitions": daily("2024-03-05")}
ORDERS = "CREATE TABLE orders (id int, at timestamptz, amount float8)"


class Database:
    """A database of one test; its URL stands in the environment."""

    def __init__(self, server: PostgresServer, name: str, folder: Path) -> None:
        self.server, self.name, self.folder = server, name, folder

    def sql(self, *statements: str) -> None:
        self.server.sql(*statements, database=self.name)

    def session(self, **more: Any) -> Any:
        return self.server.connect(self.name, **more)

    def value(self, query: str) -> Any:
        with self.session() as opened:
            return opened.execute(query).fetchone()[0]

    def login(self, user: str, password: str = "another secret") -> None:
        """A user without rights, as whom sources read from now on."""
        self.sql(f"CREATE USER {user} PASSWORD '{password}'")
        os.environ[URL] = self.server.url(self.name, user, password)

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def entries(self, table: str = "orders/raw") -> Any:
        return Ledger(Lake(str(self.lake))).entries(table)

    def run(self, now: datetime = NOW) -> Run:
        lake = Lake(str(self.lake))
        return Run(id="test", lake=lake, ledger=Ledger(lake), now=now, module="tests")

    def received(self, source: Source, now: datetime = NOW, **span: str) -> Any:
        return materialize(source, lake=self.lake, now=now, **span)

    def rows(self, layer: str, *columns: str, source: str = "orders") -> list[tuple[Any, ...]]:
        found = pl.read_delta(str(self.lake / source / layer)).sort("arrival", "delivery", "row_number")
        return found.select(columns).rows()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server. Skips where none is installed."""
    with running() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An empty database, whose URL stands in SHOP_DATABASE_URL."""
    name = f"shop_{uuid4().hex[:12]}"
    postgres.sql(f"CREATE DATABASE {name}")
    monkeypatch.setenv(URL, postgres.url(name))
    yield Database(postgres, name, tmp_path)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


def orders(connector: Any = None, **more: Any) -> Source:
    """The source `orders`, of the table of this name unless told otherwise."""
    return source_from("orders", connector or table(), **{**OPTIONS, **more})


def table(name: str = "public.orders", **options: Any) -> Any:
    return postgres_table(name, **{"cursor": "at", "connection_env": URL, **options})
