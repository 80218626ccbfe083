"""A standby shows the rows of its primary, and not which transactions are open there."""

from pathlib import Path

import pytest

from platform_assets.errors import SourceError
from platform_assets_tests.postgres_server import PostgresServer, standby_of
from platform_assets_tests.sources.postgres_tables import ORDERS, URL, Database, orders, table
from platform_assets_tests.sources.postgres_tables import postgres as postgres


@pytest.mark.slow
def test_a_standby_does_not_know_what_is_open_on_its_primary(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)")
    try:
        with standby_of(postgres) as standby:
            database = Database(standby, "postgres", tmp_path)
            monkeypatch.setenv(URL, standby.url())
            with pytest.raises(SourceError, match=r"the server is a standby, .* Read from the primary. Or declare late_commits='ignore'"):
                database.received(orders(), last="2024-03-05")
            database.received(orders(table(late_commits="ignore")), last="2024-03-05").check()
            assert database.rows("silver", "id") == [(1,)]
    finally:
        postgres.sql("DROP TABLE orders")
