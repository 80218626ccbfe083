"""Spark has the values of the reference: named cases, and generated ones in groups whose rows go through the engine together."""

import pytest

from platform_assets_tests.conformance import grouped
from platform_assets_tests.conformance.named import CASES
from platform_assets_tests.conformance.quick import load_named_cases
from platform_assets_tests.conformance.through_tables import ThroughTables
from platform_assets_tests.rotation import PART
from platform_assets_tests.spark.session import small_tables

load_named_cases()

A_GROUP = 40
"""Cases of one declaration: 18 groups have 720 of them."""


@pytest.fixture(scope="module")
def engine() -> ThroughTables:
    return small_tables()


@pytest.mark.slow
@pytest.mark.rotating("platform_assets/engines/spark/tasks.py")
@pytest.mark.parametrize("title", CASES)
def test_named_case(engine: ThroughTables, title: str) -> None:
    CASES[title].check(engine)


@pytest.mark.slow
@pytest.mark.rotating("platform_assets/engines/spark/")
@pytest.mark.parametrize("number", range(12))
def test_tables_from_raw_to_training_sets_are_those_of_the_reference(engine: ThroughTables, number: int) -> None:
    assert grouped.require_group(engine, A_GROUP, PART.seed + number) > A_GROUP // 2


@pytest.mark.slow
@pytest.mark.rotating("platform_assets/engines/spark/")
@pytest.mark.parametrize("number", range(4))
def test_attributes_are_those_of_the_reference(engine: ThroughTables, number: int) -> None:
    assert grouped.require_group_of_states(engine, A_GROUP, PART.seed + number) > A_GROUP // 2


@pytest.mark.slow
@pytest.mark.rotating("platform_assets/engines/spark/")
@pytest.mark.parametrize("number", range(3))
def test_values_at_any_moment_are_those_of_the_reference(engine: ThroughTables, number: int) -> None:
    assert grouped.require_group_of_moments(engine, A_GROUP, PART.seed + number) > A_GROUP // 2
