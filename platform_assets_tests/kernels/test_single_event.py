"""One event is validated as silver would judge it, with all that is wrong with it at once."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets import Arrival, allowed, daily, drift, holds, in_range, matches, null_share, source, validate
from platform_assets.errors import DeclarationError
from platform_assets.kernels.judge_rows import REASONS, examine
from platform_assets.kernels.single_event import Violation
from platform_assets_tests.rotation import PART


class Order:
    order_id: int
    code: str
    price: float
    paid: bool
    day: date | None
    note: str | None
    weight: float | None
    at: datetime


@source(
    schema=Order, event_time="at", partitions=daily("2024-01-01", timezone="UTC"), timezone="Europe/London",
    rules={"price_not_negative": "price >= 0", "day_before": "day <= cast(at as date)"}, flags={"free": "price = 0"},
    checks=[
        in_range("price", high=100, severity="error"), matches("code", "[0-9]{3}"), allowed("note", ["gift", "late"], at_most=0.1),
        holds("not free or note is not null", name="free_has_a_note"), null_share("weight", at_most=0), null_share("note"), drift("price"),
    ],
)  # fmt: skip
def orders(arrival: Arrival) -> None:
    """Orders."""


RIGHT = {
    "order_id": 1, "code": "001", "price": 9.5, "paid": True, "day": date(2024, 1, 1), "note": "gift", "weight": 0.5,
    "at": datetime(2024, 1, 1, 12, tzinfo=UTC),
}  # fmt: skip


def told(**changes: Any) -> list[tuple[str, Any, str, str]]:
    return [(v.column, v.value, v.reason, v.severity) for v in validate(orders, {**RIGHT, **changes})]


def test_a_right_event_has_no_violation() -> None:
    assert validate(orders, RIGHT) == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    event = {
        "order_id": "x",
        "code": "A",
        "price": -1.0,
        "paid": None,
        "day": date(2024, 1, 2),
        "note": "?",
        "weight": None,
        "at": RIGHT["at"],
    }
    assert validate(orders, event) == [
        Violation("order_id", "x", "not int"),
        Violation("paid", None, "missing"),
        Violation("price", -1.0, "price_not_negative: price >= 0"),
        Violation("at, day", {"at": RIGHT["at"], "day": date(2024, 1, 2)}, "day_before: day <= cast(at as date)"),
        Violation("code", "A", "matches_code: matches [0-9]{3}", "warn"),
        Violation("note", "?", "allowed_note: (note) in ('gift', 'late')", "warn"),
        Violation("weight", None, "null_share_weight: missing", "warn"),
    ]


def test_a_check_has_its_own_severity_and_reads_flags() -> None:
    assert told(price=101.0) == [("price", 101.0, "in_range_price: (price) <= 100", "error")]
    assert told(price=0.0, note=None) == [
        ("free, note", {"free": True, "note": None}, "free_has_a_note: not free or note is not null", "warn")
    ]


def test_a_column_that_is_not_there_is_missing_and_a_similar_one_is_named() -> None:
    event = {("prize" if name == "price" else name): value for name, value in RIGHT.items()}
    assert validate(orders, event) == [Violation("price", None, "missing: the event has 'prize'")]
    assert validate(orders, {}) == [Violation(column, None, "missing") for column in ("order_id", "code", "price", "paid", "at")] + [
        Violation("weight", None, "null_share_weight: missing", "warn")
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order_id": "12.0"}, None),
        ({"order_id": 2**63}, "not int"),
        ({"order_id": True}, "not int"),
        ({"price": 9}, None),
        ({"price": " 9.5 "}, None),
        ({"price": float("nan")}, "missing"),
        ({"price": "inf"}, "missing"),
        ({"price": {"amount": 3}}, "not float"),
        ({"price": [3.0]}, "not float"),
        ({"paid": "yes"}, None),
        ({"day": "2024-01-01"}, None),
        ({"code": ""}, "missing"),
        ({"at": "2024-01-01T12:00:00Z"}, None),
        ({"at": datetime(2024, 1, 1, 12)}, None),
        ({"at": datetime(2024, 1, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))}, None),
        ({"at": datetime(2024, 3, 31, 1, 30)}, "skipped"),
        ({"at": "yesterday"}, "not datetime"),
        ({"at": datetime(1, 1, 1, tzinfo=UTC)}, "outside the years 1000 to 9999"),
    ],
)  # fmt: skip
def test_values_are_read_as_in_tables(change: dict[str, Any], reason: str | None) -> None:
    found = [v.reason for v in validate(orders, {**RIGHT, **change})]
    if reason is None:
        assert found == []
    else:
        [only] = found
        assert reason in only


ODD = st.sampled_from(["", " ", "x", "1", " 7 ", "1.5", "-2", "nan", "1e3", "yes", "2024-01-01", "2024-01-01T10:00:00", "01:30", "9" * 30])
VALUES = {
    "order_id": st.integers(-5, 5) | st.floats(-5, 5) | st.booleans(),
    "code": st.sampled_from(["001", "1", "ab"]) | st.integers(0, 9),
    "price": st.floats(-10, 200) | st.integers(-3, 300) | st.just(float("inf")),
    "paid": st.booleans() | st.integers(0, 2),
    "day": st.dates(date(2023, 12, 30), date(2024, 1, 3)),
    "note": st.sampled_from(["gift", "?", ""]),
    "weight": st.floats(-1, 1),
    "at": st.datetimes(datetime(2023, 12, 30), datetime(2024, 4, 2))
    | st.datetimes(datetime(2023, 12, 30), datetime(2024, 1, 2), timezones=st.just(timezone(timedelta(hours=9)))),
}


@settings(max_examples=PART.share(800), deadline=None)
@given(st.fixed_dictionaries({name: st.none() | ODD | values for name, values in VALUES.items()}))
def test_the_verdict_is_that_of_silver(event: dict[str, Any]) -> None:
    arrival = date(2030, 1, 1)  # so that nothing lies in the future
    raw = pl.DataFrame({name: [value] for name, value in event.items()}).with_columns(arrival=pl.lit(arrival), delivery=1, row_number=1)
    bad = examine(orders, raw).bad
    expected = sorted(bad[REASONS].item().to_list()) if bad.height else []
    errors = [v for v in validate(orders, event) if v.severity == "error" and not v.reason.startswith("in_range")]
    got = [v.reason.partition(":")[0] if v.reason.startswith(("price_", "day_")) else f"{v.column}: {v.reason}" for v in errors]
    assert sorted(got) == expected


@pytest.mark.parametrize(("what", "event"), [(orders.read, {}), (orders, [1])], ids=["no source", "no event"])
def test_what_is_no_source_or_event_is_refused(what: Any, event: Any) -> None:
    with pytest.raises(DeclarationError, match="validate:"):
        validate(what, event)


def test_an_event_of_the_declared_types_takes_microseconds() -> None:
    validate(orders, RIGHT)
    start = time.process_time()
    for _ in range(2_000):
        validate(orders, RIGHT)
    assert (time.process_time() - start) / 2_000 < 200e-6, "CPU seconds an event; it takes about 20 microseconds"
