"""Rubbish in: what becomes of each file or frame on its way to silver. Nothing is lost or guessed without a word.

A file that is not a table with the declared columns is refused with its name, the reason and the fix. A row that does not fit is set
aside with its reasons, beside the good ones. The same sale comes twice in no table.
"""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, daily, source
from platform_assets.errors import SourceError
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger

DAY = "2024-03-02"
FILE = f"source 'sales', partition {DAY}, file {DAY}.csv: "
HEADER = "sale_id,user,at,amount,paid,due\n"
GOOD = f"1,ada,{DAY}T10:00:00Z,1.5,true,2024-03-06\n"
NEXT = f"2,bob,{DAY}T11:00:00Z,2.5,false,\n"
TYPED = {
    "sale_id": 1,
    "user": "ada",
    "at": datetime(2024, 3, 2, 10, tzinfo=UTC),
    "amount": 1.5,
    "paid": True,
    "due": date(2024, 3, 6),
}


class Sale:
    sale_id: int
    user: str | None
    at: datetime
    amount: float
    paid: bool | None
    due: date | None


def silver(home: Path, read: Callable[[Arrival], Any], days: tuple[str, ...] = ("2024-03-01", DAY)) -> dict[str, Entry]:
    """What the ledger has of silver after a source with this function was received and judged."""

    @source(
        schema=Sale,
        event_time="at",
        partitions=daily("2024-03-01"),
        key=["sale_id"],
        duplicates_within=2,
        accepted_share=0,
        empty_after="0h",
    )
    def sales(arrival: Arrival) -> Any:
        return read(arrival)

    lake = Lake(str(home / "lake"))
    run = Run(lake, Ledger(lake), "run", datetime(2024, 6, 1, tzinfo=UTC))
    for day in days:
        partition = sales.partitions.index_of(day)
        make_raw(sales, partition, partition, run).check()
        make_silver(sales, partition, partition, run).check()
    return run.ledger.entries("sales/silver")


def judged(home: Path, read: Callable[[Arrival], Any]) -> dict[str, Any]:
    """Of the day: what came, what is in silver, and the reasons against the rest."""
    details = silver(home, read)[DAY].details
    return {name: details[name] for name in ("received", "accepted", "duplicates", "reasons")}


def from_file(home: Path, content: bytes | str, name: str = f"{DAY}.csv", **arguments: Any) -> Callable[[Arrival], Any]:
    (home / "files").mkdir(exist_ok=True)
    (home / "files" / name).write_bytes(content.encode() if isinstance(content, str) else content)
    pattern = home / "files" / name.replace(DAY, "{day}")
    return lambda arrival: arrival.read_csv(pattern, **arguments)


def text(**changed: str) -> str:
    """A file of a good line and one with other values."""
    values = dict(zip(HEADER.strip().split(","), NEXT.strip("\n").split(","), strict=True))
    return HEADER + GOOD + ",".join({**values, **changed}.values()) + "\n"


