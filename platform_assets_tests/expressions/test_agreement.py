"""Random expressions over random rows: every back end gives the values of every other, to the last digit."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets.errors import DeclarationError
from platform_assets.expressions import parse
from platform_assets.expressions.functions import SIGNATURES
from platform_assets_tests.expressions.back_ends import BACK_ENDS, same
from platform_assets_tests.expressions.cases import COLUMNS
from platform_assets_tests.expressions.generated import EXACT, any_expression, calling, rows
from platform_assets_tests.rotation import PART

Rows = list[dict[str, Any]]


def nearly_same(left: Any, right: Any) -> bool:
    return same(left, right) or (left is not None and right is not None and math.isclose(left, right, rel_tol=1e-14, abs_tol=1e-300))


def agree(sql: str, rows: Rows, alike: Callable[[Any, Any], bool] = same) -> None:
    try:
        expression = parse(sql, columns=COLUMNS, where="generated")
    except DeclarationError as error:
        # A literal that no cast can read is refused, and nothing else that is generated.
        assert "; write it as " in str(error), error
        return
    values = {name: compute(expression, COLUMNS, rows) for name, compute in BACK_ENDS.items()}
    expected = values["python"]
    for name, computed in values.items():
        wrong = [(row, value, right) for row, value, right in zip(rows, computed, expected, strict=True) if not alike(value, right)]
        assert wrong == [], f"{name} differs from python in {expression.canonical}"


UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.parametrize("name", SIGNATURES)
@settings(max_examples=8, deadline=None, suppress_health_check=UNHURRIED)
@given(data=st.data(), rows=rows)
def test_back_ends_agree_on_a_function(name: str, data: st.DataObject, rows: Rows) -> None:
    agree(data.draw(calling(name, depth=2)), rows, same if name in EXACT else nearly_same)


@pytest.mark.slow
@settings(max_examples=PART.share(4_000), deadline=None, suppress_health_check=UNHURRIED)
@given(any_expression, rows)
def test_back_ends_agree_for_long(sql: str, rows: Rows) -> None:
    agree(sql, rows)


@settings(max_examples=100, deadline=None, suppress_health_check=UNHURRIED)
@given(any_expression)
def test_the_canonical_text_means_the_same_and_is_its_own(sql: str) -> None:
    try:
        expression = parse(sql, columns=COLUMNS, where="generated")
    except DeclarationError:
        return
    again = parse(expression.canonical, columns=COLUMNS, where="generated")
    assert again == expression
    assert again.canonical == expression.canonical
