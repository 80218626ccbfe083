"""The Spark session that all steps of a process share, created when first needed."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from platform_assets.engines.spark.object_store import EXCLUDES, PACKAGES, is_s3
from platform_assets.engines.spark.tuning.advice import UNKNOWN, Machines, advise
from platform_assets.engines.spark.tuning.figures import EventLog, log_of
from platform_assets.errors import EngineError, extra
from platform_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK, DELTA, SCALA = "4.2", "4.4.0", "2.13"
DELTA_PACKAGES = (f"io.delta:delta-spark_{SPARK}_{SCALA}:{DELTA}", f"io.delta:delta-storage:{DELTA}")
"""The packages Spark needs for Delta tables. These two suffice: their dependencies come with PySpark."""

_DELTA_TABLES = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
"""Settings with which a Spark Connect server is started: a session cannot set them."""
_VALUES = {
    # So that values do not depend on where a session runs.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
"""Settings that values depend on."""
_OF_A_SESSION = {
    **_VALUES,
    # Kernels get the rows of a bucket, or up to this many rows of a partition, as one Arrow table.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "250000",
}
_DEFAULTS = {
    "spark.app.name": "platform-assets",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.enabled": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.databricks.delta.snapshotPartitions": "2",
    # The cost of a step is read from this log, which a History Server can also read.
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.executor.processTreeMetrics.enabled": "true",
}


def configuration(settings: Settings | None = None) -> dict[str, str]:
    """Spark's configuration from the settings: our defaults, overridden by PLATFORM_SPARK_CONF, and the settings that values depend on.

    Raises:
        EngineError: a jar is missing in PLATFORM_SPARK_JARS.
    """
    settings = settings or load_settings()
    remote = _remote(settings)
    if remote is not None and not remote.startswith("local"):  # a running server, which has everything but a session's settings
        return {**settings.spark_conf, **_OF_A_SESSION}
    master: dict[str, str] = {}
    if settings.spark_master:
        master = {"spark.master": settings.spark_master}
    elif remote is None and "PYSPARK_GATEWAY_PORT" not in os.environ:  # which spark-submit sets
        master = {"spark.master": "local[*]"}
    log = {"spark.eventLog.dir": (settings.home.absolute() / "spark-events").as_uri()}
    given = _advised(master) if not settings.spark_conf else {"spark.driver.memory": "2g"}
    return {**_DEFAULTS, **log, **given, **master, **_jars(settings), **settings.spark_conf, **_DELTA_TABLES, **_OF_A_SESSION}


def _advised(master: Mapping[str, str]) -> dict[str, str]:
    """Advice for this machine, if nothing is set and tasks run on it; the number of rows is not yet known."""
    machine = Machines.here()
    if cores := re.fullmatch(r"local\[(\d+)\]", master.get("spark.master", "")):
        machine = Machines(int(cores[1]), machine.memory)
    if not master.get("spark.master", "").startswith("local"):
        return {}
    try:
        return {one.setting: one.value for one in advise(UNKNOWN, machine) if one.setting != "spark.master"}
    except EngineError:  # little memory, but enough for a few rows
        return {"spark.driver.memory": "1g"}


def _remote(settings: Settings) -> str | None:
    """The address of a Spark Connect server; None for another master."""
    return settings.spark_master if (settings.spark_master or "").startswith("sc://") else os.environ.get("SPARK_REMOTE") or None


def ready(conf: dict[str, str]) -> dict[str, str]:
    """The configuration, after creating the folder for its event log: Spark does not start without it."""
    if folder := _local(conf.get("spark.eventLog.dir", "")):
        folder.mkdir(parents=True, exist_ok=True)
    return conf


def _local(url: str) -> Path | None:
    """The folder of a file URL or a path; None for a remote location."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") and parts.path else None


def session(start: "Callable[[], SparkSession] | None" = None) -> "SparkSession":
    """The session of this process: the running one, or a new one.

    start: creates it, instead of `configuration()`.

    Raises:
        MissingExtraError: PySpark is not installed.
        EngineError: there is no Java, or Spark does not start; it says why, and what to install. Or the running session has settings
            that would change values.
    """
    with extra("spark"):
        from pyspark.errors import PySparkException
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # tasks on this machine use this environment
    running = _running()
    if running is not None:
        _check_running(running)
        return running
    try:
        made: SparkSession = start() if start else _made(load_settings())
    except (PySparkException, RuntimeError, OSError) as error:
        raise EngineError(_why(error)) from error
    if is_remote(made):
        _check_running(made)  # somebody else started its server
    else:
        made.sparkContext.setLogLevel("ERROR")
    return made


