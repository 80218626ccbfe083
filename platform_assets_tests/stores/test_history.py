"""Which partitions changed between two versions, and which rows they had on the way."""

import polars as pl
import pytest
from deltalake import write_deltalake

from platform_assets.errors import LakeError
from platform_assets.stores.delta import Lake
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.stores.tables import TABLE, day, hour, lake_in, replace, rows, span


@pytest.fixture
def lake(home: str) -> Lake:
    """Version 0: days 1 and 2. 1: day 1 anew. 2: day 2 emptied. 3: day 3, with one column more.

    4: a row of day 3 appended by others. 5: the two files of day 3 put together. 6: day 1 anew.
    """
    lake = lake_in(home)
    replace(lake, rows([1, 1, 2]).with_columns(x=pl.Series([10, 11, 20])), span(1, 2))
    replace(lake, rows([1]).with_columns(x=pl.Series([12])), span(1))
    replace(lake, rows([]), span(2))
    replace(lake, rows([3], y=["new"]).with_columns(x=pl.Series([30])), span(3))
    write_deltalake(lake.open(TABLE), rows([3], y=["others"]).with_columns(x=pl.Series([31])), mode="append")
    lake.open(TABLE).optimize.compact()
    replace(lake, rows([1]).with_columns(x=pl.Series([13])), span(1))
    return lake


def values(lake: Lake, days: list[int], first: int, last: int) -> list[int]:
    found = lake.rows_of_partitions_between(TABLE, [day(d).isoformat() for d in days], first, last, ["x"])
    return sorted(found.collect()["x"])


def test_the_partitions_that_commits_rewrote_are_known_even_when_they_left_nothing(lake: Lake) -> None:
    newest = lake.version(TABLE)
    assert newest == 6
    assert lake.changed_partitions(TABLE, 0, 1) == ["2024-01-01"]
    assert lake.changed_partitions(TABLE, 1, 2) == ["2024-01-02"]
    assert lake.changed_partitions(TABLE, 2, newest) == ["2024-01-01", "2024-01-03"]
    assert lake.changed_partitions(TABLE, newest, newest) == []
    assert lake.changed_partitions(TABLE, -1, newest) == ["2024-01-01", "2024-01-02", "2024-01-03"]


def test_rows_of_every_version_on_the_way_are_read_once(lake: Lake) -> None:
    newest = lake.version(TABLE)
    assert newest == 6
    assert values(lake, [1], 0, newest) == [10, 11, 12, 13]
    assert values(lake, [1], 1, newest) == [12, 13]
    assert values(lake, [1], -1, 0) == [10, 11]
    assert values(lake, [2, 3], 0, newest) == [20, 30, 31]
    assert values(lake, [2], 2, newest) == []
    assert values(lake, [3], 4, 5) == [30, 31] == values(lake, [3], 5, 5)


def test_files_put_together_change_no_partition(lake: Lake) -> None:
    assert lake.changed_partitions(TABLE, 3, 4) == ["2024-01-03"]
    assert lake.changed_partitions(TABLE, 4, 5) == []


def test_a_column_that_came_later_is_null_before(lake: Lake) -> None:
    found = lake.rows_of_partitions_between(TABLE, ["2024-01-02", "2024-01-03"], 0, 3, ["x", "y"]).collect()
    assert sorted(found.rows(), key=str) == [(20, None), (30, "new")]
    with pytest.raises(LakeError, match="has no column 'z'"):
        lake.rows_of_partitions_between(TABLE, ["2024-01-02"], 0, 3, ["z"])


def test_a_delete_by_others_changes_the_partitions_of_its_files(lake: Lake) -> None:
    before = lake.version(TABLE)
    lake.open(TABLE).delete("x = 30")
    after = lake.version(TABLE)
    assert before is not None and after is not None
    assert lake.changed_partitions(TABLE, before, after) == ["2024-01-03"]


def test_hours_are_found_by_their_keys(home: str) -> None:
    lake = lake_in(home)
    replace(lake, rows([5, 6], hour), span(5, 6, hour))
    replace(lake, rows([5], hour), span(5, unit=hour))
    assert lake.changed_partitions(TABLE, 0, 1) == ["2024-01-01T05"]
    assert sorted(file.partition for file in lake.files(TABLE, 0)) == ["2024-01-01T05", "2024-01-01T06"]
    assert lake.rows_of_partitions_between(TABLE, ["2024-01-01T05"], 0, 1, ["x"]).collect().height == 1


def test_files_that_were_vacuumed_are_missed_before_anything_is_read(lake: Lake) -> None:
    lake.open(TABLE).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    with pytest.raises(LakeError, match=r"removed \(vacuum\).*rebuild"):
        values(lake, [1], 0, 6)
    assert values(lake, [3], 5, 6) == [30, 31]


def test_a_log_that_was_cleaned_is_missed(lake: Lake) -> None:
    lake.open(TABLE).create_checkpoint()
    for version in (0, 1):
        (on_disk(lake.uri(TABLE)) / "_delta_log" / f"{version:020d}.json").unlink()
    with pytest.raises(LakeError, match=r"no longer has Delta version 1.*rebuild"):
        lake.changed_partitions(TABLE, 0, 6)
    with pytest.raises(LakeError, match=r"no longer has Delta version 0.*rebuild"):
        lake.scan(TABLE, version=0)
    assert lake.scan(TABLE).collect().height == 3


def test_a_version_that_never_was_is_named(lake: Lake) -> None:
    with pytest.raises(LakeError, match="no Delta version 7: the newest is 6"):
        lake.changed_partitions(TABLE, 0, 7)
