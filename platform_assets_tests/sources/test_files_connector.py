"""Sources that are declared with files: what is received, what a sensor sees, and what is refused when the module loads."""

import gzip
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import csv_files, daily, hourly, json_lines_files, materialize, parquet_files, source_from
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, SourceError
from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.lakes import new_url, on_disk
from platform_assets_tests.s3_server import SECRET, S3Server

NOW = datetime(2024, 3, 9, tzinfo=UTC)


class Line:
    id: int
    at: datetime
    price: float | None


OPTIONS: dict[str, Any] = {"schema": Line, "event_time": "at", "key": ["id"], "partitions": daily("2024-03-05")}


def declared(connector: Any, **more: Any) -> Source:
    return source_from("lines", connector, **{**OPTIONS, **more})


def old(*files: Path) -> None:
    """Files that nothing has written for a minute."""
    for file in files:
        os.utime(file, (time.time() - 60, time.time() - 60))


def silver(folder: Path, now: datetime = NOW, source: Source | None = None, **span: str) -> list[tuple[Any, ...]]:
    assert source is not None
    materialize(source, lake=folder / "lake", now=now, **span).check()
    rows = pl.read_delta(str(folder / "lake" / "lines" / "silver")).sort("arrival", "row_number")
    return rows.select("id", pl.col("at").dt.strftime("%d %H:%M"), "price").rows()


def write_csv(file: Path) -> None:
    file.with_suffix(".csv").write_text("id,at,price\n1,2024-03-05T09:00Z,1.5\n2,2024-03-05T10:00Z,\n")


def write_json(file: Path) -> None:
    rows = [{"id": 1, "at": "2024-03-05T09:00Z", "price": 1.5}, {"id": 2, "at": "2024-03-05T10:00Z", "price": None}]
    file.with_suffix(".jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def write_parquet(file: Path) -> None:
    at = [datetime(2024, 3, 5, 9, tzinfo=UTC), datetime(2024, 3, 5, 10, tzinfo=UTC)]
    pl.DataFrame({"id": [1, 2], "at": at, "price": [1.5, None]}).write_parquet(file.with_suffix(".parquet"))


@pytest.mark.parametrize(
    ("write", "connector", "ending"),
    [(write_csv, csv_files, "csv"), (write_json, json_lines_files, "jsonl.gz"), (write_parquet, parquet_files, "parquet")],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, write: Callable[[Path], None], connector: Any, ending: str) -> None:
    write(tmp_path / "2024-03-05.x")
    source = declared(connector(tmp_path / f"{{day}}.{ending}"))
    assert silver(tmp_path, source=source, last="2024-03-05") == [(1, "05 09:00", 1.5), (2, "05 10:00", None)]
    entry = Ledger(Lake(str(tmp_path / "lake"))).entries("lines/raw")["2024-03-05"]
    assert entry.details["deliveries"][0]["origin"] == f"{{day}}.{ending}"


def test_folders_of_days_and_hours_and_many_files_of_a_partition(tmp_path: Path) -> None:
    for hour in range(3):
        folder = tmp_path / "date=2024-03-05" / f"hour={hour:02}"
        folder.mkdir(parents=True)
        for part in range(2):
            number = 2 * hour + part
            (folder / f"part-{part}.jsonl").write_text(json.dumps({"id": number, "at": f"2024-03-05T{hour:02}:30Z", "price": number}))
    source = declared(
        json_lines_files(tmp_path / "date={date}" / "hour={hour}" / "*.jsonl"), partitions=hourly("2024-03-05T00"), empty_after="1h"
    )
    found = silver(tmp_path, source=source, now=datetime(2024, 3, 5, 3, tzinfo=UTC), last="2024-03-05T02")
    assert [(number, at) for number, at, _ in found] == [(n, f"05 0{n // 2}:30") for n in range(6)]


def test_parts_of_the_date_stand_in_folders(tmp_path: Path) -> None:
    folder = tmp_path / "2024" / "03"
    folder.mkdir(parents=True)
    write_csv(folder / "20240305.x")
    source = declared(csv_files(tmp_path / "{yyyy}" / "{mm}" / "{yyyy}{mm}{dd}.csv"))
    assert len(silver(tmp_path, source=source, last="2024-03-05")) == 2


def test_a_parquet_column_that_changes_its_type_from_day_to_day_is_widened(tmp_path: Path) -> None:
    at = datetime(2024, 3, 5, 9, tzinfo=UTC)
    pl.DataFrame({"id": [1], "at": [at], "price": [2]}).write_parquet(tmp_path / "2024-03-05.parquet")
    pl.DataFrame({"id": [2], "at": [at], "price": [2.5]}).write_parquet(tmp_path / "2024-03-06.parquet")
    pl.DataFrame({"id": ["3"], "at": [at], "price": ["x"]}).write_parquet(tmp_path / "2024-03-07.parquet")
    source = declared(parquet_files(tmp_path / "{day}.parquet"), accepted_share=0.0)
    assert [(number, price) for number, _, price in silver(tmp_path, source=source, last="2024-03-07")] == [(1, 2.0), (2, 2.5)]
    quarantine = pl.read_delta(str(tmp_path / "lake" / "lines" / "quarantine"))
    assert quarantine.select("id", "price").rows() == [("3", "x")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"PAR1 nothing of the kind PAR1", "it cannot be read as Parquet"),
        (b"id,at\n1,2\n", "it cannot be read as Parquet"),
        (None, "it cannot be read as Parquet"),
    ],
)
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "2024-03-05.parquet"
    if content is None:
        write_parquet(file)
        content = file.read_bytes()[:-7]
    file.write_bytes(content)
    source = declared(parquet_files(tmp_path / "{day}.parquet"))
    with pytest.raises(SourceError, match=r"source 'lines', partition 2024-03-05, file 2024-03-05.parquet: ") as error:
        materialize(source, lake=tmp_path / "lake", now=NOW, last="2024-03-05")
    assert says in str(error.value)


