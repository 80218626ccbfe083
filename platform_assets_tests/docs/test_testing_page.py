"""The test file of docs/how-to/test-your-declarations.md, run as somebody would run it; a failure says what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "test-your-declarations.md"
TEXT = PAGE.read_text()
FILES = dict(re.findall(r"^```py(?:thon)? title=\"([^\"]+)\"\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))


def run_pytest(folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORM_", "PYTEST_"))} | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200, check=False).stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    return tmp_path


def test_the_pages_test_file_passes(project: Path) -> None:
    assert sorted(FILES) == ["shop.py", "test_shop.py"]
    number = FILES["test_shop.py"].count("\ndef test_")
    assert f"{number} passed" in run_pytest(project)
    assert number >= 5


def test_a_failure_says_what_the_page_shows(project: Path) -> None:
    tests = project / "test_shop.py"
    wrong = '"orders_1d": 0, "orders_7d": 2, "per_order": 20.0'
    tests.write_text(tests.read_text().replace('"orders_1d": 0, "orders_7d": 1, "per_order": 20.0', wrong))
    shown = re.search(r"^```text\nE +(.*)\n```$", TEXT, re.MULTILINE)
    assert shown
    output = run_pytest(project)
    assert "1 failed" in output
    assert shown[1] in output
