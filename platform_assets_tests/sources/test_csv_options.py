"""Options of read_csv: files as other programs write them, read as they were meant, and kept as they came."""

from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, daily, source
from platform_assets.errors import SourceError
from platform_assets.sources.unparsed_lines import UnparsedLines
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger


class Line:
    id: int
    at: datetime
    due: date | None
    amount: float | None
    name: str | None


def tables(home: Path, content: bytes, **arguments: Any) -> dict[str, pl.DataFrame]:
    """The three tables after a file was received and judged."""
    (home / "2024-03-01.csv").write_bytes(content)

    @source(schema=Line, event_time="at", timezone="UTC", partitions=daily("2024-03-01"), accepted_share=0)
    def lines(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv(home / "{day}.csv", **arguments)

    lake, first = Lake(str(home / "lake")), lines.partitions.first
    run = Run(lake, Ledger(lake), "run", datetime(2024, 6, 1, tzinfo=UTC))
    make_raw(lines, first, first, run).check()
    make_silver(lines, first, first, run).check()
    return {layer: lake.scan(("lines", layer)).sort("row_number").collect() for layer in ("raw", "silver", "quarantine")}


GERMAN = {
    "decimal": ",",
    "thousands": ".",
    "currency": ["€", "EUR"],
    "date_formats": ["%d.%m.%Y", "%d.%m.%Y %H:%M"],
    "separator": ";",
    "null_values": ["NULL"],
}
ROWS = [
    ("1", "01.03.2024 09:30", "06.03.2024", "1.234,50 €", "Müller; Söhne"),
    ("1.002", "2024-03-01 10:00", "NULL", "-7,5", "1.5"),
    ("3", "01.03.2024", "", "EUR 12", "NULL"),
    ("4", "01.03.2024 11:00", "07.03.2024", "1.5", "not a number where commas are decimal"),
    ("5", "03/01/2024 11:00", "", "1,5", "another date"),
]


def test_numbers_and_dates_are_read_as_they_are_written_and_quarantined_as_they_came(tmp_path: Path) -> None:
    text = "id;at;due;amount;name\n" + "".join(";".join(f'"{v}"' if ";" in v else v for v in row) + "\n" for row in ROWS)
    found = tables(tmp_path, text.encode(), **GERMAN)
    assert found["silver"].select("id", "at", "due", "amount", "name").rows() == [
        (1, datetime(2024, 3, 1, 9, 30, tzinfo=UTC), date(2024, 3, 6), 1234.5, "Müller; Söhne"),
        (1002, datetime(2024, 3, 1, 10, tzinfo=UTC), None, -7.5, "1.5"),
        (3, datetime(2024, 3, 1, tzinfo=UTC), None, 12.0, None),
    ]
    assert found["quarantine"].select("id", "at", "amount").rows() == [("4", ROWS[3][1], "1.5"), ("5", ROWS[4][1], "1,5")]
    assert found["quarantine"]["reasons"].to_list()[0] == ["amount: not float"]
    assert found["raw"].select("id", "at", "amount").rows() == [(row[0], row[1], row[3]) for row in ROWS]


def test_a_key_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    """Duplicates of earlier partitions are looked for by keys as they are meant, in the format of their own delivery."""
    (tmp_path / "2024-03-01.csv").write_text("id;at\n1.002;2024-03-01 10:00\n7;2024-03-01 10:00\n")
    (tmp_path / "2024-03-02.csv").write_text("id;at\n1,002;2024-03-01 10:00\n8;2024-03-01 10:00\n1.002;2024-03-01 10:00\n")

    class Key:
        id: int
        at: datetime

    @source(schema=Key, event_time="at", timezone="UTC", partitions=daily("2024-03-01"), accepted_share=0, key=["id"], duplicates_within=1)
    def keys(arrival: Arrival) -> pl.LazyFrame | None:
        is_first = arrival.partition == "2024-03-01"
        return arrival.read_csv(tmp_path / "{day}.csv", separator=";", decimal="," if is_first else ".", thousands="." if is_first else ",")

    lake, first = Lake(str(tmp_path / "lake")), keys.partitions.first
    run = Run(lake, Ledger(lake), "run", datetime(2024, 6, 1, tzinfo=UTC))
    make_raw(keys, first, first + 1, run).check()
    entries = make_silver(keys, first, first + 1, run).entries
    counts = {day: [entry.details[name] for name in ("accepted", "duplicates", "quarantined")] for day, entry in entries.items()}
    assert counts == {"2024-03-01": [2, 0, 0], "2024-03-02": [1, 1, 1]}


WRITTEN = list(product([",", ";", "||"], ['"', "'", None], [None, "\\"], [0, 2], ["utf8", "latin-1", "utf-16"], [True, False]))


@pytest.mark.parametrize("columns", [True, False])
def test_every_argument_works_with_every_other(tmp_path: Path, columns: bool) -> None:
    arrival = Arrival("orders", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    for separator, quote, escape, skipped, encoding, has_short in WRITTEN:
        inner = "" if quote is None else (escape or quote) + quote + separator
        name = f"{quote or ''}é{inner}{quote or ''}"
        rows = [["x", "y", "z"], ["1", name, "NULL"], *([["2"]] if has_short else []), ["3", "", "end"]]
        text = "title\n" * skipped + "".join(separator.join(row) + "\n" for row in (rows[1:] if columns else rows))
        (tmp_path / "day.csv").write_bytes(text.encode(encoding))
        arrival.unparsed, arrival._read = UnparsedLines(), set()
        read = arrival.read_csv(
            tmp_path / "day.csv",
            separator=separator,
            quote=quote,
            escape=escape,
            null_values=["NULL"],
            skip_lines=skipped,
            columns=["x", "y", "z"] if columns else None,
            rename={"x": "id"},
            encoding=encoding,
        )
        assert read is not None
        value = "é" + ("" if quote is None else quote + separator)
        assert read.collect().to_dicts() == [{"id": "1", "y": value, "z": None}, {"id": "3", "y": None, "z": "end"}]
        assert [line.text for line in arrival.unparsed] == ["2"] * has_short


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"separator": ""}, "separator='' is not a string between values"),
        ({"quote": "''"}, "quote=\"''\" is not one character"),
        ({"quote": ","}, "quote=',' is also in separator="),
        ({"escape": '"'}, "quote='\"' is also in escape="),
        ({"null_values": "NULL"}, "null_values='NULL' are not strings"),
        ({"decimal": ",,"}, "decimal=',,' is not one sign"),
        ({"decimal": ",", "thousands": ","}, "decimal= and thousands= are both ','"),
        ({"currency": [""]}, "currency=[''] are not signs"),
        ({"date_formats": ["dd/mm/yyyy"]}, "date_formats= has 'dd/mm/yyyy', which is not a format"),
    ],
)
def test_an_argument_that_cannot_work_is_named(tmp_path: Path, arguments: dict[str, Any], says: str) -> None:
    (tmp_path / "day.csv").write_text("a,b\n1,2\n")
    arrival = Arrival("orders", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    with pytest.raises(SourceError) as error:
        arrival.read_csv(tmp_path / "day.csv", **arguments)
    assert says in str(error.value)