def _running() -> "SparkSession | None":
    """The session of this process, whichever thread started it; None if there is none."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        return SparkSession.active()  # this thread's, or one that another thread started
    except PySparkException:
        return None


def _made(settings: Settings) -> "SparkSession":
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.config(map=ready(configuration(settings)))
    remote = _remote(settings)
    return (builder.remote(remote) if remote is not None else builder).getOrCreate()


def event_log() -> EventLog | None:
    """The event log of the running session, continued from the last read; None if this process cannot read it."""
    running = _running()
    if running is None or is_remote(running) or running.conf.get("spark.eventLog.enabled", "false") != "true":
        return None
    context = running.sparkContext
    if context.applicationId not in _LOGS:
        folder = _local(running.conf.get("spark.eventLog.dir", None) or "")
        place = log_of(folder, context.applicationId) if folder else None
        _LOGS[context.applicationId] = EventLog(place) if place else None
    if log := _LOGS[context.applicationId]:
        context._jsc.sc().listenerBus().waitUntilEmpty(10_000)
        return log
    return None


_LOGS: dict[str, EventLog | None] = {}
"""By application."""


def is_remote(made: "SparkSession") -> bool:
    """Whether a session is a Spark Connect session, which has no context."""
    return type(made).__module__.startswith("pyspark.sql.connect")


def tasks_at_once(spark: "SparkSession") -> int:
    """The number of tasks that the cluster runs at once."""
    if not is_remote(spark):
        return int(spark.sparkContext.defaultParallelism)
    from pyspark.sql import functions as F

    # Spark Connect does not expose it, but splits a range into this many parts.
    return int(spark.range(1 << 16).select(F.spark_partition_id()).distinct().count())


def _check_running(running: "SparkSession") -> None:
    """Refuses an existing session with settings that change values, or without Delta tables."""
    for name, value in {**_DELTA_TABLES, **_VALUES}.items():
        found = running.conf.get(name, None)
        if value not in (found or "").split(","):
            raise EngineError(
                f"the running Spark session has {name}={found}, but tables are written with {value}. Create it with "
                f".config({name!r}, {value!r}), or stop it first: spark.stop(). The platform then creates one."
            )


def _jars(settings: Settings) -> Mapping[str, str]:
    jars = settings.spark_jars
    if jars is None:
        # Without the exclusions Spark downloads older versions of jars it already has, 35 in all.
        packages, excludes = list(DELTA_PACKAGES), "org.antlr:*,com.fasterxml.*:*,org.apache.*:*"
        if is_s3(settings.lake or ""):
            packages, excludes = [*packages, *PACKAGES], f"org.antlr:*,com.fasterxml.*:*,{EXCLUDES}"
        return {"spark.jars.packages": ",".join(packages), "spark.jars.excludes": excludes}
    found = sorted(str(jar) for jar in jars.absolute().glob("*.jar"))
    if not any("delta-spark" in jar for jar in found):
        raise EngineError(
            f"PLATFORM_SPARK_JARS={jars} has no delta-spark_{SPARK}_{SCALA}-{DELTA}.jar. Put {' and '.join(DELTA_PACKAGES)} there, or "
            "unset it: Spark then downloads them."
        )
    return {"spark.jars": ",".join(found)}


def _why(error: Exception) -> str:
    text = str(error).strip()
    if "JAVA_GATEWAY_EXITED" in text or "JAVA_HOME" in text or isinstance(error, FileNotFoundError):
        return (
            "Spark did not start: it needs Java 17 or 21 on this machine. Install one (such as openjdk-17-jre-headless) and set JAVA_HOME, "
            "or compute with PLATFORM_ENGINE=polars. Spark says: " + text.partition("\n")[0]
        )
    return f"Spark did not start: {text.partition(chr(10))[0]}"
