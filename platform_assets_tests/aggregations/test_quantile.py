"""A quantile is exact up to its bound and within 0.8% beyond, and is one and the same however its window is cut."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.aggregations import Quantile
from platform_assets_tests.aggregations.tiled import checkpointed, merged, oracle, whole

ALPHA = 1 / 128
QUANTILES = st.floats(0.0001, 0.9999)
FLOATS = st.lists(st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.0, 5e-324, -1e-310, 1e300]), max_size=40)


@given(FLOATS, QUANTILES)
def test_up_to_the_bound_it_is_numpys(values: list[float | None], q: float) -> None:
    kept = [value for value in values if value is not None]
    expected = float(np.quantile(kept, q)) if kept else None
    assert whole(Quantile(q), values, "float") == (None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-300))


@given(FLOATS, QUANTILES, st.integers(1, 8), st.randoms(use_true_random=False))
def test_the_engines_agree_to_the_last_digit_however_the_window_is_cut(
    values: list[float | None], q: float, bound: int, random: Random
) -> None:
    aggregation = Quantile(q, exact_up_to=bound)
    expected = oracle(aggregation, values)
    assert whole(aggregation, values, "float") == expected
    assert merged(aggregation, values, "float", random) == expected
    assert checkpointed(aggregation, values, "float", random) == expected


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30), QUANTILES, st.integers(1, 8), st.randoms(use_true_random=False))
def test_integers_too(values: list[int], q: float, bound: int, random: Random) -> None:
    aggregation = Quantile(q, exact_up_to=bound)
    assert whole(aggregation, values, "int") == merged(aggregation, values, "int", random) == oracle(aggregation, values)


DISTRIBUTIONS: dict[str, Any] = {
    "prices": lambda random: random.lognormvariate(1.0, 2.0),
    "amounts of both signs": lambda random: random.gauss(0.0, 1000.0),
    "tiny ones": lambda random: random.expovariate(1.0) * 1e-9,
    "around 1e12": lambda random: 1e12 + random.random(),
}


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
@pytest.mark.parametrize("q", [0.01, 0.25, 0.5, 0.9, 0.999])
def test_beyond_the_bound_it_is_within_its_error_and_the_same_however_the_window_is_cut(kind: str, q: float) -> None:
    random = Random(7)
    values = [DISTRIBUTIONS[kind](random) for _ in range(20_000)]
    aggregation = Quantile(q)
    found = whole(aggregation, values, "float")
    ordered = sorted(values)
    neighbours = ordered[int(q * 19_999)], ordered[int(q * 19_999) + 1]
    assert abs(found - float(np.quantile(values, q))) <= ALPHA * max(map(abs, neighbours))
    assert found != float(np.quantile(values, q)), "nothing was estimated, so nothing was tested"
    random.shuffle(values)
    assert merged(aggregation, values, "float", random) == found == oracle(aggregation, values)
    assert checkpointed(aggregation, values, "float", random) == found


def test_many_values_of_which_few_differ_are_counted_exactly() -> None:
    values = [float(number % 4096) for number in range(50_000)]
    assert whole(Quantile(0.37), values, "float") == float(np.quantile(values, 0.37))
