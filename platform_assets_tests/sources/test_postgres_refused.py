"""What goes wrong with PostgreSQL: each error says where, why and what to do, raw stays as it was, and the password is shown nowhere."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from platform_assets import Arrival, daily, postgres_query, postgres_snapshot
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, SourceError
from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.postgres_server import PASSWORD, running
from platform_assets_tests.sources.postgres_tables import ORDERS, URL, Database, orders, table
from platform_assets_tests.sources.postgres_tables import database as database
from platform_assets_tests.sources.postgres_tables import postgres as postgres

MANY = "INSERT INTO orders SELECT n, '2024-03-06 10:00+00', n FROM generate_series(1, 2000000) AS n"


def refused(database: Database, source: Source, last: str = "2024-03-05") -> str:
    """Why a partition is not received."""
    with pytest.raises(SourceError) as error:
        database.received(source, last=last)
    return str(error.value)


def broken(place: str) -> str:
    return f"source 'orders', partition 2024-03-05: {place}"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: table("public.order"), "there is no table 'public.order'. Did you mean 'public.orders'?"),
        (lambda: table("public.Orders"), "there is no table 'public.Orders'. Did you mean 'public.orders'?"),
        (lambda: table("ORDERS"), "there is no table 'ORDERS'. Did you mean 'orders'?"),
        (lambda: table(cursor="att"), "the table public.orders has no column 'att', its cursor. Did you mean 'at'?"),
        (lambda: table(columns=["id", "amuont"]), "the table public.orders has no column 'amuont'. Did you mean 'amount'?"),
        (lambda: postgres_query("SELEC 1", cursor="at", connection_env=URL), 'the query cannot be read: syntax error at or near "1"'),
        (
            lambda: postgres_query("SELECT * FROM order_lines", cursor="at", connection_env=URL),
            'the query cannot be read: relation "order_lines" does not exist. Correct the query',
        ),
        (
            lambda: postgres_query("DELETE FROM orders RETURNING *", cursor="at", connection_env=URL),
            'the query cannot be read: syntax error at or near "FROM". Correct the query: it has to be one SELECT, and cannot write.',
        ),
        (
            lambda: postgres_query("SELECT * FROM orders; DROP TABLE orders", cursor="at", connection_env=URL),
            'the query cannot be read: syntax error at or near ";"',
        ),
        (
            lambda: postgres_query("SELECT nextval('counter')::int AS id, now() AS at, 1.0 AS amount", cursor="at", connection_env=URL),
            "",
        ),
    ],
)
def test_what_is_not_there_or_no_select_is_named(database: Database, make: Callable[[], Any], says: str) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)", "CREATE SEQUENCE counter")
    if says:
        assert refused(database, orders(make())).startswith(broken(says))
    else:
        database.received(orders(make()), last="2024-03-05").check()
        assert database.value("SELECT is_called FROM counter") is False, "no row lay in the partition, so none was counted"
    assert database.value("SELECT count(*) FROM orders") == 1


def test_a_query_that_writes_is_refused_by_the_server(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)")
    database.sql("CREATE FUNCTION grab() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING id'")
    query = "SELECT grab() AS id, '2024-03-05 10:00+00'::timestamptz AS at, 1.0::float8 AS amount"
    said = refused(database, orders(postgres_query(query, cursor="at", connection_env=URL)))
    assert said.startswith(broken("the query cannot be read: cannot execute DELETE in a read-only transaction. Correct the query"))
    assert database.value("SELECT count(*) FROM orders") == 1


NASTY = ['say "hi"; drop table orders; --', "it's", "a.b", "$1", "back\\slash", "%s {day}", "ä \U0001f600", "q", "SELECT"]


def test_names_are_quoted_whatever_they_are(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int)")
    for number, name in enumerate(NASTY):
        spelled = '"' + name.replace('"', '""') + '"'
        database.sql(f"CREATE TABLE {spelled} (id int, {spelled} timestamptz, amount float8)")
        database.sql(f"INSERT INTO {spelled} VALUES ({number}, '2024-03-05 10:00+00', 1)")
        connector = table(f"public.{spelled}", cursor=name, columns=["id", name, "amount"])
        (frame,) = [frame for frame in connector.read(_arrival()) if frame.height]
        assert frame["id"].to_list() == [number] and frame.columns == ["id", name, "amount"]
        seen = [frame for frame in postgres_snapshot(f"public.{spelled}", connection_env=URL).read(_now()) if frame.height]
        assert seen[0].columns == ["id", name, "amount"]
    assert database.value("SELECT count(*) FROM orders") == 0, "it is there"


def _arrival() -> Any:
    return Arrival("o'rders\\", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))


def _now() -> Any:
    end = datetime.now(UTC) - timedelta(minutes=5)
    return Arrival("orders", "now", end - timedelta(days=1), end)


def test_a_missing_privilege_is_named_with_what_grants_it(database: Database) -> None:
    database.sql(ORDERS)
    database.login("mallory")
    database.sql("GRANT pg_read_all_stats TO mallory")
    try:
        said = refused(database, orders())
        assert said == broken(
            "the table public.orders cannot be read: permission denied for table orders. "
            "Let an administrator run GRANT SELECT ON public.orders TO the user."
        )
        database.sql("GRANT SELECT ON orders TO mallory", "ALTER TABLE orders ENABLE ROW LEVEL SECURITY")
        said = refused(database, orders())
        assert 'would be affected by row-level security policy for table "orders"' in said and "grant the user BYPASSRLS" in said
    finally:
        database.sql("DROP OWNED BY mallory", "DROP USER mallory")


def test_a_statement_that_takes_too_long_is_ended(database: Database) -> None:
    query = "SELECT 1 AS id, '2024-03-05 10:00+00'::timestamptz AS at, 1.5 AS amount FROM pg_sleep(30)"
    began = time.monotonic()
    said = refused(database, orders(postgres_query(query, cursor="at", connection_env=URL, statement_timeout="1s")))
    assert said.startswith(broken("the query cannot be read: canceling statement due to statement timeout. It took longer than statement_"))
    assert "statement_timeout='1s': create an index" in said and time.monotonic() - began < 25


def test_a_lock_is_not_waited_for_for_ever(database: Database) -> None:
    database.sql(ORDERS)
    with database.session(autocommit=False) as session:
        session.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        # Its transaction is open, so nothing would be read that it could still change; others' ALTER TABLE may begin at any time.
        said = refused(database, orders(table(lock_timeout="1s", late_commits="ignore")))
    assert said.startswith(broken("the table public.orders cannot be read: canceling statement due to lock timeout. Another session has"))


@contextmanager
def url(database: Database, value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(URL, value)
        yield


BAD_URLS = [
    ("", "SHOP_DATABASE_URL is not set. It has to hold the database's URL: postgresql://user:password@host:5432/database."),
    ("mysql://ann:hunter2@host/shop", "what SHOP_DATABASE_URL holds cannot be used: it does not begin with postgresql://."),
    ("host=db password=hunter2", "it does not begin with postgresql://"),
    ("postgresql://ann:hunter2%zz@host/shop", "it has a % that two hexadecimal digits do not follow. Write %25"),
    ("postgresql://ann:hunt@er2@host/shop", "it has an @, / or # in the user or password. Write %40"),
    ("postgresql://ann:hunt/er2@host/shop", "it has an @, / or # in the user or password"),
    ("postgresql://ann:hunt#er2@host/shop", "it has an @, / or # in the user or password"),
    ("postgresql://ann:hunt er2@host/shop", "it has a blank or a line end"),
    ("postgresql://ann:hunter2@127.0.0.1:1/shop", "No server answers: check that it runs, and host and port in SHOP_DATABASE_URL."),
    ("postgresql://ann:hunter2@no.such.host.invalid/shop", "The host's name is not known: check it in SHOP_DATABASE_URL."),
    ("postgresql://ann:hunter2@127.0.0.1:x/shop", "check"),
    ("postgresql://ann:hunter2@127.0.0.1/shop?hunter2=1", "A parameter of the URL is wrong: check SHOP_DATABASE_URL."),
]


@pytest.mark.parametrize(("value", "says"), BAD_URLS)
def test_a_url_that_cannot_be_used_is_refused_and_nothing_of_it_shown(
    value: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, value)
    said = refused(Database(None, "", tmp_path), orders())  # type: ignore[arg-type]
    assert said.startswith("source 'orders', partition 2024-03-05: ") and says in said
    assert "hunt" not in said and "er2" not in said


def test_refusals_of_the_server_say_what_to_do(database: Database) -> None:
    server = database.server
    for value, says in [
        (
            server.url(database.name, password="hunter2"),
            'The server says: password authentication failed for user "ann". The server refuses',
        ),
        (server.url("shoop"), 'The server says: database "shoop" does not exist. Correct the database\'s name in SHOP_DATABASE_URL.'),
    ]:
        with url(database, value):
            said = refused(database, orders())
        assert said.startswith(broken("cannot connect to the database of SHOP_DATABASE_URL. "))
        assert says in said and "hunter2" not in said and PASSWORD not in said


def test_a_server_without_a_connection_left_says_so(database: Database) -> None:
    database.sql(ORDERS, f"ALTER DATABASE {database.name} CONNECTION LIMIT 1")
    database.login("ben")
    with database.session(), database.server.connect("postgres"):
        pass
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import psycopg, time; c = psycopg.connect({os.environ[URL]!r}); print(1, flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        said = refused(database, orders())
        assert "too many connections for database" in said and "The server has no connection left: run fewer partitions at once" in said
    finally:
        holder.kill()
        holder.wait()
        database.sql("DROP OWNED BY ben", "DROP USER ben")


def in_the_middle(database: Database, act: Callable[[], None]) -> threading.Thread:
    """Does something when a partition is being read."""

    def wait() -> None:
        while not database.value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'platform_assets%' AND query ~ 'COPY'"):
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_a_session_that_is_ended_while_it_reads_leaves_raw_as_it_was(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)")
    database.received(orders(), last="2024-03-05").check()
    database.sql(MANY)
    before = files_of(database.lake / "orders" / "raw")
    ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'platform_assets%'"
    thread = in_the_middle(database, lambda: database.sql(ending))
    said = refused(database, orders(), last="2024-03-06")
    thread.join()
    assert said.startswith("source 'orders', partition 2024-03-06: the table public.orders cannot be read: ")
    assert "The connection broke, or the server was stopped. Nothing of the partition was kept: materialize it again." in said
    assert files_of(database.lake / "orders" / "raw") == before
    database.received(orders(), last="2024-03-06").check()
    assert database.entries()["2024-03-06"].rows == 2_000_000


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_is_stopped_or_crashes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals) -> None:
    with running() as server:
        database = Database(server, "postgres", tmp_path)
        monkeypatch.setenv(URL, server.url())
        database.sql(ORDERS, MANY)
        database.received(orders(), last="2024-03-05").check()
        before = files_of(database.lake / "orders" / "raw")
        thread = in_the_middle(database, lambda: server.stop(how))
        said = refused(database, orders(), last="2024-03-06")
        thread.join()
        assert "Nothing of the partition was kept" in said
        assert "No server answers" in refused(database, orders(), last="2024-03-06")
        assert files_of(database.lake / "orders" / "raw") == before
        server.start()
        database.received(orders(), last="2024-03-06").check()
        assert database.entries()["2024-03-06"].rows == 2_000_000


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_reads_leaves_raw_as_it_was(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)")
    database.received(orders(), last="2024-03-05").check()
    database.sql(MANY)
    before = files_of(database.lake)
    program = (
        "import sys; from pathlib import Path; from platform_assets import materialize\n"
        "from platform_assets_tests.sources.postgres_tables import NOW, orders\n"
        f"materialize(orders(), lake={str(database.lake)!r}, now=NOW, last='2024-03-06')"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=os.environ.copy())
    in_the_middle(database, process.kill).join()
    assert process.wait() == -signal.SIGKILL
    assert files_of(database.lake) == before
    database.received(orders(), last="2024-03-06").check()
    assert database.entries()["2024-03-06"].rows == 2_000_000


def test_the_password_is_shown_nowhere(database: Database, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in tables, the ledger, metadata, logs, errors or representations, and not in the server's list of sessions."""
    import dagster as dg

    from platform_assets import build_definitions
    from platform_assets.assets.resource import PlatformResource

    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)")
    source = orders(accepted_share=0.0)
    secrets = [PASSWORD, quote(PASSWORD, safe=""), os.environ[URL]]
    told = [repr(source), str(source.connector), source.version, source.read_by]
    database.received(source, last="2024-03-06").check()
    looked = find_new_deliveries(source, database.run(), Memory(), 10)
    told += [repr(looked), refused(database, orders(table("nothing")), last="2024-03-07")]
    with url(database, os.environ[URL].replace(str(database.server.port), "1")):
        told += [refused(database, source, last="2024-03-08"), repr(find_new_deliveries(source, database.run(), Memory(), 10))]
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = build_definitions(source, platform=PlatformResource(lake_root=str(database.folder / "other")))
        job = definitions.resolve_implicit_global_asset_job_def()
        done = job.execute_in_process(instance=instance, partition_key="2024-03-05", asset_selection=[dg.AssetKey(["orders", "raw"])])
        told += [repr(event) for event in instance.all_logs(done.run_id)]
    told += [record.getMessage() for record in caplog.records]
    written = capfd.readouterr()
    told += [written.out, written.err, database.server.log]
    for folder in (database.lake, database.folder / "other"):
        for file in folder.rglob("*"):
            if file.suffix == ".parquet":
                told.append(str(pl.read_parquet(file, hive_partitioning=False).to_dicts()))
            elif file.is_file():
                told.append(file.read_text(errors="replace"))
    assert len(told) > 40 and any("public.orders" in text for text in told)
    assert [text[:300] for text in told for secret in secrets if secret in text] == []


