"""Snapshots: what a full picture changes against the one before it (semantics.md 7).

A row that says what the picture before said of its key is no news, a key that is not there any more has been removed. So silver has the
updates of a state, and whatever reads a state reads a snapshot.
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import polars as pl

from platform_assets.declare.names import REMOVED
from platform_assets.declare.source import Source
from platform_assets.kernels.judge_rows import INDEX, PLACE, Examined

IS_GOOD, NEWS = "__is_good", "__news"
WRITTEN, GONE, UNCHANGED, COPY, EXACT_COPY = range(5)
"""What a row is: written to silver, written because its key has gone, the same as before, or another row of its key in its picture."""


def rows_of_keys(source: Source, examined: Examined) -> pl.DataFrame:
    """What pictures are compared by: the good rows, and of the others the keys."""
    good = examined.good.with_columns(pl.lit(True).alias(IS_GOOD))
    keys = examined.bad_keys.with_columns(pl.lit(False).alias(IS_GOOD))
    return pl.concat([good, keys], how="diagonal").select(good.columns)


def pictures_before(source: Source, first: int, last: int, received: Mapping[int, int], blocked: Set[int]) -> dict[int, int | None]:
    """The partitions first..last that have a picture which counts, and for each the one before it, or None.

    received: the rows received by partition, from the first one that is looked at on. blocked: partitions whose pictures do not count.
    """
    before: dict[int, int | None] = {}
    latest: int | None = None
    for partition in sorted(received):
        if received[partition] and partition not in blocked:
            if first <= partition <= last:
                is_near = latest is not None and partition - latest <= source.duplicates_within
                before[partition] = latest if is_near else None
            latest = partition
    return before


def differences(source: Source, rows: pl.DataFrame, before: Mapping[int, int | None]) -> pl.DataFrame:
    """What the rows of pictures are for silver.

    rows: of some keys all `rows_of_keys` of the pictures and of those before them. before: as `pictures_before` says; pictures that are not
    among its keys are only looked at. Out: the good rows of the pictures and one for each key that has gone, with NEWS.
    """
    index = pl.col(INDEX)
    others = [column for column in source.columns if column not in (*source.key, source.event_time)]
    good = with_copies(source, rows.filter(IS_GOOD))
    had = good.filter(pl.col(NEWS) == WRITTEN).select(
        index.alias("__before"), *source.key, *(pl.col(column).alias(f"__had_{column}") for column in others), pl.lit(True).alias("__had")
    )
    came = good.filter(index.is_in(list(before))).with_columns(_replaced(index, before).alias("__before"))
    compared = came.join(had, on=["__before", *source.key], how="left", maintain_order="left")
    same = [pl.col(column).eq_missing(pl.col(f"__had_{column}")) for column in others]
    is_unchanged = (pl.col(NEWS) == WRITTEN) & pl.all_horizontal(pl.col("__had").fill_null(False), *same)
    news = pl.when(is_unchanged).then(pl.lit(UNCHANGED, pl.Int32)).otherwise(NEWS).alias(NEWS)
    columns = [*source.columns, *source.flags, *PLACE, INDEX, NEWS]
    return pl.concat([compared.with_columns(news).select(columns), _gone(source, rows, before).select(columns)])


def with_copies(source: Source, good: pl.DataFrame) -> pl.DataFrame:
    """Good rows in the order of their places, with NEWS: of several rows of one key in one picture the first is WRITTEN."""
    picture = [INDEX, *source.key]
    good = good.sort(*picture, *PLACE)
    same = [pl.col(c).eq_missing(pl.col(c).first().over(picture)) for c in source.columns if c not in picture]
    copy = pl.when(pl.all_horizontal(pl.lit(True), *same)).then(pl.lit(EXACT_COPY, pl.Int32)).otherwise(pl.lit(COPY, pl.Int32))
    first = pl.struct(picture).is_first_distinct()
    return good.with_columns(pl.when(first).then(pl.lit(WRITTEN, pl.Int32)).otherwise(copy).alias(NEWS))


def _gone(source: Source, rows: pl.DataFrame, before: Mapping[int, int | None]) -> pl.DataFrame:
    """A row for each key of a picture that is not in the next one: nothing is known of it any more.

    Its place says where the key stood last: a delivery below zero, so that no received row has the same.
    """
    after = {earlier: partition for partition, earlier in before.items() if earlier is not None}
    index, schema = pl.col(INDEX), rows.schema
    place = ["delivery", "row_number"]
    keys = rows.select(*source.key, INDEX, *place).sort(place).unique([*source.key, INDEX], keep="first", maintain_order=True)
    gone = (
        keys.filter(index.is_in(list(after)))
        .with_columns(_replaced(index, after).alias(INDEX))
        .join(keys, on=[*source.key, INDEX], how="anti")
    )
    times = {partition: source.partitions.ends_at(partition) - timedelta(microseconds=1) for partition in after.values()}
    arrivals = {partition: source.partitions.value(partition) for partition in after.values()}
    return gone.select(
        *source.key,
        *(pl.lit(None, schema[c]).alias(c) for c in source.columns if c not in (*source.key, source.event_time)),
        _replaced(index, times, schema[source.event_time]).alias(source.event_time),
        *(pl.lit(flag == REMOVED).alias(flag) for flag in source.flags),
        _replaced(index, arrivals, schema["arrival"]).alias("arrival"),
        -pl.col("delivery"),
        "row_number",
        INDEX,
        pl.lit(GONE, pl.Int32).alias(NEWS),
    )


def _replaced(index: pl.Expr, by: Mapping[int, Any], dtype: pl.DataType | None = None) -> pl.Expr:
    """What a mapping has for each partition; null where it has nothing."""
    dtype = dtype or pl.Int64()
    return index.replace_strict(
        pl.Series(list(by), dtype=pl.Int64), pl.Series(list(by.values()), dtype=dtype), default=None, return_dtype=dtype
    )


@dataclass
class News:
    """How many rows of each picture are what."""

    of: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, rows: pl.DataFrame) -> None:
        self.of.update({(partition, news): number for partition, news, number in rows.group_by(INDEX, NEWS).len().iter_rows()})

    def number(self, partition: int, *news: int) -> int:
        return sum(self.of[partition, one] for one in news)


def told_of_picture(source: Source, partition: int, news: News, before: Mapping[int, int | None]) -> dict[str, Any]:
    """What is said of a picture beside what is said of any partition."""
    earlier = before.get(partition)
    return {
        "unchanged": news.number(partition, UNCHANGED),
        "removed": news.number(partition, GONE),
        "compared_with": None if earlier is None else source.partitions.key(earlier),
    }