REFUSED: dict[str, tuple[bytes | str, str]] = {
    "an empty file": ("", "the file is empty, it has not even a header. Deliver it again, or remove it."),
    "a file of zeros": (b"\0" * 4096, "its header has zero bytes. It is not text"),
    "a file cut off in its last line": (
        HEADER + GOOD + NEXT[:20],
        "its last line has no end, and it has fewer values than the header: the file was cut off. Deliver it again.",
    ),
    "a file cut off within quotes": (
        HEADER + GOOD + '2,"bo',
        "its last line has no end, and a quote is opened and not closed: the file was cut off.",
    ),
    "UTF-16": ((HEADER + GOOD).encode("utf-16"), "it is UTF-16. Say so: read_csv(..., encoding='utf-16')."),
    "UTF-16 without a mark": ((HEADER + GOOD).encode("utf-16-le"), "unmarked UTF-16: read_csv(..., encoding='utf-16-le')."),
    "Latin-1": ((HEADER + GOOD.replace("ada", "adé")).encode("latin-1"), "Say which encoding it has: read_csv(..., encoding='latin-1')."),
    "lines that all have a value more than the header": (
        HEADER + (GOOD + NEXT).replace("T", ",T"),
        "its header has 6 names (sale_id, user, at, amount, paid, due), its lines have 7 values.",
    ),
    "semicolons": ((HEADER + GOOD).replace(",", ";"), "Its values are separated by ';': read_csv(..., separator=';')."),
    "semicolons and decimal commas": (
        (HEADER + GOOD).replace(",", ";").replace("1.5", "1,5"),
        "Its values are separated by ';': read_csv(..., separator=';').",
    ),
    "two columns of one name": (HEADER.replace("user", "amount") + GOOD, "two of its columns have the same name but for case: 'amount'."),
    "two columns alike but for case": (
        HEADER.replace("user", "Amount") + GOOD,
        "two of its columns have the same name but for case: 'Amount'",
    ),
    "a declared column missing": (
        HEADER.replace(",due", "") + GOOD.replace(",2024-03-06", ""),
        "the schema declares 'due', there is no such column. It has: sale_id, user, at, amount, paid. If it is not delivered, take it out",
    ),
    "a column of another spelling": (
        HEADER.replace("sale_id", "Sale ID") + GOOD,
        "there is no such column. Nearest is 'Sale ID': read_csv(..., rename={'Sale ID': 'sale_id'}).",
    ),
    "no header": (
        GOOD + NEXT,
        "the schema declares 'sale_id', there is no such column (nor 'user', 'at', 'amount', 'paid', 'due'). Does it",
    ),
    "a page that says no": ("<html>\n502 Bad Gateway\n</html>\n", "Does it begin with a header? It has: <html>."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_table_of_the_declared_columns_is_refused_and_nothing_kept(tmp_path: Path, what: str) -> None:
    content, says = REFUSED[what]
    with pytest.raises(SourceError) as error:
        silver(tmp_path, from_file(tmp_path, content))
    assert str(error.value).startswith(FILE)
    assert says in str(error.value)
    assert DAY not in Ledger(Lake(str(tmp_path / "lake"))).entries("sales/raw")


@pytest.mark.parametrize("cut", [-20, 30])
def test_a_gzip_file_is_read_and_one_that_was_cut_off_refused(tmp_path: Path, cut: int) -> None:
    whole = gzip.compress((HEADER + GOOD + NEXT).encode())
    assert judged(tmp_path, from_file(tmp_path, whole, f"{DAY}.csv.gz"))["accepted"] == 2
    with pytest.raises(SourceError, match=rf"file {DAY}\.csv\.gz: it cannot be read as CSV in utf8: unexpected end of file\. Deliver it"):
        silver(tmp_path, from_file(tmp_path, whole[:cut], f"{DAY}.csv.gz"))


ZONE = "at: no time zone (declare timezone=)"
FAR = "outside the years 1000 to 9999"
SET_ASIDE: dict[str, tuple[dict[str, str], list[str]]] = {
    "a time in the year 9999": ({"at": "9999-12-31T23:59:59Z"}, ["in the future"]),
    "a time beyond the year 9999 in UTC": ({"at": "9999-12-31T23:59:59-12:00"}, [f"at: {FAR}"]),
    "a time in the year 1": ({"at": "0001-01-01T00:00:00Z"}, [f"at: {FAR}"]),
    "a date in the year 1": ({"due": "0001-01-01"}, [f"due: {FAR}"]),
    "a time without a zone": ({"at": f"{DAY} 10:00:00"}, [ZONE]),
    "a time without a day": ({"at": "10:00:00"}, ["at: not datetime"]),
    "a time of tomorrow": ({"at": "2024-03-03T00:00:00Z"}, ["in the future"]),
    "a time as epoch seconds": ({"at": "1709373600"}, ["at: a number, not a time (epoch times: pl.from_epoch in the source's function)"]),
    "a time in a zone that has only a name": ({"at": f"{DAY} 10:00:00 CET"}, ["at: offset not understood (write it as +01:00, or Z)"]),
    "a number with a decimal comma": ({"amount": '"1,5"'}, ["amount: not float"]),
    "a date for a number": ({"amount": DAY}, ["amount: not float"]),
    "a truth for a number": ({"sale_id": "true"}, ["sale_id: not int"]),
    "a number for a truth": ({"paid": "2"}, ["paid: not bool"]),
    "half a sale": ({"sale_id": "1.5"}, ["sale_id: not int"]),
    "a number beyond 64 bits": ({"sale_id": "99999999999999999999"}, ["sale_id: not int"]),
    "no number": ({"amount": "NaN"}, ["amount: missing"]),
    "a time for a date": ({"due": f"{DAY} 10:00:00"}, ["due: not date"]),
}


@pytest.mark.parametrize("what", SET_ASIDE)
def test_a_row_with_a_value_that_does_not_fit_is_set_aside_for_that_alone(tmp_path: Path, what: str) -> None:
    changed, reasons = SET_ASIDE[what]
    found = judged(tmp_path, from_file(tmp_path, text(**changed)))
    assert found == {"received": 2, "accepted": 1, "duplicates": 0, "reasons": dict.fromkeys(reasons, 1)}


TYPES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a date for an integer": ({"sale_id": date(2024, 3, 2)}, ["sale_id: not int"]),
    "a time for a number": ({"amount": datetime(2024, 3, 2, tzinfo=UTC)}, ["amount: not float"]),
    "a truth for an integer": ({"sale_id": True}, ["sale_id: not int"]),
    "a truth for a number": ({"amount": True}, ["amount: not float"]),
    "a date for a truth": ({"paid": date(2024, 3, 2)}, ["paid: not bool"]),
    "a number for a truth": ({"paid": 1}, ["paid: not bool"]),
    "a decimal for a truth": ({"paid": Decimal(1)}, ["paid: not bool"]),
    "a number for a date": ({"due": 19_000}, ["due: not date"]),
    "a time within a day for a date": ({"due": datetime(2024, 3, 6, 23, tzinfo=UTC)}, ["due: not date"]),
    "a decimal with a fraction for an integer": ({"sale_id": Decimal("1.50")}, ["sale_id: not int"]),
    "a number with a fraction for an integer": ({"sale_id": 1.5}, ["sale_id: not int"]),
    "a whole decimal for an integer": ({"sale_id": Decimal("1.00")}, []),
    "a decimal for a number": ({"amount": Decimal("1.50")}, []),
    "an integer for a number": ({"amount": 1}, []),
    "midnight for a date": ({"due": datetime(2024, 3, 6, tzinfo=UTC)}, []),
}


@pytest.mark.parametrize("what", TYPES)
def test_a_column_of_another_type_is_read_only_where_every_value_means_the_same(tmp_path: Path, what: str) -> None:
    changed, reasons = TYPES[what]
    frame = pl.DataFrame({column: [value] for column, value in {**TYPED, **changed}.items()})
    found = judged(tmp_path, lambda arrival: frame if arrival.partition == DAY else None)
    assert found == {"received": 1, "accepted": 0 if reasons else 1, "duplicates": 0, "reasons": dict.fromkeys(reasons, 1)}
    if not reasons:
        means = {column: type(TYPED[column])(value) for column, value in changed.items() if column != "due"}
        kept = Lake(str(tmp_path / "lake")).scan(("sales", "silver")).select(*TYPED).collect()
        assert kept.to_dicts() == [{**TYPED, **means}]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        (
            "at",
            1_709_373_600,
            "datetime was declared, Int64 was delivered, such as 1709373600. If these are epoch times, convert them in the source's "
            "function: pl.from_epoch(column, time_unit='s').dt.replace_time_zone('UTC'); time_unit is 's', 'ms', 'us' or 'ns'.",
        ),
        ("user", ["ada"], "str was declared, List(String) was delivered, such as ['ada']"),
        ("amount", {"value": 1.5}, "float was declared, Struct({'value': Float64}) was delivered, such as {'value': 1.5}"),
        ("user", b"\xff", "str was declared, Binary was delivered, such as b'\\xff'"),
    ],
)
def test_a_column_of_which_no_value_can_be_read_is_refused(tmp_path: Path, column: str, value: Any, says: str) -> None:
    frame = pl.DataFrame({name: [given] for name, given in {**TYPED, column: value}.items()})
    with pytest.raises(SourceError) as error:
        silver(tmp_path, lambda arrival: frame if arrival.partition == DAY else None)
    says = says if says.endswith(".") else f"{says}. Convert it in the source's function."
    assert str(error.value) == f"source 'sales', partition {DAY}, column {column!r}: {says}"


