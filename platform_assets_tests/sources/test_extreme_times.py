"""Typed columns with times at the ends of what 64 bits hold: each such row is set aside, and nothing panics."""

from datetime import UTC, date, datetime
from typing import Literal

import polars as pl
import pytest

from platform_assets import daily, source
from platform_assets.engines.polars.compute import judged, received
from platform_assets.errors import ComputeError

ENDS = [2**63 - 1, -(2**63) + 1, 2**62, -(2**62)]
FAR = "outside the years 1000 to 9999"


class Event:
    id: int
    at: datetime
    until: datetime | None
    day: date | None


@pytest.mark.parametrize("timezone", [None, "America/New_York"])
@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", None])
def test_times_at_the_ends_of_a_unit_are_set_aside_alone(unit: Literal["ms", "us", "ns"], zone: str | None, timezone: str | None) -> None:
    @source(schema=Event, event_time="at", partitions=daily("2024-03-01"), timezone=timezone)
    def events(arrival: object) -> None: ...

    if zone is None and timezone is None:
        pytest.skip("refused as a whole: its times have no time zone")
    good = datetime(2024, 3, 1, 12, tzinfo=UTC)
    until = pl.Series([None, good.replace(tzinfo=None)], dtype=pl.Datetime(unit)).to_physical()
    until = pl.concat([until, pl.Series(ENDS)]).cast(pl.Datetime(unit)).dt.replace_time_zone("UTC").dt.convert_time_zone(zone or "UTC")
    if zone is None:
        until = until.to_physical().cast(pl.Datetime(unit))
    days = [None, 0, 2**31 - 1, -(2**31) + 1, 5_000_000, -1_000_000]
    frame = pl.DataFrame(
        {"id": range(6), "at": [good] * 6, "until": until, "day": pl.Series(days, dtype=pl.Int32).cast(pl.Date)},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    found = judged(events, received(events, frame))
    assert found.silver["id"].to_list() == [0, 1]
    times = [] if unit == "ns" else [f"until: {FAR}"]
    assert found.quarantine["reasons"].to_list() == [[*times, f"day: {FAR}"]] * 4


def test_event_times_at_the_ends_are_set_aside_before_any_partition_is_computed() -> None:
    @source(schema=Event, event_time="at", partitions=daily("2024-03-01"), timezone="Europe/London")
    def events(arrival: object) -> None: ...

    at = pl.Series(ENDS).cast(pl.Datetime("ms"))
    found = judged(events, received(events, pl.DataFrame({"id": range(4), "at": at})))
    assert found.quarantine["reasons"].to_list() == [[f"at: {FAR}"]] * 4


@pytest.mark.parametrize("arrival", [2**31 - 1, -(2**31) + 1])
def test_an_arrival_at_the_ends_is_an_error(arrival: int) -> None:
    @source(schema=Event, event_time="at", partitions=daily("2024-03-01"))
    def events(arrival: object) -> None: ...

    day = pl.Series([arrival], dtype=pl.Int32).cast(pl.Date)
    with pytest.raises(ComputeError, match="row 1: it arrives"):
        received(events, pl.DataFrame({"id": [1], "at": ["2024-03-01T00:00Z"], "arrival": day}))
