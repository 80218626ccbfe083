"""The rows of a Spark DataFrame as Polars frames, a batch at a time: at most one task's rows are in memory at once."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import pyarrow as pa


def is_of_spark(given: Any) -> bool:
    """Whether an object is a DataFrame of Spark or Spark Connect."""
    return type(given).__module__.startswith("pyspark.") and type(given).__name__ == "DataFrame"


def frames_of(frame: Any) -> Iterator[pl.DataFrame]:
    """All rows, sorted by all columns, because Spark returns them in any order and repeated reads must be equal. At least one frame.

    PySpark 4.2 has its own Arrow stream, which does not support timestamps.
    """
    import pyarrow as pa  # imported here, since loading definitions does not need it

    any_came = False
    for row in frame.sort(*frame.columns).mapInArrow(_as_bytes, "batch binary").toLocalIterator():
        any_came = True
        with pa.ipc.open_stream(row[0]) as stream:
            yield _plain(stream.read_all())
    if not any_came:
        yield _plain(frame.limit(0).toArrow())


def _as_bytes(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    """Each batch as a single value, so that Spark passes it on unchanged."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.RecordBatch.from_pydict({"batch": pa.array([sink.getvalue().to_pybytes()], pa.binary())})


def _plain(rows: "pa.Table") -> pl.DataFrame:
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame), "a table has columns"
    return frame.with_columns(pl.selectors.datetime(time_zone="*").dt.convert_time_zone("UTC"))
