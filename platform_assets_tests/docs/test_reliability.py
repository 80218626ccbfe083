"""The page of what happens when it goes wrong names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"
ROWS = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (?!what comes|---)", line)]
FUNCTIONS = {path: re.findall(r"^def (test_\w+)", path.read_text(), re.M) for path in TESTS.rglob("test_*.py")}
CASES = "\n".join(path.read_text() for path in TESTS.rglob("*.py"))
ALL = {name for names in FUNCTIONS.values() for name in names}


def named_in(row: str) -> str:
    return row.rstrip("| ").rpartition(" | ")[2] if not row.endswith("| |") else ""


def test_there_are_rows() -> None:
    assert len(ROWS) > 50 and sum(not named_in(row) for row in ROWS) <= 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_each_test_that_a_row_names_exists(row: str) -> None:
    named, paths = named_in(row), list[Path]()
    for name in re.findall(r"`([^`]+)`", named):
        if name.endswith(".py"):
            paths = [path for folder in (TESTS, TESTS / "stores" / "online") if (path := folder / name).is_file()]
            paths += [] if paths else [path for path in TESTS.rglob(Path(name).name) if path.as_posix().endswith(f"/{name}")]
            assert paths, f"no file {name}"
        elif name.startswith("test_"):
            assert name in ALL, f"no test {name}"
        else:
            begin = f"test_{name.rstrip('.')}"
            assert any(found.startswith(begin) for path in paths for found in FUNCTIONS[path]), f"no test {begin}... in {paths}"
    for case in re.findall(r'case "([^"]+)"', named):
        assert case.removesuffix(" ...") in CASES, f"no case {case}"