def run_in(folder: Path) -> Run:
    lake = Lake(str(folder / "lake"))
    return Run(id="test", lake=lake, ledger=Ledger(lake), now=NOW, module="tests")


def test_a_sensor_leaves_a_growing_file_alone_until_it_is_stable(tmp_path: Path) -> None:
    file = tmp_path / "2024-03-05.csv"
    write_csv(file)
    source = declared(csv_files(tmp_path / "{day}.csv", stable_after="30s"))
    run = run_in(tmp_path)
    looked = find_new_deliveries(source, run, Memory(), 10)
    assert looked.ready == []
    old(file)
    looked = find_new_deliveries(source, run, looked.memory, 10)
    assert looked.ready == [source.partitions.index_of("2024-03-05")]
    again = find_new_deliveries(source, run, looked.memory, 10)
    assert again.ready == [], "it was asked for"
    make_raw(source, looked.ready[0], looked.ready[0], run)
    assert find_new_deliveries(source, run, again.memory, 10).ready == []
    with file.open("a") as more:
        more.write("3,2024-03-05T11:00Z,1\n")
    assert find_new_deliveries(source, run, again.memory, 10).ready == [], "it grows"
    old(file)
    assert find_new_deliveries(source, run, again.memory, 10).ready == looked.ready


@pytest.mark.parametrize("pattern", ["export-*-{day}-*.csv", pytest.param("{day}.csv", marks=pytest.mark.slow)])
def test_ten_thousand_files_are_looked_at_in_two_seconds(tmp_path: Path, pattern: str) -> None:
    first = datetime(1996, 10, 18)
    for number in range(10_000):
        day = (first + timedelta(days=number)).date().isoformat()
        (tmp_path / pattern.replace("{day}", day).replace("*", "a1")).write_text("id,at,price\n")
    for file in tmp_path.iterdir():
        os.utime(file, (0, 0))
    source = declared(csv_files(tmp_path / pattern), partitions=daily("1996-10-18"))
    run = run_in(tmp_path)
    seconds = []
    for _ in range(3):  # the fastest: whatever else the machine does is not ours
        began = time.process_time()
        found = find_new_deliveries(source, run, Memory(), 1_000_000)
        seconds.append(time.process_time() - began)
        assert len(found.ready) == 10_000
    assert min(seconds) < 2


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: csv_files("orders.csv"),
            r"source 'lines', csv_files: the path 'orders.csv' has no placeholder, .* such as 'orders/\{day\}.csv'",
        ),
        (lambda: csv_files("in/orders.csv.gz"), r"such as 'in/\{day\}.csv.gz'"),
        (lambda: csv_files("{when}.csv"), r"the placeholder \{when\}, which is not known"),
        (lambda: csv_files("{hour}.csv"), r"the placeholder \{hour\}, which is not known"),
        (lambda: csv_files("{day}.csv", separator=""), r"csv_files"),
        (lambda: csv_files("{day}.csv", seperator=";"), r"csv_files\('\{day\}.csv'\): .*'seperator'.*'separator'"),
        (lambda: json_lines_files("{day}.csv", rename=["a"]), r"json_lines_files, rename: \['a'\] is not a dict"),
        (lambda: parquet_files(7), r"parquet_files: 7 is not a path"),
        (lambda: csv_files("{day}.csv", stable_after="soon"), r"csv_files, stable_after"),
        (
            lambda: "orders/{day}.csv",
            r"source_from\('lines'\): 'orders/\{day\}.csv' is not a connector: it has no 'reader'. Write csv_files",
        ),
    ],
)
def test_what_can_be_known_to_be_wrong_is_refused_when_the_module_loads(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        declared(make())


def test_errors_of_a_file_name_the_connector_and_its_argument(tmp_path: Path) -> None:
    (tmp_path / "2024-03-05.csv").write_text("Id;at;price\n1;2024-03-05T09:00Z;1\n")
    source = declared(csv_files(tmp_path / "{day}.csv"))
    with pytest.raises(SourceError, match=r"Its values are separated by ';': csv_files\(..., separator=';'\)."):
        materialize(source, lake=tmp_path / "lake", now=NOW, last="2024-03-05")


def test_a_restated_file_supersedes_and_a_touched_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "2024-03-05.csv"
    write_csv(file)
    source = declared(csv_files(tmp_path / "{day}.csv"))
    assert len(silver(tmp_path, source=source, last="2024-03-05")) == 2
    old(file)
    assert materialize(source, lake=tmp_path / "lake", now=NOW, last="2024-03-05").tables["lines/raw"].made == ()
    file.write_text("id,at,price\n1,2024-03-05T09:00Z,9\n")
    assert silver(tmp_path, source=source, last="2024-03-05") == [(1, "05 09:00", 9.0)]


def test_the_version_of_what_reads_follows_what_is_read() -> None:
    same = {declared(csv_files("{day}.csv")).read_by, declared(csv_files("{day}.csv", separator=",", stable_after="1h")).read_by}
    assert len(same) == 1
    assert declared(csv_files("{day}.csv", separator=";")).read_by not in same
    assert declared(csv_files("{day}.txt")).read_by not in same
    assert declared(csv_files("{day}.csv")).version == declared(parquet_files("{day}.parquet")).version


@pytest.mark.slow
def test_files_in_an_object_store_are_received_as_those_in_a_folder(s3: S3Server, tmp_path: Path) -> None:
    place = new_url()
    folder = on_disk(place) / "date=2024-03-05" / "hour=09"
    folder.mkdir(parents=True)
    write_json(folder / "a.x")
    (folder / "b.jsonl").write_text('{"id": 3, "at": "2024-03-05T09:30Z", "price": 1.10}\nnothing\n')
    source = declared(json_lines_files(f"{place}/date={{date}}/hour=*/*.jsonl*"), accepted_share=0.5)
    run = run_in(tmp_path)
    index = source.partitions.index_of("2024-03-05")
    assert find_new_deliveries(source, run, Memory(), 10).ready == [], "an object is as fresh as a file"
    assert silver(tmp_path, source=source, last="2024-03-05") == [(1, "05 09:00", 1.5), (2, "05 10:00", None), (3, "05 09:30", 1.1)]
    quarantine = pl.read_delta(str(tmp_path / "lake" / "lines" / "quarantine"))
    assert quarantine.select("unparsed", "unparsed_file", "unparsed_line").rows() == [("nothing", "b.jsonl", 2)]
    waits = declared(json_lines_files(f"{place}/date={{date}}/hour=*/*.jsonl*", stable_after="0s"), accepted_share=0.5)
    assert find_new_deliveries(waits, run, Memory(), 10).ready == []
    (folder / "b.jsonl").write_text('{"id": 3, "at": "2024-03-05T09:30Z", "price": 2}\n')
    assert find_new_deliveries(waits, run, Memory(), 10).ready == [index], "another object"


@pytest.mark.slow
def test_an_object_store_that_does_not_answer_is_said_without_its_secrets(s3: S3Server, tmp_path: Path) -> None:
    source = declared(csv_files("s3://no-such-bucket/{day}.csv"))
    with pytest.raises(SourceError, match=r"source 'lines', partition 2024-03-05: the files at s3://no-such-bucket") as error:
        materialize(source, lake=tmp_path / "lake", now=NOW, last="2024-03-05")
    assert SECRET not in str(error.value)
