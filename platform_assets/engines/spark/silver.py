"""Raw rows to silver and quarantine on Spark: first each row by itself, in any order, then all rows of a key in one task.

Counts travel with the rows, as text: one row of counts per batch. Spark's accumulators would count a retried task twice.
"""

import json
from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl
from pyspark.sql import functions as F
from pyspark.storagelevel import StorageLevel

from platform_assets.declare.source import Source
from platform_assets.engines.engine import JudgedPartitions, TableSlice
from platform_assets.engines.spark.rows import SparkRows
from platform_assets.engines.spark.tables import SparkTables
from platform_assets.engines.spark.tasks import each_batch, each_bucket, polars, polars_schema
from platform_assets.kernels.duplicates import DUPLICATE, EXACT, HASH, marked
from platform_assets.kernels.examples import examples_of
from platform_assets.kernels.judge_rows import INDEX, PLACE, REASONS, Counts, Delivered, examine, received_columns
from platform_assets.kernels.quality_tier import blocked_reason, told, verdict_of
from platform_assets.kernels.times import index_at, physical

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


KIND, COUNTS, RECEIVED = "__kind", "__counts", "__received_"
GOOD, BAD, EARLIER, COUNTED = range(4)
"""The kinds of rows: good, quarantined, good and in the horizon, or counts of a batch."""


