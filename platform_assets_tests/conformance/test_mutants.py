"""The suite would notice: each patch of the engine that ships is found out by a wrong value, and the engine as it is passes."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest

from platform_assets_tests.conformance.mutant import Mutant
from platform_assets_tests.conformance.mutants_of_days import EVERY_MUTANT
from platform_assets_tests.conformance.named import CASES
from platform_assets_tests.conformance.quick import WRONG_VALUE, load_named_cases

ROOT = Path(__file__).parents[2]
KILLERS: dict[str, str] = json.loads((Path(__file__).parent / "killers.json").read_text())
"""By mutant the named case that has killed it before: it is tried first, so that a mutant costs 2 CPU seconds instead of up to 60."""
REQUIRED = ("edges", "ties", "nulls", "entering", "leaving", "duplicate chains", "data_delay", "expiry", "offset", "where")


def copied(folder: Path) -> Path:
    """The package, this suite and what it imports, in a folder of their own."""
    for part in ("platform_assets", "platform_assets_tests/conformance", "platform_assets_tests/declare"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "platform_assets_tests" / "__init__.py", folder / "platform_assets_tests")
    return folder


def run_quick(folder: Path, first: str = "") -> subprocess.CompletedProcess[str]:
    """first: the named case to begin with."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "platform_assets_tests.conformance.quick", *([first] if first else [])]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600, check=False)


def patched(mutant: Mutant, unpatched: Path, folder: Path) -> Path:
    """A copy of the package that is not patched, with its bytecode, but for the patched file."""
    shutil.copytree(unpatched, folder, dirs_exist_ok=True)
    file = folder / "platform_assets" / mutant.file
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
    text = file.read_text()
    assert text.count(mutant.old) == 1, (
        f"{mutant.file} has {mutant.old!r} {text.count(mutant.old)} times: fix the mutant {mutant.mistake!r}"
    )
    file.write_text(text.replace(mutant.old, mutant.new))
    return folder


def test_every_category_has_at_least_two_mutants() -> None:
    number = Counter(mutant.category for mutant in EVERY_MUTANT)
    assert len(EVERY_MUTANT) >= 25
    assert {category for category in REQUIRED if number[category] < 2} == set()


def test_cases_that_have_killed_a_mutant_are_there() -> None:
    load_named_cases()
    assert set(KILLERS) <= {mutant.mistake for mutant in EVERY_MUTANT}
    assert set(KILLERS.values()) <= set(CASES)


@pytest.mark.parametrize("mutant", EVERY_MUTANT, ids=lambda mutant: mutant.mistake)
def test_the_text_that_a_mutant_replaces_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / "platform_assets" / mutant.file).read_text().count(mutant.old) == 1


@pytest.fixture(scope="module")
def unpatched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that is not patched, of which the same run finds no wrong value."""
    folder = copied(tmp_path_factory.mktemp("unpatched"))
    ran = run_quick(folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def parameter(mutant: Mutant) -> Any:
    marks = pytest.mark.rotating(f"platform_assets/{mutant.file}")
    return pytest.param(mutant, marks=marks, id=f"{mutant.category}, {mutant.mistake}")


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [parameter(mutant) for mutant in EVERY_MUTANT])
def test_a_mutant_is_killed_by_a_wrong_value(mutant: Mutant, unpatched: Path, tmp_path: Path) -> None:
    killed = run_quick(patched(mutant, unpatched, tmp_path), KILLERS.get(mutant.mistake, ""))
    print(killed.stdout[:500])
    assert killed.returncode == WRONG_VALUE, f"it survives (exit code {killed.returncode}):\n{killed.stdout[-2000:]}{killed.stderr[-4000:]}"
