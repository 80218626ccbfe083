"""A file says one thing: it is short, says in its first line what it is, and is named for what it holds."""

import ast
from pathlib import Path

import pytest

from platform_assets_tests.architecture.modules import ROOT, modules, tree

LINES = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "handler", "misc", "core"}
PYTHON_FILES = sorted(
    path for folder in ("platform_assets", "platform_assets_tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)


def test_no_file_is_longer_than_one_idea() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in PYTHON_FILES}
    assert {path: length for path, length in lengths.items() if length > LINES} == {}


@pytest.mark.parametrize("module", modules())
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(tree(module)), f"{module} has no docstring"


def test_no_module_is_named_for_what_it_might_hold() -> None:
    named: list[Path] = [path for path in PYTHON_FILES if {path.stem, path.parent.name} & NAMES_THAT_SAY_NOTHING]
    assert named == []