def test_bytes_beyond_the_schema_are_kept_as_they_came(tmp_path: Path) -> None:
    frame = pl.DataFrame({name: [given] for name, given in {**TYPED, "photo": b"\xff\x00"}.items()})
    assert judged(tmp_path, lambda arrival: frame if arrival.partition == DAY else None)["accepted"] == 1
    assert Lake(str(tmp_path / "lake")).scan(("sales", "raw")).select("photo").collect().item() == b"\xff\x00"


def test_a_line_of_ten_megabytes_is_a_row(tmp_path: Path) -> None:
    found = judged(tmp_path, from_file(tmp_path, text(user="x" * 10_000_000)))
    assert found == {"received": 2, "accepted": 2, "duplicates": 0, "reasons": {}}
    longest = Lake(str(tmp_path / "lake")).scan(("sales", "silver")).select(pl.col("user").str.len_bytes().max()).collect().item()
    assert longest == 10_000_000


def test_the_same_file_for_two_days_counts_once(tmp_path: Path) -> None:
    read = from_file(tmp_path, HEADER + GOOD.replace(DAY, "2024-03-01") + NEXT.replace(DAY, "2024-03-01"), "all.csv")
    details = {day: entry.details for day, entry in silver(tmp_path, read).items()}
    found = {day: (d["received"], d["accepted"], d["duplicates"], d["duplicates_exact"]) for day, d in details.items()}
    assert found == {"2024-03-01": (2, 2, 0, 0), DAY: (2, 0, 2, 2)}


