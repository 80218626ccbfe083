"""Columns whose types differ from delivery to delivery: every value can be read back, and is judged as if its day had come alone."""

import os
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from platform_assets import daily, source
from platform_assets.declare.source import Source
from platform_assets.kernels.received_types import as_delivered, as_text, kept_exactly
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

NOON = datetime(2024, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
VALUES: dict[str, pl.Series] = {
    "null": pl.Series([None, None]),
    "bool": pl.Series([True, None, False]),
    "i8": pl.Series([1, -128, 0], dtype=pl.Int8),
    "i64": pl.Series([2, None, -(2**53)]),
    "i64_big": pl.Series([2**53 + 1, -(2**63), 2**63 - 1]),
    "u8": pl.Series([1, 255], dtype=pl.UInt8),
    "u64": pl.Series([3, 2**64 - 1], dtype=pl.UInt64),
    "i128": pl.Series([1, 2**100], dtype=pl.Int128),
    "f32": pl.Series([0.1, None, 2.0], dtype=pl.Float32),
    "f64": pl.Series([2.75, 2.0, float("nan"), float("inf"), -0.0, 5e-324, 1e16]),
    "decimal": pl.Series([Decimal("1.50"), Decimal("-0.01")], dtype=pl.Decimal(10, 2)),
    "decimal_wide": pl.Series([Decimal("1." + "1" * 30)], dtype=pl.Decimal(38, 30)),
    "str": pl.Series(["2", " 2.75", "", "abc", None, "true", "2024-03-01", "1.0", "a\nb\x00"]),
    "categorical": pl.Series(["1", "b"], dtype=pl.Categorical),
    "enum": pl.Series(["a"], dtype=pl.Enum(["a", "b"])),
    "date": pl.Series([date(2024, 3, 1), date(1, 1, 1), None]),
    "naive": pl.Series([datetime(2024, 3, 1, 9, 30)]),
    "utc": pl.Series([NOON, NOON.replace(hour=0, minute=0, microsecond=0)]),
    "berlin_ms": pl.Series([NOON]).dt.convert_time_zone("Europe/Berlin").dt.cast_time_unit("ms"),
    "ns": pl.Series([NOON]).dt.cast_time_unit("ns"),
    "ns_fine": pl.Series([1_709_296_200_123_456_789]).cast(pl.Datetime("ns", "UTC")),
    "time": pl.Series([time(1, 2, 3, 4)]),
    "duration": pl.Series([timedelta(days=-1, microseconds=5)]),
    "binary": pl.Series([b"\xff\x00", b""]),
    "list": pl.Series([[1, None], [], None]),
    "list_null": pl.Series([[], []]),
    "list_naive": pl.Series([[datetime(2024, 3, 1)]]),
    "struct": pl.Series([{"a": 1, "b": "x"}, None]),
    "struct_other": pl.Series([{"a": 1.5, "c": [b"\x00"]}]),
    "struct_case": pl.Series([{"a": 1, "A": 2}]),
}
USUAL = ["null", "bool", "i64", "i64_big", "f64", "decimal", "str", "date", "utc", "ns_fine", "binary", "list", "struct"]
ROWS = max(map(len, VALUES.values()))


def column(kind: str, name: str) -> pl.Series:
    """The values of a kind, with nulls up to the number of rows that all have."""
    values = VALUES[kind].alias(name)
    return values.extend_constant(None, ROWS - len(values)) if len(values) < ROWS else values


def frame(day: str, columns: dict[str, str]) -> pl.DataFrame:
    ids = [pl.Series("id", [f"{day}-{number}" for number in range(ROWS)]), pl.Series("at", [f"{day}T10:00:00Z"] * ROWS)]
    return pl.DataFrame([*ids, *(column(kind, name) for name, kind in columns.items())])


def of(frames: dict[str, pl.DataFrame], declared: dict[str, type]) -> Source:
    optional = {name: kind | None for name, kind in declared.items()}
    schema = type("Schema", (), {"__annotations__": {"id": str, "at": datetime, **optional}})

    def things(arrival: Any) -> pl.DataFrame | None:
        return frames.get(arrival.partition)

    return source(schema=schema, event_time="at", partitions=daily("2024-03-01"), accepted_share=0.0, timezone="UTC")(things)


def run(folder: Path) -> Run:
    lake = Lake(str(folder))
    return Run(lake, Ledger(lake), "run", datetime(2024, 6, 1, tzinfo=UTC))


def receive(folder: Path, of_source: Source, days: list[str]) -> Run:
    """Receives and judges one day after the other."""
    for day in days:
        partition = of_source.partitions.number(day)
        make_raw(of_source, partition, partition, run(folder)).check()
        make_silver(of_source, partition, partition, run(folder)).check()
    return run(folder)


def back(run: Run, day: str) -> dict[str, pl.Series]:
    """The columns of a day in the types in which they were delivered, as far as a type is kept beside its text."""
    rows = run.lake.scan(("things", "raw")).filter(pl.col("arrival") == date.fromisoformat(day), ~pl.col("superseded")).collect()
    types = run.ledger.entries("things/raw")[day].details["deliveries"][-1]["types"]
    read = {name: as_delivered(name, dtype, types.get(name, "String")) for name, dtype in rows.schema.items()}
    return {column.name: column for column in rows.sort("row_number").with_columns(one[0].alias(name) for name, one in read.items() if one)}


def is_what_came(found: pl.Series | None, came: pl.Series) -> bool:
    kept = kept_exactly(came)
    if kept is None or found is None:
        return (found is None or found.null_count() == len(found)) and came.null_count() == len(came)
    if kept.dtype.is_nested() and found.dtype == pl.String:
        kept = as_text(came)
    return found.dtype == kept.dtype and as_text(found).to_list() == as_text(kept).to_list()


@pytest.mark.parametrize("kinds", [pytest.param(USUAL, id="usual"), pytest.param(list(VALUES), id="all", marks=pytest.mark.slow)])
def test_every_pair_of_types_of_a_column_nobody_declared_is_kept_exactly_in_any_order(tmp_path: Path, kinds: list[str]) -> None:
    """All pairs are columns of one table: the first day brings one type, the next another, the third the first again."""
    pairs = {f"{one}__{other}": (one, other) for one, other in product(kinds, kinds)}
    days = ["2024-03-01", "2024-03-02", "2024-03-03"]
    frames = {day: frame(day, {name: pair[turn % 2] for name, pair in pairs.items()}) for turn, day in enumerate(days)}
    of_source = of(frames, {})
    done = receive(tmp_path, of_source, days)
    found = {day: back(done, day) for day in days}
    lost = [f"{day} {name}" for day in days for name in pairs if not is_what_came(found[day].get(name), frames[day][name])]
    assert lost == []
    assert done.lake.version(("things", "raw")) == 3, "three deliveries, and one commit that made all columns wider"
    assert done.lake.scan(("things", "silver")).collect().height == 3 * ROWS


TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool, "date": date, "datetime": datetime}
FAST = [("float", "usual"), ("str", "usual"), ("datetime", "all")]
NEVER = {"binary", "list", "list_null", "list_naive", "struct", "struct_other", "struct_case"}
ONLY_TIMES = {"null", "str", "categorical", "enum", "date", "naive", "utc", "berlin_ms", "ns", "ns_fine"}