@contextmanager
def judged(
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
    """See `Engine.judge`."""
    rows = tables.scan(raw).filter(~F.col("superseded"))
    came = rows.columns
    examined = _examined(source, rows, first, delivered, replayed).persist(StorageLevel.DISK_ONLY)
    marked_rows = _marked(tables, source, examined, raw).persist(StorageLevel.DISK_ONLY) if source.unique_key else examined
    try:
        counts = counts_of(examined)
        duplicates, exact, events = _copies(tables, source, examined, marked_rows, raw)
        verdicts = {p: verdict_of(source, counts.good[p] - duplicates[p], counts.bad[p]) for p in range(first, last + 1)}
        blocked = {p for p, verdict in verdicts.items() if verdict.is_low and p not in as_they_are}
        stay = marked_rows.filter(F.col(KIND) == GOOD)
        received, reasons = received_columns(came), blocked_reason(source)
        types = polars_schema(rows)
        quarantine = examined.filter(F.col(KIND) == BAD).select(
            *(F.col(f"{RECEIVED}{column}").alias(column) for column in received), *PLACE, REASONS
        )
        examples = examples_among(source, quarantine)
        held = sorted(p for p in blocked if verdicts[p].accepted)
        if held:
            waiting = rows.join(stay.filter(F.col(INDEX).isin(held)).select(*PLACE), list(PLACE), "left_semi")
            quarantine = quarantine.unionByName(waiting.select(*received, *PLACE, F.array(F.lit(reasons)).alias(REASONS)))
            counts.reasons.update({(p, reasons): verdicts[p].accepted for p in held})
        silver = stay.select(*source.columns, *source.flags, *PLACE)
        of_events: dict[int, set[int]] = {}
        for (partition, event), number in (counts.events - events).items():
            if number and partition not in blocked:
                of_events.setdefault(partition, set()).add(event)
        said = {p: told(source, p, verdict, counts, duplicates[p], exact[p], p in blocked) for p, verdict in verdicts.items()}
        silver_schema = dict(polars_schema(silver).items())
        quarantine_schema = {
            **{name: types[name] for name in received},
            **{name: types[name] for name in PLACE},
            REASONS: pl.List(pl.String()),
            "run": pl.String(),
        }
        yield JudgedPartitions(
            rows_for(tables, silver, silver_schema, (source.name, "silver"), {source.partitions.value(p) for p in blocked}),
            rows_for(tables, quarantine.withColumn("run", F.lit(run)), quarantine_schema, (source.name, "quarantine"), ()),
            said,
            examples,
            of_events,
        )
    finally:
        marked_rows.unpersist()
        examined.unpersist()


def rows_for(tables: SparkTables, frame: "DataFrame", schema: dict[str, pl.DataType], of: tuple[str, str], without: Any) -> SparkRows:
    return SparkRows(tables.lake, of, frame, schema, tables.stage, by="arrival", order=PLACE, without=without)


def _examined(source: Source, raw: "DataFrame", first: int, delivered: Delivered, replayed: pl.Expr | None) -> "DataFrame":
    """Each row of raw by itself: good rows in their declared types, the others as received with the reasons, and counts."""
    start = source.partitions.value(first)
    absent = [column for column in source.columns if column not in raw.columns]

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.with_columns(pl.lit(None, pl.String).alias(column) for column in absent)
        earlier = rows.filter(pl.col("arrival") < start)
        now = examine(source, rows.filter(pl.col("arrival") >= start), delivered, replayed)
        found = [
            kind_of(now.good, GOOD),
            kind_of(now.bad.rename({c: f"{RECEIVED}{c}" for c in received_columns(now.bad.columns) if c != REASONS}), BAD),
            kind_of(pl.DataFrame({COUNTS: [packed(now.counts)]}), COUNTED),
        ]
        if source.duplicates_within:
            found.append(kind_of(examine(source, earlier, delivered, replayed).good, EARLIER))
        return pl.concat(found, how="diagonal")

    schema = kernel(pl.DataFrame(schema=polars_schema(raw))).schema
    return each_batch(raw, lambda rows: kernel(rows).select(schema.names()), schema)


def kind_of(rows: pl.DataFrame, kind: int) -> pl.DataFrame:
    return rows.with_columns(pl.lit(kind, pl.Int32).alias(KIND))


def packed(counts: Counts) -> str:
    return json.dumps({name: [[key, number] for key, number in counted.items()] for name, counted in vars(counts).items()})


def counts_of(examined: "DataFrame") -> Counts:
    found = Counts()
    for row in examined.filter(F.col(KIND) == COUNTED).select(COUNTS).toLocalIterator():
        for name, counted in json.loads(row[0]).items():
            for key, number in counted:
                getattr(found, name)[tuple(key) if isinstance(key, list) else key] += number
    return found


def _marked(tables: SparkTables, source: Source, examined: "DataFrame", raw: TableSlice) -> "DataFrame":
    """The good rows without duplicates, and counts of the duplicates."""
    good = examined.filter(F.col(KIND).isin(GOOD, EARLIER)).select(KIND, *source.columns, *source.flags, *PLACE, INDEX)

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        found = marked(source, rows.with_columns(pl.struct(source.unique_key).hash().alias(HASH))).filter(pl.col(KIND) == GOOD)
        event = index_at(physical(source.event_time), source.partitions).alias("__event")
        again = found.filter(DUPLICATE).group_by(INDEX, event).agg(pl.len(), pl.col(EXACT).sum())
        counts = pl.DataFrame({COUNTS: [json.dumps(again.rows())]})
        stay = found.filter(~pl.col(DUPLICATE)).drop(HASH, DUPLICATE, EXACT)
        return pl.concat([stay, kind_of(counts, COUNTED)], how="diagonal").select(*stay.columns, COUNTS)

    schema = kernel(pl.DataFrame(schema=polars_schema(good))).schema
    return each_bucket(good, source.unique_key, tables.buckets(raw), kernel, schema)


def _copies(
    tables: SparkTables, source: Source, examined: "DataFrame", marked_rows: "DataFrame", raw: TableSlice
) -> tuple[Counter[int], Counter[int], Counter[tuple[int, int]]]:
    """The number of duplicates and of exact copies per partition, and duplicates by partition and event partition."""
    duplicates, exact, events = Counter[int](), Counter[int](), Counter[tuple[int, int]]()
    if source.unique_key:
        for row in marked_rows.filter(F.col(KIND) == COUNTED).select(COUNTS).toLocalIterator():
            for partition, event, number, same in json.loads(row[0]):
                duplicates[partition] += number
                exact[partition] += same
                events[partition, event] += number
        return duplicates, exact, events
    columns = list(source.columns)

    def kernel(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.group_by(INDEX).agg((pl.len().cast(pl.Int64) - pl.struct(columns).n_unique().cast(pl.Int64)).alias(COUNTS))

    good = examined.filter(F.col(KIND) == GOOD).select(INDEX, *columns)
    schema = {INDEX: pl.Int64(), COUNTS: pl.Int64()}
    for partition, copies in each_bucket(good, columns, tables.buckets(raw), kernel, schema).toLocalIterator():
        exact[partition] += copies
    return duplicates, exact, events


def examples_among(source: Source, bad: "DataFrame") -> Any:
    """The first value for each reason of each partition."""
    each = bad.select("*", F.explode(REASONS).alias("__reason"))
    place = F.struct(*PLACE)
    first = each.groupBy("arrival", "__reason").agg(F.min_by(F.struct(*bad.columns), place).alias("row")).select("row.*").distinct()
    return examples_of(source, polars(first.toArrow()).sort(PLACE).unique(PLACE, keep="first", maintain_order=True))
