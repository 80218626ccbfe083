"""Files that another program has written below a table's folder: taken in one commit, span by span, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from platform_assets.stores.delta import Lake, Overtaken
from platform_assets.stores.staged import Staged, read_staged, staged_table, take
from platform_assets.stores.tables import PartitionFacts, Span, Table

TABLE: Table = ("spending", "gold")
DAYS = [date(2024, 1, day) for day in (1, 2, 3)]


def rows(days: list[date], value: int) -> pl.DataFrame:
    return pl.DataFrame({"partition": days, "key": ["a"] * len(days), "value": [value] * len(days)})


def staged(lake: Lake, frame: pl.DataFrame, name: str, by: str = "partition") -> Staged:
    """Rows as a cluster leaves them: a table of their own below the table's folder."""
    frame.write_delta(lake.uri(staged_table(TABLE, name)), delta_write_options={"partition_by": [by]})
    return read_staged(lake, TABLE, name)


def taken(lake: Lake, found: Staged, first: date, last: date, **more: Any) -> Any:
    facts = [PartitionFacts(day.isoformat(), found.rows().get(day, 0)) for day in DAYS if first <= day <= last]
    span = Span(first, last + timedelta(days=1))
    return take(lake, TABLE, found, by="partition", span=span, facts=facts, declaration_version="v", run="r", **more)


