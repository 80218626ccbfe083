"""What becomes of each type of PostgreSQL, and of a table that is altered from day to day."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from platform_assets import postgres_query
from platform_assets.errors import SourceError
from platform_assets_tests.sources.postgres_tables import ORDERS, URL, Database, orders, table
from platform_assets_tests.sources.postgres_tables import database as database
from platform_assets_tests.sources.postgres_tables import postgres as postgres

AT = "'2024-03-05 10:00+00'::timestamptz"
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


def raw_value(database: Database, value: str) -> tuple[Any, pl.DataType]:
    """What raw keeps of an SQL expression, and in which type."""
    query = postgres_query(f"SELECT 1 AS id, {AT} AS at, 1.5::float8 AS amount, {value} AS value", cursor="at", connection_env=URL)
    database.received(orders(query), last="2024-03-05").check()
    found = pl.read_delta(str(database.lake / "orders" / "raw"))
    return found["value"][0], found.schema["value"]


OUTCOMES: list[tuple[str, Any, Any]] = [
    ("true", True, pl.Boolean),
    ("32767::int2", 32767, pl.Int64),
    ("2147483647::int4", 2147483647, pl.Int64),
    ("(-9223372036854775808)::int8", -(2**63), pl.Int64),
    ("4294967295::oid", "4294967295", pl.String),
    ("1.5::float4", 1.5, pl.Float64),
    ("0.1::float8", 0.1, pl.Float64),
    ("1.10::numeric", "1.10", pl.String),
    ("-0.000000000000000000001::numeric", "-0.000000000000000000001", pl.String),
    (f"{'9' * 60}::numeric", "9" * 60, pl.String),
    ("1.10::numeric(8, 3)", "1.100", pl.String),
    ("'NaN'::numeric", "NaN", pl.String),
    ("'1234.5'::money", "1234.50", pl.String),
    ("'ä\U0001f600'::text", "ä\U0001f600", pl.String),
    ("'ab'::char(5)", "ab", pl.String),
    ("'ab'::varchar(5)", "ab", pl.String),
    ("'ab'::name", "ab", pl.String),
    ("'\\x00ff'::bytea", b"\x00\xff", pl.Binary),
    ("date '2024-02-29'", date(2024, 2, 29), pl.Date),
    ("timestamptz '2024-03-05 13:00:00.000001+01'", NOON.replace(microsecond=1), pl.Datetime("us", "UTC")),
    ("timestamp '2024-03-05 12:00:00.000001'", "2024-03-05 12:00:00.000001", pl.String),
    ("time '10:00:00.5'", "10:00:00.5", pl.String),
    ("timetz '10:00+02'", "10:00:00+02", pl.String),
    ("interval '1 year 2 days 03:04'", "P1Y2DT3H4M", pl.String),
    ('\'{"b": 1.10, "a": [1]}\'::json', '{"b": 1.10, "a": [1]}', pl.String),
    ('\'{"b": 1.10, "a": [1]}\'::jsonb', '{"a": [1], "b": 1.10}', pl.String),
    ("array[1, null, 3]", "[1,null,3]", pl.String),
    ("array[[1, 2], [3, 4]]", "[[1,2],[3,4]]", pl.String),
    ("array['a,b', '\"']", '["a,b","\\""]', pl.String),
    ("array[1.10::numeric]", "[1.10]", pl.String),
    ("'1f9d0c6e-4c5a-4a8f-9d0c-6e4c5a4a8f00'::uuid", "1f9d0c6e-4c5a-4a8f-9d0c-6e4c5a4a8f00", pl.String),
    ("'10.0.0.1/8'::inet", "10.0.0.1/8", pl.String),
    ("point(1, 2.5)", "(1,2.5)", pl.String),
    ("int4range(1, 5)", "[1,5)", pl.String),
    ("bit '101'", "101", pl.String),
    ("xmlcomment('a')", "<!--a-->", pl.String),
    ("to_tsvector('simple', 'b a')", "'a':2 'b':1", pl.String),
    ("row(1, 'a')::pair", '{"x":1,"y":"a"}', pl.String),
    ("'happy'::mood", "happy", pl.String),
    ("5::positive", 5, pl.Int64),
    ("array[5]::many", "[5]", pl.String),
    ("'infinity'::timestamptz", "infinity", pl.String),
    ("'-infinity'::timestamptz", "-infinity", pl.String),
    ("'infinity'::timestamp", "infinity", pl.String),
    ("'infinity'::date", "infinity", pl.String),
    ("'-infinity'::date", "-infinity", pl.String),
    ("timestamptz '0044-03-15 12:00:00+00 BC'", "-0043-03-15T12:00:00.000000Z", pl.String),
    ("timestamptz '294276-12-31 23:59:59.5+00'", "294276-12-31T23:59:59.500000Z", pl.String),
    ("timestamp '10000-01-01 00:00:00'", "10000-01-01 00:00:00.000000", pl.String),
    ("date '10000-01-01'", "10000-01-01", pl.String),
    ("date '9999-12-31'", date(9999, 12, 31), pl.Date),
    ("timestamptz '9999-12-31 23:59:59.999999+00'", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), pl.Datetime("us", "UTC")),
]


@pytest.mark.parametrize(("value", "kept", "kept_as"), OUTCOMES, ids=[value[:40] for value, _, _ in OUTCOMES])
def test_each_type_has_a_stated_outcome(database: Database, value: str, kept: Any, kept_as: Any) -> None:
    if value.startswith("xml") and not database.value("SELECT count(*) FROM pg_config WHERE setting LIKE '%with-libxml%'"):
        pytest.skip("this server was built without XML")
    database.sql("CREATE TYPE pair AS (x int, y text)", "CREATE TYPE mood AS ENUM ('sad', 'happy')")
    database.sql("CREATE DOMAIN positive AS int CHECK (value > 0)", "CREATE DOMAIN many AS positive[]")
    assert raw_value(database, value) == (kept, kept_as)


def test_special_numbers_are_kept_and_become_null_in_silver(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at timestamptz, amount float8)")
    database.sql(f"INSERT INTO orders VALUES (1, {AT}, 'NaN'), (2, {AT}, 'Infinity'), (3, {AT}, 2.5)")
    database.received(orders(), last="2024-03-05").check()
    assert [str(n) for (n,) in database.rows("raw", "amount")] == ["nan", "inf", "2.5"]
    assert [n for (n,) in database.rows("silver", "amount")] == [None, None, 2.5]


def test_a_numeric_is_read_into_a_float_and_an_infinite_time_is_quarantined(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, changed timestamptz, at timestamptz, amount numeric(10, 2))")
    database.sql(f"INSERT INTO orders VALUES (1, {AT}, {AT}, 1.10), (2, {AT}, 'infinity', 2), (3, {AT}, {AT}, 'NaN')")
    database.received(orders(table(cursor="changed"), accepted_share=0.5), last="2024-03-05").check()
    assert database.rows("silver", "id", "amount") == [(1, 1.1), (3, None)]
    ((number, reasons),) = database.rows("quarantine", "id", "reasons")
    assert str(number) == "2" and "at" in str(reasons)


def test_a_generated_column_is_a_column(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at timestamptz, amount float8 GENERATED ALWAYS AS (id * 1.5) STORED)")
    database.sql(f"INSERT INTO orders VALUES (2, {AT})")
    database.received(orders(), last="2024-03-05").check()
    assert database.rows("silver", "id", "amount") == [(2, 3.0)]


def test_rows_of_partitions_children_and_views_are_read(database: Database) -> None:
    database.sql("CREATE TABLE all_orders (id int, at timestamptz, amount float8) PARTITION BY RANGE (at)")
    database.sql("CREATE TABLE march PARTITION OF all_orders FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')")
    database.sql(f"INSERT INTO all_orders VALUES (1, {AT}, 1)", "CREATE VIEW orders AS SELECT * FROM all_orders")
    database.received(orders(), last="2024-03-05").check()
    assert database.rows("silver", "id") == [(1,)]


def test_a_column_that_changes_its_type_from_day_to_day_is_widened(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at timestamptz, amount int)", f"INSERT INTO orders VALUES (1, {AT}, 1)")
    source = orders(accepted_share=0.0)
    database.received(source, last="2024-03-05").check()
    for day, (change, value) in enumerate(
        [
            ("ALTER TABLE orders ALTER amount TYPE float8", "2.5"),
            ("ALTER TABLE orders ALTER amount TYPE numeric(12, 2)", "3.25"),
            ("ALTER TABLE orders ALTER amount TYPE text", "'many'"),
        ]
    ):
        database.sql(change, f"INSERT INTO orders VALUES ({day + 2}, {AT} + interval '{day + 1} days', {value})")
        database.received(source, last=f"2024-03-{6 + day:02}")
    assert database.rows("raw", "id", "amount") == [(1, "1.0"), (2, "2.5"), (3, "3.25"), (4, "many")]
    assert database.rows("silver", "id", "amount") == [(1, 1.0), (2, 2.5), (3, 3.25)]
    assert [str(n) for (n,) in database.rows("quarantine", "id")] == ["4"]


def test_a_dropped_column_is_refused_and_a_new_one_kept(database: Database) -> None:
    database.sql(ORDERS, f"INSERT INTO orders VALUES (1, {AT}, 1)")
    database.received(orders(), last="2024-03-05").check()
    database.sql("ALTER TABLE orders ADD note text", f"INSERT INTO orders VALUES (2, {AT} + interval '1 day', 2, 'new')")
    database.received(orders(), last="2024-03-06").check()
    assert database.rows("raw", "id", "note") == [(1, None), (2, "new")]
    assert database.entries()["2024-03-06"].details["columns_not_declared"] == ["note"]
    database.sql("ALTER TABLE orders RENAME amount TO total")
    with pytest.raises(SourceError, match=r"source 'orders', partition 2024-03-07: the schema declares 'amount', there is no such column"):
        database.received(orders(), last="2024-03-07")


def test_two_columns_of_one_name_and_a_table_without_columns_are_refused(database: Database) -> None:
    with pytest.raises(SourceError, match=r"the query: two of its columns are named 'id': give one another name with AS"):
        database.received(orders(postgres_query("SELECT 1 AS id, 2 AS id", cursor="at", connection_env=URL)), last="2024-03-05")
    database.sql("CREATE TABLE orders ()")
    with pytest.raises(SourceError, match=r"the table public.orders: it has no columns"):
        database.received(orders(), last="2024-03-05")


def test_texts_that_are_no_utf8_are_refused(database: Database) -> None:
    """A database without an encoding sends bytes as they were written."""
    name = f"{database.name}_ascii"
    database.sql(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    other = Database(database.server, name, database.folder)
    other.sql("CREATE TABLE orders (id int, at timestamptz, amount float8, note text)", f"INSERT INTO orders VALUES (1, {AT}, 1, E'\\xe4')")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(URL, database.server.url(name))
        with pytest.raises(SourceError, match=r"the table public.orders cannot be read: .*UTF8"):
            other.received(orders(), last="2024-03-05")
        other.sql("UPDATE orders SET note = 'plain'")
        other.received(orders(), last="2024-03-05").check()
    database.sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_driver_counts_infinite_times_beyond_its_range(database: Database) -> None:
    """What `readable` mends: without it they would be times long ago, and Polars panics when it shows one."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(database.server.url(database.name)) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT 'infinity'::timestamptz AS a, '-infinity'::timestamptz AS b, 'infinity'::date AS c, '-infinity'::date AS d")
        found = pl.DataFrame(pl.from_arrow(cursor.fetch_arrow_table()))
    wrapped = 946_684_800_000_000 - 2**63
    assert found.select(pl.all().to_physical()).row(0) == (wrapped - 1, wrapped, 10_957 - 2**31 - 1, 10_957 - 2**31)


def test_a_decimal_in_a_function_is_what_it_was(database: Database) -> None:
    """Texts of numeric are exact: Python reads each as the number that the server has."""
    database.sql("CREATE TABLE orders (id int, at timestamptz, amount numeric)")
    database.sql(f"INSERT INTO orders SELECT n, {AT}, (n ^ 7)::numeric / 3 FROM generate_series(1, 300) AS n")
    database.received(orders(), last="2024-03-05").check()
    with database.session() as session:
        there = dict(session.execute("SELECT id, amount FROM orders").fetchall())
    assert {n: Decimal(text) for n, text in database.rows("raw", "id", "amount")} == there
