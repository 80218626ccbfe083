"""Pictures of a snapshot to silver and quarantine: each row by itself, then the rows of some keys in all pictures (semantics.md 7)."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import replace

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.engines.polars.chunks import JudgedRows, chunks, first_of_each_reason
from platform_assets.frames.spill import Spill
from platform_assets.kernels.duplicates import HASH, hash_of
from platform_assets.kernels.judge_rows import INDEX, PLACE, REASONS, Counts, Delivered, examine, received_columns
from platform_assets.kernels.pictures import (
    COPY,
    EXACT_COPY,
    GONE,
    IS_GOOD,
    NEWS,
    UNCHANGED,
    WRITTEN,
    News,
    differences,
    pictures_before,
    rows_of_keys,
    told_of_picture,
    with_copies,
)
from platform_assets.kernels.quality_tier import blocked_reason, told, verdict_of


@contextmanager
def judged_pictures(
    source: Source,
    raw: pl.LazyFrame,
    first: int,
    last: int,
    as_they_are: Set[int],
    delivered: Delivered,
    replayed: pl.Expr | None,
    rows_at_once: int,
) -> Iterator[JudgedRows]:
    """As `judged`, of a snapshot. raw: also the pictures of the partitions first - duplicates_within .. first - 1."""
    start = first - source.duplicates_within
    counts, copies, news = Counts(), News(), News()
    received, examples = received_columns(raw.collect_schema().names()), None
    with Spill() as rows, Spill() as bad, Spill() as written, Spill() as waiting:
        for chunk in chunks(raw, rows_at_once):
            examined = examine(source, chunk, delivered, replayed)
            counts.add(examined.counts)
            rows.add(rows_of_keys(source, examined).with_columns(hash_of(source.key)))
            aside = examined.bad.select(*received, *PLACE, REASONS).filter(pl.col("arrival") >= pl.lit(source.partitions.value(first)))
            bad.add(aside)
            examples = first_of_each_reason(aside if examples is None else pl.concat([examples, aside]))
        parts = rows.height // (4 * rows_at_once) + 1
        for some in _by_keys(rows, parts):
            copies.add(with_copies(source, some.filter(IS_GOOD)))
        good = {p: counts.good[p] - copies.number(p, COPY, EXACT_COPY) for p in range(start, last + 1)}
        verdicts = {p: verdict_of(source, good[p], counts.bad[p]) for p in range(start, last + 1)}
        blocked = {p for p, verdict in verdicts.items() if verdict.is_low and p not in as_they_are}
        before = pictures_before(source, first, last, {p: counts.received[p] for p in range(start, last + 1)}, blocked)
        for some in _by_keys(rows, parts):
            found = differences(source, some, before)
            news.add(found)
            written.add(found.filter(pl.col(NEWS).is_in([WRITTEN, GONE])).select(*source.columns, *source.flags, *PLACE))
            held = with_copies(source, some.filter(IS_GOOD, pl.col(INDEX).is_in(list(blocked))))
            waiting.add(held.filter(pl.col(NEWS) == WRITTEN).select(PLACE))
        quarantine = bad.rows()
        held_back = [p for p in range(first, last + 1) if p in blocked and good[p]]
        if held_back:
            reason = blocked_reason(source)
            as_received = raw.join(waiting.rows(), on=PLACE, how="semi").filter(pl.col("arrival") >= pl.lit(source.partitions.value(first)))
            quarantine = pl.concat([quarantine, as_received.select(*received, *PLACE, pl.lit([reason]).alias(REASONS))])
            counts.reasons.update({(p, reason): good[p] for p in held_back})
        said = {}
        for p in range(first, last + 1):
            verdict = verdicts[p] if p in blocked else replace(verdicts[p], accepted=news.number(p, WRITTEN))
            again, exact = copies.number(p, COPY, EXACT_COPY), copies.number(p, EXACT_COPY)
            same = news.number(p, UNCHANGED)
            said[p] = told(source, p, verdict, counts, again + same, exact + same, p in blocked)
            said[p] |= told_of_picture(source, p, news, before)
        events = {p: {p} for p in range(first, last + 1) if news.number(p, WRITTEN, GONE)}
        assert examples is not None, "there is at least one chunk"
        yield JudgedRows(written.rows(), quarantine, said, examples, events)


def _by_keys(rows: Spill, parts: int) -> Iterator[pl.DataFrame]:
    """All rows, those of one key together, in some parts."""
    for part in range(parts):
        yield rows.rows().filter(pl.col(HASH) % parts == part).drop(HASH).collect(engine="streaming")
