"""Advice on Spark by named cases; none of it needs Spark."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from platform_assets.cli.main import cli
from platform_assets.engines.spark.session import configuration
from platform_assets.engines.spark.tuning.advice import Machines, Workload, advise, executors, threshold
from platform_assets.engines.spark.tuning.queries import advise_aggregation, advise_cache, advise_join, skew
from platform_assets.engines.spark.tuning.sizes import GB, MB, bytes_of, megabytes, size
from platform_assets.errors import EngineError
from platform_assets.settings import Settings

BIG = Workload(rows=1_000_000_000, bytes=200 * GB)
SMALL = Workload(rows=200_000, bytes=5 * MB)
CLUSTER = Machines(cores=16, memory=64 * GB, workers=8)


def advised(work: Workload, machines: Machines) -> dict[str, str]:
    return {one.setting: one.value for one in advise(work, machines)}


def test_a_billion_rows_take_all_of_a_cluster() -> None:
    found = advised(BIG, CLUSTER)
    # 15 of 16 cores, 3 executors of 4; 60 GB of 64, 20 GB each, 4 of them for Python.
    assert (found["spark.executor.instances"], found["spark.executor.cores"]) == ("24", "4")
    assert (found["spark.executor.memory"], found["spark.executor.memoryOverhead"]) == ("16g", "4g")
    assert found["spark.dynamicAllocation.enabled"] == "false"
    tasks = int(found["spark.sql.shuffle.partitions"])
    assert tasks % 96 == 0
    assert tasks * 128 * MB >= 4 * BIG.bytes
    assert all(one.reason and one.source for one in advise(BIG, CLUSTER))


def test_few_rows_take_a_part_of_it_and_may_grow() -> None:
    found = advised(Workload(20_000_000, GB), CLUSTER)
    assert found["spark.executor.instances"] == "4"  # 4 GB are 32 tasks, two for each of 16 cores
    assert (found["spark.dynamicAllocation.enabled"], found["spark.dynamicAllocation.maxExecutors"]) == ("true", "24")
    assert found["spark.sql.shuffle.partitions"] == "32"


def test_this_machine_alone_has_one_jvm() -> None:
    found = advised(SMALL, Machines(cores=4, memory=16 * GB))
    assert (found["spark.master"], found["spark.driver.memory"]) == ("local[4]", "11g")
    assert (found["spark.sql.shuffle.partitions"], found["spark.sql.adaptive.enabled"]) == ("4", "false")
    assert "spark.executor.instances" not in found


@pytest.mark.parametrize(
    ("machines", "heap", "count"),
    [
        (Machines(4, 16 * GB, 2), 11 * GB, 2),  # four cores have one executor, and none is kept back
        (Machines(2, 8 * GB, 3), 5 * GB, 3),
        (Machines(8, 512 * GB, 1), 31 * GB, 1),  # never above 31 GB
    ],
)
def test_heaps_and_executors_fit_on_the_machines(machines: Machines, heap: int, count: int) -> None:
    found = executors(machines)
    assert (found.heap, found.count) == (heap, count)
    assert (found.heap + found.overhead) * found.a_machine <= machines.memory


@pytest.mark.parametrize("machines", [Machines(8, 6 * GB), Machines(16, 8 * GB, 4)])
def test_too_little_memory_is_told_with_what_it_needs(machines: Machines) -> None:
    with pytest.raises(EngineError, match=r"cores with \d+ GB of memory are too little .* \d+ GB in all"):
        advise(SMALL, machines)


def test_a_configuration_of_ours_gives_this_machine_what_is_advised_where_nothing_is_set() -> None:
    given = configuration(Settings(spark_master="local[2]"))
    assert (
        given["spark.sql.shuffle.partitions"]
        == advised(Workload(10_000_000, 500 * MB), Machines(2, 64 * GB))["spark.sql.shuffle.partitions"]
    )
    assert given["spark.master"] == "local[2]"
    assert configuration(Settings(spark_master="local[2]", spark_conf={"spark.driver.memory": "3g"}))["spark.driver.memory"] == "3g"
    assert "spark.sql.shuffle.partitions" not in configuration(Settings(spark_master="spark://host:7077"))


# --- skew, joins, aggregations, caches ------------------------------------------------------------------------------------


def test_skew_is_the_largest_by_the_mean() -> None:
    found = skew([("a", 30), *((f"k{number}", 1) for number in range(70))])
    assert found.ratio == pytest.approx(30 / (100 / 71))
    assert (found.is_skewed, found.heaviest[0]) == (True, ("a", 30))
    even = skew([("a", 3), ("b", 1), ("c", 2)])
    assert (even.ratio, even.is_skewed) == (1.5, False)
    assert skew([]).ratio == 0


@pytest.mark.parametrize(
    ("left", "right", "how", "expected"),
    [
        (BIG, SMALL, "inner", ("broadcast", "right")),
        (SMALL, BIG, "inner", ("broadcast", "left")),
        (BIG, SMALL, "left", ("broadcast", "right")),
        (SMALL, BIG, "left", ("shuffled", None)),  # all rows of the small side are kept
        (BIG, SMALL, "full", ("shuffled", None)),
        (BIG, SMALL, "left_anti", ("broadcast", "right")),
        (BIG, BIG, "inner", ("bucketed", None)),
        (BIG, Workload(900_000, 60 * MB), "inner", ("shuffled", None)),  # below a million rows
    ],
)
def test_joins(left: Workload, right: Workload, how: str, expected: tuple[str, str | None]) -> None:
    found = advise_join(left, right, threshold=10 * MB, how=how, tasks=96)  # type: ignore[arg-type]
    assert (found.strategy, found.side) == expected


def test_buckets_are_a_power_of_two_with_parts_for_a_task_each() -> None:
    found = advise_join(BIG, BIG, threshold=10 * MB, tasks=96)
    assert found.buckets == 8192  # 800 GB of shuffled rows, 128 MB each
    assert advise_join(BIG, BIG, threshold=10 * MB, again=False).strategy == "shuffled"


@pytest.mark.parametrize(
    ("rows", "groups", "largest", "phases"),
    [
        (1_000_000_000, 200, None, 1),
        (1_000_000_000, 50_000_000, None, 2),  # many groups: a task sums up nothing
        (1_000_000, 150_000, None, 2),  # of few rows each
        (100_000_000, 1_000_000, 30_000_000, 2),  # one has 30% of all rows
        (100_000_000, 10_000, 20_000, 1),
    ],
)
def test_aggregations(rows: int, groups: int, largest: int | None, phases: int) -> None:
    found = advise_aggregation(rows, groups, largest, tasks=16)
    assert (found.phases, found.salt > 1) == (phases, largest == 30_000_000)


def test_caches_are_for_rows_that_are_read_again_and_fit() -> None:
    heaps = [8 * GB] * 4
    assert advise_cache(SMALL, 1, heaps).level == "NONE"
    assert advise_cache(SMALL, 3, heaps).level == "MEMORY_AND_DISK"
    assert advise_cache(BIG, 3, heaps).level == "DISK_ONLY"


def test_broadcast_thresholds_are_between_10_and_256_mb() -> None:
    assert threshold(executors(Machines(2, 4 * GB, 1))) == max(10 * MB, executors(Machines(2, 4 * GB, 1)).heap // 50)
    assert threshold(executors(Machines(8, 512 * GB, 1))) == 256 * MB


@pytest.mark.parametrize(("text", "count"), [("512m", 512 * MB), ("8g", 8 * GB), ("1.5 GB", 3 * GB // 2), ("20GiB", 20 * GB), ("7", 7)])
def test_sizes(text: str, count: int) -> None:
    assert bytes_of(text) == count


def test_sizes_are_written_as_people_and_as_spark_want_them() -> None:
    assert [size(count) for count in (7, 1536, 512 * MB, 3 * GB // 2)] == ["7 bytes", "1.5 KB", "512 MB", "1.5 GB"]
    assert [megabytes(count) for count in (512 * MB, 8 * GB)] == ["512m", "8g"]
    with pytest.raises(EngineError, match="'much' is not a size: write it like 512MB"):
        bytes_of("much")


# --- the command -----------------------------------------------------------------------------------------------------------


def said(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str) -> str:
    monkeypatch.setenv("PLATFORM_HOME", str(home))
    found = CliRunner().invoke(cli, ["spark", *arguments])
    assert found.exit_code == 0, (found.output, found.exception)
    return found.output


def test_the_command_advises_on_a_table_its_columns_and_a_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    customers = ["a"] * 60 + [f"k{number}" for number in range(40)]
    rows = pl.DataFrame({"arrival": [date(2024, 1, 1)] * 100, "customer": customers})
    for name in ("orders/silver", "visits/silver"):
        rows.write_delta(str(tmp_path / "lake" / name), delta_write_options={"partition_by": ["arrival"]})
    output = said(monkeypatch, tmp_path, "advise", "orders/silver", "--column", "customer", "--join", "visits/silver", "--workers", "2")
    assert "100 rows in" in output
    assert "customer: 41 values, the most frequent has 24.6 x the mean, skewed: above 3. Most frequent: a (60)" in output
    assert "aggregation by customer: two phases, because the largest group has 60 rows" in output
    assert "join of orders/silver and visits/silver: broadcast, because the" in output
    assert "spark.executor.instances=1\n" in output


def test_the_command_prints_what_a_setting_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = said(
        monkeypatch,
        tmp_path,
        "advise",
        "--rows",
        "1.5B",
        "--bytes",
        "200GB",
        "--workers",
        "8",
        "--cores",
        "16",
        "--memory",
        "64GB",
        "--json",
    )
    monkeypatch.setenv("PLATFORM_SPARK_CONF", printed)
    assert json.loads(printed)["spark.executor.instances"] == "24"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["advise"], "name a table of the lake, such as orders/silver, or both --rows and --bytes"),
        (["advise", "orders/sliver"], "there is no table 'orders/sliver'"),
        (["advise", "--rows", "many", "--bytes", "1GB"], "--rows many is not a count: write it like 250000, 20M or 1.5B"),
        (["advise", "--rows", "1M", "--bytes", "1GB", "--column", "customer"], "--column customer needs a table"),
        (["report"], "there is no event log in"),
    ],
)
def test_what_cannot_be_advised_on_is_told(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    found = CliRunner().invoke(cli, ["spark", *arguments])
    assert message in str(found.exception)
