"""Reading: one round trip, empty values where there is nothing, and how fresh it all is."""

import importlib.metadata
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import redis

from platform_assets.declare.freshness import Freshness
from platform_assets.errors import OnlineError
from platform_assets.stores.online import client as client_module
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.key_layout import entity_keys
from platform_assets.stores.online.loader import Loader
from platform_assets.stores.online.publication_state import Readable, begin, end
from platform_assets.stores.online.value_layout import Values, ViewLayout, pack
from platform_assets.stores.valkey import EmbeddedValkey

AT = datetime(2024, 3, 1, tzinfo=UTC)
SPEND = ViewLayout("spend", "0123456789ab", "customer", (("customer_id", "int"),), (("count_7d", "int", 0), ("spend_7d", "float", None)))
VISITS = ViewLayout(
    "visits", "123456789abc", "customer", (("customer_id", "int"),), (("page", "str", "none"), ("seen_at", "datetime", None))
)
PRICES = ViewLayout("prices", "23456789abcd", "product", (("shop", "str"), ("code", "str")), (("price", "float", None),))


def fill(
    store: OnlineStore, layout: ViewLayout, rows: pl.DataFrame, buried: pl.DataFrame | None = None, watermark_at: datetime = AT
) -> None:
    with store.session() as session:
        gold = Readable(layout.name, 5, 0, 0, 0, 0)
        begin(session, layout, "token", gold)
        loader = Loader(session, layout, "token")
        loader.write(entity_keys(layout, rows, store.project), pack(layout, rows.with_columns(valid_from=AT), 5), 5)
        if buried is not None:
            loader.bury(entity_keys(layout, buried, store.project), 5)
        assert end(session, layout, "token", gold, 0, watermark_at) == "published"


@pytest.fixture
def client(store: OnlineStore) -> OnlineClient:
    spend = pl.DataFrame({"customer_id": [1, 2], "count_7d": [3, 4], "spend_7d": [1.5, None]})
    fill(store, SPEND, spend, buried=pl.DataFrame({"customer_id": [3]}), watermark_at=AT + timedelta(days=2))
    fill(store, VISITS, pl.DataFrame({"customer_id": [1], "page": ["é:"], "seen_at": [AT]}))
    fill(store, PRICES, pl.DataFrame({"shop": ["a:b"], "code": ["c"], "price": [2.5]}))
    return OnlineClient(store.url, store.project)


