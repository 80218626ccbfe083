"""Every named case, on the reference and on every engine."""

import importlib
from pathlib import Path

import pytest

from platform_assets_tests.conformance.engines import ENGINES, REFERENCE, Engine
from platform_assets_tests.conformance.named import CASES

for path in sorted(Path(__file__).parent.glob("cases_*.py")):
    importlib.import_module(f"{__package__}.{path.stem}")


@pytest.mark.parametrize("title", [pytest.param(title, id=title) for title in CASES])
@pytest.mark.parametrize("engine", [REFERENCE, *ENGINES], ids=lambda engine: engine.name)
def test_named_case(engine: Engine, title: str) -> None:
    CASES[title].check(engine)
