"""Different values are counted exactly up to the bound and estimated from registers beyond, the same however a window is cut."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.aggregations import CountDistinct
from platform_assets.aggregations.hyperloglog import hashes
from platform_assets.expressions.types import DataType
from platform_assets_tests.aggregations.tiled import checkpointed, column, merged, oracle, whole

STANDARD_ERROR = 1.04 / 4096**0.5
KINDS: dict[DataType, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "str": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    "bool": st.booleans(),
    "date": st.dates(),
    "datetime": st.datetimes(datetime(1600, 1, 1), datetime(2900, 1, 1)).map(lambda at: at.replace(tzinfo=UTC, fold=0)),
}


@pytest.mark.parametrize("dtype", KINDS)
def test_the_engines_agree_however_the_window_is_cut(dtype: DataType) -> None:
    @given(st.lists(st.none() | KINDS[dtype], max_size=25), st.integers(1, 6), st.randoms(use_true_random=False))
    def agree(values: list[Any], bound: int, random: Random) -> None:
        aggregation = CountDistinct(exact_up_to=bound)
        assert whole(aggregation, values, dtype) == merged(aggregation, values, dtype, random) == oracle(aggregation, values)
        assert checkpointed(aggregation, values, dtype, random) == oracle(aggregation, values)

    agree()


@pytest.mark.parametrize("number", [4_097, 6_000, 10_000, 20_000, 60_000])
@pytest.mark.parametrize("kind", ["int", "str"])
def test_beyond_the_bound_the_estimate_is_near_the_truth_and_that_of_the_oracle(kind: DataType, number: int) -> None:
    values: list[Any] = [f"product {n}" if kind == "str" else 3 * n - number for n in range(number)]
    values += values[: number // 3]
    random = Random(number)
    found = whole(CountDistinct(), values, kind)
    assert abs(found - number) <= 4 * STANDARD_ERROR * number
    assert found > 4096
    random.shuffle(values)
    assert merged(CountDistinct(), values, kind, random) == found == oracle(CountDistinct(), values)
    assert checkpointed(CountDistinct(), values, kind, random) == found


@pytest.mark.parametrize("number", [5_000, 12_000, 25_000])
def test_estimates_are_as_often_above_as_below_and_as_far_off_as_they_say(number: int) -> None:
    ends = np.arange(60) * number
    of = column(list(range(60 * number)), "int")
    aggregation = CountDistinct()
    found = aggregation.finalize(aggregation.over(aggregation.prepare(of), ends, ends + number), of).to_numpy() / number - 1
    assert abs(found.mean()) < 4 * STANDARD_ERROR / 60**0.5
    assert 0.6 * STANDARD_ERROR < found.std() < 1.4 * STANDARD_ERROR


def test_at_the_bound_it_is_exact() -> None:
    assert whole(CountDistinct(), list(range(4096)) * 2, "int") == 4096


def test_hashes_are_those_of_every_version() -> None:
    """What was estimated once is estimated for ever: these numbers may not change."""
    at = datetime(2024, 3, 1, tzinfo=UTC)
    hashed: dict[DataType, list[Any]] = {"int": [-1, 0, 1], "float": [-0.0, 0.5], "str": ["", "é"], "bool": [False, True]}
    hashed |= {"date": [date(1970, 1, 1)], "datetime": [at, at + timedelta(microseconds=1)]}
    found = {kind: [f"{int(h):x}" for h in hashes(column(values, kind), np.arange(len(values)))] for kind, values in hashed.items()}
    assert found == {
        "int": ["e4d971771b652c20", "e220a8397b1dcdaf", "910a2dec89025cc1"],
        "float": ["e220a8397b1dcdaf", "f456984dd1d8ce6d"],
        "str": ["e4a6a0577479b2b4", "cb1abf8beff3192f"],
        "bool": ["e220a8397b1dcdaf", "910a2dec89025cc1"],
        "date": ["e220a8397b1dcdaf"],
        "datetime": ["a123653fccd13178", "3023808c0147aa6b"],
    }
