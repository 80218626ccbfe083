"""A key with too many rows for one task is found, told and computed in parts, with equal results and tasks of about one size."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from platform_assets import Arrival, Entity, FeatureService, FeatureView, count, daily, last_n, source, sum
from platform_assets.declare.training import FeaturesFrom
from platform_assets.engines.engine import TableSlice, ViewSlice
from platform_assets.engines.polars.engine import PolarsEngine
from platform_assets.engines.spark.session import event_log
from platform_assets.stores.delta import Lake, Span
from platform_assets_tests.spark.session import Part, Sizes, SparkEngine, Split, counted, heavy_keys, parts_of, spark

PARTITIONS = daily("2024-01-01")
DAYS, ROWS = 60, 30_000


class Visit:
    at: datetime
    user: str
    amount: int


@source(schema=Visit, event_time="at", partitions=PARTITIONS)
def visits(arrival: Arrival) -> pl.DataFrame | None:
    raise AssertionError("silver is there")


VIEW = FeatureView(
    "visiting",
    entity=Entity("user", keys=["user"]),
    source=visits,
    features=[count().over("1d"), sum("amount").over("7d"), last_n("amount", 3).over("7d")],
)
FIRST = PARTITIONS.first
WHOLE = Span(PARTITIONS.value(FIRST), PARTITIONS.value(FIRST + DAYS))


def test_parts_cover_all_partitions_once_and_read_back_as_far_as_windows_reach() -> None:
    parts = parts_of(100, 159, 4, lambda partition: max(90, partition - 7))
    assert parts == (Part(100, 114, 93), Part(115, 129, 108), Part(130, 144, 123), Part(145, 159, 138))
    assert parts_of(100, 101, 8, lambda partition: partition) == (Part(100, 100, 100), Part(101, 101, 101))
    assert parts_of(100, 159, 4, lambda _: 0) == (Part(100, 159, 0),), "windows that reach back to the start are not cut"
    split = Split(2, (("a",), ("b",)), parts)
    assert [split.part(bucket) for bucket in range(split.tasks)] == [None, None, *parts, *parts]


def silver() -> pl.DataFrame:
    """Thirty in a hundred rows are of one user, twenty of nobody; some rows are late."""
    numbers = pl.select(pl.int_range(ROWS).alias("n"))
    mixed = (pl.col("n") * 7919) % ROWS
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return numbers.select(
        arrival=pl.lit(PARTITIONS.value(FIRST)) + pl.duration(days=pl.col("n") * DAYS // ROWS),
        at=pl.lit(start)
        + pl.duration(seconds=pl.col("n") * DAYS * 86_400 // ROWS)
        - pl.duration(days=pl.when(mixed % 50 == 0).then(2).otherwise(0)),
        user=pl.when(mixed % 10 < 3).then(pl.lit("all")).when(mixed % 10 < 8).then(pl.format("u{}", mixed % 997)),
        amount=mixed % 100,
        delivery=pl.lit("d"),
        row_number=pl.col("n"),
    ).filter(pl.col("at") >= start)


@pytest.mark.slow
def test_one_key_with_a_third_of_all_rows_is_split(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.replace(("visits", "silver"), silver(), by="arrival", span=WHOLE, facts=[], declaration_version="v", run="r")
    read = TableSlice(("visits", "silver"), lake.version(("visits", "silver")) or 0, "arrival", WHOLE)
    engine = SparkEngine(lake, spark, Sizes(bucket=3000, task=500))
    with PolarsEngine(lake).change_log(VIEW, read, FIRST, FIRST + DAYS - 1, None) as expected:
        expected.write(("visiting", "gold"), by="partition", span=WHOLE, facts=[], declaration_version="v", run="r")
    if log := event_log():
        log.since()
    with engine.change_log(VIEW, read, FIRST, FIRST + DAYS - 1, None) as found:
        found.write(("visiting", "spark"), by="partition", span=WHOLE, facts=[], declaration_version="v", run="r")
    tables = [lake.scan(("visiting", layer)).collect().sort("partition", "user") for layer in ("gold", "spark")]
    assert tables[0].height > 20_000
    assert_frame_equal(tables[1].select(tables[0].columns), tables[0])
    [told] = engine.tables.told
    assert told.startswith("visits/silver: user 'all' has 8,")
    assert told.endswith("more than a task's 3,000; 1 such keys were computed in 3 parts each")
    log = event_log()
    assert log is not None
    kernel = max(log.since().stages, key=lambda stage: stage.tasks)
    assert kernel.tasks == silver().height // 3000 + 3
    assert kernel.smallest > 0, "each bucket has a task of its own"
    assert kernel.largest <= 3 * kernel.middle


def labels() -> pl.DataFrame:
    """Thirty in a hundred labels are of one user, some of nobody; each has a number."""
    numbers = pl.select(pl.int_range(ROWS).alias("number"))
    mixed = (pl.col("number") * 104_729) % ROWS
    return numbers.select(
        user=pl.when(mixed % 10 < 3).then(pl.lit("all")).when(mixed % 50 > 3).then(pl.format("u{}", mixed % 1999)),
        label_time=pl.lit(PARTITIONS.starts_at(FIRST + 1)) + pl.duration(seconds=mixed * (DAYS - 1) * 86_400 // ROWS),
        number="number",
    )


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["gold", "silver"])
def test_labels_of_one_key_are_joined_in_parts(tmp_path: Path, layer: FeaturesFrom) -> None:
    lake = Lake(str(tmp_path))
    lake.replace(("visits", "silver"), silver(), by="arrival", span=WHOLE, facts=[], declaration_version="v", run="r")
    read = TableSlice(("visits", "silver"), lake.version(("visits", "silver")) or 0, "arrival", WHOLE)
    local, engine = PolarsEngine(lake), SparkEngine(lake, spark, Sizes(bucket=3000, task=500))
    if layer == "gold":
        with local.change_log(VIEW, read, FIRST, FIRST + DAYS - 1, None) as made:
            made.write(("visiting", "gold"), by="partition", span=WHOLE, facts=[], declaration_version="v", run="r")
        read = TableSlice(("visiting", "gold"), lake.version(("visiting", "gold")) or 0, "partition", WHOLE)
    service, slices = FeatureService("visitors", [VIEW]), [ViewSlice(VIEW, layer, read)]
    expected = local.features(service, labels(), slices, time="label_time")
    if log := event_log():
        log.since()
    found = engine.features(service, labels(), slices, time="label_time")
    assert_frame_equal(found, expected)
    assert expected["visiting__count_1d"].sum() > 0
    [told] = engine.tables.told
    assert re.match(r"visit\w+/(gold|silver): user 'all' has \d+,\d{3} of 30,000 labels or [\d,]+ rows, more than a task's 3,000; ", told)
    if log := event_log():
        kernel = max(log.since().stages, key=lambda stage: stage.tasks)
        assert kernel.smallest > 0
        assert kernel.largest <= 3 * kernel.middle, kernel


def test_the_first_partition_of_a_day_reads_what_left_its_windows() -> None:
    """What a range reads is what a run of its first partition alone would read."""
    [*_, part] = parts_of(FIRST, FIRST + 59, 3, lambda partition: VIEW.reads_from(partition))
    assert PARTITIONS.starts_at(part.since) <= PARTITIONS.starts_at(part.first) - timedelta(days=7)


def test_a_key_may_be_called_count() -> None:
    rows = spark().createDataFrame([("ada", 1), ("ada", 2), ("bob", 3), (None, 4), (None, 5)], "count string, time int")
    assert heavy_keys(rows.filter("count is not null"), ["count"], 1) == {("ada",): 2}
    labels = counted(rows, ["count"], "time", 1)
    assert (labels.number, labels.heavy) == (5, {("ada",): 2})
