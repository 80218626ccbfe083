"""The engine on Spark beside one Polars process: CPU seconds of driver, JVM and Python workers together, and their peak memory.

    .spark/bin/python benchmarks/spark.py [--quick | SIZE]    where SIZE is 1 or 2

A change log of 2 and 20 million events (windows of 1, 7 and 30 days, 90 days), made from a silver table and written as gold; then the
join of 1 million labels with that gold. Both engines read and write the same tables through the same protocol. The values of both are
compared. The bounds, on local[2]: 120 CPU s for the change log of 20M events, 100 for the join of 48M x 1M.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import window_features as drawn
from measured import sizes_asked

from platform_assets import FeatureService
from platform_assets.engines.choice import Engines
from platform_assets.engines.engine import Engine, TableSlice, ViewSlice
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table

SIZES, SMALL = [2_000_000, 20_000_000], [200_000]
DAYS, LABELS = 90, 1_000_000
VIEW, SERVICE = drawn.SPENDING, FeatureService("service", [drawn.SPENDING])
PARTITIONS = drawn.payments.partitions
FIRST = PARTITIONS.first
SILVER, GOLD = ("payments", "silver"), (VIEW.name, "gold")
WHOLE = Span(PARTITIONS.value(FIRST), PARTITIONS.value(FIRST + DAYS))


def processes(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *(each for child in found for each in processes(int(child)))]


def spent() -> tuple[float, float]:
    """CPU seconds of this process and all below it so far, and the sum of their memory now in GB."""
    ticks = pages = 0
    for pid in processes(os.getpid()):
        try:
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def slice_of(lake: Lake, table: Table, by: str) -> TableSlice:
    return TableSlice(table, lake.version(table) or 0, by, WHOLE)


def write(lake: Lake, rows: Any, into: Table) -> int:
    """Writes rows as gold; how many there are."""
    made = rows.by_partition(PARTITIONS)
    facts = [PartitionFacts(key, rows_of) for key, rows_of in made.items()]
    rows.write(into, by="partition", span=WHOLE, facts=facts, declaration_version="bench", run="bench")
    return sum(made.values())


def draw_silver(lake: Lake, folder: Path, events: int) -> None:
    (folder / "silver").mkdir()
    drawn.draw(folder / "silver", events)
    rows = pl.scan_parquet(folder / "silver/*.parquet")
    lake.replace(SILVER, rows, by="arrival", span=WHOLE, facts=[], declaration_version="bench", run="bench")


def draw_labels(events: int, number: int) -> pl.DataFrame:
    random = np.random.default_rng(1)
    times = pl.Series(drawn.EPOCH + random.integers(0, DAYS * drawn.DAY, number)).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"user": random.integers(0, events // 20, number), "label_time": times})


def change_log(engine: Engine, lake: Lake, folder: Path, events: int) -> int:
    with engine.change_log(VIEW, slice_of(lake, SILVER, "arrival"), FIRST, FIRST + DAYS - 1, None) as rows:
        return write(lake, rows, GOLD)


def join(engine: Engine, lake: Lake, folder: Path, events: int) -> int:
    read = [ViewSlice(VIEW, "gold", slice_of(lake, GOLD, "partition"))]
    labels = pl.read_parquet(folder / "labels.parquet")
    return engine.features(SERVICE, labels, read, time="label_time").height


def child(name: str, work: str, folder: Path, events: int) -> None:
    lake = Lake(str(folder / name))
    engine = Engines(name).of(None, lake)  # type: ignore[arg-type]
    if name == "spark":
        engine.start().range(1).count()  # type: ignore[attr-defined]
    begun, _ = spent()
    rows = {"change log": change_log, "join": join}[work](engine, lake, folder, events)
    ended, memory = spent()
    print(
        json.dumps({"engine": name, "work": work, "events": events, "rows": rows, "cpu": round(ended - begun, 1), "gb": round(memory, 2)})
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5]))
        return
    for events in sizes_asked(__doc__, SIZES, SMALL)[0]:
        with tempfile.TemporaryDirectory(prefix="spark-") as folder:
            draw_silver(Lake(f"{folder}/polars"), Path(folder), events)
            shutil.copytree(f"{folder}/polars", f"{folder}/spark", copy_function=os.link)
            draw_labels(events, min(LABELS, events // 10)).write_parquet(f"{folder}/labels.parquet")
            for work in ("change log", "join"):
                for engine in ("polars", "spark"):
                    begun = time.monotonic()
                    done = subprocess.run(
                        [sys.executable, __file__, "--child", engine, work, folder, str(events)],
                        stdout=subprocess.PIPE,
                        text=True,
                        check=True,
                    )
                    print(f"{done.stdout.strip()} {time.monotonic() - begun:.0f} s at {datetime.now(UTC):%H:%M}")
            one, other = (Lake(f"{folder}/{name}").scan(GOLD).sort("partition", "user") for name in ("polars", "spark"))
            same = one.collect(engine="streaming").equals(other.select(one.collect_schema().names()).collect(engine="streaming"))
            print(f"gold of both is {'the same' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    main()
