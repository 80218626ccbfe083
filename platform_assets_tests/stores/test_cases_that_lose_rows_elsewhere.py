"""The cases in which published I/O managers for Delta overwrite or leave out rows, most of them without an error; and what happens here.

| case                                          | dagster-deltalake-polars 0.29 | dagster-polars   | here                                 |
|-----------------------------------------------|-------------------------------|------------------|--------------------------------------|
| days in a column of naive times               | whole table overwritten       | error            | refused, with the fix               |
| days in a column of texts or integers         | whole table overwritten       | error            | refused, with the fix               |
| hours in a column of naive times              | whole table overwritten       | error            | refused; as UTC each hour is its own |
| a quote in a key                              | ok                            | SQL error        | ok, in names and values              |
| a range in one run, of a table that is there  | whole table overwritten       | unsupported      | the range, and nothing else          |
| a column more                                 | error                         | ok               | ok                                   |
| reading a window of three days                | 1 day of 3, no error          | ok               | all three, and only their files      |
| reading all partitions downstream             | 2 rows of 8, no error         | ok               | all                                  |
| a LazyFrame of one partition of 365           | reads all files' footers      | the same         | one file                             |

One test a row, in this order; of rows that a step is about, on a step.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from platform_assets.errors import LakeError
from platform_assets.steps.run import span_of
from platform_assets.stores.delta import Lake, PartitionFacts
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.steps.business import Business, deliver
from platform_assets_tests.stores.tables import TABLE, day, heights, hour, lake_in, replace, rows, span


@pytest.fixture
def lake(home: str) -> Lake:
    return lake_in(home)


def refused(lake: Lake, values: pl.Series, says: str) -> None:
    replace(lake, rows([1, 2]), span(1, 2))
    for table in (TABLE, ("orders", "raw")):
        with pytest.raises(LakeError, match=says + r"(?s:.*)Store the start of a partition: as pl.Date"):
            replace(lake, pl.DataFrame({"partition": values, "x": [1]}), span(1), table)
    assert heights(lake) == {day(1): 1, day(2): 1} and not lake.exists(("orders", "raw"))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (datetime(2024, 1, 1), r"time_zone=None\), but the span .* has type Date"),
        (datetime(2024, 1, 1, tzinfo=UTC), r"'UTC'\), .* has type Date"),
    ],
    ids=["naive", "UTC"],
)
def test_days_in_a_column_of_times_are_refused_and_nothing_is_overwritten(lake: Lake, value: datetime, says: str) -> None:
    refused(lake, pl.Series([value]), says)


@pytest.mark.parametrize(
    ("value", "says"), [("2024-01-01", "String, but the span .* has type Date"), (20240101, "Int64, but the span .* has type Date")]
)
def test_days_in_a_column_of_texts_or_integers_are_refused_and_nothing_is_overwritten(lake: Lake, value: Any, says: str) -> None:
    refused(lake, pl.Series([value]), says)


def test_hours_in_a_column_of_naive_times_are_refused_and_as_utc_each_is_its_own(lake: Lake) -> None:
    with pytest.raises(LakeError, match="Store the start of a partition"):
        replace(lake, pl.DataFrame({"partition": [datetime(2024, 1, 1, 5)], "x": [1]}), span(5, unit=hour))
    for number in (4, 5, 6, 5):
        replace(lake, rows([number] * number, hour), span(number, unit=hour))
    assert heights(lake) == {hour(4): 4, hour(5): 5, hour(6): 6}


def test_a_quote_in_a_key_stays_a_quote(lake: Lake) -> None:
    said, by = 'it\'s "quoted"; drop table', 'day" OR "x" >= 0 --'
    for number in (1, 2, 2):
        frame = rows([number], **{"o'clock": [said]}).rename({"partition": by})
        facts = [PartitionFacts(f"{day(number)}", 1, details={said: said})]
        lake.replace(TABLE, frame, by=by, span=span(number), facts=facts, declaration_version="v", run=said)
    assert lake.scan(TABLE).collect()["o'clock"].to_list() == [said] * 2
    commit = lake.commit(TABLE, 2)
    assert commit is not None and (commit.run, commit.facts) == (said, (PartitionFacts("2024-01-02", 1, details={said: said}),))


def test_a_range_in_one_run_replaces_its_partitions_and_leaves_all_others(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0})
    deliver(business, Random(3))
    business.make_range()
    first, last = business.first + 3, business.first + 4
    before = {table: rows_outside(business, table, first, last) for table in business.tables()}
    for number in (3, 4):
        business.sell(number, f"90{number} new 77")
    for layer in ("raw", "silver", "gold", "report"):
        business.make(layer, first, last)
    assert {table: rows_outside(business, table, first, last) for table in before} == before
    inside = business.lake.scan(("sales", "silver"), by="arrival", span=span_of(business.source.partitions, first, last)).collect()
    assert sorted(inside["sale_id"]) == [903, 904]


def rows_outside(business: Business, table: str, first: int, last: int) -> list[tuple[Any, ...]]:
    declaration, _, layer = table.partition("/")
    frame = business.lake.scan((declaration, layer)).collect()
    by = "arrival" if declaration == "sales" else "partition"
    others = frame.filter(~span_of(business.source.partitions, first, last).holds(by))
    return sorted(others.select(sorted(column for column in frame.columns if column != "run")).rows(), key=repr)


def test_a_column_may_be_added_and_left_out(lake: Lake) -> None:
    replace(lake, rows([1]), span(1))
    replace(lake, rows([2], y=["two"]), span(2))
    replace(lake, rows([3]).select("partition"), span(3))
    assert lake.scan(TABLE).sort("partition").select("x", "y").collect().rows() == [(0, None), (0, "two"), (None, None)]


@pytest.mark.parametrize("unit", [day, hour])
def test_a_window_of_three_partitions_is_read_whole_and_only_from_their_files(lake: Lake, unit: Any) -> None:
    for number in range(1, 6):
        replace(lake, rows([number, number], unit), span(number, unit=unit))
    read = lake.scan(TABLE, by="partition", span=span(2, 4, unit))
    assert read.collect().height == 6
    remove_other_files(lake, [unit(2), unit(3), unit(4)])
    assert read.collect().height == 6


def test_a_feature_over_three_days_counts_all_three(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for number in range(8):
        business.sell(number, f"{number} ada 1")
    business.make_range()
    gold = business.lake.scan(("spending", "gold")).sort("partition").collect()
    assert gold["count_3d"].to_list() == [1, 2, 3, 3, 3, 3, 3, 3]


def test_all_partitions_are_read_downstream(lake: Lake) -> None:
    for number in range(1, 9):
        replace(lake, rows([number]), span(number))
    assert lake.scan(TABLE).collect().height == 8
    assert heights(lake) == {day(number): 1 for number in range(1, 9)}


def test_a_lazy_frame_of_one_partition_of_many_opens_one_file_and_is_written_as_it_comes(lake: Lake) -> None:
    year = [date(2024, 1, 1) + timedelta(number) for number in range(365)]
    frame = pl.DataFrame({"partition": year, "x": range(365)})
    replace(lake, frame.lazy(), span(1, 365))
    remove_other_files(lake, [day(200)])
    read = lake.scan(TABLE, by="partition", span=span(200))
    assert read.collect()["x"].to_list() == [199]
    replace(lake, read.with_columns(pl.col("x") * 2), span(200))
    assert lake.scan(TABLE, by="partition", span=span(200)).collect()["x"].to_list() == [398]


def remove_other_files(lake: Lake, kept: list[Any]) -> None:
    for file in lake.files(TABLE):
        if file.value not in kept:
            (on_disk(lake.uri(TABLE)) / file.path).unlink()
