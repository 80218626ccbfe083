"""A write replaces exactly its partitions. (Cases in which other tools lose rows: test_cases_that_lose_rows_elsewhere.py.)"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.errors import LakeError, NotReadyError
from platform_assets.stores.delta import Lake, Span
from platform_assets.stores.tables import Moment
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.stores.tables import TABLE, day, heights, hour, lake_in, replace, rows, span


@pytest.fixture
def lake(home: str) -> Lake:
    return lake_in(home)


@pytest.mark.parametrize("unit", [day, hour])
@pytest.mark.parametrize("lazy", [False, True], ids=["DataFrame", "LazyFrame"])
def test_rewriting_a_partition_leaves_the_others(lake: Lake, unit: Callable[[int], Moment], lazy: bool) -> None:
    for number in (1, 2, 3, 2):
        frame = rows([number, number], unit)
        replace(lake, frame.lazy() if lazy else frame, span(number, unit=unit))
    assert heights(lake) == {unit(1): 2, unit(2): 2, unit(3): 2}


@pytest.mark.parametrize("unit", [day, hour])
def test_a_range_replaces_all_its_partitions_and_no_other(lake: Lake, unit: Callable[[int], Moment]) -> None:
    replace(lake, rows([1, 2, 2, 3, 3, 4], unit), span(1, 4, unit))
    written = replace(lake, rows([2, 3, 3, 3], unit), span(2, 3, unit))
    assert heights(lake) == {unit(1): 1, unit(2): 1, unit(3): 3, unit(4): 1}
    assert (written.version, written.rows) == (1, 4)
    assert written.bytes == sum(path.stat().st_size for path in on_disk(written.uri).rglob("*.parquet") if _is_in(path, lake, 1))


def _is_in(path: Path, lake: Lake, version: int) -> bool:
    commit = lake.commit(TABLE, version)
    return commit is not None and any(path.samefile(on_disk(lake.uri(TABLE)) / file.path) for file in commit.added)


def test_a_table_of_days_takes_no_hours(lake: Lake) -> None:
    replace(lake, rows([1]), span(1))
    with pytest.raises(LakeError, match="in the table it is Date"):
        replace(lake, rows([1], hour), span(1, unit=hour))


@pytest.mark.parametrize("lazy", [False, True], ids=["DataFrame", "LazyFrame"])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("value", [day(9), None])
def test_a_row_outside_the_span_is_refused_and_nothing_is_written(lake: Lake, lazy: bool, exists: bool, value: date | None) -> None:
    if exists:
        replace(lake, rows([1]), span(1))
    frame = pl.concat([rows([2, 2]), pl.DataFrame({"partition": pl.Series([value], dtype=pl.Date), "x": pl.Series([1], dtype=pl.Int64)})])
    with pytest.raises(LakeError, match=rf"1 rows do not belong to \[2024-01-02, 2024-01-03\).*{value}"):
        lake.replace(TABLE, frame.lazy() if lazy else frame, by="partition", span=span(2), facts=[], declaration_version="v", run="r")
    assert lake.version(TABLE) == (0 if exists else None)


def test_an_error_inside_a_lazy_frame_is_the_one_that_is_raised(lake: Lake) -> None:
    def fails(frame: pl.DataFrame) -> pl.DataFrame:
        raise NotReadyError("the rate of that day is missing")

    frame = rows([1])
    failing = frame.lazy().map_batches(fails, schema=frame.schema)
    with pytest.raises(NotReadyError, match="the rate of that day is missing"):
        lake.replace(TABLE, failing, by="partition", span=span(1), facts=[], declaration_version="v", run="r")
    assert not lake.exists(TABLE)


@pytest.mark.parametrize(
    ("before", "after"), [(pl.Int32, pl.Int64), (pl.Int64, pl.Int32), (pl.Int64, pl.String), (pl.Float64, pl.Int64), (pl.Date, pl.String)]
)
def test_a_column_is_never_retyped(lake: Lake, before: type[pl.DataType], after: type[pl.DataType]) -> None:
    replace(lake, rows([1], y=pl.Series([None], dtype=before)), span(1))
    with pytest.raises(
        LakeError, match=f"orders/silver: the column 'y' is {after()}, but in the table it is {before()}.*cast it to {before()}"
    ):
        replace(lake, rows([1], y=pl.Series([None], dtype=after)), span(1))
    assert lake.version(TABLE) == 0


@pytest.mark.parametrize("exists", [False, True])
def test_no_rows_leave_the_span_empty(lake: Lake, exists: bool) -> None:
    if exists:
        replace(lake, rows([1, 1, 2]), span(1, 2))
    written = replace(lake, rows([], y=pl.Series([], dtype=pl.String)), span(1))
    assert (written.rows, written.bytes) == (0, 0)
    assert heights(lake) == ({day(2): 1} if exists else {})
    assert set(lake.scan(TABLE).collect_schema().names()) == {"partition", "x", "y"}


def test_every_write_is_a_commit_even_without_rows_before_and_after(lake: Lake) -> None:
    replace(lake, rows([1]), span(1))
    assert replace(lake, rows([]), span(5), status="no model").version == 1
    commit = lake.commit(TABLE, 1)
    assert commit is not None and [(fact.partition, fact.rows, fact.status) for fact in commit.facts] == [("2024-01-05", 0, "no model")]


def test_a_commit_tells_people_what_it_was(lake: Lake) -> None:
    replace(lake, rows([1]), span(1), run="4711")
    [commit] = lake.open(TABLE).history()
    assert (commit["run"], commit["partitions"]) == ("4711", "2024-01-01")
    assert json.loads(commit["platform_facts"])["declaration_version"] == "v1"


def test_a_version_that_was_read_stays_readable(lake: Lake) -> None:
    replace(lake, rows([1]), span(1))
    replace(lake, rows([1, 1]), span(1))
    assert [lake.scan(TABLE, version=version).collect().height for version in (0, 1, None)] == [1, 2, 2]
    with pytest.raises(LakeError, match="orders/silver has no Delta version 2: the newest is 1"):
        lake.scan(TABLE, version=2)


def test_a_missing_table_is_not_an_empty_one(lake: Lake) -> None:
    assert (lake.exists(TABLE), lake.version(TABLE)) == (False, None)
    for read in (lambda: lake.scan(TABLE), lambda: lake.scan(TABLE, version=3), lambda: lake.files(TABLE)):
        with pytest.raises(NotReadyError, match="no table orders/silver"):
            read()


def test_a_span_with_a_column_that_does_not_fit_is_refused_when_reading_too(lake: Lake) -> None:
    replace(lake, rows([1]), span(1))
    with pytest.raises(LakeError, match=r"no partition column 'partitoin'\. Did you mean 'partition'"):
        lake.scan(TABLE, by="partitoin", span=span(1))
    with pytest.raises(LakeError, match="has type Datetime"):
        lake.scan(TABLE, by="partition", span=span(1, unit=hour))
    with pytest.raises(LakeError, match="give both"):
        lake.scan(TABLE, by="partition")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2024, 1, 2), date(2024, 1, 2)),
        (date(2024, 1, 1), datetime(2024, 1, 2, tzinfo=UTC)),
        (datetime(2024, 1, 1), datetime(2024, 1, 2)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2)),
    ],
)
def test_a_span_that_holds_nothing_or_mixes_types_is_refused(start: Moment, end: Moment) -> None:
    with pytest.raises(LakeError):
        Span(start, end)


def test_the_platforms_own_folder_is_no_declaration(lake: Lake) -> None:
    with pytest.raises(LakeError, match="Give the declaration another name"):
        replace(lake, rows([1]), span(1), ("_platform", "ledger"))


def test_a_lake_may_lie_in_a_folder_with_spaces_and_accents(tmp_path: Path) -> None:
    lake = lake_in(tmp_path / "mes données  élève")
    for number in (1, 2, 1):
        replace(lake, rows([number], hour), span(number, unit=hour))
    assert heights(lake) == {hour(1): 1, hour(2): 1}
    assert lake.scan(TABLE, by="partition", span=span(2, unit=hour)).collect().height == 1
    assert lake.rows_of_partitions_between(TABLE, ["2024-01-01T01"], 0, 2, ["x"]).collect().height == 1


@pytest.mark.parametrize("name", ["100%", "a=b", "what?", "[x]", "a#b"])
def test_a_folder_that_could_not_be_read_again_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(LakeError, match="Choose another PLATFORM_HOME or PLATFORM_LAKE"):
        lake_in(tmp_path / name)


Writes = list[tuple[int, int, list[int], bool]]
"""Two days that bound the span, the days of the rows, and whether they come as a LazyFrame."""

DAYS = st.integers(1, 6)
WRITES = st.lists(st.tuples(DAYS, DAYS, st.lists(DAYS, max_size=6), st.booleans()), max_size=8)


@given(WRITES)
def test_any_sequence_of_writes_leaves_what_a_dict_would_hold(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, int, list[int], bool]]
) -> None:
    lake, expected = lake_in(tmp_path_factory.mktemp("writes")), dict[date, list[int]]()
    for number, (one, other, days, lazy) in enumerate(writes):
        first, last = min(one, other), max(one, other)
        inside = [d for d in days if first <= d <= last]
        frame = rows(inside).with_columns(x=pl.lit(number, pl.Int64))
        replace(lake, frame.lazy() if lazy else frame, span(first, last))
        expected = {d: values for d, values in expected.items() if not day(first) <= d <= day(last)}
        for d in inside:
            expected.setdefault(day(d), []).append(number)
    found = lake.scan(TABLE).group_by("partition").agg("x").collect().rows() if writes else []
    assert dict(found) == expected


def test_partitions_of_an_hour_are_told_apart_at_midnight(lake: Lake) -> None:
    replace(lake, rows([22, 23, 24, 25], hour), span(22, 25, hour))
    replace(lake, rows([24, 24], hour), span(24, unit=hour))
    assert heights(lake) == {hour(22): 1, hour(23): 1, hour(24): 2, hour(25): 1}
    assert hour(24) - hour(23) == timedelta(hours=1)


def test_numbers_of_rows_are_written_without_a_dictionary(lake: Lake) -> None:
    """All of them differ: it would be built for a million rows, and thrown away."""
    for _ in range(2):  # as the table is made, and into one that is there
        uri = replace(lake, rows([1, 1, 1]).with_columns(row_number=pl.Series([1, 2, 3])), span(1)).uri
    for path in on_disk(uri).rglob("*.parquet"):
        group = pq.ParquetFile(path).metadata.row_group(0)
        encodings = {group.column(n).path_in_schema: group.column(n).encodings for n in range(group.num_columns)}
        assert not [name for name in encodings["row_number"] if "DICTIONARY" in name]
        assert [name for name in encodings["x"] if "DICTIONARY" in name], "others have one"


def test_files_are_compressed(lake: Lake) -> None:
    """Properties of a writer that name no compression mean none."""
    for _ in range(2):
        uri = replace(lake, rows([1, 1, 1]), span(1)).uri
    for path in on_disk(uri).rglob("*.parquet"):
        group = pq.ParquetFile(path).metadata.row_group(0)
        assert {group.column(n).compression for n in range(group.num_columns)} == {"SNAPPY"}
