"""Sources in a real PostgreSQL: which rows a partition has, and when it may be read."""

from datetime import UTC, datetime

from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets.steps.raw import make_raw
from platform_assets_tests.sources.postgres_tables import ORDERS, Database, orders
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
