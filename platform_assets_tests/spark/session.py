"""One session of Spark for all tests of a process, as cheap as it gets. Importing this skips a module of tests where there is no Spark."""

import atexit
import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from platform_assets_tests.conformance.through_tables import ThroughTables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JARS = Path(__file__).parents[2] / ".spark" / "jars"
"""Where `make setup-spark` puts them."""
PLANS = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.sql.adaptive.enabled": "false"}
"""Of a query over a few rows, generating and compiling code, and planning it anew after each stage, cost more than the query."""
CHEAP = {
    **PLANS,
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.shuffle.compress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto",
}


def lacking() -> str | None:
    """What is not installed; None when all is there."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed: make test-spark"
    if shutil.which("java") is None:
        return "Spark needs Java 17 or 21, such as openjdk-17-jre-headless"
    if not JARS.is_dir():
        return "the jars of Delta Lake are not there: make setup-spark"
    return None


EVENTS = TemporaryDirectory(prefix="spark-events-")
"""Where the session writes its log; gone with the process."""
CHEAP["spark.eventLog.dir"] = Path(EVENTS.name).as_uri()
SETTINGS = {"PLATFORM_SPARK_MASTER": "local[2]", "PLATFORM_SPARK_JARS": str(JARS), "PLATFORM_SPARK_CONF": json.dumps(CHEAP)}

if reason := lacking():
    pytest.skip(reason, allow_module_level=True)

# After it: these import PySpark.
from platform_assets.engines.spark.engine import SparkEngine  # noqa: E402
from platform_assets.engines.spark.join_skew import counted  # noqa: E402
from platform_assets.engines.spark.labels import SparkLabels  # noqa: E402
from platform_assets.engines.spark.skew import Part, Split, heavy_keys, parts_of  # noqa: E402
from platform_assets.engines.spark.tables import Sizes  # noqa: E402
from platform_assets.engines.spark.task_errors import errors_of_tasks  # noqa: E402
from platform_assets.engines.spark.tasks import BUCKET, F, each_batch, in_own_buffers, in_tasks, murmur3, numbers_of_tasks, spark_frame  # noqa: E402

__all__ = [
    "BUCKET",
    "SETTINGS",
    "F",
    "Part",
    "Sizes",
    "SparkEngine",
    "SparkLabels",
    "Split",
    "as_users_have_it",
    "counted",
    "each_batch",
    "errors_of_tasks",
    "heavy_keys",
    "in_own_buffers",
    "in_tasks",
    "murmur3",
    "numbers_of_tasks",
    "parts_of",
    "small_tables",
    "spark",
    "spark_frame",
]


@cache
def spark() -> "SparkSession":
    """The session: two tasks at once, on this machine."""
    from platform_assets.engines.spark.session import session

    with pytest.MonkeyPatch.context() as environment:
        for name, value in SETTINGS.items():
            environment.setenv(name, value)
        made = session()
    atexit.register(made.stop)  # before the folder of its log goes
    return made


def small_tables() -> ThroughTables:
    """The engine for tables of a few rows, spread over several buckets and files all the same."""
    return ThroughTables("spark", lambda lake: SparkEngine(lake, spark, Sizes(bucket=40, task=20, file=30)), takes_seconds=True)


@contextmanager
def as_users_have_it() -> Iterator[None]:
    """Plans of queries as Spark makes them by itself."""
    session, before = spark(), {}
    for name in PLANS:
        before[name] = session.conf.get(name)
        session.conf.unset(name)
    try:
        yield
    finally:
        for name, value in before.items():
            session.conf.set(name, value)
