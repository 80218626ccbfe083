"""Keys with too many rows for one task: their snapshots are cut into ranges, and each range reads the rows that its windows reach.

No state is carried from one range to the next, so a split needs no other kernel, and its values are those of one task.
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
"""More keys with too many rows are no skew."""
MOST_PARTS = 64
COUNT, _KEY = "__count", "__heavy"


@dataclass(frozen=True)
class Part:
    """A range of a key's partitions, for a task of its own."""

    first: int
    last: int
    since: int
    """The first arrival partition that it reads; the last one is `last`."""


@dataclass(frozen=True)
class Split:
    """How rows are spread over tasks: keys by their hash, those with too many rows one by one, in parts."""

    buckets: int
    """Of the other keys: the first ones."""
    keys: tuple[tuple[object, ...], ...]
    parts: tuple[Part, ...]

    @property
    def tasks(self) -> int:
        return self.buckets + len(self.keys) * len(self.parts)

    def part(self, bucket: int) -> Part | None:
        """What a task computes; None: all that was asked for."""
        return None if bucket < self.buckets else self.parts[(bucket - self.buckets) % len(self.parts)]


def heavy_keys(rows: "DataFrame", keys: Sequence[str], limit: int) -> dict[tuple[object, ...], int]:
    """The keys with more rows than fit a task, and how many each has; one count of a few columns."""
    counted = counts_of(rows, keys).filter(F.col(COUNT) > limit).orderBy(F.desc(COUNT), *keys).limit(MOST_KEYS)
    return {tuple(row[key] for key in keys): row[COUNT] for row in counted.collect()}


def counts_of(rows: "DataFrame", keys: Sequence[str]) -> "DataFrame":
    """How many rows each key has, in a column that no key is called."""
    return rows.groupBy(*keys).agg(F.count(F.lit(1)).alias(COUNT))


def parts_of(first: int, last: int, number: int, since: Callable[[int], int]) -> tuple[Part, ...]:
    """The partitions first..last in about so many ranges of the same length; since: the first arrival that a partition reads."""
    number = max(1, min(number, last - first + 1, MOST_PARTS))
    if since(last - (last - first) // number) <= since(first):  # each would read all of its rows
        number = 1
    starts = [first + (last - first + 1) * i // number for i in range(number)]
    ends = [*(start - 1 for start in starts[1:]), last]
    return tuple(Part(start, end, since(start)) for start, end in zip(starts, ends, strict=True))


def reads_of(split: Split, partitions: Partitions) -> list["Column"]:
    """Of each part, which rows of silver it reads."""
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
    """The rows with their buckets: those of a heavy key are in that of each part that they belong to, which may be none or several.

    belongs: of each part, which rows it takes. light: the bucket of the other rows; by default it follows from their key.
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
    # In one pass: two branches, of light and of heavy keys, would compute what the rows are made of twice.
    return rows.join(F.broadcast(named), list(keys), "left").select(*rows.columns, F.explode(chosen).alias(BUCKET))
