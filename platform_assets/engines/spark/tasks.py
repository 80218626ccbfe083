"""Runs kernels in Spark tasks: the rows of a bucket arrive as Arrow tables, become Polars frames for the kernel, and return as Arrow.

A task's inputs are pickled: declarations without the functions that users wrote, which executors need not have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from platform_assets.engines.spark.task_errors import in_a_task

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession
    from pyspark.sql.types import StructType

BUCKET = "__bucket"
Kernel = Callable[[pl.DataFrame], pl.DataFrame]
Kernel2 = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]


def polars(table: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    """Rows from Spark: its times are microseconds in the session's time zone, which is UTC."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame), "a table has columns"
    return frame.with_columns(pl.selectors.datetime().dt.cast_time_unit("us").dt.convert_time_zone("UTC"))


def arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    """Rows for Spark, which checks their types: its strings and lists have 32-bit offsets."""
    return in_own_buffers(frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema))


def in_own_buffers(table: pa.Table) -> pa.Table:
    """The same rows with list columns copied to their own buffers.

    If the items of a list are an empty slice at an offset, Java cannot read PyArrow's stream: "negative bodyLength".
    """
    if not any(pa.types.is_nested(field.type) for field in table.schema):
        return table
    return table.take(pa.array(np.arange(table.num_rows)))


def spark_schema(schema: Mapping[str, pl.DataType]) -> "StructType":
    """The Spark schema of a kernel's frames."""
    return from_arrow_schema(pl.DataFrame(schema=pl.Schema(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema)


def _arrow_schema(schema: "StructType") -> pa.Schema:
    return to_arrow_schema(schema, timezone="UTC")


def polars_schema(frame: DataFrame) -> pl.Schema:
    """The columns of a Spark DataFrame as a kernel gets them."""
    return polars_schema_of(frame.schema)


def polars_schema_of(schema: "StructType") -> pl.Schema:
    """The columns of a Spark schema as a kernel gets them."""
    return polars(_arrow_schema(schema).empty_table()).schema


def spark_frame(spark: "SparkSession", frame: pl.DataFrame) -> DataFrame:
    """Rows of this process as a Spark DataFrame."""
    return spark.createDataFrame(arrow(frame, _arrow_schema(spark_schema(frame.schema))), spark_schema(frame.schema))


def each_batch(frame: DataFrame, kernel: Kernel, schema: Mapping[str, pl.DataType]) -> DataFrame:
    """Applies the kernel to each batch of rows, in any order."""

    out = spark_schema(schema)
    wanted = _arrow_schema(out)

    def in_task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with in_a_task():
            for batch in batches:
                yield from arrow(kernel(polars(batch)), wanted).to_batches()

    return frame.mapInArrow(in_task, out)


def bucketed(frame: DataFrame, keys: Sequence[str], buckets: int) -> Any:
    """Rows grouped into buckets: rows with the same keys are in the same bucket."""
    return in_tasks(frame.withColumn(BUCKET, bucket_of(keys, buckets)), buckets)


def in_tasks(frame: DataFrame, buckets: int) -> Any:
    """Rows with known buckets, grouped by bucket, one task per bucket.

    Spark hashes the bucket number again, which puts two buckets into one task and leaves another task empty, so the number is replaced by
    one that the hash assigns to its own task.
    """
    number = F.lit(list(numbers_of_tasks(buckets)))[F.col(BUCKET)]
    return frame.withColumn(BUCKET, number).repartition(buckets, BUCKET).groupBy(BUCKET)


@cache
def numbers_of_tasks(tasks: int) -> tuple[int, ...]:
    """For each task the smallest number whose rows `repartition(tasks, number)` assigns to it."""
    found = np.full(tasks, -1)
    begin, size = 0, 16 * tasks
    while (found < 0).any():
        numbers = np.arange(begin, begin + size)
        places, first = np.unique(murmur3(numbers) % tasks, return_index=True)
        new = found[places] < 0
        found[places[new]] = numbers[first[new]]
        begin += size
    return tuple(found.tolist())


def murmur3(numbers: np.ndarray) -> np.ndarray:
    """Spark's hash of integers (Murmur3 x86 32 of four bytes, seed 42: Murmur3_x86_32.hashInt), shape as given."""
    with np.errstate(over="ignore"):
        mixed = numbers.astype(np.uint32) * np.uint32(0xCC9E2D51)
        mixed = _rotated(mixed, 15) * np.uint32(0x1B873593)
        mixed = _rotated(mixed ^ np.uint32(42), 13) * np.uint32(5) + np.uint32(0xE6546B64)
        mixed ^= np.uint32(4)
        mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        return (mixed ^ (mixed >> np.uint32(16))).astype(np.int32)


def _rotated(numbers: np.ndarray, by: int) -> np.ndarray:
    return (numbers << np.uint32(by)) | (numbers >> np.uint32(32 - by))


def bucket_of(keys: Sequence[str], buckets: int) -> "Column":
    if not keys:
        return F.lit(0)
    return F.pmod(F.xxhash64(*keys), F.lit(buckets)).cast("int")


def each_bucket(frame: DataFrame, keys: Sequence[str], buckets: int, kernel: Kernel, schema: Mapping[str, pl.DataType]) -> DataFrame:
    """Applies the kernel to each bucket, which has all rows of each of its keys."""

    out = spark_schema(schema)
    wanted = _arrow_schema(out)

    def in_task(bucket: pa.Table) -> pa.Table:
        with in_a_task():
            return arrow(kernel(polars(bucket.drop_columns([BUCKET]))), wanted)

    return bucketed(frame, keys, buckets).applyInArrow(in_task, out)


def each_part(
    frame: DataFrame,
    buckets: int,
    kernel: Callable[[pl.DataFrame, int], pl.DataFrame],
    schema: Mapping[str, pl.DataType],
) -> DataFrame:
    """Applies the kernel to each bucket and its number; the frame has the bucket column."""

    out = spark_schema(schema)
    wanted = _arrow_schema(out)
    bucket_by_number = {number: bucket for bucket, number in enumerate(numbers_of_tasks(buckets))}

    def in_task(number: tuple[pa.Scalar, ...], rows: pa.Table) -> pa.Table:
        with in_a_task():
            return arrow(kernel(polars(rows.drop_columns([BUCKET])), bucket_by_number[number[0].as_py()]), wanted)

    return in_tasks(frame, buckets).applyInArrow(in_task, out)


def each_pair(
    left: DataFrame,
    right: DataFrame,
    keys: tuple[Sequence[str], Sequence[str]],
    buckets: int,
    kernel: Kernel2,
    schema: Mapping[str, pl.DataType],
) -> DataFrame:
    """Applies the kernel to each bucket of two frames. keys: their names on the left and on the right."""
    both = [frame.withColumn(BUCKET, bucket_of(names, buckets)) for frame, names in zip((left, right), keys, strict=True)]
    return each_pair_of(both[0], both[1], buckets, kernel, schema)


def each_pair_of(left: DataFrame, right: DataFrame, buckets: int, kernel: Kernel2, schema: Mapping[str, pl.DataType]) -> DataFrame:
    """Like each_pair, for rows with known buckets."""

    out = spark_schema(schema)
    wanted = _arrow_schema(out)

    def in_task(one: pa.Table, other: pa.Table) -> pa.Table:
        with in_a_task():
            return arrow(kernel(*(polars(table.drop_columns([BUCKET])) for table in (one, other))), wanted)

    return in_tasks(left, buckets).cogroup(in_tasks(right, buckets)).applyInArrow(in_task, out)
