"""The lake's tables for Spark: slices are read at fixed versions, rows are written as files below their table's folder."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

import polars as pl
from pyspark.sql import functions as F

from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import TableSlice
from platform_assets.engines.spark.object_store import hadoop_url, is_s3, s3a_options
from platform_assets.engines.spark.rows import SparkRows
from platform_assets.engines.spark.session import is_remote, tasks_at_once
from platform_assets.engines.spark.tasks import bucket_of, each_batch
from platform_assets.kernels.received_types import widened
from platform_assets.stores.delta import Checked, Lake
from platform_assets.stores.staged import Staged, read_staged, staged_table
from platform_assets.stores.tables import Table, name_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class Sizes:
    """Row counts that decide how work is split."""

    bucket: int = 800_000
    """About the number of silver rows that a kernel gets as one frame in a task's memory."""
    task: int = 50_000
    """Fewer rows than this are not worth a task."""
    file: int = 4_000_000


SIZES = Sizes()


@dataclass(frozen=True)
class SparkTables:
    """The tables of a lake, and the session that reads and writes them."""

    lake: Lake
    start: Callable[[], "SparkSession"]
    sizes: Sizes = SIZES
    told: list[str] = field(default_factory=list, compare=False)
    """Messages about keys with too many rows for one task."""

    @property
    def spark(self) -> "SparkSession":
        """The session, with access to the lake."""
        session = self.start()
        if is_s3(self.lake.root):
            for name, value in s3a_options(self.lake.storage_options or {}).items():
                session.conf.set(name, value)
        return session

    @cached_property
    def _at_once(self) -> int:
        return tasks_at_once(self.spark)

    def scan(self, read: TableSlice, columns: Collection[str] | None = None) -> "DataFrame":
        """The rows of a slice, or some of their columns; files of other partitions are not opened."""
        checked = self._checked(read)
        rows = self.spark.read.format("delta").option("versionAsOf", checked.delta.version()).load(self.uri(read.table))
        if columns is not None:
            rows = rows.select(*(column for column in rows.columns if column in columns))
        if read.span is None:
            return rows.filter(F.lit(False))
        rows = rows.filter((F.col(read.by) >= F.lit(read.span.start)) & (F.col(read.by) < F.lit(read.span.end)))
        return rows.filter(~F.col(read.by).isin(list(checked.left_out))) if checked.left_out else rows

    def rows_in(self, read: TableSlice) -> int:
        """The number of rows in a slice, from the log."""
        return sum(file.rows or 0 for file in self._checked(read).files)

    def buckets(self, *read: TableSlice) -> int:
        """The number of buckets for the entities of some slices: small enough for a task's memory, large enough to be worth a task."""
        return self.worth(sum(map(self.rows_in, read)))

    def worth(self, rows: int) -> int:
        """Like `buckets`, for a number of rows."""
        return max(1, min(self._at_once, rows // self.sizes.task), rows // self.sizes.bucket)

    def buckets_of(self, frame: "DataFrame") -> int:
        """Like `buckets`, for rows that are not in a table: they are counted."""
        return self.worth(frame.count())

    def rows_of(
        self, frame: "DataFrame", schema: Mapping[str, pl.DataType], of: Table, read: TableSlice, order: Sequence[str]
    ) -> SparkRows:
        """The result of an operation. read: its input, which decides how many files a partition gets."""
        read_files = self._checked(read).files
        rows, partitions = sum(file.rows or 0 for file in read_files), max(1, len({file.partition for file in read_files}))
        files = max(1, rows // partitions // self.sizes.file)
        tasks = min(partitions * files, max(2 * self._at_once, rows // self.sizes.bucket))
        return SparkRows(self.lake, of, frame, schema, self.stage, order=order, files_a_partition=files, tasks=tasks)

    def stage(self, rows: SparkRows, table: Table, types: Mapping[str, pl.DataType]) -> Staged:
        """Writes rows below a table's folder: one or more files per partition, sorted."""
        name = uuid4().hex[:12]
        salt = [bucket_of(rows.order[1:], rows.files_a_partition)] if rows.files_a_partition > 1 and rows.order[1:] else []
        tasks = [rows.tasks] if rows.tasks else []
        frame = _as(rows.frame, rows.columns, types).repartition(*tasks, rows.by, *salt)
        if rows.order:
            frame = frame.sortWithinPartitions(*dict.fromkeys((rows.by, *rows.order)))
        if is_remote(self.spark):
            frame = _plain_texts(frame)
        else:  # the description of its jobs in Spark's UI
            self.spark.sparkContext.setJobDescription(name_of(table))
        try:
            frame.write.format("delta").partitionBy(rows.by).save(self.uri(staged_table(table, name)))
        finally:
            if not is_remote(self.spark):
                self.spark.sparkContext.setLocalProperty("spark.job.description", None)  # which removes it
        return read_staged(self.lake, table, name)

    def uri(self, table: Table) -> str:
        """The location of a table for Spark."""
        return hadoop_url(self.lake.uri(table))

    def _checked(self, read: TableSlice) -> Checked:
        return self.lake.checked(read.table, by=read.by if read.span else None, span=read.span, version=read.version)


def columns_of(view: FeatureView) -> set[str]:
    """The columns of silver that a feature view's values depend on."""
    source = view.source
    read = {column for feature in view.stored for column in feature.measure.reads}
    return {*view.key_columns.values(), *source.order, source.event_time, "arrival", *read}


def _plain_texts(frame: "DataFrame") -> "DataFrame":
    """The same rows with plain strings: Spark Connect declares them as "string collate UTF8_BINARY", unknown to other Delta readers."""
    types = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
    return frame.select(*(F.col(name).cast(kind).alias(name) if "string" in kind else F.col(name) for name, kind in types.items()))


def _as(frame: "DataFrame", came: Mapping[str, pl.DataType], types: Mapping[str, pl.DataType]) -> "DataFrame":
    """The rows in other types, which can hold all their values."""
    if all(types[column] == dtype for column, dtype in came.items()):
        return frame

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.select(widened(column, dtype, types[column]) for column, dtype in came.items())

    return each_batch(frame, kernel, {column: types[column] for column in came})
