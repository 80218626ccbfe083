"""Headers as people write them: columns that differ by case, that have a name of the platform's own, or none."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets import daily, source
from platform_assets.declare.names import RESERVED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, SourceError
from platform_assets.sources.columns import kept_names
from platform_assets.steps.raw import make_raw, receive_all
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger


class Line:
    id: int
    at: datetime


def lines_of(days: dict[str, Any]) -> Source:
    @source(schema=Line, event_time="at", timezone="UTC", partitions=daily("2024-03-01"))
    def lines(arrival: Any) -> Any:
        found = days.get(arrival.partition)
        if isinstance(found, BaseException):
            raise found
        return found() if callable(found) else found

    return lines


def line(day: int, *names: str, **more: Any) -> pl.DataFrame:
    """One row, in which each further column has its own name as its value."""
    return pl.DataFrame({"id": [day], "at": [f"2024-03-{day:02} 10:00:00"], **{name: [name] for name in names}, **more})


def run(folder: Path) -> Run:
    lake = Lake(str(folder))
    return Run(lake, Ledger(lake), "run", datetime(2024, 6, 1, tzinfo=UTC))


def received(folder: Path, *days: pl.DataFrame) -> pl.DataFrame:
    of = lines_of({f"2024-03-{number:02}": rows for number, rows in enumerate(days, start=1)})
    first, last = of.partitions.first, of.partitions.first + len(days) - 1
    make_raw(of, first, last, run(folder)).check()
    make_silver(of, first, last, run(folder)).check()
    assert run(folder).lake.scan(("lines", "silver")).collect().height == len(days)
    return run(folder).lake.scan(("lines", "raw")).sort("arrival").collect()


def test_a_column_that_changes_its_case_stays_the_column_that_it_was(tmp_path: Path) -> None:
    rows = received(tmp_path, line(1, "Region"), line(2, "region"), line(3, "REGION", "Region"))
    assert rows["Region"].to_list() == ["Region", "region", "Region"]
    assert rows["REGION_2"].to_list() == [None, None, "REGION"]


def test_a_declared_column_is_found_in_another_case_unless_it_is_there_itself(tmp_path: Path) -> None:
    other = line(2).rename({"id": "ID", "at": "At"})
    rows = received(tmp_path, line(1), other, line(3, ID=[99]))
    assert rows["id"].to_list() == [1, 2, 3]
    assert rows["ID_2"].to_list() == [None, None, 99]


def test_of_two_columns_in_other_cases_none_is_taken_for_the_declared_one(tmp_path: Path) -> None:
    of = lines_of({"2024-03-01": line(1).rename({"id": "ID"}).with_columns(Id=pl.lit(1))})
    with pytest.raises(SourceError, match=r"the schema declares 'id', there is no such column\. Nearest is 'I[dD]'.* It has: ID, at, Id\."):
        make_raw(of, of.partitions.first, of.partitions.first, run(tmp_path))


def test_a_name_of_the_platforms_own_is_kept_under_another_which_is_told(tmp_path: Path) -> None:
    names = [name.title() for name in RESERVED_COLUMNS]
    rows = received(tmp_path, line(1, *names), line(2, *(name.upper() for name in RESERVED_COLUMNS)))
    for name in names:
        assert rows[f"{name}_received"].to_list() == [name, name.upper()]
    details = run(tmp_path).ledger.entries("lines/raw")["2024-03-01"].details
    assert details["columns_kept_as"]["Origin"] == "Origin_received"
    assert "Origin_received" in details["columns_not_declared"]


ODD = [
    "",
    " ",
    "a b",
    "a.b",
    'a"b',
    "a'b",
    "a`b",
    "a\nb",
    "a,b",
    "a=b;c{}()\t",
    "%20",
    "é😀",
    "__index",
    "__received_id",
    "a\x00b",
    "x" * 5000,
]


def test_every_other_name_is_kept_also_in_quarantine(tmp_path: Path) -> None:
    broken = line(1, *ODD).with_columns(id=pl.lit("no number"))
    of = lines_of({"2024-03-01": line(1, *ODD), "2024-03-02": broken})
    make_raw(of, of.partitions.first, of.partitions.first + 1, run(tmp_path)).check()
    make_silver(of, of.partitions.first, of.partitions.first + 1, run(tmp_path)).check()
    aside = run(tmp_path).lake.scan(("lines", "quarantine")).collect()
    for name, kept in kept_names(ODD, ["id", "at"]).items():
        assert aside[kept].to_list() == [name]
    changed = {name: kept for name, kept in kept_names(ODD, ["id", "at"]).items() if name != kept}
    assert changed == {"": "unnamed", "a\x00b": "ab", "x" * 5000: "x" * 255}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["id", "ID", "Id", "at", "a", "A", "a_2", "A_2", "a_3", "Run", "run", "run_received", "", "unnamed"]), unique=True
    )
)
def test_no_two_columns_get_one_name_and_a_second_delivery_gets_the_same_names(names: list[str]) -> None:
    kept = kept_names(names, ["id", "at"])
    assert list(kept) == names
    assert len({name.lower() for name in kept.values()}) == len(names)
    assert not {name.lower() for name in kept.values()} & set(RESERVED_COLUMNS)
    assert kept_names(names, ["id", "at"], kept.values()) == kept


def panic() -> pl.DataFrame:
    """A panic of Polars as it is: no Exception."""
    rows = pl.DataFrame({"a": [b"x"]})
    return rows.select(pl.struct("a").struct.json_encode())


class OddError(BaseException):
    """Such as a framework's request to stop."""


ERRORS: dict[str, Any] = {
    "key": KeyError("amount"),
    "os": OSError(5, "Input/output error"),
    "panic": panic,
    "zero": ZeroDivisionError(),
    "stop": StopIteration("x"),
    "lazy": pl.LazyFrame({"id": [1]}).select(pl.col("id").map_batches(lambda _: {}["nothing"])),
    "recursion": RecursionError("deep"),
}


def test_whatever_goes_wrong_with_a_partition_the_others_are_received(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    days: dict[str, Any] = {f"2024-03-{number:02}": error for number, error in enumerate(ERRORS.values(), start=1)}
    last = len(days) + 1
    of = lines_of({**days, f"2024-03-{last:02}": line(last)})
    done = receive_all(of, of.partitions.first, of.partitions.first + last - 1, run(tmp_path))
    assert list(done.entries) == [f"2024-03-{last:02}"]
    assert isinstance(done.broken, PlatformError)
    said = str(done.broken).splitlines()
    for day, what in zip(
        days, ("KeyError: 'amount'", "OSError: ", "PanicException", "ZeroDivisionError", "StopIteration", "", ""), strict=True
    ):
        assert any(day in one and what in one for one in said), (day, said)
    assert Ledger(Lake(str(tmp_path))).entries("lines/raw").keys() == done.entries.keys()


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1), MemoryError(), OddError()], ids=repr)
def test_a_request_to_stop_ends_the_run_and_what_was_received_stays(tmp_path: Path, stop: BaseException) -> None:
    of = lines_of({"2024-03-01": line(1), "2024-03-02": stop, "2024-03-03": line(3)})
    with pytest.raises(type(stop)):
        receive_all(of, of.partitions.first, of.partitions.first + 2, run(tmp_path))
    assert list(run(tmp_path).ledger.entries("lines/raw")) == ["2024-03-01"]
    assert run(tmp_path).lake.scan(("lines", "raw")).collect()["arrival"].to_list() == [date(2024, 3, 1)]
