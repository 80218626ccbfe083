"""Rows of raw a chunk at a time, and what their judgement gives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from platform_assets.frames.stream import stream
from platform_assets.kernels.judge_rows import PLACE, REASONS

ROWS_AT_ONCE = 250_000
BYTES_AT_ONCE = 1 << 26
"""Limits chunks of rows with long texts."""
ROWS_READ_AHEAD = 2_000_000


@dataclass(frozen=True)
class JudgedRows:
    """The same with lazy rows: they can be read, any number of times, while their context is open."""

    silver: pl.LazyFrame
    quarantine: pl.LazyFrame
    counts: dict[int, dict[str, Any]]
    first_of_each_reason: pl.DataFrame
    """The first row of each partition for each reason."""
    events: dict[int, set[int]]
    """By partition: the event partitions of its accepted rows."""


def chunks(rows: pl.LazyFrame, at_once: int) -> Iterator[pl.DataFrame]:
    """The rows of a frame in chunks; one empty chunk if there are none."""
    most = rows.select(pl.col("row_number").max()).collect().item() or 0
    any_rows = False
    # Polars reads ahead without limit; here at most one range of each delivery, thanks to the files' statistics of row numbers.
    for first in range(1, most + 1, ROWS_READ_AHEAD):
        stretch = rows.filter(pl.col("row_number").is_between(first, first + ROWS_READ_AHEAD - 1)) if most > ROWS_READ_AHEAD else rows
        for chunk in _of_size(stream(stretch), at_once):
            any_rows = True
            yield chunk
    if not any_rows:
        yield pl.DataFrame(schema=rows.collect_schema())


def _of_size(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The rows of frames in chunks of about this many rows, and at most about BYTES_AT_ONCE."""
    waiting, height, size = list[pl.DataFrame](), 0, 0
    for frame in frames:
        enough = max(1, min(rows, frame.height * BYTES_AT_ONCE // (1 + int(frame.estimated_size()))))
        for part in frame.iter_slices(enough):
            if waiting and (height + part.height > rows or size > BYTES_AT_ONCE):
                yield pl.concat(waiting)
                waiting, height, size = [], 0, 0
            waiting.append(part)
            height, size = height + part.height, size + int(part.estimated_size())
    if waiting:
        yield pl.concat(waiting)


def first_of_each_reason(bad: pl.DataFrame) -> pl.DataFrame:
    if bad.is_empty():
        return bad
    bad = bad.sort(PLACE)
    first = bad.select("arrival", REASONS).with_row_index("at").explode(REASONS).group_by("arrival", REASONS).agg(pl.col("at").min())
    return bad[first["at"].unique().sort()]
