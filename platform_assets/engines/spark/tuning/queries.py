"""Advice for joins, aggregations and caching, and a check of a column for skew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from platform_assets.engines.spark.tuning.advice import EXPANSION, PARTITION, Workload
from platform_assets.engines.spark.tuning.sizes import size

SKEWED = 3
"""Skew is reported if the largest is above this multiple of the mean (of values) or median (of tasks)."""
LARGE = 1_000_000
"""Rows on both sides from which bucketed tables pay off for a repeated join."""

How = Literal["inner", "left", "right", "full", "left_semi", "left_anti"]
_CAN_SEND: dict[str, tuple[str, ...]] = {
    "inner": ("left", "right"),
    "left": ("right",),
    "right": ("left",),
    "full": (),
    "left_semi": ("right",),
    "left_anti": ("right",),
}
"""The sides that Spark can broadcast: each row of the other side is kept exactly once."""


@dataclass(frozen=True)
class Skew:
    """How unevenly rows are distributed over the values of a column."""

    values: int
    rows: int
    largest: int
    """Rows of the most frequent value."""
    heaviest: tuple[tuple[object, int], ...] = ()
    """The most frequent values with their row counts."""

    @property
    def ratio(self) -> float:
        """The largest as a multiple of the mean; 0 without rows."""
        return self.largest * self.values / self.rows if self.rows else 0.0

    @property
    def is_skewed(self) -> bool:
        return self.ratio > SKEWED


def skew(counts: Iterable[tuple[object, int]], shown: int = 5) -> Skew:
    """The skew of a column from the row count of each value: if one of 100 values has 30% of all rows, the ratio is 30."""
    ordered = sorted(counts, key=lambda one: -one[1])
    heaviest = tuple(ordered[:shown])
    return Skew(len(ordered), sum(count for _, count in ordered), ordered[0][1] if ordered else 0, heaviest)


@dataclass(frozen=True)
class JoinAdvice:
    """How two tables should be joined."""

    strategy: Literal["broadcast", "bucketed", "shuffled"]
    reason: str
    side: Literal["left", "right"] | None = None
    """The side that is broadcast."""
    buckets: int | None = None
    """The number of buckets of both tables."""


def advise_join(left: Workload, right: Workload, *, threshold: int, how: How = "inner", tasks: int = 1, again: bool = True) -> JoinAdvice:
    """Broadcast a side that is small enough, if the join allows it; bucket two large sides that are joined repeatedly; else shuffle both.

    Args:
        threshold: bytes in files up to which a side is sent to all executors: `spark.sql.autoBroadcastJoinThreshold`.
        tasks: how many run at once.
        again: whether the same tables are joined on the same keys more than once.
    """
    sides = {"left": left, "right": right}
    small = min(sides, key=lambda side: sides[side].bytes)
    if sides[small].bytes <= threshold:
        if small in _CAN_SEND[how]:
            side: Literal["left", "right"] = "left" if small == "left" else "right"
            return JoinAdvice(
                "broadcast",
                f"the {small} side has {size(sides[small].bytes)}, at most {size(threshold)}: the other side is not moved",
                side,
            )
        kept = f"the {small} side is small, but a {how} join keeps all of its rows, and no single task knows which of them have no match"
    else:
        kept = f"both sides are above {size(threshold)}"
    if left.rows > LARGE and right.rows > LARGE and again:
        needed = max(tasks, -(-max(left.shuffled, right.shuffled) // PARTITION))
        buckets = 1 << (needed - 1).bit_length()  # a power of two, so that tables with different numbers of buckets still match
        return JoinAdvice(
            "bucketed",
            f"{kept}; written in {buckets} buckets of the keys, they can be joined repeatedly without moving a row",
            buckets=buckets,
        )
    return JoinAdvice("shuffled", f"{kept}: the rows of both sides go to the tasks of their keys")


@dataclass(frozen=True)
class AggregationAdvice:
    """How rows should be aggregated by groups."""

    phases: Literal[1, 2]
    reason: str
    salt: int = 1
    """The number of parts a group's rows are split into in the first of two phases."""


def advise_aggregation(rows: int, groups: int, largest: int | None = None, *, tasks: int = 1) -> AggregationAdvice:
    """Two phases if there are many groups or one of them is too large for a task; else one, in which each task pre-aggregates.

    Args:
        largest: rows of the largest group, if it is known.
        tasks: how many run at once.
    """
    mean = rows / groups if groups else 0.0
    others = (rows - (largest or 0)) / max(tasks - 1, 1)
    if largest is not None and tasks > 1 and largest > SKEWED * max(others, mean):
        salt = max(2, min(2 * tasks, round(largest / max(others, 1))))
        return AggregationAdvice(
            2,
            f"the largest group has {largest:,} rows, more than {SKEWED} x what the other tasks get ({others:,.0f}): aggregate first by "
            f"group and one of {salt} parts",
            salt,
        )
    if groups > 1_000_000 or (groups > 100_000 and mean < 10):
        return AggregationAdvice(
            2,
            f"{groups:,} groups of {mean:.1f} rows: pre-aggregation would not reduce the number of rows, so they are first "
            "shuffled by group, then aggregated",
        )
    return AggregationAdvice(1, f"{groups:,} groups of {mean:,.1f} rows: each task sends one row for each group it has seen")


@dataclass(frozen=True)
class CacheAdvice:
    """Whether rows that are read more than once should be cached."""

    level: Literal["NONE", "MEMORY_AND_DISK", "DISK_ONLY"]
    reason: str


def advise_cache(work: Workload, uses: int, heaps: Sequence[int]) -> CacheAdvice:
    """Decided by how often rows are read and whether they fit into half of the executors' storage memory, 30% of their heaps.

    Args:
        uses: how often they are read.
        heaps: the executors' heap sizes in bytes.
    """
    if uses < 2:
        return CacheAdvice("NONE", "they are read once")
    kept, room = work.bytes * EXPANSION, int(sum(heaps) * 0.3)
    if kept <= room:
        return CacheAdvice("MEMORY_AND_DISK", f"read {uses} times; {size(kept)} fit into {size(room)} of the heaps")
    return CacheAdvice("DISK_ONLY", f"read {uses} times; {size(kept)} do not fit into {size(room)} of the heaps, which tasks need")
