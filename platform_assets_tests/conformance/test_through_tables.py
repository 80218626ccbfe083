"""The engine that ships, through tables: what the groups of cases and their tables are worth is tried where it costs little."""

import pytest

from platform_assets.engines.polars.engine import PolarsEngine
from platform_assets_tests.conformance import grouped
from platform_assets_tests.conformance.named import CASES
from platform_assets_tests.conformance.quick import load_named_cases
from platform_assets_tests.conformance.through_tables import ThroughTables
from platform_assets_tests.rotation import PART

load_named_cases()
POLARS = ThroughTables("polars", PolarsEngine)
GROUPS = {
    "pipelines": grouped.require_group,
    "states": grouped.require_group_of_states,
    "moments": grouped.require_group_of_moments,
}


@pytest.mark.rotating("platform_assets/engines/polars/engine.py", "platform_assets_tests/conformance/through_tables.py")
@pytest.mark.parametrize("title", CASES)
def test_named_case_through_tables(title: str) -> None:
    CASES[title].check(POLARS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", GROUPS)
def test_a_group_of_cases_through_tables(kind: str) -> None:
    for number in (0, 1):
        assert GROUPS[kind](POLARS, 24, PART.seed + number) > 12
