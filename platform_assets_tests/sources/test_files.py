"""Which files a path finds, and what of them reaches raw whatever the source's function does."""

import fnmatch
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets import Arrival, daily, source
from platform_assets.errors import SourceError
from platform_assets.sources import path_patterns
from platform_assets.sources.probe import Probe
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

DAY = "2024-03-05"
FILES = [
    f"orders [EU] {DAY}.csv",
    f"exports [EU]/{DAY}.csv",
    f"shops/a/{DAY}.csv",
    f"shops/b/{DAY}.csv",
    f"shops/b/deep/{DAY}.csv",
    f"shops/.hidden/{DAY}.csv",
    f"names/{DAY} [eu].csv",
    f"names/{DAY}-1.csv",
    f"names/{DAY}-2.csv",
    f"names/.{DAY}-3.csv",
    f"names/what? {DAY}*.csv",
    f"names/{{x}}{DAY}.csv",
]


@pytest.mark.parametrize(
    ("path", "finds"),
    [
        ("orders [EU] {day}.csv", ["orders [EU] {day}.csv"]),
        ("orders [[]EU] {day}.csv", ["orders [EU] {day}.csv"]),
        ("exports [EU]/{day}.csv", ["exports [EU]/{day}.csv"]),
        ("exports [EU]/*.csv", ["exports [EU]/{day}.csv"]),
        ("shops/*/{day}.csv", ["shops/a/{day}.csv", "shops/b/{day}.csv"]),
        ("shops/[!a]/{day}.csv", ["shops/b/{day}.csv"]),
        ("shops/[^a]/{day}.csv", ["shops/b/{day}.csv"]),
        ("shops/**/{day}.csv", ["shops/a/{day}.csv", "shops/b/{day}.csv", "shops/b/deep/{day}.csv"]),
        ("names/{day}-[12].csv", ["names/{day}-1.csv", "names/{day}-2.csv"]),
        ("names/{day}-?.csv", ["names/{day}-1.csv", "names/{day}-2.csv"]),
        ("names/{day} [[]*.csv", ["names/{day} [eu].csv"]),
        ("names/.{day}*", ["names/.{day}-3.csv"]),
        ("names/what? {day}*.csv", ["names/what? {day}*.csv"]),
        ("names/{{x}}{day}.csv", ["names/{{x}}{day}.csv"]),
        ("names/{day}-9*.csv", []),
    ],
)
@pytest.mark.parametrize("kind", [Arrival, Probe])
def test_a_path_finds_what_a_shell_would_and_names_with_brackets_as_they_stand(
    tmp_path: Path, kind: type[Arrival], path: str, finds: list[str]
) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a\n1\n")
    arrival = kind("orders", DAY, datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    found = [str(file.relative_to(tmp_path)) for file in arrival.find(tmp_path / path)]
    assert found == [name.replace("{day}", DAY).replace("{{", "{").replace("}}", "}") for name in finds]
    assert len(arrival.found) == len(finds)


@pytest.mark.parametrize(
    "placeholder", ["{when}", "{hour}", "{}", "{Day}", "{day:%Y-%m}", "{ day }", "{arrival.day}", "{yyyy-mm-dd}", "{a,b}"]
)
def test_an_unknown_placeholder_is_an_error_that_names_the_known_ones(tmp_path: Path, placeholder: str) -> None:
    arrival = Arrival("orders", DAY, datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    with pytest.raises(SourceError, match=r"the placeholder .*, which is not known\. Known are \{day\}, \{partition\}"):
        arrival.read_csv(tmp_path / f"{placeholder}.csv")


@pytest.mark.parametrize(("name", "says"), [("{day", "has a { without"), ("day}", "has a } without"), ("%Y-%m-%d", "has %Y, which is not")])
def test_what_would_find_no_file_of_any_day_is_an_error_too(tmp_path: Path, name: str, says: str) -> None:
    arrival = Arrival("orders", DAY, datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    with pytest.raises(SourceError, match=rf"{says} .*Known are \{{day\}}, \{{partition\}}"):
        arrival.read_csv(tmp_path / f"{name}.csv")


def test_a_folder_may_have_braces_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "{shop}").mkdir()
    (tmp_path / "{shop}" / f"{DAY}.csv").write_text("a\n1\n")
    arrival = Arrival("orders", DAY, datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    assert [file.name for file in arrival.find(tmp_path / "{{shop}}" / "{day}.csv")] == [f"{DAY}.csv"]


class Line:
    id: int
    at: datetime


def no_rows(rows: pl.LazyFrame) -> None:
    return None


@pytest.mark.parametrize(
    ("what", "accepted"),
    [
        (lambda rows: rows.filter(pl.col("id") != "1"), 1),
        (lambda rows: rows.select("id", "at").sort("id", descending=True), 2),
        (lambda rows: rows.clear(), 0),
        (no_rows, 0),
        (lambda rows: rows.with_columns(pl.col("id").cast(pl.Int64)), 2),
    ],
)
def test_lines_that_are_no_rows_are_received_whatever_the_function_does(
    tmp_path: Path, what: Callable[[pl.LazyFrame], Any], accepted: int
) -> None:
    (tmp_path / "2024-03-01.csv").write_text("id,at,x\n1,2024-03-01T10:00Z,a\nonly this\n3,2024-03-01T11:00Z,b\n")

    @source(schema=Line, event_time="at", partitions=daily("2024-03-01"), accepted_share=0)
    def lines(arrival: Arrival) -> Any:
        rows = arrival.read_csv(tmp_path / "{day}.csv")
        return None if rows is None else what(rows)

    lake, first = Lake(str(tmp_path / "lake")), lines.partitions.first
    run = Run(lake, Ledger(lake), "run", datetime(2024, 6, 1, tzinfo=UTC))
    make_raw(lines, first, first, run).check()
    counts = make_silver(lines, first, first, run).entries["2024-03-01"].details
    assert (counts["received"], counts["accepted"], counts["quarantined"]) == (accepted + 1, accepted, 1)
    aside = lake.scan(("lines", "quarantine")).select("unparsed", "unparsed_file", "unparsed_line", "reasons").collect()
    assert aside.rows() == [("only this", "2024-03-01.csv", 3, ["not parsed: 1 value instead of 3"])]
    assert list(make_raw(lines, first, first, run).unchanged) == ["2024-03-01"], "the same lines again change nothing"


@given(st.text("ab-", max_size=8), st.text("ab-*?", max_size=6))
def test_few_names_are_matched_as_the_shell_does(name: str, pattern: str) -> None:
    assert path_patterns._matches([name], pattern) == fnmatch.filter([name], pattern)
