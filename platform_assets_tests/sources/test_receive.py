"""Receiving: each edition of a delivery is kept, and the same again changes nothing."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, daily, source
from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError, SourceError
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Done, Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

LATER = datetime(2024, 6, 1, tzinfo=UTC)


class Reading:
    sensor: str
    at: datetime
    value: float | None


def reading(day: int = 1, **values: Any) -> pl.DataFrame:
    """A delivery of one row."""
    row = {"sensor": "s", "at": f"2024-03-{day:02}T10:00Z", "value": "1", **values}
    return pl.DataFrame({column: [value] for column, value in row.items()})


@dataclass
class Inbox:
    """A source whose returned values a test puts in, its lake and its clock."""

    home: Path
    timezone: str | None = None
    empty_after: str | None = None
    returns: dict[str, Any] = field(default_factory=dict)
    now: datetime = LATER

    def __post_init__(self) -> None:
        @source(schema=Reading, event_time="at", partitions=daily("2024-03-01"), empty_after=self.empty_after, timezone=self.timezone)
        def readings(arrival: Arrival) -> Any:
            return self.returns.get(arrival.partition)

        self.source: Source = readings
        self.lake = Lake(str(self.home))

    def receive(self, day: int = 1) -> Done:
        partition = self.source.partitions.first + day - 1
        return make_raw(self.source, partition, partition, Run(self.lake, Ledger(self.lake), "run", self.now))

    def deliver(self, *values: float, day: int = 1) -> Done:
        rows = [{"sensor": "s", "at": f"2024-03-{day:02}T10:00:00Z", "value": str(value)} for value in values]
        self.returns[f"2024-03-{day:02}"] = pl.DataFrame(rows, schema=dict.fromkeys(("sensor", "at", "value"), pl.String))
        return self.receive(day)

    def raw(self) -> list[tuple[Any, ...]]:
        columns = ("delivery", "row_number", "value", "superseded")
        return sorted(self.lake.scan(("readings", "raw")).select(columns).collect().rows())

    def rows(self, day: int = 1) -> int:
        return Ledger(self.lake).entries("readings/raw")[f"2024-03-{day:02}"].rows


def test_the_same_contents_again_change_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1, 2)
    again = inbox.deliver(1, 2)
    assert not again.entries
    assert list(again.unchanged) == ["2024-03-01"]
    assert inbox.lake.version(("readings", "raw")) == 0
    assert inbox.raw() == [(1, 1, "1", False), (1, 2, "2", False)]


def test_other_contents_restate_and_the_earlier_rows_stay_marked(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1, 2)
    inbox.deliver(1, 3, 4)
    assert inbox.raw() == [(1, 1, "1", True), (1, 2, "2", True), (2, 1, "1", False), (2, 2, "3", False), (2, 3, "4", False)]
    assert inbox.rows() == 3, "superseded rows count nowhere"


def test_fewer_rows_and_no_rows_restate_too(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1, 2)
    inbox.deliver(1)
    assert inbox.rows() == 1
    inbox.deliver()
    assert inbox.rows() == 0
    assert inbox.raw() == [(1, 1, "1", True), (1, 2, "2", True), (2, 1, "1", True)]


def test_going_back_to_earlier_contents_is_a_third_delivery(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for values in ((1,), (2,), (1,)):
        inbox.deliver(*values)
    assert inbox.raw() == [(1, 1, "1", True), (2, 1, "2", True), (3, 1, "1", False)]


def test_rows_in_another_order_are_other_contents_since_row_numbers_are_part_of_them(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1, 2)
    inbox.deliver(2, 1)
    assert [row for row in inbox.raw() if not row[-1]] == [(2, 1, "2", False), (2, 2, "1", False)]


def test_null_and_an_empty_text_are_other_contents(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for value in (None, ""):
        columns = {"sensor": ["s"], "at": ["2024-03-01T10:00Z"], "value": [value]}
        inbox.returns["2024-03-01"] = pl.DataFrame(columns, schema_overrides={"value": pl.String})
        inbox.receive()
    assert inbox.raw() == [(1, 1, None, True), (2, 1, "", False)]


def test_nothing_came_and_nobody_says_what_that_means(tmp_path: Path) -> None:
    refused = Inbox(tmp_path).receive().refused["2024-03-01"]
    assert str(refused).startswith("readings/raw 2024-03-01: nothing has arrived. Without empty_after= it stays missing")


def test_nothing_means_empty_from_empty_after_on_by_the_platforms_clock(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, empty_after="6h")
    inbox.now = datetime(2024, 3, 2, 6, tzinfo=UTC) - timedelta(microseconds=1)
    with pytest.raises(NotReadyError, match=r"From 2024-03-02 06:00 UTC on its absence means an empty partition"):
        inbox.receive().check()
    inbox.now += timedelta(microseconds=1)
    assert inbox.receive().entries["2024-03-01"].rows == 0
    assert list(inbox.receive().unchanged) == ["2024-03-01"]
    inbox.deliver(5)
    assert inbox.rows() == 1, "what comes after all is received"
    del inbox.returns["2024-03-01"]
    assert list(inbox.receive().unchanged) == ["2024-03-01"], "a file that is gone takes nothing back"
    assert inbox.rows() == 1


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (
            [{"value": 1}],
            "its function returned list. Return a Polars frame, an Arrow table or stream, a DataFrame of Spark, an iterator of",
        ),
        (reading(at=datetime(2024, 3, 1)), "the times in the column 'at' are naive"),
        (reading(at=timedelta(1)), "datetime was declared, Duration(time_unit='us') was delivered, such as datetime.timedelta(days=1)"),
        (pl.LazyFrame({"at": ["x"]}).with_columns(pl.col("missing")), "the frame that its function returned cannot be computed"),
        (pl.scan_csv("no-such-file.csv"), "the frame that its function returned cannot be computed"),
    ],
)
def test_what_is_no_table_that_can_be_kept_is_refused_with_the_reason(tmp_path: Path, returned: Any, says: str) -> None:
    inbox = Inbox(tmp_path)
    inbox.returns["2024-03-01"] = returned
    with pytest.raises(SourceError) as error:
        inbox.receive()
    assert str(error.value).startswith("source 'readings', partition 2024-03-01")
    assert says in str(error.value)
    assert not inbox.lake.exists(("readings", "raw"))


def test_a_typed_frame_is_kept_with_its_types_and_the_same_values_in_another_width_are_no_news(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    for at, number in ((pl.Datetime("us", "UTC"), pl.Int64), (pl.Datetime("ms", "Europe/Paris"), pl.UInt32)):
        rows = reading(at=datetime(2024, 3, 1, 12, tzinfo=UTC), value=7, tags=["a", "b"])
        inbox.returns["2024-03-01"] = rows.with_columns(pl.col("at").cast(at), pl.col("value").cast(number))
        inbox.receive()
    kept = inbox.lake.scan(("readings", "raw")).select("at", "value", "tags", "superseded").collect()
    assert kept.schema["value"] == pl.Int64
    assert kept.rows() == [(datetime(2024, 3, 1, 12, tzinfo=UTC), 7, ["a", "b"], False)]


def test_naive_times_are_kept_as_they_came_where_the_source_says_whose_clock_it_is(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, timezone="Europe/London")
    inbox.returns["2024-03-01"] = pl.concat([reading(at=datetime(2024, 3, 31, 1, 30)), reading(at=None)], how="vertical_relaxed")
    inbox.receive()
    kept = inbox.lake.scan(("readings", "raw")).sort("row_number").select("at").collect()["at"].to_list()
    assert kept == ["2024-03-31 01:30:00.000000", None]


@pytest.mark.parametrize("same_day", [True, False])
def test_another_type_later_makes_the_column_wider_and_changes_no_value(tmp_path: Path, same_day: bool) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1)
    day = 1 if same_day else 2
    inbox.returns[f"2024-03-{day:02}"] = pl.DataFrame({"sensor": ["s"], "at": ["2024-03-01T10:00Z"], "value": [2.5]})
    inbox.receive(day)
    assert inbox.raw() == [(1, 1, "1", same_day), (2 if same_day else 1, 1, "2.5", False)]


def test_columns_beyond_the_schema_may_come_and_go_and_are_told(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1)
    inbox.returns["2024-03-01"] = reading(unit="C", place="hall")
    assert inbox.receive().entries["2024-03-01"].details["columns_not_declared"] == ["place", "unit"]
    rows = inbox.lake.scan(("readings", "raw")).sort("delivery").select("value", "unit", "superseded").collect().rows()
    assert rows == [("1", None, True), ("1", "C", False)]
    assert "columns_not_declared" not in inbox.deliver(2).entries["2024-03-01"].details, "the edition that counts has none"


@pytest.mark.parametrize("day", [1, 2])
def test_a_declared_column_that_does_not_come_is_refused_whatever_other_days_brought(tmp_path: Path, day: int) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1)
    inbox.returns[f"2024-03-{day:02}"] = reading(day=day).drop("value").with_columns(Values=pl.lit("1"))
    with pytest.raises(SourceError) as error:
        inbox.receive(day)
    assert str(error.value).startswith(
        f"source 'readings', partition 2024-03-{day:02}: the schema declares 'value', there is no such column. Nearest is 'Values': "
        ".rename({'Values': 'value'}) in its function. It has: sensor, at, Values. If it is not delivered, take it out of the schema"
    )
    assert inbox.raw() == [(1, 1, "1", False)]


def test_a_frame_without_any_column_is_an_empty_delivery(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.returns["2024-03-01"] = pl.DataFrame()
    assert inbox.receive().entries["2024-03-01"].rows == 0


def test_what_a_function_raises_names_source_partition_and_file(tmp_path: Path) -> None:
    @source(schema=Reading, event_time="at", partitions=daily("2024-03-01"))
    def readings(arrival: Arrival) -> pl.LazyFrame | None:
        rows = arrival.read_csv(tmp_path / "{day}.csv")
        return {}["rows"] if rows is None else rows.map_batches(lambda _: {}["batch"])

    inbox = Inbox(tmp_path / "lake")
    inbox.source = readings
    where = "source 'readings', partition 2024-03-01, file 2024-03-01.csv: "
    with pytest.raises(SourceError) as error:
        inbox.receive()
    assert str(error.value) == f"{where}its function failed: KeyError: 'rows'"
    assert isinstance(error.value.__cause__, KeyError)
    (tmp_path / "2024-03-01.csv").write_text("sensor,at,value\n")
    with pytest.raises(SourceError) as error:
        inbox.receive()
    assert str(error.value).startswith(f"{where}the frame that its function returned cannot be computed: ")
    assert "'batch'" in str(error.value)


def test_an_error_of_the_platform_in_a_function_stays_what_it_is(tmp_path: Path) -> None:
    @source(schema=Reading, event_time="at", partitions=daily("2024-03-01"))
    def readings(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv(tmp_path / "nowhere" / "{day}.csv")

    inbox = Inbox(tmp_path / "lake", empty_after="0h")
    inbox.source = readings
    with pytest.raises(SourceError, match=r"there is no folder .*/nowhere, in which \{day\}\.csv is looked for"):
        inbox.receive()


def test_where_files_were_looked_for_is_said_and_kept(tmp_path: Path) -> None:
    @source(schema=Reading, event_time="at", partitions=daily("2024-03-01"), empty_after="6h")
    def readings(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv(tmp_path / "{day}-*.csv")

    inbox = Inbox(tmp_path / "lake", now=datetime(2024, 3, 1, tzinfo=UTC))
    inbox.source = readings
    pattern = f"{tmp_path}/2024-03-01-*.csv"
    assert str(inbox.receive().refused["2024-03-01"]).startswith(
        f"readings/raw 2024-03-01: nothing has arrived: no file is {pattern}. From"
    )
    inbox.now = LATER
    assert inbox.receive().entries["2024-03-01"].details["looked_for"] == [pattern]


def test_whatever_files_a_function_reads_they_are_one_origin(tmp_path: Path) -> None:
    """Another pattern in the function does not make its rows count twice (docs/adr/0008)."""
    files = {"name": "a.csv"}

    @source(schema=Reading, event_time="at", partitions=daily("2024-03-01"))
    def readings(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv(tmp_path / files["name"])

    inbox = Inbox(tmp_path / "lake")
    inbox.source = readings
    for name, value in (("a.csv", 1), ("b.csv", 2), ("a.csv", 3)):
        files["name"] = name
        (tmp_path / name).write_text(f"sensor,at,value\ns,2024-03-01T10:00Z,{value}\n")
        inbox.receive()
    assert inbox.raw() == [(1, 1, "1", True), (2, 1, "2", True), (3, 1, "3", False)]
    assert inbox.rows() == 1


def test_a_range_keeps_what_came_and_names_what_did_not(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.returns = {f"2024-03-0{day}": pl.DataFrame({"sensor": ["s"], "at": ["x"], "value": ["1"]}) for day in (1, 3)}
    first = inbox.source.partitions.first
    done = make_raw(inbox.source, first, first + 3, Run(inbox.lake, Ledger(inbox.lake), "run", LATER))
    assert list(done.entries) == ["2024-03-01", "2024-03-03"]
    with pytest.raises(
        NotReadyError, match=r"(?s)2 partitions could not be made \(2024-03-02, 2024-03-04\)\. 2 other partitions were written"
    ) as error:
        done.check()
    assert str(error.value).count("nothing has arrived") == 2


def test_what_was_received_before_an_error_stays_received(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.deliver(1)
    inbox.returns["2024-03-02"] = "no table"
    first = inbox.source.partitions.first
    inbox.returns["2024-03-01"] = inbox.returns["2024-03-01"].with_columns(value=pl.lit("9"))
    inbox.returns["2024-03-03"] = inbox.returns["2024-03-01"]
    with pytest.raises(SourceError, match="partition 2024-03-02"):
        make_raw(inbox.source, first, first + 2, Run(inbox.lake, Ledger(inbox.lake), "run", LATER))
    inbox.returns["2024-03-02"] = inbox.returns["2024-03-03"]
    make_raw(inbox.source, first, first + 2, Run(inbox.lake, Ledger(inbox.lake), "run", LATER)).check()
    current = inbox.lake.scan(("readings", "raw")).filter(~pl.col("superseded")).select("arrival", "value").sort("arrival").collect().rows()
    assert current == [(date(2024, 3, day), "9") for day in (1, 2, 3)]
