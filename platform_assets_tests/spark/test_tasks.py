"""What a task hands to Spark: an Arrow stream that Java can read."""

import io

import pyarrow as pa
import pytest

from platform_assets_tests.spark.session import in_own_buffers


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
