"""Splits keys with too many rows for one task: their snapshots are split into ranges, and each range reads the rows its windows need.

No state is carried from one range to the next, so a split uses the same kernel, with the same values as a single task.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType

from platform_assets.declare.partitions import Partitions
from platform_assets.engines.spark.tasks import BUCKET, bucket_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MOST_KEYS = 1000
"""If more keys than this have too many rows, it is not skew."""
MOST_PARTS = 64
COUNT, _KEY = "__count", "__heavy"


@dataclass(frozen=True)
class Part:
    """A range of a key's partitions, computed in its own task."""

    first: int
    last: int
    since: int
    """The first arrival partition that it reads; the last one is `last`."""


@dataclass(frozen=True)
class Split:
    """How rows are spread over tasks: keys by hash, and keys with too many rows individually, in parts."""

    buckets: int
    """The buckets of the other keys, which come first."""
    keys: tuple[tuple[object, ...], ...]
    parts: tuple[Part, ...]

    @property
    def tasks(self) -> int:
        return self.buckets + len(self.keys) * len(self.parts)

    def part(self, bucket: int) -> Part | None:
        """The part that a task computes; None: all partitions."""
        return None if bucket < self.buckets else self.parts[(bucket - self.buckets) % len(self.parts)]


def heavy_keys(rows: "DataFrame", keys: Sequence[str], limit: int) -> dict[tuple[object, ...], int]:
    """The keys with more rows than fit in a task, with their row counts; one aggregation over a few columns."""
    counted = counts_of(rows, keys).filter(F.col(COUNT) > limit).orderBy(F.desc(COUNT), *keys).limit(MOST_KEYS)
    return {tuple(row[key] for key in keys): row[COUNT] for row in counted.collect()}


def counts_of(rows: "DataFrame", keys: Sequence[str]) -> "DataFrame":
    """The row count of each key, in a column whose name cannot be a key's."""
    return rows.groupBy(*keys).agg(F.count(F.lit(1)).alias(COUNT))


def parts_of(first: int, last: int, number: int, since: Callable[[int], int]) -> tuple[Part, ...]:
    """The partitions first..last in about `number` ranges of equal length. since: the first arrival that a partition reads."""
    number = max(1, min(number, last - first + 1, MOST_PARTS))
    if since(last - (last - first) // number) <= since(first):  # each range would read all rows
        number = 1
    starts = [first + (last - first + 1) * i // number for i in range(number)]
    ends = [*(start - 1 for start in starts[1:]), last]
    return tuple(Part(start, end, since(start)) for start, end in zip(starts, ends, strict=True))


def reads_of(split: Split, partitions: Partitions) -> list["Column"]:
    """For each part, the rows of silver that it reads."""
    arrival = F.col("arrival")
    return [arrival.between(F.lit(partitions.value(part.since)), F.lit(partitions.value(part.last))) for part in split.parts]


def spread(
    rows: "DataFrame",
    keys: Sequence[str],
    buckets: int,
    heavy: Sequence[tuple[object, ...]],
    belongs: Sequence["Column"],
    light: "Column | None" = None,
) -> "DataFrame":
    """The rows with their buckets. A row of a heavy key is in the bucket of each part that it belongs to: none, one or several.

    belongs: for each part, the rows it takes. light: the bucket of the other rows; by default it follows from their key.
    """
    light = bucket_of(keys, buckets) if light is None else light
    if not heavy:
        return rows.withColumn(BUCKET, light)
    named = rows.sparkSession.createDataFrame(
        [(*key, number) for number, key in enumerate(heavy)], schema=rows.select(*keys).schema.add(_KEY, IntegerType())
    )
    first = F.lit(buckets) + F.col(_KEY) * len(belongs)
    parts = F.array_compact(F.array(*(F.when(mine, (first + number).cast("int")) for number, mine in enumerate(belongs))))
    chosen = F.when(F.col(_KEY).isNull(), F.array(light)).otherwise(parts)
    # In one pass: separate branches for light and heavy keys would compute the input twice.
    return rows.join(F.broadcast(named), list(keys), "left").select(*rows.columns, F.explode(chosen).alias(BUCKET))
