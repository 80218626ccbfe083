"""Engines agree with the reference on generated cases, and the cases meet what they are meant to meet."""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from platform_assets_tests.conformance.engines import ENGINES, Engine
from platform_assets_tests.conformance.generated import cases
from platform_assets_tests.conformance.pipeline import Case, require_agreement

# In CI the same cases every time, so that a red build says something about the change; elsewhere new ones, to find more.
GENERATED = settings(
    deadline=None, print_blob=True, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def check(engine: Engine, number: int) -> None:
    @settings(GENERATED, max_examples=number)
    @given(cases())
    def agrees(case: Case) -> None:
        require_agreement(engine, case)

    agrees()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_engines_agree_with_the_reference(engine: Engine) -> None:
    check(engine, 50)
