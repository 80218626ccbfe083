"""What deltalake 1.6 and Polars 2.1 do, against their documentation or without any. When one of these fails, read its test's user again."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from platform_assets_tests.stores.tables import hour, rows, span


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return str(tmp_path / "table")


def test_an_hour_is_a_partition_column_and_its_folder_is_percent_encoded(uri: str) -> None:
    write_deltalake(uri, rows([5, 6], hour), partition_by=["partition"])
    found = pl.scan_delta(uri).filter(pl.col("partition") == hour(5)).collect()
    assert found.schema["partition"] == pl.Datetime("us", "UTC") and found.height == 1
    assert (Path(uri) / "partition=2024-01-01%2005%3A00%3A00.000000").is_dir()
    assert any("%252005%253A00" in path for path in pl.DataFrame(DeltaTable(uri).get_add_actions(flatten=True))["path"])


def test_a_timestamp_literal_is_of_nanoseconds_and_compares_with_no_partition(uri: str) -> None:
    write_deltalake(uri, rows([5, 6], hour), partition_by=["partition"])
    with pytest.raises(DeltaError, match="Invalid comparison operation"):
        write_deltalake(uri, rows([5], hour), mode="overwrite", predicate="partition = TIMESTAMP '2024-01-01T05:00:00Z'")


def test_creation_with_retries_lets_both_creators_write_their_rows(uri: str) -> None:
    """Why tables are created with max_commit_retries=0."""
    for attempt in range(30):
        both = f"{uri}{attempt}"
        if _created_together(both, CommitProperties()) == 2:
            assert pl.scan_delta(both).collect().height == 2, "the same partition, from two who each thought it new"
            return
    pytest.fail("deltalake no longer doubles rows: the limit on retries can go")


def test_creation_without_retries_lets_one_creator_win(uri: str) -> None:
    for attempt in range(10):
        assert _created_together(f"{uri}{attempt}", CommitProperties(max_commit_retries=0)) == 1


def _created_together(uri: str, properties: CommitProperties) -> int:
    barrier, done = threading.Barrier(3), list[int]()

    def create(n: int) -> None:
        barrier.wait()
        try:
            write_deltalake(uri, rows([1]), mode="error", partition_by=["partition"], commit_properties=properties)
        except DeltaError:
            return
        done.append(n)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done)


@pytest.mark.parametrize("there_before", [False, True])
@pytest.mark.parametrize(("first", "second"), [([1], [1]), ([1], [])])
def test_two_overwrites_of_a_partition_from_the_same_version_conflict(
    uri: str, there_before: bool, first: list[int], second: list[int]
) -> None:
    write_deltalake(uri, rows([1, 9] if there_before else [9]), partition_by=["partition"])
    one, other = DeltaTable(uri), DeltaTable(uri)
    predicate = span(1).predicate("partition")
    write_deltalake(one, rows(first), mode="overwrite", predicate=predicate)
    with pytest.raises(CommitFailedError):
        write_deltalake(other, rows(second), mode="overwrite", predicate=predicate)


def test_two_overwrites_of_neighbours_do_not_conflict(uri: str) -> None:
    write_deltalake(uri, rows([1, 2]), partition_by=["partition"])
    one, other = DeltaTable(uri), DeltaTable(uri)
    write_deltalake(one, rows([1, 1]), mode="overwrite", predicate=span(1).predicate("partition"))
    write_deltalake(other, rows([2, 2]), mode="overwrite", predicate=span(2).predicate("partition"))
    assert pl.scan_delta(uri).collect().height == 4 and other.version() == 2


def test_an_append_beside_an_overwrite_conflicts_though_it_reads_nothing(uri: str) -> None:
    write_deltalake(uri, rows([1, 2]), partition_by=["partition"])
    stale = DeltaTable(uri)
    write_deltalake(uri, rows([1]), mode="overwrite", predicate=span(1).predicate("partition"))
    with pytest.raises(CommitFailedError):
        write_deltalake(stale, rows([2]), mode="append")


def test_a_schema_merge_keeps_the_old_type_and_fails_only_when_a_value_is_too_large(uri: str) -> None:
    """Why types are compared before: a table that takes today's values would refuse tomorrow's."""
    write_deltalake(uri, pl.DataFrame({"x": pl.Series([1], dtype=pl.Int32)}))
    write_deltalake(uri, pl.DataFrame({"x": [7]}), mode="append", schema_mode="merge")
    assert pl.scan_delta(uri).collect_schema()["x"] == pl.Int32
    with pytest.raises(Exception, match="Can't cast value 1099511627776 to type Int32"):
        write_deltalake(uri, pl.DataFrame({"x": [2**40]}), mode="append", schema_mode="merge")


def test_unsigned_types_are_narrowed_without_a_word(uri: str) -> None:
    """Why they are widened before."""
    write_deltalake(uri, pl.DataFrame({"x": pl.Series([1], dtype=pl.UInt8)}))
    assert pl.scan_delta(uri).collect_schema()["x"] == pl.Int8


def test_a_changed_schema_keeps_the_time_of_creation(uri: str) -> None:
    write_deltalake(uri, rows([1]), partition_by=["partition"])
    before = DeltaTable(uri).metadata().created_time
    write_deltalake(uri, rows([2], y=[1]), mode="append", schema_mode="merge")
    assert DeltaTable(uri).metadata().created_time == before
    assert abs(datetime.now(UTC).timestamp() - before / 1000) < 600


def test_polars_finds_no_file_below_a_folder_with_a_space(tmp_path: Path) -> None:
    """Why tables are opened with plain paths."""
    uri = str(tmp_path / "a folder")
    write_deltalake(uri, rows([1]), partition_by=["partition"])
    with pytest.raises(FileNotFoundError):
        pl.scan_delta(uri).collect()


def test_a_nan_in_a_file_hides_no_row_from_polars(uri: str) -> None:
    """Why the lake takes NaN as it comes."""
    values = pl.DataFrame({"x": [1.0, float("nan"), 5.0]})
    write_deltalake(uri, values)
    for condition in (pl.col("x") > 3, pl.col("x") > 6, pl.col("x") < 1, pl.col("x") == 5, pl.col("x").is_nan()):
        assert pl.scan_delta(uri).filter(condition).collect().equals(values.filter(condition))
