"""Pictures of a snapshot to silver and quarantine on Spark: each row by itself, then the rows of one key in one task (semantics.md 7)."""

import json
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from platform_assets.declare.source import Source
from platform_assets.engines.engine import JudgedPartitions, TableSlice
from platform_assets.engines.spark.silver import (
    BAD,
    COUNTED,
    COUNTS,
    GOOD,
    KIND,
    RECEIVED,
    counts_of,
    examples_among,
    kind_of,
    packed,
    rows_for,
)
from platform_assets.engines.spark.tables import SparkTables
from platform_assets.engines.spark.tasks import each_batch, each_bucket, polars_schema
from platform_assets.kernels.judge_rows import INDEX, PLACE, REASONS, Delivered, examine, received_columns
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

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@contextmanager
def judged_pictures(
    tables: SparkTables,
    source: Source,
    raw: TableSlice,
    first: int,
    last: int,
    as_they_are: Set[int],
    delivered: Delivered,
    run: str,
    replayed: pl.Expr | None = None,
) -> Iterator[JudgedPartitions]:
    """As `Engine.judge`, of a snapshot."""
    rows, start = tables.scan(raw).filter(~F.col("superseded")), first - source.duplicates_within
    received, types, buckets = received_columns(rows.columns), polars_schema(rows), tables.buckets(raw)
    examined = _examined(source, rows, first, delivered, replayed).persist(StorageLevel.DISK_ONLY)
    keyed = examined.filter(F.col(KIND) == GOOD).select(*source.columns, *source.flags, *PLACE, INDEX, IS_GOOD)
    try:
        counts = counts_of(examined)
        copies = _news(each_bucket(keyed, source.key, buckets, lambda of: _counted(with_copies(source, of.filter(IS_GOOD))), _COUNTS))
        good = {p: counts.good[p] - copies.number(p, COPY, EXACT_COPY) for p in range(start, last + 1)}
        verdicts = {p: verdict_of(source, good[p], counts.bad[p]) for p in range(start, last + 1)}
        blocked = {p for p, verdict in verdicts.items() if verdict.is_low and p not in as_they_are}
        before = pictures_before(source, first, last, {p: counts.received[p] for p in range(start, last + 1)}, blocked)
        compared = _compared(source, keyed, buckets, before, blocked).persist(StorageLevel.DISK_ONLY)
        try:
            news = _news(compared.filter(F.col(COUNTS).isNotNull()))
            quarantine = examined.filter(F.col(KIND) == BAD).select(
                *(F.col(f"{RECEIVED}{column}").alias(column) for column in received), *PLACE, REASONS
            )
            examples, reason = examples_among(source, quarantine), blocked_reason(source)
            held = [p for p in range(first, last + 1) if p in blocked and good[p]]
            if held:
                waiting = rows.join(_held(compared, first), list(PLACE), "left_semi")
                quarantine = quarantine.unionByName(waiting.select(*received, *PLACE, F.array(F.lit(reason)).alias(REASONS)))
                counts.reasons.update({(p, reason): good[p] for p in held})
            silver = compared.filter(F.col(NEWS).isin(WRITTEN, GONE)).select(*source.columns, *source.flags, *PLACE)
            said = {}
            for p in range(first, last + 1):
                verdict = verdicts[p] if p in blocked else replace(verdicts[p], accepted=news.number(p, WRITTEN))
                again, exact, same = copies.number(p, COPY, EXACT_COPY), copies.number(p, EXACT_COPY), news.number(p, UNCHANGED)
                said[p] = told(source, p, verdict, counts, again + same, exact + same, p in blocked)
                said[p] |= told_of_picture(source, p, news, before)
            quarantine_schema = {
                **{name: types[name] for name in (*received, *PLACE)},
                REASONS: pl.List(pl.String()),
                "run": pl.String(),
            }
            yield JudgedPartitions(
                rows_for(tables, silver, dict(polars_schema(silver).items()), (source.name, "silver"), ()),
                rows_for(tables, quarantine.withColumn("run", F.lit(run)), quarantine_schema, (source.name, "quarantine"), ()),
                said,
                examples,
                {p: {p} for p in range(first, last + 1) if news.number(p, WRITTEN, GONE)},
            )
        finally:
            compared.unpersist()
    finally:
        examined.unpersist()


_COUNTS = {COUNTS: pl.String()}
_HELD = -1
"""A good row of a blocked picture, which waits in quarantine."""


def _examined(source: Source, raw: "DataFrame", first: int, delivered: Delivered, replayed: pl.Expr | None) -> "DataFrame":
    """Each row of raw by itself: what pictures are compared by, bad rows of the partitions that are made, and counts of all."""
    start = source.partitions.value(first)
    absent = [column for column in source.columns if column not in raw.columns]

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        found = examine(source, rows.with_columns(pl.lit(None, pl.String).alias(column) for column in absent), delivered, replayed)
        bad = found.bad.filter(pl.col("arrival") >= start)
        return pl.concat(
            [
                kind_of(rows_of_keys(source, found), GOOD),
                kind_of(bad.rename({c: f"{RECEIVED}{c}" for c in received_columns(bad.columns) if c != REASONS}), BAD),
                kind_of(pl.DataFrame({COUNTS: [packed(found.counts)]}), COUNTED),
            ],
            how="diagonal",
        )

    schema = kernel(pl.DataFrame(schema=polars_schema(raw))).schema
    return each_batch(raw, lambda rows: kernel(rows).select(schema.names()), schema)


def _compared(source: Source, keyed: "DataFrame", buckets: int, before: dict[int, int | None], blocked: Set[int]) -> "DataFrame":
    """The rows of silver, the good rows of blocked pictures, and counts of what all rows are."""

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        found = differences(source, rows, before)
        held = with_copies(source, rows.filter(IS_GOOD, pl.col(INDEX).is_in(list(blocked)))).filter(pl.col(NEWS) == WRITTEN)
        held = held.with_columns(pl.lit(_HELD, pl.Int32).alias(NEWS)).select(found.columns)
        written = found.filter(pl.col(NEWS).is_in([WRITTEN, GONE]))
        return pl.concat([written, held, _counted(found)], how="diagonal").select(*found.columns, COUNTS)

    schema = kernel(pl.DataFrame(schema=polars_schema(keyed))).schema
    return each_bucket(keyed, source.key, buckets, kernel, schema)


def _held(compared: "DataFrame", first: int) -> "DataFrame":
    return compared.filter((F.col(NEWS) == _HELD) & (F.col(INDEX) >= first)).select(*PLACE)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame({COUNTS: [json.dumps(rows.group_by(INDEX, NEWS).len().rows())]})


def _news(rows: "DataFrame") -> News:
    found = News()
    for row in rows.select(COUNTS).toLocalIterator():
        for partition, news, number in json.loads(row[0]):
            found.of[partition, news] += number
    return found
