"""The session that all steps of a process share, made when it is first needed."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.errors import EngineError, extra
from platform_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK, DELTA, SCALA = "4.2", "4.4.0", "2.13"
DELTA_PACKAGES = (f"io.delta:delta-spark_{SPARK}_{SCALA}:{DELTA}", f"io.delta:delta-storage:{DELTA}")
"""What Spark needs to read and write Delta tables. Of these two alone: everything that they need beside comes with PySpark."""

_VALUES = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Values do not depend on where a session runs.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
"""What values depend on, and the reading of Delta tables."""
_ALWAYS = {
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
    "spark.driver.memory": "2g",
}


def configuration(settings: Settings | None = None) -> dict[str, str]:
    """Spark's configuration by the settings: our defaults, PLATFORM_SPARK_CONF over them, and what values depend on.

    Raises:
        EngineError: PLATFORM_SPARK_JARS lacks a jar.
    """
    settings = settings or load_settings()
    master: dict[str, str] = {}
    if settings.spark_master:
        master = {"spark.master": settings.spark_master}
    elif not {"SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_ENV_LOADED"} & set(os.environ):
        master = {"spark.master": "local[*]"}
    return {**_DEFAULTS, **master, **_delta(settings.spark_jars), **settings.spark_conf, **_ALWAYS}


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
        from pyspark.sql import SparkSession
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # tasks on this machine run in this environment
    running = SparkSession.getActiveSession()
    if running is not None:
        _check_running(running)
        return running
    try:
        made: SparkSession = start() if start else SparkSession.builder.config(map=configuration()).getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise EngineError(_why(error)) from error
    made.sparkContext.setLogLevel("ERROR")
    return made


def _check_running(running: "SparkSession") -> None:
    """Refuses a session that somebody else has made in a way that changes values, or that knows no Delta tables."""
    for name, value in _VALUES.items():
        found = running.conf.get(name, None)
        if value not in (found or "").split(","):
            raise EngineError(
                f"the Spark session that is running has {name}={found}: tables are written with {value}. Make it with "
                f".config({name!r}, {value!r}), or stop it before: spark.stop(). The platform then makes one."
            )


def _delta(jars: Path | None) -> Mapping[str, str]:
    if jars is None:
        # Without the excludes Spark downloads older versions of what it has, 35 jars in all.
        return {"spark.jars.packages": ",".join(DELTA_PACKAGES), "spark.jars.excludes": "org.antlr:*,com.fasterxml.*:*,org.apache.*:*"}
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
