"""Every example in a docstring runs, and prints what it shows.

The examples are about the shop of the README's first example: its names and the public surface are there, as if a reader had
typed them before. Where an example shows no output, none is compared.
"""

import doctest
import importlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from platform_assets_tests.docs.pages import first_names

ROOT = Path(__file__).parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "platform_assets").rglob("*.py"))
    if ">>> " in path.read_text()
]


class WhereShown(doctest.OutputChecker):
    """Compares output with what the docstring shows, if it shows any."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


@cache
def names() -> dict[str, Any]:
    """The public surface, and what the README's first example declares."""
    surface = importlib.import_module("platform_assets")
    return {name: getattr(surface, name) for name in surface.__all__} | first_names(ROOT / "README.md")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(WhereShown(), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, globs=names() | vars(module)):
        runner.run(test)
    assert runner.failures == 0
    # An example that the finder does not reach, in a nested function or behind a decorator, could never fail.
    assert runner.tries == (ROOT / str(module.__file__)).read_text().count(">>> ")
