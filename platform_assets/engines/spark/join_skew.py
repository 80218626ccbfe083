"""Joins labels and rows of entities with too many for one task: in parts, each with the labels of a time range."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from platform_assets.declare.reads import partitions_read
from platform_assets.engines.engine import ViewSlice
from platform_assets.engines.spark.skew import COUNT, MOST_PARTS, counts_of, heavy_keys, spread
from platform_assets.engines.spark.tables import SparkTables
from platform_assets.engines.spark.tasks import bucket_of
from platform_assets.stores.tables import name_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Key = tuple[object, ...]


@dataclass(frozen=True)
class Joined:
    """Labels to be joined, and their counts."""

    frame: "DataFrame"
    keys: tuple[str, ...]
    time: str
    number: int
    heavy: dict[Key, int]
    """Entities with more labels than a task may get."""


def counted(frame: "DataFrame", keys: Sequence[str], time: str, limit: int) -> Joined:
    """Counts the labels and finds the entities with more than the limit, in one aggregation."""
    many = F.when(F.col(COUNT) > limit, F.struct(*keys, COUNT))
    row = counts_of(frame, keys).agg(F.sum(COUNT), F.collect_list(many)).first()
    number, heavy = row if row else (0, [])
    of_entities = {tuple(one)[:-1]: one[COUNT] for one in heavy if None not in tuple(one)}
    return Joined(frame, tuple(keys), time, number or 0, of_entities)


def met(
    tables: SparkTables, labels: Joined, found: "DataFrame", one: ViewSlice, rows: "DataFrame", in_rows: Sequence[str]
) -> tuple["DataFrame", "DataFrame", int]:
    """The labels with the features found so far, and the rows of a view, in buckets that bring an entity's together; and the number of
    buckets.

    in_rows: the names of the entity's keys in the rows.
    """
    limit, keys = tables.sizes.bucket, list(labels.keys)
    there = tables.rows_in(one.rows)
    buckets = tables.worth(max(labels.number, there))
    # Labels without an entity have empty values in any task, and rows without one are not needed: neither may all go to one task.
    light = F.when(_has_entity(keys), bucket_of(keys, buckets)).otherwise(bucket_of([labels.time], buckets))
    rows = rows.filter(_has_entity(in_rows))
    many = labels.heavy | (heavy_keys(rows, in_rows, limit) if there > limit else {})
    heavy = list(many)
    parts = _parts(labels, one, heavy, -(-max(many.values()) // limit)) if heavy else []
    if len(parts) < 2:
        return spread(found, keys, buckets, (), (), light), spread(rows, in_rows, buckets, (), ()), buckets
    most = max(many, key=lambda key: many[key])
    who = ", ".join(f"{name} {value!r}" for name, value in zip(keys, most, strict=True))
    tables.told.append(
        f"{name_of(one.rows.table)}: {who} has {many[most]:,} of {labels.number:,} labels or {there:,} rows, more than a task's {limit:,}; "
        f"{len(heavy)} such keys were joined in {len(parts)} parts each"
    )
    spread_labels = spread(found, keys, buckets, heavy, [part.has_label for part in parts], light)
    spread_rows = spread(rows, in_rows, buckets, heavy, [part.reads for part in parts])
    return spread_labels, spread_rows, buckets + len(heavy) * len(parts)


def _has_entity(keys: Sequence[str]) -> "Column":
    return reduce(and_, (F.col(key).isNotNull() for key in keys))


@dataclass(frozen=True)
class _Part:
    has_label: "Column"
    reads: "Column"
    """The rows that the labels of the part can see."""


def _parts(labels: Joined, one: ViewSlice, heavy: Sequence[Key], number: int) -> list[_Part]:
    """Ranges of label times, none of which reads all rows; a single range if that is impossible."""
    partitions, view, by = one.view.source.partitions, one.view, F.col(one.rows.by)
    time = F.col(labels.time)
    named = labels.frame.sparkSession.createDataFrame(list(heavy), schema=labels.frame.select(*labels.keys).schema)
    row = labels.frame.join(F.broadcast(named), list(labels.keys), "left_semi").agg(F.min(time), F.max(time)).first()
    if row is None or row[0] is None:
        return []
    first, last = (at.astimezone(UTC) for at in row)
    begin, end = partitions.index(first), partitions.index(last)
    number = max(1, min(number, end - begin + 1, MOST_PARTS))
    starts = [begin + (end - begin + 1) * part // number for part in range(1, number)]
    edges = [first, *(partitions.starts_at(start) for start in starts)]
    reads = [partitions_read(view, one.layer, at, until) for at, until in zip(edges, [*edges[1:], last], strict=True)]
    if reads[-1].start <= reads[0].start:  # each would read as much as the first one
        return []
    found = []
    for place, (at, read) in enumerate(zip(edges, reads, strict=True)):
        after = time >= F.lit(at) if place else F.lit(True)
        before = time < F.lit(edges[place + 1]) if place + 1 < number else F.lit(True)
        seen = by.between(F.lit(partitions.value(read.start)), F.lit(partitions.value(read.stop - 1))) if read else F.lit(False)
        found.append(_Part(after & before, seen))
    return found
