"""What a task hands to Spark: an Arrow stream that Java can read."""

import io

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from platform_assets.errors import ComputeError, NotReadyError, PlatformError
from platform_assets_tests.spark.session import (
    BUCKET,
    F,
    each_batch,
    errors_of_tasks,
    in_own_buffers,
    in_tasks,
    murmur3,
    numbers_of_tasks,
    spark,
)


def _streamed(table: pa.Table) -> pa.Table:
    """The rows as Spark gets them."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def test_lists_whose_items_are_an_empty_slice_reach_java() -> None:
    items = pa.Array.from_buffers(pa.date32(), 0, [None, pa.py_buffer(b"")], offset=17)
    lists = pa.ListArray.from_arrays(pa.array([0, 0, 0], pa.int32()), items)
    table = pa.table({"key": ["a", "b"], "days": lists})
    with pytest.raises(OSError, match="negative bodyLength"):
        _streamed(table)
    assert _streamed(in_own_buffers(table)).to_pydict() == {"key": ["a", "b"], "days": [[], []]}


def test_tables_without_lists_are_not_copied() -> None:
    table = pa.table({"key": ["a", "b"]})
    assert in_own_buffers(table) is table


@pytest.mark.parametrize("tasks", [1, 2, 7, 200, 1111])
def test_each_task_has_a_number_of_its_own(tasks: int) -> None:
    numbers = np.array(numbers_of_tasks(tasks))
    assert (murmur3(numbers) % tasks).tolist() == list(range(tasks))


def test_the_hash_is_that_of_spark() -> None:
    numbers = [0, 1, -1, 42, 99_999, 2**31 - 1, -(2**31)]
    rows = spark().createDataFrame([(number,) for number in numbers], "number int").select(F.hash("number"))
    assert [row[0] for row in rows.collect()] == murmur3(np.array(numbers)).tolist()


def test_each_bucket_has_a_task_of_its_own() -> None:
    rows = spark().range(900).withColumn(BUCKET, (F.col("id") % 9).cast("int"))

    def counted(rows: pa.Table) -> pa.Table:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        return pa.table({"task": pa.array([context.partitionId()], pa.int32()), "rows": pa.array([rows.num_rows], pa.int32())})

    found = in_tasks(rows, 9).applyInArrow(counted, "task int, rows int").collect()
    assert sorted(map(tuple, found)) == [(task, 100) for task in range(9)]


@pytest.mark.parametrize("error", [ComputeError("a sum beyond 64 bits:\n  of 'ada' (\"x\") é"), NotReadyError("not yet")], ids=repr)
def test_an_error_of_ours_in_a_task_comes_back_as_what_it_was(error: PlatformError) -> None:
    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        raise error

    rows = spark().range(0, 3, 1, 1)  # one task: others would be killed when it fails, and their ends come late
    with pytest.raises(type(error)) as found, errors_of_tasks():
        each_batch(rows, kernel, {"id": pl.Int64()}).collect()
    assert str(found.value) == str(error)


def test_an_error_of_sparks_own_stays() -> None:
    with pytest.raises(Exception, match="no such thing") as found, errors_of_tasks():
        spark().range(0, 3, 1, 1).select(F.raise_error(F.lit("no such thing"))).collect()
    assert not isinstance(found.value, PlatformError)
