"""The session that all steps of a process share, made when it is first needed."""

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
"""What Spark needs to read and write Delta tables. Of these two alone: everything that they need beside comes with PySpark."""

_DELTA_TABLES = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
"""A server of Spark Connect is started with these: no session can set them."""
_VALUES = {
    # Values do not depend on where a session runs.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
"""What values depend on."""
_OF_A_SESSION = {
    **_VALUES,
    # Kernels get the rows of a bucket, or as many of a partition as this, as one Arrow table.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "250000",
}
_DEFAULTS = {
    "spark.app.name": "platform-assets",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.enabled": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.databricks.delta.snapshotPartitions": "2",
    # What a step has cost is read from this log, and a History Server finds it.
    "spark.eventLog.enabled": "true",
    "spark.eventLog.compress": "false",
    "spark.executor.processTreeMetrics.enabled": "true",
}


def configuration(settings: Settings | None = None) -> dict[str, str]:
    """Spark's configuration by the settings: our defaults, PLATFORM_SPARK_CONF over them, and what values depend on.

    Raises:
        EngineError: PLATFORM_SPARK_JARS lacks a jar.
    """
    settings = settings or load_settings()
    remote = _remote(settings)
    if remote is not None and not remote.startswith(
        "local"
    ):  # a server that somebody has started, with everything but a session's settings
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
    """What this machine can give, where nothing is set and tasks run on it: its rows are not known yet."""
    machine = Machines.here()
    if cores := re.fullmatch(r"local\[(\d+)\]", master.get("spark.master", "")):
        machine = Machines(int(cores[1]), machine.memory)
    if not master.get("spark.master", "").startswith("local"):
        return {}
    try:
        return {one.setting: one.value for one in advise(UNKNOWN, machine) if one.setting != "spark.master"}
    except EngineError:  # little memory: enough for a few rows all the same
        return {"spark.driver.memory": "1g"}


def _remote(settings: Settings) -> str | None:
    """The address of a server of Spark Connect; of another master None."""
    return settings.spark_master if (settings.spark_master or "").startswith("sc://") else os.environ.get("SPARK_REMOTE") or None


def ready(conf: dict[str, str]) -> dict[str, str]:
    """The configuration, once the folder for its event log is there: Spark does not start without."""
    if folder := _local(conf.get("spark.eventLog.dir", "")):
        folder.mkdir(parents=True, exist_ok=True)
    return conf


def _local(url: str) -> Path | None:
    """The folder of a file URL or a path; of a place elsewhere None."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") and parts.path else None


def session(start: "Callable[[], SparkSession] | None" = None) -> "SparkSession":
    """The session of this process: the one that is running, or a new one.

    start: makes it, if not from `configuration()`.

    Raises:
        MissingExtraError: PySpark is not installed.
        EngineError: there is no Java, or Spark does not start; why, and what to install. Or the session that is running is configured so
            that values would be others.
    """
    with extra("spark"):
        from pyspark.errors import PySparkException
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # tasks on this machine run in this environment
    running = _running()
    if running is not None:
        _check_running(running)
        return running
    try:
        made: SparkSession = start() if start else _made(load_settings())
    except (PySparkException, RuntimeError, OSError) as error:
        raise EngineError(_why(error)) from error
    if is_remote(made):
        _check_running(made)  # its server was started by somebody
    else:
        made.sparkContext.setLogLevel("ERROR")
    return made


def _running() -> "SparkSession | None":
    """The session of this process, whichever thread has started it; None while there is none."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        return SparkSession.active()  # the thread's, or the one that another has started
    except PySparkException:
        return None


def _made(settings: Settings) -> "SparkSession":
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.config(map=ready(configuration(settings)))
    remote = _remote(settings)
    return (builder.remote(remote) if remote is not None else builder).getOrCreate()


def event_log() -> EventLog | None:
    """The log of the session that is running, read on from where it was read before; None if this process cannot read it."""
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
    """Whether a session is one of Spark Connect, which has no context."""
    return type(made).__module__.startswith("pyspark.sql.connect")


def tasks_at_once(spark: "SparkSession") -> int:
    """How many tasks the cluster runs at once."""
    if not is_remote(spark):
        return int(spark.sparkContext.defaultParallelism)
    from pyspark.sql import functions as F

    # Spark Connect does not say, but cuts a range into so many parts.
    return int(spark.range(1 << 16).select(F.spark_partition_id()).distinct().count())


def _check_running(running: "SparkSession") -> None:
    """Refuses a session that somebody else has made in a way that changes values, or that knows no Delta tables."""
    for name, value in {**_DELTA_TABLES, **_VALUES}.items():
        found = running.conf.get(name, None)
        if value not in (found or "").split(","):
            raise EngineError(
                f"the Spark session that is running has {name}={found}: tables are written with {value}. Make it with "
                f".config({name!r}, {value!r}), or stop it before: spark.stop(). The platform then makes one."
            )


def _jars(settings: Settings) -> Mapping[str, str]:
    jars = settings.spark_jars
    if jars is None:
        # Without the excludes Spark downloads older versions of what it has, 35 jars in all.
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
