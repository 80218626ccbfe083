"""Each reason against rows is shown with a value, and with the way of writing that it looks like."""

from datetime import date, datetime

import polars as pl
import pytest

from platform_assets import daily, source
from platform_assets.engines.polars.compute import judged, received
from platform_assets.kernels.examples import examples_of, looks_like, with_example


class Visit:
    started_at: datetime
    price: float | None
    api_key: int | None


@source(schema=Visit, event_time="started_at", partitions=daily("2024-03-01"), rules={"positive": "price >= 0"})
def visits(arrival: object) -> None: ...


def test_each_reason_has_the_first_value_that_was_set_aside_for_it() -> None:
    rows = {
        "started_at": [
            "10/03/2026 21:34",
            "11/03/2026 21:34",
            "2024-03-01T00:00Z",
            "2024-03-01T00:00Z",
            "x" * 99,
            None,
            "2024-03-01T00:00Z",
        ],
        "price": ["1", "1", "1.234,50", "-2", "1", "1", "1"],
        "api_key": [None, None, None, None, None, None, "hush"],
    }
    found = examples_of(visits, judged(visits, received(visits, pl.DataFrame(rows).filter(pl.col("started_at").is_not_null()))).quarantine)
    shown = found[date(2024, 3, 1)]
    assert shown.pop("started_at: not datetime").startswith(
        "'10/03/2026 21:34' (day and month in digits: read_csv(..., date_formats=['%d/%m/%Y %H:%M']), if the day comes first"
    )
    assert shown == {
        "price: not float": "'1.234,50' (a decimal comma: an option of read_csv)",
        "positive": "price = '-2'",
        "api_key: not int": "***",
    }
    assert with_example("positive", shown) == "positive, such as price = '-2'"
    assert with_example("in the future", shown) == "in the future"


@pytest.mark.parametrize(
    ("value", "wanted", "hint"),
    [
        ("1,5", "float", "a decimal comma"),
        ("1.234", "int", ""),
        ("1,234.50", "float", "a separator of thousands"),
        ("$5", "float", "a currency"),
        ("5 EUR", "float", "a currency"),
        ("ten", "float", ""),
        ("25.02.2024", "date", "day and month in digits: read_csv(..., date_formats=['%d.%m.%Y']), or"),
        ("02/25/24 7:05:00", "datetime", "day and month in digits: read_csv(..., date_formats=['%m/%d/%y %H:%M:%S']), or"),
        ("05.03.2025 07h", "datetime", "day and month in digits: name its format, read_csv(..., date_formats=[...]), or"),
        ("2024", "date", ""),
        (5, "date", ""),
    ],
)
def test_a_value_in_another_way_of_writing_is_recognized(value: object, wanted: str, hint: str) -> None:
    found = looks_like(value, wanted)  # type: ignore[arg-type]
    assert found.startswith(hint)
    assert bool(found) == bool(hint)
