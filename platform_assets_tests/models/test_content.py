import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from platform_assets.errors import ModelError
from platform_assets.models.content import content_hash

EVERY_TYPE = pl.DataFrame(
    {
        "int": pl.Series([1, None, -3], dtype=pl.Int64),
        "small": pl.Series([1, None, 3], dtype=pl.UInt8),
        "float": [0.1, None, float("nan")],
        "bool": [True, None, False],
        "text": ["é", None, ""],
        "bytes": [b"\x00", None, b""],
        "date": [date(2024, 3, 1), None, date(1969, 1, 1)],
        "time": pl.Series([datetime(2024, 3, 1, tzinfo=UTC), None, datetime(1969, 1, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC")),
        "duration": [timedelta(days=1), None, timedelta(microseconds=-1)],
        "decimal": pl.Series([Decimal("1.10"), None, Decimal("-2.00")], dtype=pl.Decimal(10, 2)),
        "list": [["a", None], None, []],
        "struct": [{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}],
        "nothing": [None, None, None],
    }
)


def test_the_hash_is_the_same_in_every_version() -> None:
    """Pinned: if this fails after an upgrade, records of old models no longer match their data."""
    assert content_hash(EVERY_TYPE) == "ab81672858401595840f57d4a3de73e08d4524e47c9979fe3c9ac2245e9a0cd0"


def test_the_hash_is_the_same_in_another_process(tmp_path: Path) -> None:
    EVERY_TYPE.drop("nothing").write_parquet(tmp_path / "frame.parquet")
    script = (
        "import sys, polars as pl; from platform_assets.models.content import content_hash as of; print(of(pl.read_parquet(sys.argv[1])))"
    )
    other = subprocess.run([sys.executable, "-c", script, str(tmp_path / "frame.parquet")], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == content_hash(EVERY_TYPE.drop("nothing"))


def test_chunks_slices_and_encodings_do_not_count() -> None:
    whole = content_hash(EVERY_TYPE)
    assert content_hash(pl.concat([EVERY_TYPE[:1], EVERY_TYPE[1:]], rechunk=False)) == whole
    assert content_hash(pl.concat([EVERY_TYPE, EVERY_TYPE])[3:]) == whole
    assert content_hash(EVERY_TYPE.with_columns(pl.col("text").cast(pl.Categorical))) == whole
    # What lies beneath a null differs, and is not part of the frame.
    hidden = pl.DataFrame({"x": [1, 7, 3]}).select(pl.when(pl.col("x") != 7).then("x"))
    assert content_hash(hidden) == content_hash(pl.DataFrame({"x": [1, None, 3]}))


def test_arrow_bytes_would_not_have_done() -> None:
    """Why this module exists: equal frames, different IPC streams."""
    one, two = EVERY_TYPE.select("int", "text"), pl.concat([EVERY_TYPE[:1], EVERY_TYPE[1:]], rechunk=False).select("int", "text")
    assert one.equals(two)
    assert one.write_ipc_stream(None).getvalue() != two.write_ipc_stream(None).getvalue()


@pytest.mark.parametrize("column", EVERY_TYPE.drop("nothing").columns)
def test_every_value_counts(column: str) -> None:
    frame = EVERY_TYPE.select(column)
    hashes = {content_hash(frame[rows]) for rows in ([0, 1, 2], [1, 0, 2], [2, 1, 0], [0, 0, 2], [0, 1, 1], [0, 2])}
    assert len(hashes) == 6


def test_names_types_and_the_order_of_columns_count() -> None:
    frame = pl.DataFrame({"a": [1], "b": [1]})
    others = [frame.rename({"a": "c"}), frame.select("b", "a"), frame.cast({"a": pl.Int32}), frame.cast({"a": pl.Float64}), frame.drop("b")]
    assert len({content_hash(other) for other in [frame, *others]}) == 6


def test_texts_do_not_run_into_each_other() -> None:
    assert content_hash(pl.DataFrame({"a": ["ab", "c"]})) != content_hash(pl.DataFrame({"a": ["a", "bc"]}))
    assert content_hash(pl.DataFrame({"a": [["x"], ["y", "z"]]})) != content_hash(pl.DataFrame({"a": [["x", "y"], ["z"]]}))


def test_frames_without_rows_differ_by_their_columns_only() -> None:
    assert content_hash(EVERY_TYPE.clear()) == content_hash(EVERY_TYPE[3:])
    assert content_hash(pl.DataFrame(schema={"a": pl.Int64})) != content_hash(pl.DataFrame(schema={"b": pl.Int64}))


def test_a_column_of_python_objects_is_refused() -> None:
    with pytest.raises(ModelError, match="column 'thing' of type Object has no content hash"):
        content_hash(pl.DataFrame({"thing": pl.Series([object()], dtype=pl.Object)}))
