"""The page of benchmarks shows the last results, all of them, and tells nothing of the machine but its size; scripts say what they are."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PAGE = BENCHMARKS.parent / "docs" / "benchmarks.md"
RESULTS = sorted((BENCHMARKS / "results").glob("*.json"))
SCRIPTS = [script for script in sorted(BENCHMARKS.glob("*.py")) if "__main__" in script.read_text()]
SHOW = (
    "import page; from pathlib import Path; text = Path(sys.argv[1]).read_text(); print(*page.names(text)); print(page.page(text), end='')"
)


def test_the_page_shows_all_of_the_last_results() -> None:
    code = f"import sys; sys.path.insert(0, {str(BENCHMARKS)!r}); {SHOW}"
    shown = subprocess.run([sys.executable, "-c", code, str(PAGE)], check=True, capture_output=True, text=True).stdout
    names, _, written = shown.partition("\n")
    assert {result.stem for result in RESULTS} <= set(names.split())
    assert written == PAGE.read_text(), "run .venv/bin/python benchmarks/page.py, and commit docs/benchmarks.md"


def test_a_result_has_versions_and_the_size_of_the_machine_and_names_neither_host_nor_paths() -> None:
    for result in RESULTS:
        facts = json.loads(result.read_text())
        assert {"at", "machine", "load", "versions", "headings", "rows"} <= set(facts), result.name
        assert {"processor", "cores", "memory_gb"} <= set(facts["machine"]) <= {"processor", "cores", "memory_gb", "system"}, result.name
        assert "python" in facts["versions"], result.name
        assert all(len(row) == len(facts["headings"]) for row in facts["rows"]), result.name
        assert not re.search(r'"[^"]*/(home|root|tmp|work)/', result.read_text()), result.name


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_that_is_asked_for_help_says_what_it_is_and_measures_nothing(script: Path) -> None:
    told = subprocess.run([sys.executable, script, "--help"], check=True, capture_output=True, text=True, timeout=600)
    assert (ast.get_docstring(ast.parse(script.read_text())) or "?") in told.stdout
    assert told.stdout.startswith(f"usage: {script.name}") and not told.stderr