def readable(kind: str, declared: str) -> bool:
    """Whether a delivery of this type is received at all where another one is declared."""
    return kind in ONLY_TIMES if declared == "datetime" else kind not in NEVER


CASES = [
    pytest.param(declared, kinds, id=f"{declared} {name}", marks=() if (declared, name) in FAST else pytest.mark.slow)
    for declared, (name, kinds) in product(TYPES, {"usual": USUAL, "all": list(VALUES)}.items())
]


@pytest.mark.parametrize(("declared", "kinds"), CASES)
def test_a_day_is_judged_as_if_it_had_come_alone_whatever_types_other_days_brought(tmp_path: Path, declared: str, kinds: list[str]) -> None:
    kinds = [kind for kind in kinds if readable(kind, declared)]
    pairs = {f"{one}_{other}": (one, other) for one, other in product(kinds, kinds)}
    days = ["2024-03-01", "2024-03-02"]
    frames = {day: frame(day, {name: pair[turn] for name, pair in pairs.items()}) for turn, day in enumerate(days)}
    names = dict.fromkeys(pairs, TYPES[declared])
    together = of(frames, names)
    receive(tmp_path / "both", together, days)
    make_silver(together, together.partitions.number(days[0]), together.partitions.number(days[1]), run(tmp_path / "both")).check()
    for day in days:
        alone = receive(tmp_path / day, of({day: frames[day]}, names), [day])
        both = run(tmp_path / "both")
        silver = [one.lake.scan(("things", "silver")).filter(pl.col("id").str.starts_with(day)).collect() for one in (alone, both)]
        assert silver[1].sort("row_number").equals(silver[0].sort("row_number"), null_equal=True)
        reasons = [one.ledger.entries("things/silver")[day].details["reasons"] for one in (alone, both)]
        assert reasons[1] == reasons[0]
    aside = both.lake.scan(("things", "quarantine")).collect()
    raw = both.lake.scan(("things", "raw")).filter(~pl.col("superseded")).collect()
    kept = raw.join(aside, on=["arrival", "delivery", "row_number"], how="semi").sort("arrival", "row_number")
    assert all(aside.sort("arrival", "row_number")[name].equals(kept[name], null_equal=True) for name in pairs if name in kept.columns)


def test_the_first_day_binds_no_type(tmp_path: Path) -> None:
    """2.75 once came out as 2, since the first day had whole numbers, or none."""
    for kind in ("i64", "null", "str", "decimal"):
        frames = {"2024-03-01": frame("2024-03-01", {"amount": kind}), "2024-03-02": frame("2024-03-02", {"amount": "f64"})}
        done = receive(tmp_path / kind, of(frames, {"amount": float}), list(frames))
        rows = done.lake.scan(("things", "silver")).filter(pl.col("arrival") == date(2024, 3, 2)).sort("row_number").collect()
        assert rows["amount"].head(2).to_list() == [2.75, 2.0]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, str]]:
    days = draw(st.lists(st.sampled_from(["2024-03-01", "2024-03-02", "2024-03-03"]), min_size=2, max_size=5))
    return [(day, draw(st.sampled_from(list(VALUES)))) for day in days]


@seed(int(os.environ.get("PYTEST_SEED", "0")) or None)
@settings(max_examples=int(os.environ.get("TYPES_EXAMPLES", "6")), deadline=None)
@given(histories())
def test_deliveries_of_any_types_restate_each_other_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str]]
) -> None:
    folder, frames = tmp_path_factory.mktemp("lake"), dict[str, pl.DataFrame]()
    of_source = of(frames, {})
    for day, kind in history:
        frames[day] = frame(day, {"value": kind})
        done = receive(folder, of_source, [day])
        for other, came in frames.items():
            assert is_what_came(back(done, other).get("value"), came["value"])
