"""Engines agree with the reference on values at the moments of labels, straight from silver."""

import pytest
from hypothesis import given, settings

from platform_assets_tests.conformance.engines import ENGINES, Engine
from platform_assets_tests.conformance.generated import cases
from platform_assets_tests.conformance.moments import Met, MomentCase, moment_cases, require_silver_agreement, require_temporal_agreement
from platform_assets_tests.conformance.pipeline import Case
from platform_assets_tests.conformance.test_agreement import A_FEW, AN_HOUR, EACH, GENERATED, MANY
from platform_assets_tests.rotation import PART

on_every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


@on_every_engine
def test_values_straight_from_silver_are_those_from_gold(engine: Engine) -> None:
    @settings(GENERATED, max_examples=A_FEW // 3)
    @given(cases())
    def agrees(case: Case) -> None:
        require_silver_agreement(engine, case)

    agrees()


@on_every_engine
def test_values_at_any_moment_are_those_of_the_reference(engine: Engine) -> None:
    @settings(GENERATED, max_examples=A_FEW // 2)
    @given(moment_cases())
    def agrees(case: MomentCase) -> None:
        require_temporal_agreement(engine, case)

    agrees()


@pytest.mark.slow
@AN_HOUR
@on_every_engine
def test_thousands_of_values_straight_from_silver_are_those_from_gold(engine: Engine) -> None:
    @settings(GENERATED, max_examples=PART.share(MANY))
    @given(cases())
    def agrees(case: Case) -> None:
        require_silver_agreement(engine, case)

    agrees()


@pytest.mark.slow
@AN_HOUR
@on_every_engine
def test_an_engine_agrees_at_moments_of_thousands_of_cases_that_meet_every_edge(engine: Engine) -> None:
    met = Met()

    @settings(GENERATED, max_examples=PART.share(MANY))
    @given(moment_cases())
    def agrees(case: MomentCase) -> None:
        met.add(require_temporal_agreement(engine, case))

    agrees()
    print(f"{met.examined} cases; the rarest of {len(met.cells)} cells occurred in {min(met.cells.values())} of them")
    if PART.is_everything:
        assert met.rarer_than(EACH) == {}, f"what occurred in fewer than {EACH} cases"
