"""Arrival.read_csv: files as they lie there, to frames of text, or an error that names the file."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival
from platform_assets.errors import SourceError
from platform_assets.sources.unparsed_lines import Unparsed


@pytest.fixture
def arrival() -> Arrival:
    return Arrival("orders", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))


def read(arrival: Arrival, path: Path, **arguments: object) -> list[tuple[object, ...]]:
    rows = arrival.read_csv(path, **arguments)  # type: ignore[arg-type]
    assert rows is not None
    return rows.collect().rows()


def test_every_value_is_text_as_it_stands_and_an_empty_one_is_null(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "2024-03-05.csv").write_text('customer,amount,note\n17850.0,007,"a ""quoted"", note"\n,1e3,\n')
    rows = arrival.read_csv(tmp_path / "{day}.csv")
    assert rows is not None
    assert rows.collect().rows() == [("17850.0", "007", 'a "quoted", note'), (None, "1e3", None)]
    assert set(rows.collect_schema().dtypes()) == {pl.String()}


def test_a_missing_file_is_none_and_its_origin_is_known_all_the_same(tmp_path: Path, arrival: Arrival) -> None:
    assert arrival.read_csv(tmp_path / "{day}.csv") is None
    assert arrival.read_csv(tmp_path / "{day}-*.csv") is None
    assert arrival.origin == "{day}.csv, {day}-*.csv"
    assert arrival.looked_for == [f"{tmp_path}/2024-03-05.csv", f"{tmp_path}/2024-03-05-*.csv"]


def test_a_folder_of_the_day_may_be_missing_like_its_files(tmp_path: Path, arrival: Arrival) -> None:
    assert arrival.read_csv(tmp_path / "{day}" / "orders.csv") is None
    assert arrival.read_csv(tmp_path / "shop-{partition}" / "orders" / "*.csv") is None


@pytest.mark.parametrize(
    ("path", "missing", "looked_for"),
    [
        ("nowhere/{day}.csv", "nowhere", "{day}.csv"),
        ("no/where/{day}/orders.csv", "no/where", "{day}/orders.csv"),
        ("no/*/{day}.csv", "no", "*/{day}.csv"),
        ("file.csv/{day}.csv", "file.csv", "{day}.csv"),
    ],
)
def test_a_folder_that_is_not_there_is_an_error_and_no_day_without_files(
    tmp_path: Path, arrival: Arrival, path: str, missing: str, looked_for: str
) -> None:
    (tmp_path / "file.csv").write_text("a\n")
    with pytest.raises(SourceError) as error:
        arrival.read_csv(tmp_path / path)
    assert str(error.value).startswith(
        f"source 'orders', partition 2024-03-05: there is no folder {tmp_path}/{missing}, in which {looked_for} is looked for."
    )


def test_a_relative_path_is_named_as_it_was_understood(tmp_path: Path, arrival: Arrival, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert arrival.read_csv("{day}.csv") is None
    assert arrival.looked_for == [f"{tmp_path}/2024-03-05.csv"]
    with pytest.raises(SourceError, match=f"there is no folder {tmp_path}/files"):
        arrival.read_csv("files/{day}.csv")


def test_several_files_are_read_in_the_order_of_their_names(tmp_path: Path, arrival: Arrival) -> None:
    for name in ("2024-03-05-b.csv", "2024-03-05-a.csv", "2024-03-05-c.csv", "2024-03-06-a.csv"):
        (tmp_path / name).write_text(f"name\n{name}\n")
    assert read(arrival, tmp_path / "{partition}-*.csv") == [("2024-03-05-a.csv",), ("2024-03-05-b.csv",), ("2024-03-05-c.csv",)]


def test_columns_are_renamed_to_the_schemas_names(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "day.csv").write_text("CustomerID;Total\n1;2\n")
    rows = arrival.read_csv(tmp_path / "day.csv", rename={"CustomerID": "customer", "Total": "amount"}, separator=";")
    assert rows is not None
    assert rows.collect().to_dicts() == [{"customer": "1", "amount": "2"}]


def test_a_file_with_a_header_only_has_no_rows_and_is_not_missing(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "day.csv").write_text("customer,amount\n")
    assert read(arrival, tmp_path / "day.csv") == []


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "day.csv").write_bytes("\ufeffcustomer\r\n1\r\n".encode())
    rows = arrival.read_csv(tmp_path / "day.csv")
    assert rows is not None
    assert rows.collect().to_dicts() == [{"customer": "1"}]


def test_a_line_with_another_number_of_values_is_no_row_and_is_kept_as_it_came(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "day.csv").write_text("a,b,c\n1,2,3\n4\n\n5,6,7,8\n9,10,11\n")
    assert read(arrival, tmp_path / "day.csv") == [("1", "2", "3"), ("9", "10", "11")]
    assert list(arrival.unparsed) == [
        Unparsed("day.csv", 3, "4", "1 value instead of 3"),
        Unparsed("day.csv", 5, "5,6,7,8", "4 values instead of 3"),
    ]


def test_another_encoding_is_read_when_it_is_said(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "day.csv").write_bytes("name\ncafé\n".encode("latin-1"))
    assert read(arrival, tmp_path / "day.csv", encoding="latin-1") == [("café",)]


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (b"", {}, "the file is empty, it has not even a header"),
        (b"\n\n", {}, "the file is empty, it has not even a header"),
        ("name\ncafé\n".encode("latin-1"), {}, "invalid utf-8 sequence. Say which encoding it has: read_csv"),
        ("name\ncafé\n".encode(), {"encoding": "latin-0"}, "it cannot be read as CSV in latin-0"),
        (b"a,b\n1,2,3\n4,5,6\n", {}, "its header has 2 names (a, b), its lines have 3 values."),
        (b"a,b\n1,2\n", {"rename": {"c": "d"}}, "rename= names the column 'c', there is no such column. It has: a, b."),
        (b"Total;Day\n1;2\n", {"rename": {"Total": "total"}}, "Its values are separated by ';': read_csv(..., separator=';')."),
        (b"total,day\n1,2\n", {"rename": {"Total": "total"}}, "there is no such column. Nearest is 'total'. It has: total, day."),
        (b"a,b\n1,2\n", {"rename": {"a": "b"}}, "two of its columns are named 'b' after rename="),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, arrival: Arrival, content: bytes, arguments: dict[str, object], says: str
) -> None:
    (tmp_path / "2024-03-05.csv").write_bytes(content)
    with pytest.raises(SourceError) as error:
        arrival.read_csv(tmp_path / "{day}.csv", **arguments)  # type: ignore[arg-type]
    assert str(error.value).startswith("source 'orders', partition 2024-03-05, file 2024-03-05.csv: ")
    assert says in str(error.value)


def test_files_of_one_partition_with_other_columns_are_refused(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("y,x\n1,2\n")
    with pytest.raises(SourceError, match=r"file b\.csv: its columns are y, x; in a\.csv they are x, y"):
        arrival.read_csv(tmp_path / "*.csv")


def test_a_folder_in_the_place_of_a_file_is_an_error_that_names_it(tmp_path: Path, arrival: Arrival) -> None:
    (tmp_path / "2024-03-05.csv").mkdir()
    with pytest.raises(SourceError, match=r"file 2024-03-05\.csv"):
        arrival.read_csv(tmp_path / "{day}.csv")