def test_many_entities_and_views_are_read_in_one_round_trip(client: OnlineClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LOOK_SECONDS", 1000)  # on a slow machine it would look at the server again
    monkeypatch.setattr(client_module, "LOOK_AGAIN_SECONDS", 1000)
    reader = client.reader([SPEND, PRICES, VISITS])
    asked = [{"customer_id": entity, "shop": "a:b", "code": "c"} for entity in (1, 2, 3, 4)]
    reader.read(asked)
    with client.store.session() as session:

        def reads() -> int:
            return int(session.call("INFO", "stats").split(b"total_reads_processed:")[1].split(b"\r")[0])

        before, after = reads(), reads()
        cost = after - before  # of asking itself
        answer = reader.read(asked)
        assert reads() - after == cost + 1
    assert answer.views == {
        "spend": Values([(3, 1.5), (4, None), (0, None), (0, None)], [AT, AT, None, None]),  # a null is not an empty value
        "prices": Values([(2.5,)] * 4, [AT] * 4),
        "visits": Values([("é:", AT), *[("none", None)] * 3], [AT, None, None, None]),
    }
    assert answer.watermarks == {"spend": AT + timedelta(days=2), "visits": AT, "prices": AT}
    assert (answer.stale, answer.missing) == ((), {"spend": (3,), "visits": (1, 2, 3)}), "a tombstone is not missing"


def test_nothing_a_tombstone_and_a_null_key_are_the_empty_values(client: OnlineClient) -> None:
    asked = [{"customer_id": entity} for entity in (99, 3, None, 1)]
    views = client.reader([SPEND, VISITS]).read(asked).views
    assert views["spend"] == Values([(0, None)] * 3 + [(3, 1.5)], [None] * 3 + [AT]), "a null key does not shift the answers of the others"
    assert views["visits"] == Values([("none", None)] * 3 + [("é:", AT)], [None] * 3 + [AT])


def test_a_key_that_is_null_for_one_entity_shifts_no_other(client: OnlineClient) -> None:
    asked: list[dict[str, Any]] = [{"customer_id": 1, "shop": None, "code": "c"}, {"customer_id": None, "shop": "a:b", "code": "c"}]
    views = client.reader([PRICES, SPEND]).read(asked).views
    assert views == {"prices": Values([(None,), (2.5,)], [None, AT]), "spend": Values([(3, 1.5), (0, None)], [AT, None])}
    assert client.reader([SPEND]).read([{"customer_id": None}]).views == {"spend": Values([(0, None)], [None])}


def test_no_entities_have_no_rows_but_watermarks(client: OnlineClient) -> None:
    answer = client.reader([VISITS]).read([])
    assert (answer.views, answer.watermarks) == ({"visits": Values([], [])}, {"visits": AT})


def test_a_view_that_is_too_old_fails_is_null_or_is_served_as_declared(client: OnlineClient) -> None:
    now = AT + timedelta(days=2)
    one_day = timedelta(days=1)
    with pytest.raises(
        OnlineError, match=r"visits is 2 days old in the online store [^,]*, the limit is 1 day\. Materialize visits/online"
    ):
        client.reader([SPEND, VISITS]).read([{"customer_id": 1}], now, {"visits": Freshness(one_day, "fail")})
    degrading = {view: Freshness(one_day, "null") for view in ("spend", "visits")}
    reader = client.reader([SPEND, VISITS])
    answer = reader.read([{"customer_id": 1}], now, degrading)
    assert answer.stale == ("visits",)
    assert answer.views == {"spend": Values([(3, 1.5)], [AT]), "visits": Values([(None, None)], [None])}
    served = reader.read([{"customer_id": 1}], now, {view: Freshness(one_day) for view in ("spend", "visits")})
    assert (served.stale, served.views["visits"].rows) == (("visits",), [("é:", AT)])
    assert served.ages == {"spend": timedelta(0), "visits": timedelta(days=2)}
    assert reader.read([{"customer_id": 1}], AT + one_day, {"visits": Freshness(one_day, "fail")}).stale == ()
    assert reader.read([{"customer_id": 1}]).views["visits"].valid_from == [AT], "without a limit any age will do"


def test_a_view_that_was_never_published_is_not_taken_for_empty(client: OnlineClient) -> None:
    newer = ViewLayout("spend", "ffffffffffff", SPEND.entity, SPEND.keys, SPEND.features)
    with pytest.raises(OnlineError, match="spend was never published"):
        client.reader([newer]).read([{"customer_id": 1}])
    answer = client.reader([newer]).read([{"customer_id": 1}], freshness={"spend": Freshness(when_stale="null")})
    assert (answer.stale, answer.watermarks, answer.ages) == (("spend",), {"spend": None}, {"spend": None})
    assert answer.views["spend"].rows == [(None, None)]


def test_two_versions_of_a_view_are_not_read_at_once(client: OnlineClient) -> None:
    with pytest.raises(OnlineError, match="one version of each view"):
        client.reader([SPEND, SPEND])
    with pytest.raises(OnlineError, match="reading nothing"):
        client.reader([])


def test_a_value_that_is_no_hash_is_an_error_and_the_next_read_is_right(client: OnlineClient) -> None:
    with client.store.session() as session:
        session.call("SET", f"{client.store.project}:{{customer:7}}", "no hash")
    reader = client.reader([SPEND])
    with pytest.raises(OnlineError, match="wrong kind of value"):
        reader.read([{"customer_id": 1}, {"customer_id": 7}, {"customer_id": 2}])
    assert reader.read([{"customer_id": 2}, {"customer_id": 1}]).views["spend"].rows == [(4, None), (3, 1.5)]


def test_a_client_outlives_a_restart_of_its_server(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "one") as server:
        client = OnlineClient(server.url)
        fill(client.store, SPEND, pl.DataFrame({"customer_id": [1], "count_7d": [3], "spend_7d": [1.5]}))
        reader = client.reader([SPEND])
        reader.read([{"customer_id": 1}])
        client.check()
        with client.store.session() as session:
            session.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert reader.read([{"customer_id": 1}]).views["spend"].rows == [(3, 1.5)]
    for ask in (client.check, lambda: reader.read([{"customer_id": 1}])):
        with pytest.raises(
            OnlineError, match=r"online store redis://127.0.0.1:\d+/0 does not answer .*Start it, or correct PLATFORM_REDIS_URL"
        ):
            ask()


def test_threads_share_a_reader(client: OnlineClient) -> None:
    reader, wrong = client.reader([SPEND]), []

    def work(entity: int) -> None:
        for _ in range(200):
            if reader.read([{"customer_id": entity}]).views["spend"].rows[0][0] != entity + 2:
                wrong.append(entity)

    threads = [threading.Thread(target=work, args=(1 + place % 2,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_redis_py_has_the_parser_that_answers_are_read_from(store: OnlineStore) -> None:
    """Pins what connection.answers relies on: no public name, so a new version of redis-py may lack it."""
    connection = store.pool().get_connection()
    assert callable(connection._parser.read_response)
    assert isinstance(connection._parser, redis._parsers.hiredis._HiredisParser)


def test_a_session_reads_no_file_to_say_which_version_its_library_has(store: OnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It did for each connection, and once more to check its options: a third of what random publications cost."""
    looked: list[str] = []
    monkeypatch.setattr(importlib.metadata, "version", looked.append)
    with store.session() as session:
        clients = session.call("CLIENT", "LIST").decode()
    assert looked == []
    assert f"lib-ver={redis.__version__}" in clients