def test_a_file_of_a_later_day_is_set_aside_and_one_of_an_earlier_day_is_late(tmp_path: Path) -> None:
    days = {"2024-03-01": HEADER + GOOD, DAY: HEADER + NEXT.replace(DAY, "2024-03-01")}
    reads = {day: from_file(tmp_path, content, f"{day}.csv") for day, content in days.items()}
    found = silver(tmp_path, lambda arrival: reads[arrival.partition](arrival))
    assert {day: (entry.rows, entry.details["reasons"]) for day, entry in found.items()} == {
        "2024-03-01": (0, {"in the future": 1}),
        DAY: (1, {}),
    }
    kept = Lake(str(tmp_path / "lake")).scan(("sales", "silver")).select("arrival", pl.col("at").dt.date()).collect()
    assert kept.rows() == [(date(2024, 3, 2), date(2024, 3, 1))], "it stays where it arrived"


def test_a_day_without_anything_before_the_first_delivery_does_not_decide_the_types(tmp_path: Path) -> None:
    """Quarantine of an empty day once had every column as text, and refused numbers for ever."""
    frame = pl.DataFrame({column: [value] for column, value in {**TYPED, "amount": float("nan")}.items()})
    assert judged(tmp_path, lambda arrival: frame if arrival.partition == DAY else None)["reasons"] == {"amount: missing": 1}
    quarantine = Lake(str(tmp_path / "lake")).scan(("sales", "quarantine")).select("sale_id", "due").collect()
    assert quarantine.rows() == [(1, date(2024, 3, 6))]
