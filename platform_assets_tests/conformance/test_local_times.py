"""Indexes and starts of partitions by the array, for many times at once, are those that the declaration says of each."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets import daily, weekly
from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.times import index_at, index_of, physical, start_of, stored_partition
from platform_assets_tests.declare.zones import CHANGES

ZONES = sorted({zone for zone, _ in CHANGES.values()} | {"UTC"})
ANY_TIME = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(2040, 1, 1)), st.datetimes(datetime(1001, 1, 1), datetime(9998, 12, 1)), st.none()
)
NEAR = st.tuples(st.sampled_from(sorted(day for _, day in CHANGES.values())), st.integers(-2000, 2000), st.sampled_from([0, 1, -1])).map(
    lambda at: datetime.fromisoformat(at[0]) + at[1] * timedelta(minutes=1) + at[2] * MICROSECOND
)


@pytest.mark.parametrize("make", [daily, weekly])
@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(ZONES), times=st.lists(st.one_of(ANY_TIME, NEAR, NEAR), max_size=20))
def test_many_times_at_once_are_in_the_partitions_that_each_is_in(make: type[Partitions], zone: str, times: list[datetime | None]) -> None:
    partitions: Partitions = make("2024-01-01", timezone=zone)  # type: ignore[call-arg, arg-type]
    moments = [None if at is None else at.replace(tzinfo=UTC) for at in times]
    frame = pl.DataFrame({"at": pl.Series(moments, dtype=POLARS["datetime"])})
    found = frame.select(index=index_at(physical("at"), partitions))
    indexes = [None if at is None else partitions.index(at) for at in moments]
    assert found["index"].to_list() == indexes
    starts = found.select(starts=start_of(pl.col("index"), partitions), value=stored_partition(pl.col("index"), partitions))
    assert starts["starts"].to_list() == [None if index is None else partitions.starts_at(index) for index in indexes]
    assert starts["value"].to_list() == [None if index is None else partitions.value(index) for index in indexes]
    assert starts.select(index_of("value", partitions)).to_series().to_list() == indexes


@pytest.mark.parametrize("make", [daily, weekly])
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_the_first_and_the_last_days_that_a_database_may_hold_have_a_partition(make: type[Partitions], zone: str) -> None:
    """0001-01-01 is how Go and .NET write a time that was never set, 9999-12-31 how others write "for ever"."""
    partitions: Partitions = make("2024-01-01", timezone=zone)  # type: ignore[call-arg, arg-type]
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 20, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
    found = pl.DataFrame({"at": pl.Series(ends, dtype=POLARS["datetime"])}).select("at", index=index_at(physical("at"), partitions))
    starts = found.select(physical("at").alias("at"), start=start_of(pl.col("index"), partitions).dt.timestamp("us"))
    within = starts.select(pl.col("at") - pl.col("start")).to_series().to_list()
    assert all(0 <= microseconds < 8 * 86_400_000_000 for microseconds in within)
    assert found["index"][1] == partitions.index(ends[1])
