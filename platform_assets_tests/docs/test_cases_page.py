"""The file of docs/how-to/cases.md, run as somebody would run it; output and failure are those that the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.testing.cases.__main__ import main
from platform_assets.testing.cases.case import OF_FILE, OWN, SHARED

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "cases.md"
TEXT = PAGE.read_text()
BLOCKS = dict(re.findall(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    (folder / "shop.yaml").write_text(text)
    monkeypatch.chdir(folder)
    output = CliRunner().invoke(main, ["shop.yaml"], env={"COLUMNS": "80"}).output
    return "\n".join(line.rstrip() for line in output.splitlines()) + "\n"


def test_the_pages_cases_give_the_output_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, BLOCKS["shop.yaml"]) == BLOCKS["output"]


def test_a_failure_says_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = BLOCKS["shop.yaml"].replace("bob  | 2024-03-04 | 1", "bob  | 2024-03-04 | 2")
    assert BLOCKS["failure"] in run(tmp_path, monkeypatch, wrong)


def test_the_pages_test_file_passes_and_fails_with_its_cases(tmp_path: Path) -> None:
    (tmp_path / "test_cases.py").write_text(BLOCKS["test_cases.py"])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    for value, result in (("1", "9 passed"), ("2", "3 failed, 6 passed")):
        (tmp_path / "shop.yaml").write_text(BLOCKS["shop.yaml"].replace("bob  | 2024-03-04 | 1", f"bob  | 2024-03-04 | {value}"))
        assert result in subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False).stdout


def test_every_word_stands_on_the_page() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    told = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert {*OWN, *SHARED, *OF_FILE} <= told
