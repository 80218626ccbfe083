"""Tables of people's own assets: each case in which published I/O managers for Delta lose rows, by runs of Dagster.

The first nine tests are the lines of stores/test_cases_that_lose_rows_elsewhere.py and of dagster-io/dagster#34064.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest
from dagster_deltalake import LocalConfig, S3Config

from platform_assets import LakeIOManager
from platform_assets.errors import LakeError, NotReadyError
from platform_assets.stores.delta import Lake
from platform_assets.stores.own_tables import Slice, Spans, read_table, write_table
from platform_assets.stores.tables import Span
from platform_assets_tests.assets.own_assets import BOTH, DAYS, HOURS, RANGE, REGIONS, day, days, heights, reader, returning, run, sales


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_a_day_replaces_itself_and_nothing_else(lake: Lake) -> None:
    for key in ("2024-01-02", "2024-01-03", "2024-01-02"):
        run(lake, [sales()], key)
    assert heights(lake, "sales", "table") == {day(2): 2, day(3): 3}


@pytest.mark.parametrize("values", [pl.lit(datetime(2024, 1, 2)), pl.lit("2024-01-02"), pl.lit(20240102)], ids=["naive", "text", "integer"])
def test_a_partition_column_of_another_type_is_refused_and_nothing_is_overwritten(lake: Lake, values: pl.Expr) -> None:
    run(lake, [sales()], "2024-01-01")
    with pytest.raises(LakeError, match=r"the partition column 'partition' is .*Store days, weeks and months as pl.Date"):
        run(lake, [sales(partition=values)], "2024-01-02")
    assert heights(lake, "sales", "table") == {day(1): 1}


@pytest.mark.parametrize("column", ["day=", "the=day", "a/day"])
def test_a_partition_column_that_makes_folders_nobody_finds_again_is_refused(lake: Lake, column: str) -> None:
    with pytest.raises(LakeError, match=r"a partition column cannot have '[=/]' in its name, '.*Rename it"):
        run(lake, [sales(column)], "2024-01-02")
    assert not lake.exists(("sales", "table"))


@pytest.mark.parametrize("column", ["the day", "day%", "a:b", "ä"])
def test_a_partition_column_may_have_other_signs_in_its_name(lake: Lake, column: str) -> None:
    run(lake, [sales(column)], "2024-01-02")
    part = Slice({column: Spans((Span(day(2), day(3)),))})
    assert read_table(lake, ("sales", "table"), part).collect().height == 2


def test_hours_are_times_in_utc_and_each_is_its_own(lake: Lake) -> None:
    @dg.asset(partitions_def=HOURS)
    def clicks(context: dg.AssetExecutionContext) -> pl.DataFrame:
        return pl.DataFrame({"x": [1] * int(context.partition_key[11:13])})

    for key in ("2024-01-01-04:00", "2024-01-01-05:00", "2024-01-01-04:00"):
        run(lake, [clicks], key)
    assert heights(lake, "clicks", "table") == {datetime(2024, 1, 1, hour, tzinfo=UTC): hour for hour in (4, 5)}


def test_a_quote_in_a_key_stays_a_quote(lake: Lake) -> None:
    @dg.asset(partitions_def=REGIONS, key_prefix="shop", metadata={"partition_column": 'the "region"'})
    def shops(context: dg.AssetExecutionContext) -> pl.DataFrame:
        return pl.DataFrame({"name": [context.partition_key] * 2})

    for key in ("eu", "it's", "it's"):
        run(lake, [shops], key)
    assert heights(lake, "shop", "shops", by='the "region"') == {"eu": 2, "it's": 2}


def test_a_range_in_one_run_replaces_the_range_of_a_table_that_is_there(lake: Lake) -> None:
    run(lake, [sales()], *[f"2024-01-0{number}" for number in range(1, 9)])
    run(lake, [sales(y=pl.lit("new"))], "2024-01-03", "2024-01-05")
    assert heights(lake, "sales", "table") == {day(number): number for number in range(1, 9)}
    assert lake.scan(("sales", "table")).filter(pl.col("y").is_not_null()).collect().height == 3 + 4 + 5, "a column more"


def test_a_range_of_names_replaces_these_and_no_other(lake: Lake) -> None:
    def shops(rows: int) -> Any:
        @dg.asset(partitions_def=REGIONS, backfill_policy=RANGE, metadata={"partition_column": "region"})
        def shops(context: dg.AssetExecutionContext) -> pl.DataFrame:
            return pl.DataFrame({"region": [key for key in context.partition_keys for _ in range(rows)]}).with_columns(x=1)

        return shops

    run(lake, [shops(1)], "eu", "it's")
    run(lake, [shops(3)], "eu", "us")
    assert heights(lake, "shops", "table", by="region") == {"eu": 3, "us": 3, "it's": 1}


def test_a_table_of_nothing_but_its_partition_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="there is no column besides 'partition'"):
        run(lake, [dg.asset(lambda: pl.DataFrame({"partition": [day(1)]}), name="empty", partitions_def=DAYS)], "2024-01-01")


def test_a_row_of_another_partition_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"rows do not belong to partition: \[2024-01-02, 2024-01-03\)"):
        run(lake, [sales(partition=pl.lit(day(3)))], "2024-01-02")
    assert not lake.exists(("sales", "table"))


def test_a_window_of_three_days_is_read_whole(lake: Lake) -> None:
    run(lake, [sales("day")], *[f"2024-01-0{number}" for number in range(1, 9)])
    weekly, given = reader(pl.DataFrame, -2)
    run(lake, [weekly, sales("day")], "2024-01-06", selection=[weekly])
    assert given[0]["day"].unique().sort().to_list() == [day(4), day(5), day(6)] and given[0].height == 15


def test_an_asset_without_partitions_reads_all_of_them(lake: Lake) -> None:
    given: list[pl.DataFrame] = []

    @dg.asset
    def total(sales: pl.DataFrame) -> pl.DataFrame:
        given.append(sales)
        return sales.select(pl.len().cast(pl.Int64).alias("rows"))

    run(lake, [sales()], *[f"2024-01-0{number}" for number in range(1, 8)])
    run(lake, [total, sales()], selection=[total])
    assert given[0].height == 28, "the last day is not made yet"
    run(lake, [sales()], "2024-01-08")
    run(lake, [total, sales()], selection=[total])
    assert given[1].height == 36 and lake.scan(("total", "table")).collect()["rows"].to_list() == [36]


def test_a_lazy_frame_reads_the_files_of_its_partition_alone(lake: Lake) -> None:
    run(lake, [sales()], *[f"2024-01-0{number}" for number in range(1, 9)])
    weekly, given = reader(pl.LazyFrame, 0)
    run(lake, [weekly, sales()], "2024-01-06", selection=[weekly])
    assert isinstance(given[0], pl.LazyFrame) and given[0].collect().height == 6
    assert given[0].explain().count("partition=2024-01-06") >= 1 and "2024-01-05" not in given[0].explain()


@pytest.mark.parametrize(("wanted", "height"), [(pa.Table, lambda table: table.num_rows), (pl.DataFrame, lambda frame: frame.height)])
def test_other_kinds_of_tables_and_some_columns_are_read(lake: Lake, wanted: Any, height: Any) -> None:
    run(lake, [sales()], "2024-01-06")
    weekly, given = reader(wanted, 0, columns=["x"])
    run(lake, [weekly, sales()], "2024-01-06", selection=[weekly])
    assert isinstance(given[0], wanted) and height(given[0]) == 6
    names = given[0].column_names if wanted is pa.Table else given[0].columns
    assert names == ["x"]


def test_a_misspelt_column_and_a_type_that_is_no_table_say_so(lake: Lake) -> None:
    run(lake, [sales()], "2024-01-06")
    weekly, _ = reader(pl.DataFrame, 0, columns=["partitoin"])
    with pytest.raises(LakeError, match=r"sales/table has no column 'partitoin'. Did you mean 'partition'"):
        run(lake, [weekly, sales()], "2024-01-06", selection=[weekly])
    weekly, _ = reader(dict, 0)
    with pytest.raises(LakeError, match=r"cannot be read as builtins.dict. Annotate the parameter as pl.DataFrame"):
        run(lake, [weekly, sales()], "2024-01-06", selection=[weekly])

    with pytest.raises(LakeError, match="the asset nothing returned a dict, which is not a table"):
        run(lake, [returning({"a": 1}, "nothing")])


@pytest.mark.parametrize("made", [lambda frame: frame.lazy(), lambda frame: frame.to_arrow(), lambda frame: frame.to_pandas()])
def test_any_kind_of_table_is_written(lake: Lake, made: Any) -> None:
    run(lake, [returning(made(pl.DataFrame({"customer": ["a", "b"], "segment": [1, None]})), "segments")])
    assert lake.scan(("segments", "table")).collect().to_dicts() == [{"customer": "a", "segment": 1}, {"customer": "b", "segment": None}]


def test_an_asset_without_partitions_may_change_its_columns(lake: Lake) -> None:
    for frame in (pl.DataFrame({"x": [1]}), pl.DataFrame({"x": ["a"], "y": [2.5]})):
        run(lake, [returning(frame, "segments")])
    assert lake.scan(("segments", "table")).collect().to_dicts() == [{"x": "a", "y": 2.5}]


def test_two_dimensions_are_two_columns_and_each_pair_is_its_own(lake: Lake) -> None:
    @dg.asset(partitions_def=BOTH)
    def shops(context: dg.AssetExecutionContext) -> pl.DataFrame:
        return pl.DataFrame({"x": [len(context.partition_key)] * 2})

    given: list[pl.DataFrame] = []

    @dg.asset(partitions_def=BOTH)
    def after(shops: pl.DataFrame) -> pl.DataFrame:
        given.append(shops)
        return shops

    for number, region in ((1, "eu"), (1, "it's"), (2, "eu"), (1, "eu")):
        key = dg.MultiPartitionKey({"day": f"2024-01-0{number}", "region": region})
        run(lake, [shops, after], key)
    found = lake.scan(("shops", "table")).group_by("day", "region").len().sort("day", "region").collect().rows()
    assert found == [(day(1), "eu", 2), (day(1), "it's", 2), (day(2), "eu", 2)]
    assert [frame.select("day", "region").unique().rows() for frame in given[1:]] == [
        [(day(1), "it's")],
        [(day(2), "eu")],
        [(day(1), "eu")],
    ]


def test_a_range_without_the_column_says_which_is_needed(lake: Lake) -> None:
    @dg.asset(partitions_def=DAYS, backfill_policy=RANGE)
    def sales() -> pl.DataFrame:
        return pl.DataFrame({"x": [1]})

    with pytest.raises(LakeError, match=r"a run of 3 partitions needs a column .* there is no 'partition'"):
        run(lake, [sales], "2024-01-01", "2024-01-03")
    run(lake, [sales], "2024-01-01")
    assert heights(lake, "sales", "table") == {day(1): 1}


def test_days_of_a_time_zone_are_its_local_dates(lake: Lake) -> None:
    local = dg.DailyPartitionsDefinition("2024-03-09", timezone="America/New_York", end_date="2024-03-13")

    @dg.asset(partitions_def=local, backfill_policy=RANGE)
    def sales(context: dg.AssetExecutionContext) -> pl.DataFrame:
        return pl.DataFrame({"partition": days(context)}).with_columns(x=1)

    run(lake, [sales], "2024-03-09", "2024-03-12")  # on the 10th clocks go forward
    run(lake, [sales], "2024-03-10")
    assert heights(lake, "sales", "table") == {date(2024, 3, 9) + timedelta(days=number): 1 for number in range(4)}


def test_runs_at_once_lose_nothing(lake: Lake) -> None:
    def write(number: int) -> None:
        frame = pl.LazyFrame({"partition": [day(number)] * number, "x": [1] * number})
        write_table(lake, ("sales", "table"), frame, Slice({"partition": Spans((Span.of_one(day(number)),))}), "run", "sales")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, [1, 2, 3, 4, 1, 2, 3, 4]))
    assert heights(lake, "sales", "table") == {day(number): number for number in (1, 2, 3, 4)}


def test_a_partition_that_was_never_made_is_no_empty_one(lake: Lake) -> None:
    run(lake, [sales()], "2024-01-06")
    weekly, given = reader(pl.DataFrame, 0)
    with pytest.raises(NotReadyError, match=r"sales/table: 2024-01-07 was never materialized\. Materialize it first"):
        run(lake, [weekly, sales()], "2024-01-07", selection=[weekly])
    weekly, given = reader(pl.DataFrame, 0, allow_missing_partitions=True)
    run(lake, [weekly, sales()], "2024-01-07", selection=[weekly])
    assert given[0].is_empty()
    empty = returning(pl.DataFrame(schema={"partition": pl.Date, "x": pl.Float64}), "sales", partitions_def=DAYS)
    weekly, given = reader(pl.DataFrame, 0)
    run(lake, [weekly, empty], "2024-01-07")
    assert given[0].is_empty(), "it was made, and has no row"


def test_a_first_partition_that_was_never_made_is_none_either(lake: Lake) -> None:
    """Also when it is the only one that there is: a reader with partitions asks for it, it does not take whatever is there."""
    one_day = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-02")
    upstream = returning(pl.DataFrame({"x": [1]}), "upstream", partitions_def=one_day)

    @dg.asset(partitions_def=one_day)
    def reads(upstream: pl.DataFrame) -> pl.DataFrame:
        return upstream

    run(lake, [upstream], "2024-01-01")
    lake.open(("upstream", "table")).delete()
    with pytest.raises(NotReadyError, match=r"upstream/table: 2024-01-01 was never materialized"):
        run(lake, [reads, upstream], "2024-01-01", selection=[reads])


def test_a_lazy_frame_that_fails_in_the_middle_leaves_the_table_as_it_was(lake: Lake) -> None:
    run(lake, [sales()], "2024-01-06")

    def fail(frame: pl.DataFrame) -> pl.DataFrame:
        raise ValueError("the third batch is broken")

    broken = pl.LazyFrame({"partition": [day(6)], "x": [2.5]}).map_batches(fail, schema={"partition": pl.Date, "x": pl.Float64})
    with pytest.raises(Exception, match="the third batch is broken"):
        run(lake, [returning(broken, "sales", partitions_def=DAYS)], "2024-01-06")
    assert lake.scan(("sales", "table")).collect()["x"].to_list() == [1.5] * 6


@pytest.mark.parametrize(("one", "other"), [(["x"], ["x", "table"]), (["p", "q", "c"], ["p__q", "c"])])
def test_two_assets_never_share_a_table(lake: Lake, one: list[str], other: list[str]) -> None:
    frame = pl.DataFrame({"x": [1]})
    run(lake, [returning(frame, one[-1], key_prefix=one[:-1] or None)])
    with pytest.raises(LakeError, match=f"is the table of the asset {'/'.join(one)}, not of {'/'.join(other)}"):
        run(lake, [returning(frame, other[-1], key_prefix=other[:-1])])


def test_the_platforms_own_folder_and_a_frame_without_columns_are_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="the folder _platform is reserved for the platform"):
        run(lake, [returning(pl.DataFrame({"x": [1]}), "mine", key_prefix="_platform")])
    with pytest.raises(LakeError, match="a frame without columns is not a table"):
        run(lake, [returning(pl.DataFrame(), "nothing")])


def test_configurations_of_dagster_deltalake_are_options_of_the_lake() -> None:
    on_s3 = S3Config(access_key_id="me", secret_access_key="s3cret", endpoint="http://127.0.0.1:9000", bucket="lake")
    options = LakeIOManager(lake_root="s3://lake", storage=on_s3).lake().storage_options
    assert options is not None
    assert (options["access_key_id"], options["endpoint"], options["bucket"]) == ("me", "http://127.0.0.1:9000", "lake")
    assert LakeIOManager(lake_root="/tmp/lake", storage=LocalConfig()).lake().storage_options is None
