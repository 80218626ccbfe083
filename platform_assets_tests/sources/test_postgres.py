"""Sources in a real PostgreSQL: which rows a partition has, and when it may be read."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_assets import Arrival, daily, postgres_query, postgres_snapshot, source_from
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, NotReadyError, SourceError
from platform_assets.sources.postgres_commits import SETTLES
from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets.steps.raw import make_raw
from platform_assets_tests.sources.postgres_tables import OPTIONS, ORDERS, URL, Database, orders, table
from platform_assets_tests.sources.postgres_tables import database as database
from platform_assets_tests.sources.postgres_tables import postgres as postgres


def test_a_partition_has_the_rows_whose_cursor_lies_in_it(database: Database) -> None:
    moments = ["2024-03-04 23:59:59.999999", "2024-03-05 00:00", "2024-03-05 00:00", "2024-03-05 23:59:59.999999", "2024-03-06 00:00"]
    database.sql(ORDERS, *(f"INSERT INTO orders VALUES ({n}, '{at}+00', {n})" for n, at in enumerate(moments)))
    database.received(orders(), last="2024-03-07").check()
    assert [(key.isoformat(), n) for key, n in database.rows("silver", "arrival", "id")] == [
        ("2024-03-05", 1),
        ("2024-03-05", 2),
        ("2024-03-05", 3),
        ("2024-03-06", 4),
    ]
    assert database.entries()["2024-03-07"].rows == 0, "a day without rows is a partition"
    assert database.entries()["2024-03-05"].details["deliveries"][0]["origin"] == "public.orders"
    assert database.entries()["2024-03-05"].details["read_from"] == {"rows read": 3}


def test_a_received_partition_is_final(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 09:00+00', 1)")
    source = orders()
    database.received(source, last="2024-03-05").check()
    database.sql("UPDATE orders SET amount = 7, at = '2024-03-06 10:00+00'")
    again = database.received(source, last="2024-03-06").check()
    assert again.tables["orders/raw"].made == ("2024-03-06",)
    make_raw(source, source.partitions.first, source.partitions.first, database.run())
    assert database.rows("silver", "id", "amount") == [(1, 1.0), (1, 7.0)], "what was known on the 5th, and what on the 6th"
    looked = find_new_deliveries(source, database.run(datetime(2024, 3, 7, tzinfo=UTC)), Memory(), 10)
    assert looked.ready == []


def arrival(start: datetime, end: datetime, **more: Any) -> Arrival:
    return Arrival("orders", "now", start, end, **more)


def ids(connector: Any, of: Arrival) -> list[int]:
    return sorted(n for frame in connector.read(of) for n in frame["id"].to_list())


def server_time(database: Database) -> datetime:
    found: datetime = database.value("SELECT clock_timestamp()")
    return found.astimezone(UTC)


def until(moment: datetime, database: Database) -> None:
    time.sleep(max(0.0, (moment - server_time(database)).total_seconds()) + 0.01)


DAY = (datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))


@pytest.mark.parametrize(
    ("type_of_cursor", "inside", "outside", "options", "of"),
    [
        ("timestamptz", ["2024-03-05 00:00+00", "2024-03-06 01:59:59.999999+02"], ["2024-03-05 01:00+02", "2024-03-06 00:00+00"], {}, {}),
        (
            "timestamp",
            ["2024-03-05 00:00", "2024-03-05 23:59:59.999999"],
            ["2024-03-04 23:59", "2024-03-06 00:00"],
            {},
            {"timezone": "UTC"},
        ),
        ("date", ["2024-03-05"], ["2024-03-04", "2024-03-06"], {}, {}),
        ("int8", ["1709596800000", "1709683199999"], ["1709596799999", "1709683200000"], {"cursor_unit": "ms"}, {}),
        ("int8", ["1709596800000000", "1709683199999999"], ["1709596799999999"], {"cursor_unit": "us"}, {}),
        ("int4", ["1709596800", "1709683199"], ["1709596799", "1709683200"], {"cursor_unit": "s"}, {}),
    ],
)
def test_cursors_of_every_type_are_half_open(
    database: Database, type_of_cursor: str, inside: list[str], outside: list[str], options: Any, of: Any
) -> None:
    database.sql(f"CREATE TABLE orders (id serial, at {type_of_cursor})")
    database.sql(*(f"INSERT INTO orders (at) VALUES ('{at}')" for at in (*inside, *outside)))
    assert ids(table(**options), arrival(*DAY, **of)) == [*range(1, len(inside) + 1)]


def test_a_cursor_of_a_domain_is_read_as_the_type_below_it(database: Database) -> None:
    database.sql(
        "CREATE DOMAIN moment AS timestamptz", "CREATE DOMAIN change AS moment NOT NULL", "CREATE TABLE orders (id int, at change)"
    )
    database.sql("INSERT INTO orders VALUES (1, '2024-03-05 10:00+00'), (2, '2024-03-06 10:00+00')")
    assert ids(table(), arrival(*DAY)) == [1]


@pytest.mark.parametrize(
    ("type_of_cursor", "options", "says"),
    [
        ("timestamp", {}, r"the cursor 'at' is of type timestamp: its times have no time zone. Declare .*timezone='Europe/London'"),
        ("int8", {}, r"the cursor 'at' is of type int8. If it counts time since 1970, declare cursor_unit=.*A number from a sequence"),
        ("numeric", {}, r"the cursor 'at' is of type numeric, which has no place in time"),
        ("text", {"cursor_unit": "s"}, r"the cursor 'at' is of type text, which has no place in time"),
        ("timestamptz[]", {}, r"the cursor 'at' is of type _timestamptz, which has no place in time"),
    ],
)
def test_a_cursor_without_a_place_in_time_is_refused(database: Database, type_of_cursor: str, options: Any, says: str) -> None:
    database.sql(f"CREATE TABLE orders (id int, at {type_of_cursor})")
    with pytest.raises(SourceError, match=rf"source 'orders', partition now: {says}"):
        ids(table(**options), arrival(*DAY))


def test_hours_are_not_read_by_a_date(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at date)")
    with pytest.raises(SourceError, match=r"the cursor 'at' is a date, which hours cannot be read by. Declare daily"):
        ids(table(), arrival(DAY[0], DAY[0] + timedelta(hours=1)))


def test_local_days_of_23_and_25_hours_have_each_row_once(database: Database) -> None:
    """The last day of March has no 01:30, the last of October has it twice."""
    database.sql("CREATE TABLE orders (id serial, at timestamp, amount float8)")
    for day in ("2024-03-31", "2024-10-27"):
        first = datetime.fromisoformat(day) - timedelta(days=1)
        database.sql(f"INSERT INTO orders (at) SELECT generate_series('{first}'::timestamp, '{first + timedelta(hours=71)}', '30 min')")
    source = orders(partitions=daily("2024-03-30"), timezone="Europe/London", key=[])
    for key in ("2024-03-30", "2024-10-26"):
        first = source.partitions.index_of(key)
        make_raw(source, first, first + 2, database.run(datetime(2024, 11, 1, tzinfo=UTC)))
    received = database.rows("raw", "arrival", "at")
    assert len(received) == 2 * (2 * 71 + 1)
    assert all(at.startswith(day.isoformat()) for day, at in received)


def test_a_date_is_one_of_the_partitions_days(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at date, amount float8)", "INSERT INTO orders VALUES (1, '2024-03-10'), (2, '2024-03-11')")
    source = orders(partitions=daily("2024-03-10", timezone="America/New_York"), timezone="America/New_York")
    database.received(source, last="2024-03-11", now=datetime(2024, 3, 13, tzinfo=UTC))
    assert [(day.day, n) for day, n in database.rows("raw", "arrival", "id")] == [(10, 1), (11, 2)]


def test_rows_that_no_partition_has_are_counted(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, null, 1), (2, 'infinity', 1), (3, '-infinity', 1), (4, '2024-03-05 10:00+00', 1)")
    database.received(orders(), last="2024-03-05").check()
    told = database.entries()["2024-03-05"].details["read_from"]
    assert told == {"rows never read, whose at is null or infinite": "3", "rows read": 1}
    database.sql("INSERT INTO orders SELECT n, null, 1 FROM generate_series(10, 2000) AS n")
    of = arrival(*DAY)
    assert ids(table(), of) == [4] and of.notes["rows never read, whose at is null or infinite"] == "more than 1,000"


def test_a_query_is_read_as_a_table(database: Database) -> None:
    database.sql(ORDERS, "CREATE TABLE names (id int, name text)", "INSERT INTO names VALUES (1, 'ada'), (2, 'bob')")
    database.sql("INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1.5), (2, '2024-03-06 10:00+00', 2)")
    query = "SELECT o.*, n.name FROM orders o JOIN names n USING (id); -- with names"
    database.received(orders(postgres_query(query.replace(";", ""), cursor="at", connection_env=URL)), last="2024-03-05").check()
    assert database.rows("raw", "id", "name", "origin") == [(1, "ada", "query")]


def test_only_the_columns_that_are_asked_for_are_read(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 10:00+00', 1.5)")
    ((frame,),) = [[f for f in table(columns=["amount", "id"]).read(arrival(*DAY)) if f.height]]
    assert frame.to_dict(as_series=False) == {"amount": [1.5], "id": [1]}


def test_a_partition_waits_for_a_transaction_that_may_still_commit_rows_of_it(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at timestamptz DEFAULT now())")
    start = server_time(database)
    with database.session(autocommit=False) as writer:
        writer.execute("INSERT INTO orders VALUES (1)")
        pid = writer.info.backend_pid
        end = server_time(database) + timedelta(seconds=0.1)
        until(end, database)
        with pytest.raises(NotReadyError, match=r"by the server's clock, .* UTC, the partition has not ended"):
            ids(table(), arrival(start, end))
        until(end + SETTLES, database)
        with pytest.raises(NotReadyError) as error:
            ids(table(), arrival(start, end))
        assert f"the transaction of ann (pid {pid}, idle in transaction) is open since " in str(error.value)
        assert table().look(arrival(start, end)) == ""
        assert ids(table(late_commits="ignore"), arrival(start, end)) == [], "it is lost to whoever does not wait"
        assert ids(table(), arrival(start - timedelta(days=1), start - timedelta(hours=1))) == [], "older partitions do not wait"
    assert table().look(arrival(start, end)) == "complete"
    assert ids(table(), arrival(start, end)) == [1]


def test_a_partition_waits_for_a_prepared_transaction(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int, at timestamptz DEFAULT now())")
    database.sql("BEGIN", "INSERT INTO orders VALUES (1)", "PREPARE TRANSACTION 'two phases'")
    try:
        with pytest.raises(
            NotReadyError, match=r"the prepared transaction 'two phases' of ann, which ROLLBACK PREPARED or COMMIT PREPARED"
        ):
            ids(table(), arrival(*DAY))
    finally:
        database.sql("COMMIT PREPARED 'two phases'")
    assert ids(table(), arrival(*DAY)) == []


def test_sessions_that_only_read_for_us_hold_up_nothing(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders SELECT n, '2024-03-05 10:00+00', 1 FROM generate_series(1, 100000) AS n")
    first = table().read(arrival(*DAY))
    next(first)
    start = server_time(database)
    until(start + timedelta(seconds=0.1) + SETTLES, database)
    assert ids(table(), arrival(start, start + timedelta(seconds=0.1))) == []
    first.close()


def test_who_may_not_see_other_sessions_is_told_so(database: Database) -> None:
    database.sql(ORDERS)
    database.login("eve")
    database.sql("GRANT SELECT ON orders TO eve")
    try:
        with pytest.raises(SourceError, match=r"the user eve may not see when .* GRANT pg_read_all_stats TO eve. Or declare late_commits"):
            ids(table(), arrival(*DAY))
        assert ids(table(late_commits="ignore"), arrival(*DAY)) == []
        database.sql("GRANT pg_monitor TO eve")
        assert ids(table(), arrival(*DAY)) == []
    finally:
        database.sql("DROP OWNED BY eve", "DROP USER eve")


@pytest.mark.slow
def test_no_row_is_lost_or_read_twice_while_others_write(database: Database) -> None:
    """Partitions of 0.3 s are read as soon as they may be, while some write, one of them until somebody has waited for it."""
    database.sql("CREATE TABLE orders (id serial, at timestamptz DEFAULT now())", "CREATE INDEX ON orders (at)")
    start, ends, waited = server_time(database), time.monotonic() + 4, threading.Event()

    def write(pause: float | None) -> None:
        with database.session(autocommit=False) as session:
            while time.monotonic() < ends:
                session.execute("INSERT INTO orders DEFAULT VALUES")
                waited.wait(20) if pause is None else time.sleep(pause)
                session.execute("INSERT INTO orders DEFAULT VALUES")
                session.rollback() if pause == 0.05 else session.commit()
                waited.clear() if pause is None else None

    writers = [threading.Thread(target=write, args=(pause,)) for pause in (0.001, 0.02, 0.05, 0.2, None)]
    for writer in writers:
        writer.start()
    read, impatient, at, step = list[int](), dict[datetime, list[int]](), start, timedelta(seconds=0.3)
    while at < start + timedelta(seconds=7) or any(writer.is_alive() for writer in writers):
        try:
            read += ids(table(), arrival(at, at + step))
            at += step
        except NotReadyError as error:
            if "is open since" in str(error):
                impatient[at] = impatient.get(at) or ids(table(late_commits="ignore"), arrival(at, at + step))
                waited.set()
            time.sleep(0.05)
    for writer in writers:
        writer.join()
    with database.session() as session:
        there = [n for (n,) in session.execute("SELECT id FROM orders ORDER BY id")]
    assert sorted(read) == there and len(there) > 100
    missed = [len(ids(table(), arrival(at, at + step))) - len(found) for at, found in impatient.items()]
    assert sum(missed) > 0, "who does not wait loses rows"


def test_rows_of_an_overlap_count_once(database: Database) -> None:
    database.sql(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-05 23:50+00', 1), (2, '2024-03-06 09:00+00', 2)")
    source = orders(table(overlap="1h"), duplicates_within=1)
    database.received(source, last="2024-03-05").check()
    database.sql("INSERT INTO orders VALUES (3, '2024-03-05 23:10+00', 3)")  # an application's clock is behind
    database.received(source, last="2024-03-07").check()
    assert [(day.day, n) for day, n in database.rows("silver", "arrival", "id")] == [(5, 1), (6, 2), (6, 3)]
    assert [(day.day, n) for day, n in sorted(database.rows("raw", "arrival", "id"))] == [(5, 1), (6, 1), (6, 2), (6, 3)]


def test_a_snapshot_is_the_whole_table_when_a_partition_has_just_ended(database: Database) -> None:
    database.sql("CREATE TABLE products (id int, name text)", "INSERT INTO products VALUES (1, 'tea'), (2, 'pot')")

    class Product:
        id: int
        name: str

    now = server_time(database)
    first_day = now.date() - timedelta(days=2)

    def products(**more: Any) -> Source:
        connector = postgres_snapshot("public.products", connection_env=URL)
        partitions = daily(first_day.isoformat())
        return source_from("products", connector, schema=Product, key=["id"], kind="snapshot", partitions=partitions, **more)

    source = products()
    first = source.partitions.first
    looked = find_new_deliveries(source, database.run(now), Memory(), 10)
    assert looked.ready == [first + 1], "the day before has gone by: nobody has seen the table then"
    early = database.received(source, now=now, last=first_day.isoformat()).tables["products/raw"].refused[first_day.isoformat()]
    assert "nothing has arrived: the table is seen as it is at" in str(early)

    source = products(empty_after="20h")
    database.received(source, now=now).check()
    received = database.entries("products/raw")
    told = [received[source.partitions.key(first + number)].details["read_from"] for number in range(2)]
    assert "after the next partition's end" in told[0]["not read"]
    assert told[1]["rows read"] == 2 and "after the partition's end" in told[1]["seen at"]
    assert database.rows("silver", "id", "name", source="products") == [(1, "tea"), (2, "pot")]
    database.sql("DELETE FROM products")
    assert database.received(source, now=now).tables["products/raw"].made == (), "what was seen is final"


def test_a_look_at_many_partitions_connects_once_and_reads_nothing(database: Database) -> None:
    database.sql("CREATE TABLE orders (id int)")  # without the cursor: who reads would fail
    before = database.server.log.count(f"database={database.name}")
    source = orders(partitions=daily("2023-03-05"))
    looked = find_new_deliveries(source, database.run(), Memory(), 1000)
    assert len(looked.ready) == 370 and not looked.failed
    # The driver connects twice, the first time to ask for the types that the server has.
    assert database.server.log.count(f"database={database.name}") == before + 2


def test_a_server_that_does_not_answer_is_not_asked_for_each_partition(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "postgresql://ann:secret@127.0.0.1:1/shop")
    looked = find_new_deliveries(orders(), database.run(), Memory(), 1000)
    assert len(looked.failed) == 4 and len({str(error) for error in looked.failed.values()}) == 1
    assert str(looked.failed["2024-03-05"]).startswith(
        "source 'orders': cannot connect to the database of SHOP_DATABASE_URL. No server answers"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: table("orders; drop table x"), r"postgres_table: 'orders; drop table x' is no table's name. Write 'public.orders'"),
        (lambda: table("a.b.c"), "is no table's name"),
        (lambda: table(cursor=""), r"postgres_table, cursor: '' is no column"),
        (lambda: table(cursor_unit="h"), r"postgres_table, cursor_unit: .*'h'"),
        (lambda: table(late_commits="later"), r"postgres_table, late_commits: .*'later'"),
        (lambda: table(overlap="soon"), r"postgres_table, overlap: 'soon' is not a duration"),
        (lambda: table(statement_timeout="0s"), r"postgres_table, statement_timeout: '0s' is zero"),
        (lambda: table(columns="id"), r"postgres_table, columns"),
        (lambda: table(connection_env=None), r"say where the database's URL stands"),
        (lambda: table(connection_file="x"), r"say where the database's URL stands"),
        (lambda: table(overlap="1h"), r"source 'orders', postgres_table: with overlap= rows come twice.*duplicates_within=1"),
        (lambda: table(curser="at"), r"postgres_table\('public.orders'\): .*'curser'.*'cursor'"),
        (lambda: postgres_query(" ", cursor="at", connection_env=URL), "' ' is no query"),
        (lambda: postgres_snapshot("", connection_env=URL), "'' is no table's name"),
        (
            lambda: postgres_snapshot("orders", connection_env=URL),
            "a whole table a partition is no list of events. Declare kind='snapshot'",
        ),
    ],
)
def test_what_can_be_known_to_be_wrong_is_refused_when_the_module_loads(make: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        orders(make())


def test_a_snapshot_is_not_read_by_a_cursor() -> None:
    with pytest.raises(
        DeclarationError, match=r"source 'orders', postgres_table: .* all others would be taken for removed. Read the whole"
    ):
        source_from("orders", table(), **{**OPTIONS, "event_time": None, "kind": "snapshot"})


def test_the_version_of_what_reads_follows_what_is_read() -> None:
    same = {orders(one).read_by for one in (table(), table(statement_timeout="1h"), table(connection_env="OTHER"), table(overlap=None))}
    assert len(same) == 1
    others = [table("public.others"), table(cursor="changed"), table(columns=["id", "at", "amount"]), table(cursor_unit="s")]
    assert len({*same, *(orders(one).read_by for one in others)}) == 5