def test_a_table_is_made_of_staged_files_and_each_span_is_replaced_alone(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    first = staged(lake, rows(DAYS, 1), "one")
    assert first.rows() == dict.fromkeys(DAYS, 1)
    written = taken(lake, first, DAYS[0], DAYS[1])
    assert (written.version, written.rows) == (0, 2)
    assert_frame_equal(lake.scan(TABLE).collect().sort("partition"), rows(DAYS[:2], 1), check_column_order=False)
    taken(lake, first, DAYS[2], DAYS[2])
    assert taken(lake, staged(lake, rows(DAYS, 2), "two"), DAYS[1], DAYS[1]).version == 2
    found = lake.scan(TABLE).collect().sort("partition")
    assert found["value"].to_list() == [1, 2, 1]
    commit = lake.commit(TABLE, 2)
    assert commit is not None
    assert (commit.run, [fact.partition for fact in commit.facts], commit.changed) == ("r", ["2024-01-02"], {"2024-01-02"})


def test_only_a_full_vacuum_removes_what_no_commit_took(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    taken(lake, staged(lake, rows(DAYS, 1), "one"), DAYS[0], DAYS[2])
    staged(lake, rows(DAYS, 2), "two")  # by a run that was killed
    orphans = {path.relative_to(lake.uri(TABLE)) for path in Path(lake.uri(TABLE)).glob("staged-two/*/*.parquet")}
    assert len(orphans) == 3

    def vacuum(full: bool) -> set[Path]:
        return set(map(Path, lake.open(TABLE).vacuum(0, enforce_retention_duration=False, dry_run=False, full=full)))

    assert vacuum(full=False) & orphans == set()
    assert vacuum(full=True) >= orphans
    assert_frame_equal(lake.scan(TABLE).collect().sort("partition"), rows(DAYS, 1), check_column_order=False)
    assert taken(lake, staged(lake, rows(DAYS, 3), "three"), DAYS[1], DAYS[1]).rows == 1


def test_partitions_of_hours_are_taken_by_the_names_of_their_folders(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    hours = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (0, 13)]
    of = pl.DataFrame({"partition": pl.Series(hours, dtype=pl.Datetime("us", "UTC")), "value": [1, 2]})
    found = staged(lake, of, "one")
    for hour in hours:
        span = Span(hour, hour + timedelta(hours=1))
        facts = [PartitionFacts(f"{hour:%Y-%m-%dT%H}", 1)]
        take(lake, TABLE, found, by="partition", span=span, facts=facts, declaration_version="v", run="r")
    assert lake.scan(TABLE, by="partition", span=Span(hours[1], hours[1] + timedelta(hours=1))).collect()["value"].to_list() == [2]
    assert lake.scan(TABLE).collect()["value"].sort().to_list() == [1, 2]
    again = Span(hours[0], hours[0] + timedelta(hours=1))
    take(lake, TABLE, staged(lake, of, "two"), by="partition", span=again, facts=[], declaration_version="v", run="r")
    assert lake.scan(TABLE).collect()["value"].sort().to_list() == [1, 2]


def test_polars_and_staged_files_take_turns_on_one_table(tmp_path: Path) -> None:
    lake, span = Lake(str(tmp_path)), Span(DAYS[0], DAYS[2] + timedelta(days=1))
    facts = [PartitionFacts(day.isoformat(), 1) for day in DAYS]
    lake.replace(TABLE, rows(DAYS, 1), by="partition", span=span, facts=facts, declaration_version="v", run="r")
    taken(lake, staged(lake, rows(DAYS, 2), "one"), DAYS[1], DAYS[1])
    one = Span(DAYS[2], DAYS[2] + timedelta(days=1))
    lake.replace(TABLE, rows(DAYS[2:], 3), by="partition", span=one, facts=facts[2:], declaration_version="v", run="r")
    assert lake.scan(TABLE).collect().sort("partition")["value"].to_list() == [1, 2, 3]


def test_what_another_run_has_changed_since_is_not_replaced(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    found = staged(lake, rows(DAYS, 1), "one")
    taken(lake, found, DAYS[0], DAYS[2], made_from=-1)
    taken(lake, staged(lake, rows(DAYS, 2), "two"), DAYS[0], DAYS[0], made_from=0)
    late = staged(lake, rows(DAYS, 3), "late")
    with pytest.raises(Overtaken, match="2024-01-01 was changed by another run after Delta version 0"):
        taken(lake, late, DAYS[0], DAYS[1], made_from=0)
    taken(lake, late, DAYS[1], DAYS[2], made_from=0)
    assert lake.scan(TABLE).collect().sort("partition")["value"].to_list() == [2, 3, 3]


def test_partitions_that_are_left_out_have_no_rows_afterwards(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    found = staged(lake, rows(DAYS, 1), "one")
    taken(lake, found, DAYS[0], DAYS[2], without={DAYS[1]})
    assert lake.scan(TABLE).collect()["partition"].sort().to_list() == [DAYS[0], DAYS[2]]


def test_a_column_that_is_new_is_null_in_what_was_there(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    taken(lake, staged(lake, rows(DAYS, 1), "one"), DAYS[0], DAYS[2])
    wide = rows(DAYS, 2).with_columns(pl.lit("x").alias("more"))
    assert taken(lake, staged(lake, wide, "two"), DAYS[1], DAYS[1]).version == lake.version(TABLE) == 2
    assert lake.scan(TABLE).collect().sort("partition").select("value", "more").rows() == [(1, None), (2, "x"), (1, None)]


def test_of_those_who_make_the_table_at_once_each_takes_its_files(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    found = [staged(lake, rows([day], number), f"w{number}") for number, day in enumerate(DAYS)]
    together = Barrier(len(DAYS))

    def one(number: int) -> int:
        together.wait()
        return int(taken(lake, found[number], DAYS[number], DAYS[number]).rows)

    with ThreadPoolExecutor(len(DAYS)) as pool:
        assert list(pool.map(one, range(len(DAYS)))) == [1, 1, 1]
    assert lake.scan(TABLE).collect().sort("partition")["value"].to_list() == [0, 1, 2]


def test_a_table_that_is_made_meanwhile_is_taken_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(str(tmp_path))
    taken(lake, staged(lake, rows(DAYS[:1], 1), "one"), DAYS[0], DAYS[0])
    second, looks = staged(lake, rows(DAYS[1:], 2), "two"), iter([True])
    writing = Lake.writing
    monkeypatch.setattr(Lake, "writing", lambda self, table: nullcontext(None) if next(looks, False) else writing(self, table))
    assert taken(lake, second, DAYS[1], DAYS[2]).version == 1
    assert lake.scan(TABLE).collect().sort("partition")["value"].to_list() == [1, 2, 2]
