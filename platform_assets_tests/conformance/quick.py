"""The suite in short, for a package that may be patched: python -m platform_assets_tests.conformance.quick ['a case to begin with']

Exit code 0: every engine agrees with everything. WRONG_VALUE: one has another value, printed. Any other: something failed.
"""

import sys
import warnings
from importlib import import_module
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import HypothesisWarning

from platform_assets.testing.equality import Disagreement
from platform_assets_tests.conformance.engines import ENGINES
from platform_assets_tests.conformance.generated import cases
from platform_assets_tests.conformance.moments import MomentCase, moment_cases, require_silver_agreement, require_temporal_agreement
from platform_assets_tests.conformance.named import CASES
from platform_assets_tests.conformance.pipeline import Case, require_agreement
from platform_assets_tests.conformance.states import StateCase, require_state_agreement, state_cases

WRONG_VALUE = 3
GENERATED = 150


def load_named_cases() -> None:
    """Every cases_*.py beside this file, which fills CASES."""
    for path in sorted(Path(__file__).parent.glob("cases_*.py")):
        import_module(f"platform_assets_tests.conformance.{path.stem}")


def run(first: str = "") -> None:
    """The named cases, beginning with one, then generated ones, always the same; the first wrong value ends it."""
    load_named_cases()
    for engine in ENGINES:
        for title, named in sorted(CASES.items(), key=lambda item: item[0] != first):
            try:
                named.check(engine)
            except Disagreement as wrong:
                raise Disagreement(f"{engine.name}, {title!r}: {wrong}") from None

        @settings(max_examples=GENERATED, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(cases())
        def agrees(case: Case) -> None:
            require_agreement(engine, case)  # noqa: B023 - called in this turn of the loop

        @settings(
            max_examples=GENERATED // 3, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )
        @given(state_cases())
        def agrees_on_states(case: StateCase) -> None:
            require_state_agreement(engine, case)  # noqa: B023 - called in this turn of the loop

        @settings(
            max_examples=GENERATED // 3, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )
        @given(cases())
        def agrees_without_gold(case: Case) -> None:
            require_silver_agreement(engine, case)  # noqa: B023 - called in this turn of the loop

        @settings(
            max_examples=GENERATED // 3, derandomize=True, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )
        @given(moment_cases())
        def agrees_at_moments(case: MomentCase) -> None:
            require_temporal_agreement(engine, case)  # noqa: B023 - called in this turn of the loop

        agrees()
        agrees_on_states()
        agrees_without_gold()
        agrees_at_moments()


if __name__ == "__main__":
    warnings.simplefilter("ignore", HypothesisWarning)
    try:
        run(*sys.argv[1:])
    except Disagreement as wrong:
        print(wrong)
        sys.exit(WRONG_VALUE)
