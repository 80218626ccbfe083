"""What checks count in silver, on Spark: each batch of rows becomes a profile, which alone comes to the driver."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from platform_assets.declare.checks import Orphans
from platform_assets.declare.source import Source
from platform_assets.engines.engine import TableSlice
from platform_assets.engines.spark.tables import SparkTables
from platform_assets.engines.spark.tasks import each_batch, each_bucket, each_pair
from platform_assets.kernels.profile import Profile, added, columns_read, figures_of_rows, from_text, in_text, profiles
from platform_assets.kernels.repeats import FIRST, INDEX, NUMBER, figures_of_repeats, references, repeats

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PROFILE = "profile"


def profiled(tables: SparkTables, source: Source, silver: TableSlice) -> dict[int, Profile]:
    """As `Engine.profiles`."""
    found: dict[int, Profile] = {}
    if figures_of_rows(source):
        found = added(_of_batches(source, tables.scan(silver, columns_read(source))))
    for figure in figures_of_repeats(source):
        columns, number = figure.columns, Counter[int]()
        schema = {INDEX: pl.Int64(), NUMBER: pl.Int64()}

        def kernel(rows: pl.DataFrame, columns: tuple[str, ...] = columns) -> pl.DataFrame:
            return repeats(source, columns, rows.lazy()).select(INDEX, NUMBER).collect()

        rows = tables.scan(silver, {*columns, "arrival"})
        for index, repeated in each_bucket(rows, columns, tables.buckets(silver), kernel, schema).toLocalIterator():
            number[index] += repeated
        for index, repeated in number.items():
            found.setdefault(index, Profile()).counted[figure.id] = repeated
    return found


def _of_batches(source: Source, rows: "DataFrame") -> Iterator[dict[int, Profile]]:
    schema = {INDEX: pl.Int64(), PROFILE: pl.String()}

    def kernel(batch: pl.DataFrame) -> pl.DataFrame:
        found = profiles(source, batch)
        return pl.DataFrame([(index, in_text(profile)) for index, profile in found.items()], schema=schema, orient="row")

    for index, text in each_batch(rows, kernel, schema).toLocalIterator():
        yield {index: from_text(text)}


def referenced(
    tables: SparkTables, source: Source, figure: Orphans, silver: TableSlice, parents: TableSlice
) -> Iterator[tuple[int, int | None, int]]:
    """As `Engine.references`."""
    rows, keys = tables.scan(silver, {*figure.columns, "arrival"}), tables.scan(parents, {*figure.to, "arrival"})
    schema = {INDEX: pl.Int64(), FIRST: pl.Int64(), NUMBER: pl.Int64()}

    def kernel(mine: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
        return references(source, figure, mine.lazy(), theirs.lazy()).select(INDEX, FIRST, NUMBER).collect()

    buckets = max(tables.buckets(silver), tables.buckets(parents))
    yield from each_pair(rows, keys, (figure.columns, figure.to), buckets, kernel, schema).toLocalIterator()
