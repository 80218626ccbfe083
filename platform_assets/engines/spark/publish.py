"""Publishing from the executors: a task writes its entities to the online store and returns only counts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
from pyspark.sql import functions as F

from platform_assets.engines.engine import TableSlice
from platform_assets.engines.spark.tables import SparkTables
from platform_assets.engines.spark.task_errors import errors_of_tasks, in_a_task
from platform_assets.engines.spark.tasks import polars, spark_schema
from platform_assets.stores.online.loader import Unannounced
from platform_assets.stores.online.publish import Changes, Counted, ValueWriter
from platform_assets.stores.tables import Span

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_COUNTED = "values long, tombstones long, replaced long, unannounced boolean"
_ARROW = pa.schema({"values": pa.int64(), "tombstones": pa.int64(), "replaced": pa.int64(), "unannounced": pa.bool_()}.items())


def published_on_spark(tables: SparkTables, changes: Changes, writer: ValueWriter) -> Iterator[Counted] | None:
    """Implements `Publisher`. Too few rows for a task are left to this process."""
    return None if changes.rows < tables.sizes.task else _published(tables, changes, writer)


def _published(tables: SparkTables, changes: Changes, writer: ValueWriter) -> Iterator[Counted]:
    def in_task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        counts = {"values": 0, "tombstones": 0, "replaced": 0, "unannounced": False}
        with in_a_task():
            try:
                with writer.opened() as loader:
                    for batch in batches:
                        entities = polars(batch)
                        is_live = pl.col("is_empty").eq(False).fill_null(False)
                        found, gone = entities.filter(is_live), entities.filter(~is_live)
                        counts["replaced"] += writer.write(loader, found) + writer.bury(loader, gone)
                        counts["values"] += found.height
                        counts["tombstones"] += gone.height
            except Unannounced:  # not a failure: another publication writes the same
                counts["unannounced"] = True
        yield pa.RecordBatch.from_pylist([counts], schema=_ARROW)

    with errors_of_tasks():
        rows = _entities(tables, changes).mapInArrow(in_task, _COUNTED).collect()
    if any(row["unannounced"] for row in rows):
        raise Unannounced(f"{changes.layout.view}: the online store no longer knows this publication: publish again.")
    for row in rows:
        yield Counted(row["values"], row["tombstones"], row["replaced"])


def _entities(tables: SparkTables, changes: Changes) -> "DataFrame":
    """The changed entities, one row each: the row in force as of the watermark, or nulls besides the keys if there is none."""
    keys, gold, among = changes.keys, changes.gold, changes.among
    paths, types = gold.lake.files_of_partitions_between(
        gold.table, changes.touched_partitions(), changes.begun.since, changes.version, keys
    )
    files = [f"{tables.uri(gold.table)}/{path}" for path in paths]
    reader = tables.spark.read.schema(spark_schema(types))
    touched = reader.parquet(*files) if files else tables.spark.createDataFrame([], spark_schema(types))
    span = Span(gold.partitions.value(among.start), gold.partitions.value(among.stop))
    rows = tables.scan(TableSlice(gold.table, changes.version, "partition", span), changes.columns)
    others = [column for column in changes.columns if column not in keys]
    counts = F.max_by(F.struct(*others), F.struct(*changes.ordered)).alias("row")
    latest = rows.groupBy(*keys).agg(counts).select(*keys, *(F.col("row")[column].alias(column) for column in others))
    return touched.distinct().join(latest, keys, "left")
