"""Views at any moment, computed from events in memory by every engine."""

import polars as pl

from platform_assets import FeatureView, count, daily, sum, time_since_last
from platform_assets.testing import assert_engines_agree, assert_features
from platform_assets_tests.conformance.named import USER, events


def test_values_are_those_of_the_moment_and_of_what_has_arrived_by_then() -> None:
    source = events(partitions=daily("2024-01-01"), data_delay="6h")
    view = FeatureView(
        "now",
        entity=USER,
        source=source,
        features=[count().over("20h"), sum("amount").over("10d"), time_since_last().over("10d")],
        accuracy="temporal",
    )
    rows = pl.DataFrame(
        {
            "id": [1, 2],
            "user": ["ada", "ada"],
            "at": ["2024-03-01 10:00:00Z", "2024-03-02 09:59:59Z"],
            "amount": [1.0, 2.0],
        }
    )
    found = assert_engines_agree(view, rows, at=["2024-03-02 05:59", "2024-03-02 06:59", "2024-03-02 07:00", "2024-03-03 06:00"])
    expected = [
        {"user": "ada", "at": "2024-03-02 05:59", "count_20h": 0, "amount_sum_10d": None, "time_since_last_10d": None},
        {"user": "ada", "at": "2024-03-02 06:59", "count_20h": 1, "amount_sum_10d": 1.0, "time_since_last_10d": 75_540.0},
        {"user": "ada", "at": "2024-03-02 07:00", "count_20h": 0, "amount_sum_10d": 1.0, "time_since_last_10d": 75_600.0},
        {"user": "ada", "at": "2024-03-03 06:00", "count_20h": 0, "amount_sum_10d": 3.0, "time_since_last_10d": 72_001.0},
    ]
    assert_features(found, expected)
