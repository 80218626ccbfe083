"""What is handed to Delta: whole, in order, an error where one is, and never much more than it has written."""

import time
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest

from platform_assets.errors import LakeError
from platform_assets.frames.stream import stream
from platform_assets.stores import frames
from platform_assets.stores.frames import Batches
from platform_assets.stores.tables import Span

ROWS = 40_000
DAY = date(2024, 3, 1)


def rows() -> pl.DataFrame:
    return pl.DataFrame({"number": range(ROWS), "text": [f"t{n}" for n in range(ROWS)]}).with_columns(pl.lit(DAY).alias("day"))


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BYTES_IN_FLIGHT", 100_000), ("_BYTES_HANDED_OVER", 50_000), ("_PATIENCE", 0.05)):
        monkeypatch.setattr(frames, name, value)


def batches(expected: int | None = None) -> Batches:
    return Batches("orders/raw", rows().lazy(), rows().schema, "day", Span.of_one(DAY), expected)


@pytest.mark.usefixtures("little")
def test_all_rows_are_handed_over_in_their_order() -> None:
    read = batches(ROWS).reader().read_all()
    assert pl.DataFrame(pl.from_arrow(read)).equals(rows())


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("rows_at_once", [1_000, ROWS])  # a batch is made of several frames, or of a part of one
def test_a_slow_reader_is_waited_for_and_one_that_keeps_everything_is_not_waited_for_for_ever(
    rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "stream", lambda frame: stream(frame, rows_at_once))
    most, kept = 0, []
    for batch in batches().reader():
        time.sleep(0.001)
        kept = [batch]  # the one before is let go of
        most = max(most, frames._pool.bytes_allocated() if frames._pool else 0)
    assert 0 < most < 400_000 and kept
    assert len(list(batches().reader())) > 3  # all kept


def test_a_frame_that_ends_early_is_not_written() -> None:
    with pytest.raises(LakeError, match="40,001 rows were expected, but there were 40,000"):
        batches(ROWS + 1).reader().read_all()


def test_a_stream_gives_what_is_computed_and_raises_what_fails() -> None:
    assert pl.concat(stream(rows().lazy(), 1_000)).equals(rows())
    assert list(stream(rows().lazy().filter(pl.col("number") < 0))) == []
    with pytest.raises(ValueError, match="in the frame"):
        list(stream(rows().lazy().map_batches(failing)))
    with pytest.raises(pl.exceptions.InvalidOperationError):
        list(stream(rows().lazy().with_columns(pl.col("text").cast(pl.Int64))))


def failing(_: pl.DataFrame) -> pl.DataFrame:
    raise ValueError("in the frame")


def test_a_stream_that_is_left_ends() -> None:
    coming: Iterator[pl.DataFrame] = stream(rows().lazy(), 10)
    assert next(coming).height
    coming.close()  # type: ignore[attr-defined]
