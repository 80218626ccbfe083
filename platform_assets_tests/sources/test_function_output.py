"""What a source's function may return, read a part at a time: the same rows, types and content as the whole at once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from platform_assets import Arrival, daily, source
from platform_assets.errors import SourceError
from platform_assets.frames import spill
from platform_assets.sources import function_output
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger

NOW = datetime(2024, 6, 1, tzinfo=UTC)
ROWS = 12


class Reading:
    sensor: str
    at: datetime


def frame(first: int = 0, rows: int = ROWS, **more: Any) -> pl.DataFrame:
    some = pl.DataFrame({"sensor": [f"s{n}" for n in range(first, first + rows)], "at": ["2024-03-01T10:00Z"] * rows})
    return some.with_columns(pl.Series(name, values) for name, values in more.items())


def received(home: Path, give: Callable[[Arrival], Any]) -> tuple[pl.DataFrame, Entry, bool]:
    """Raw after receiving what a function gives, and whether it was new."""

    @source(schema=Reading, event_time="at", partitions=daily("2024-03-01", end="2024-03-02"), empty_after="6h", owners=["team:tests"])
    def readings(arrival: Arrival) -> Any:
        return give(arrival)

    lake = Lake(str(home))
    index = readings.partitions.first
    done = make_raw(readings, index, index, Run(lake, Ledger(lake), "run", NOW))
    entry = Ledger(lake).entries("readings/raw")["2024-03-01"]
    return lake.scan(("readings", "raw")).sort("delivery", "row_number").collect(), entry, bool(done.entries)


@pytest.fixture(params=[None, 1], ids=["in memory", "on disk"])
def little_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts, and all or nothing of them on disk."""
    monkeypatch.setattr(function_output, "_ROWS_AT_ONCE", 5)
    monkeypatch.setattr(spill, "_ROWS_AT_ONCE", 5)
    if request.param is not None:
        monkeypatch.setattr(spill.Spill.__init__, "__defaults__", (request.param,))
        monkeypatch.setattr(function_output, "BYTES_IN_MEMORY", request.param)


def in_parts(whole: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield from whole.iter_slices(7)


FORMS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "a frame": lambda whole: whole,
    "a lazy frame": lambda whole: whole.lazy().filter(pl.col("sensor") != ""),
    "an iterator of frames": in_parts,
    "an iterator of lazy frames": lambda whole: (part.lazy() for part in in_parts(whole)),
    "an Arrow table": lambda whole: whole.to_arrow(),
    "an Arrow stream": lambda whole: pa.RecordBatchReader.from_batches(whole.to_arrow().schema, whole.to_arrow().to_batches(5)),
    "an iterator of record batches": lambda whole: iter(whole.to_arrow().to_batches(5)),
}
COLUMNS: dict[str, pl.Series] = {
    "numbers": pl.Series([*range(ROWS - 1), None]),
    "nulls": pl.Series([None] * ROWS),
    "beyond 64 bits at the end": pl.Series([1] * (ROWS - 1) + [2**63], dtype=pl.UInt64),
    "nanoseconds at the end": pl.Series([0] * (ROWS - 1) + [1]).cast(pl.Datetime("ns", "UTC")),
    "lists": pl.Series([[n] for n in range(ROWS)]),
    "decimals": pl.Series([Decimal("1.50")] * ROWS),
}


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_every_form_gives_the_same_rows_and_the_same_content(tmp_path: Path, values: pl.Series) -> None:
    whole = frame(more=values)
    expected, first, _ = received(tmp_path, lambda _: whole)
    assert expected["row_number"].to_list() == list(range(1, ROWS + 1))
    assert expected["sensor"].to_list() == whole["sensor"].to_list()
    for name, form in FORMS.items():
        rows, entry, is_new = received(tmp_path, lambda _, form=form: form(whole))  # type: ignore[misc]
        assert not is_new, f"{name} has the content of the frame"
        assert (rows.equals(expected), entry) == (True, first)


def test_the_content_is_what_earlier_editions_of_the_platform_wrote(tmp_path: Path) -> None:
    """What has been received stays received."""
    _, entry, _ = received(tmp_path, lambda _: frame(number=[1.5] * ROWS, nothing=[None] * ROWS))
    assert entry.details["deliveries"][0]["content"] == "8e94af5a79b3b2715d96190b63345fe4"


