"""Three workloads that a configuration is measured with: python -m platform_assets_tests.spark.workloads FOLDER CONFIGURATION

A skewed join, a wide aggregation, and a join of a small table with a large one, over Parquet files below FOLDER, which are made if they are
missing. CONFIGURATION is a JSON object. Prints the CPU seconds that the JVM has taken for each, as a JSON object.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS = 2_000_000


def make(spark: "SparkSession", folder: Path) -> None:
    """The tables, once."""
    if (folder / "made").exists():
        return
    rows = spark.range(ROWS)
    columns = [f"(id * {7919 + 2 * n}) % 1000 as v{n}" for n in range(12)]
    skewed = "if(id % 10 < 3, 0, (id * 104729) % 200000) as key"
    rows.selectExpr("id", skewed, "(id * 15485863) % 400000 as many", "id % 1000 as few", *columns).write.parquet(str(folder / "events"))
    spark.range(200_000).selectExpr("id as key", "repeat(md5(string(id)), 3) as name").write.parquet(str(folder / "large"))
    spark.range(1000).selectExpr("id as few", "md5(string(id)) as name").write.parquet(str(folder / "small"))
    (folder / "made").touch()


def workloads(spark: "SparkSession", folder: Path) -> dict[str, Callable[[], "DataFrame"]]:
    """By name, the rows that each computes."""
    events, large, small = (spark.read.parquet(str(folder / name)) for name in ("events", "large", "small"))
    sums = [f"sum(v{n}) as s{n}" for n in range(12)]
    return {
        "skewed join": lambda: events.join(large, "key").selectExpr("id", "length(name) as size"),
        "wide aggregation": lambda: _grouped(events, "many", sums),
        "small x large join": lambda: _grouped(events.join(small, "few"), "name", sums[:3]),
    }


def _grouped(rows: "DataFrame", key: str, sums: list[str]) -> "DataFrame":
    from pyspark.sql.functions import expr

    return rows.groupBy(key).agg(*map(expr, sums))


def cpu_seconds(process: int) -> float:
    """What a process has taken so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(folder: Path, configuration: dict[str, str]) -> dict[str, float]:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.config(map=configuration).getOrCreate()
    try:
        make(spark, folder)
        jvm = spark._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
        found = {}
        for name, rows in workloads(spark, folder).items():
            before = cpu_seconds(jvm)
            rows().write.format("noop").mode("overwrite").save()
            found[name] = cpu_seconds(jvm) - before
        return found
    finally:
        spark.stop()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))))
