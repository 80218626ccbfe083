"""Every named case, on the reference and on every engine."""

import pytest

from platform_assets_tests.conformance.engines import ENGINES, REFERENCE, Engine
from platform_assets_tests.conformance.named import CASES
from platform_assets_tests.conformance.quick import load_named_cases

load_named_cases()


@pytest.mark.parametrize("title", [pytest.param(title, id=title) for title in CASES])
@pytest.mark.parametrize("engine", [REFERENCE, *ENGINES], ids=lambda engine: engine.name)
def test_named_case(engine: Engine, title: str) -> None:
    CASES[title].check(engine)