@pytest.mark.usefixtures("little_memory")
def test_parts_with_other_types_and_columns_get_types_that_hold_all_values(tmp_path: Path) -> None:
    parts = [
        frame(0, 2, number=[1, 2], text=[None, None]),
        frame(2, 2, number=[2.5, None], late=["a", "b"]),
        frame(4, 2, number=[3, 4], text=["x", "y"]),
    ]
    rows, entry, _ = received(tmp_path, lambda _: iter(parts))
    assert rows.select("number", "text", "late").rows() == [
        *[(1.0, None, None), (2.0, None, None), (2.5, None, "a"), (None, None, "b"), (3.0, "x", None), (4.0, "y", None)]
    ]
    assert entry.rows == 6


def test_names_that_differ_in_case_are_those_of_the_columns_beside_them(tmp_path: Path) -> None:
    parts = [frame(0, 1).rename({"sensor": "Sensor"}), frame(1, 1, Sensor=["x"]), frame(2, 1).rename({"sensor": "Sensor"})]
    rows, _, _ = received(tmp_path, lambda _: iter(parts))
    assert rows["sensor"].to_list() == ["s0", "s1", "s2"] and rows["Sensor_2"].to_list() == [None, "x", None]
    parts = [frame(0, 1, X=["1"]), frame(1, 1, x=["2"]), frame(2, 1, x=["3"], X=["4"])]
    rows, _, _ = received(tmp_path / "beside", lambda _: iter(parts))
    assert rows.select("X", "x_2").rows() == [("1", None), ("2", None), ("4", "3")]


def test_an_iterator_that_gives_nothing_means_that_nothing_has_come(tmp_path: Path) -> None:
    _, entry, _ = received(tmp_path, lambda _: iter(()))
    assert entry.rows == 0 and "deliveries" in entry.details


def failing() -> Iterator[pl.DataFrame]:
    yield frame()
    raise OSError("the connection was lost")


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize(
    ("give", "says"),
    [
        (failing, "its function failed: OSError: the connection was lost"),
        (lambda: iter([frame(), frame().drop("at")]), "the schema declares 'at', there is no such column"),
        (lambda: iter([frame(), 7]), "its function returned int"),
        (lambda: frame().lazy().with_columns(pl.col("sensor").str.slice(1).cast(pl.Int64) // pl.lit("x")), "cannot be computed"),
    ],
)
def test_an_error_in_the_middle_leaves_nothing_behind(tmp_path: Path, give: Callable[[], Any], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        received(tmp_path / "lake", lambda _: give())
    assert not (tmp_path / "lake" / "readings").exists()


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("changed", [False, True], ids=["as it was given", "with a column more"])
def test_a_file_is_handed_on_in_parts_with_the_lines_that_are_no_rows(tmp_path: Path, changed: bool) -> None:
    lines = [f"s{n},2024-03-01T10:00Z" for n in range(ROWS)]
    (tmp_path / "a.csv").write_text("sensor,at\n" + "\n".join(lines[:6]) + "\nbad\n")
    (tmp_path / "b.csv").write_text("sensor,at\n" + "\n".join(lines[6:]) + "\n")

    def give(arrival: Arrival) -> pl.LazyFrame | None:
        rows = arrival.read_csv(tmp_path / "*.csv")
        return rows.with_columns(more=pl.lit(1)) if changed and rows is not None else rows

    rows, entry, _ = received(tmp_path / "lake", give)
    assert rows["sensor"].to_list() == [*(f"s{n}" for n in range(ROWS)), None]
    assert (entry.rows, rows["unparsed"].to_list()[-1], rows["unparsed_line"].to_list()[-1]) == (ROWS + 1, "bad", 8)
    assert not received(tmp_path / "lake", give)[2]


def test_a_large_file_in_another_encoding_or_compressed_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    from platform_assets.sources import file_content

    monkeypatch.setattr(file_content, "SMALL", 64)
    text = "sensor,at\n" + "".join(f"Köln {n},2024-03-01T10:00Z\n" for n in range(ROWS))
    (tmp_path / "plain.csv").write_bytes(text.encode())
    (tmp_path / "latin.csv").write_bytes(text.encode("latin-1"))
    (tmp_path / "wide.csv").write_bytes(text.encode("utf-16"))
    (tmp_path / "packed.csv").write_bytes(gzip.compress(text.encode()))
    for number, (name, encoding) in enumerate([("plain", "utf8"), ("latin", "latin-1"), ("wide", "utf-16"), ("packed", "utf8")]):
        read = lambda arrival, name=name, encoding=encoding: arrival.read_csv(tmp_path / f"{name}.csv", encoding=encoding)  # noqa: E731
        rows, _, is_new = received(tmp_path / "lake", read)
        assert rows.height == ROWS and is_new == (number == 0), name
