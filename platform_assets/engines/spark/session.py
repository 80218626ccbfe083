"""The session that all steps of a process share, made when it is first needed."""

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platform_assets.errors import EngineError, extra

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK, DELTA, SCALA = "4.2", "4.4.0", "2.13"
DELTA_PACKAGES = (f"io.delta:delta-spark_{SPARK}_{SCALA}:{DELTA}", f"io.delta:delta-storage:{DELTA}")
"""What Spark needs to read and write Delta tables. Of these two alone: everything that they need beside comes with PySpark."""

_ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # Values do not depend on where a session runs.
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
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


@cache
def session(master: str | None = None, jars: Path | None = None, conf: tuple[tuple[str, str], ...] = ()) -> "SparkSession":
    """The session, of one that is running already or of a new one.

    Args:
        master: such as local[2] or spark://host:7077; default: that of the environment (spark-submit, SPARK_REMOTE), else local[*].
        jars: a folder with the jars of Delta, for machines that download nothing; default: Spark downloads them once.
        conf: more of Spark's configuration; it overrides our defaults.

    Raises:
        MissingExtraError: PySpark is not installed.
        EngineError: there is no Java, or Spark does not start; why, and what to install.
    """
    with extra("spark"):
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # tasks on this machine run in this environment
    builder = SparkSession.builder
    if master or not ({"SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"} & set(os.environ)):
        builder = builder.master(master or "local[*]")
    for name, value in {**_DEFAULTS, **_delta(jars), **dict(conf), **_ALWAYS}.items():
        builder = builder.config(name, value)
    try:
        made = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise EngineError(_why(error)) from error
    made.sparkContext.setLogLevel("ERROR")
    return made


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
