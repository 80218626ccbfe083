"""Engines agree with the reference on generated cases, and the cases have met every edge often enough to say so."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from platform_assets.engines import reference
from platform_assets.testing.equality import require_same_row
from platform_assets_tests.conformance.engines import ENGINES, Engine
from platform_assets_tests.conformance.generated import cases
from platform_assets_tests.conformance.grid import Grid
from platform_assets_tests.conformance.pipeline import Case, require_agreement, run
from platform_assets_tests.conformance.states import WHAT_STATES_MEET, StateCase, require_state_agreement, state_cases
from platform_assets_tests.rotation import PART

GENERATED = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
A_FEW, MANY, EACH = 40, 2100, 20  # a few others for each commit
AN_HOUR = pytest.mark.timeout(3600)  # thousands of cases take ten minutes of CPU, and machines are shared

on_every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


@on_every_engine
def test_an_engine_agrees_with_the_reference(engine: Engine) -> None:
    @settings(GENERATED, max_examples=A_FEW)
    @given(cases())
    def agrees(case: Case) -> None:
        require_agreement(engine, case)

    agrees()


@pytest.mark.slow
@AN_HOUR
@on_every_engine
def test_an_engine_agrees_on_thousands_of_cases_that_meet_every_edge(engine: Engine) -> None:
    grid = Grid()

    @settings(GENERATED, max_examples=PART.share(MANY))
    @given(cases())
    def agrees(case: Case) -> None:
        grid.add(case, require_agreement(engine, case))

    agrees()
    print(f"{grid.examined} cases; the rarest of {len(grid.cases)} cells occurred in {min(grid.cases.values())} of them")
    if PART.is_everything:
        assert grid.examined >= 2000
        assert grid.rarer_than(EACH) == {}, f"aggregation, closed, edge and lateness that occurred in fewer than {EACH} cases"


@on_every_engine
def test_an_engine_agrees_on_states_and_their_attributes(engine: Engine) -> None:
    @settings(GENERATED, max_examples=A_FEW // 3)
    @given(state_cases())
    def agrees(case: StateCase) -> None:
        require_state_agreement(engine, case)

    agrees()


@pytest.mark.slow
@AN_HOUR
@on_every_engine
def test_an_engine_agrees_on_many_states_that_meet_every_case(engine: Engine) -> None:
    met: Counter[str] = Counter()

    @settings(GENERATED, max_examples=PART.share(MANY // 3))
    @given(state_cases())
    def agrees(case: StateCase) -> None:
        met.update(require_state_agreement(engine, case))

    agrees()
    print(met)
    if PART.is_everything:
        assert {what for what in WHAT_STATES_MEET if met[what] < 5 * EACH} == set(), f"what occurred too rarely: {met}"


@on_every_engine
def test_a_reader_needs_no_snapshot_older_than_its_lookback(engine: Engine) -> None:
    @settings(GENERATED, max_examples=A_FEW // 6)
    @given(cases())
    def enough(case: Case) -> None:
        logs = run(engine, case, []).logs
        for view in case.service.views:
            for row in case.asked:
                newest = case.source.partitions.index(row["label_time"] - case.source.data_delay) - 1
                oldest = case.first if view.lookback is None else newest - view.lookback
                near = [snapshot for snapshot in logs[view.name] if oldest <= snapshot["partition"] <= newest]
                entity = tuple(row[key] for key in view.entity.keys)
                whole, part = (reference.as_of(view, log, entity, row["label_time"]) for log in (logs[view.name], near))
                require_same_row(f"{view.name} of {entity} at {row['label_time']}", whole, part)

    enough()