@pytest.mark.parametrize("given", ["postgresql://ann:hunter2@db/shop", "hunter2 hunter2", "host=db password=hunter2"])
def test_a_secret_in_place_of_a_name_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(DeclarationError, match="no name of an environment variable") as error:
        orders(table(connection_env=given))
    assert "hunter2" not in str(error.value)
    with pytest.raises(DeclarationError, match="postgres_table, connection_file: that is a URL"):
        orders(table(connection_env=None, connection_file="postgresql://ann:hunter2@db/shop"))


def test_the_url_may_stand_in_a_file(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1)")
    file = database.folder / "secret"
    source = orders(table(connection_env=None, connection_file=file))
    said = refused(database, source)
    assert f"the file {file}, which holds the database's URL, cannot be read: No such file or directory." in said
    file.write_text(os.environ[URL] + "\n")
    monkeypatch.delenv(URL)
    database.received(source, last="2024-03-05").check()
    assert database.rows("silver", "id") == [(1,)]


@pytest.mark.slow
def test_the_server_sees_who_reads(database: Database) -> None:
    database.sql(ORDERS, MANY)
    names: list[str] = []
    seen = "SELECT string_agg(application_name, ', ') FROM pg_stat_activity WHERE application_name LIKE 'platform_assets%'"
    thread = in_the_middle(database, lambda: names.append(database.value(seen)))
    database.received(orders(partitions=daily("2024-03-06")), last="2024-03-06").check()
    thread.join()
    assert names == ["platform_assets: orders 2024-03-06"]
