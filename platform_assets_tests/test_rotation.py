"""Which part of the exhaustive tests a run takes: together the parts are everything, and whatever changed is in each."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zlib import crc32

import pytest

from platform_assets_tests import rotation
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.rotation import PARTS, Part, find_part

SEEDS = range(100, 100 + PARTS)


def test_the_parts_are_everything_and_share_nothing() -> None:
    taken = [number for seed in SEEDS for number in range(91) if Part(seed, "").takes(number, [])]
    assert sorted(taken) == list(range(91))
    assert sorted(case for seed in SEEDS for case in Part(seed, "").of(range(1_000, 1_300))) == list(range(1_000, 1_300))
    assert Part(1, "").share(2_100) * PARTS >= 2_100


def test_a_run_of_everything_takes_everything() -> None:
    everything = Part(3, "", is_everything=True)
    assert all(everything.takes(number, []) for number in range(91))
    assert (everything.share(2_100), list(everything.of(range(5)))) == (2_100, [0, 1, 2, 3, 4])


def test_a_case_whose_subject_changed_is_in_every_part() -> None:
    part = Part(0, "", changed=frozenset({"platform_assets/stores/online/key_layout.py"}))
    assert part.takes(1, ["platform_assets/stores/online/"])
    assert not part.takes(1, ["platform_assets/stores/delta.py"])


def test_a_change_of_everything_takes_two_parts_instead() -> None:
    wide = frozenset(f"platform_assets/steps/file_{number}.py" for number in range(rotation.WIDE + 1))
    taken = [number for number in range(16) if Part(7, "", changed=wide).takes(number, ["platform_assets/steps/"])]
    assert taken == [0, 7, 8, 15]


TESTS = """
import pytest

@pytest.mark.rotating("a_folder_that_never_changes/")
@pytest.mark.parametrize("number", range(16))
def test_a_number(number): assert number != 5
"""
SINGLE_TESTS = "import pytest\n" + "".join(
    f"@pytest.mark.rotating('a_folder_that_never_changes/')\ndef test_{name}(): pass\n" for name in "abcdefghijklmnop"
)


def run_tests(folder: Path, *arguments: str, **environment: str) -> str:
    """Runs a rotating test of sixteen cases, of which one fails, in a process of its own."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = rotating\n")
    (folder / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "platform_assets_tests.rotation", "-p", "no:cacheprovider", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TESTS_", "PYTEST_"))}
    done = subprocess.run(command, cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_a_run_says_which_part_it_took_and_how_to_repeat_a_failure(tmp_path: Path) -> None:
    seed = 16 + (crc32(b"test_it.py::test_a_number") + 5) % PARTS
    said = run_tests(tmp_path, TESTS_SEED=str(seed))
    assert f"Rotating tests: part {seed % PARTS + 1} of 8, seed {seed} (TESTS_SEED); all of them: make test-all" in said
    assert "1 failed, 1 passed" in said
    (command,) = re.findall(r"^Repeat: (.*)$", said, re.MULTILINE)
    assert command == f"TESTS_SEED={seed} .venv/bin/python -m pytest -m '' 'test_it.py::test_a_number[5]'"
    named = run_tests(tmp_path, "test_it.py::test_a_number[5]", TESTS_SEED=str(seed + 1))
    assert "1 failed" in named, "a test that is named runs whatever the part"


def test_single_tests_are_spread_over_the_parts_and_each_is_in_one(tmp_path: Path) -> None:
    (tmp_path / "test_single.py").write_text(SINGLE_TESTS)
    passed = [re.search(r"(\d+) passed", run_tests(tmp_path, "test_single.py", TESTS_SEED=str(seed))) for seed in range(PARTS)]
    taken = [int(found[1]) if found else 0 for found in passed]
    assert sum(taken) == 16 and max(taken) < 8


def test_a_seed_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_SEED", "abc")
    with pytest.raises(pytest.UsageError, match="TESTS_SEED=abc: must be a whole number of 0 or more"):
        find_part()


def test_without_a_git_history_the_seed_is_the_date(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TESTS_SEED", "TESTS_ALL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rotation, "ROOT", tmp_path)
    part = find_part()
    assert (part.seed, part.changed) == (datetime.now(UTC).date().toordinal(), frozenset())


def test_what_changed_are_the_files_of_two_days_and_those_not_committed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def git(*arguments: str, hours: int = 0) -> None:
        date = f"@{1_700_000_000 + hours * 3600} +0000"
        identity = {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
        settings = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *settings, *arguments], cwd=tmp_path, env={**os.environ, **identity}, check=True, capture_output=True)

    git("init")
    for hours, name in enumerate(("old", "newer", "newest")):
        (tmp_path / f"{name}.py").write_text(name)
        git("add", ".")
        git("commit", "-m", name, hours=hours * 40)
    (tmp_path / "not committed.py").touch()
    monkeypatch.setattr(rotation, "ROOT", tmp_path)
    assert rotation.changed_files() == {"newer.py", "newest.py", "not committed.py"}
