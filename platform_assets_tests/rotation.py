"""Which part of the exhaustive tests a run takes.

Mutants, points at which a process is killed, and thousands of generated cases would take an hour together. A run takes one eighth of
them, and which one follows from the seed. The seed follows from the commit, so each commit tries others, and the same commit always the
same. Whatever tests code that changed in the last two days is taken in any case. Nothing is skipped for good: TESTS_ALL=1 takes everything.

    @pytest.mark.rotating("platform_assets/stores/")    each case of the test, or a single test, belongs to one part; with what it tests,
                                                        as path prefixes
    PART.share(2_000), PART.of(range(2_000))            how many of the generated cases, or which of the numbered ones

The seed is Hypothesis's seed, too. TESTS_SEED=... sets it. A test that is named on the command line (file.py::test) always runs.
"""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import pytest

ROOT = Path(__file__).parents[1]
Test = TypeVar("Test", bound=Callable[..., Any])
PARTS = 8
TWO_DAYS = 48 * 3600
"""Before the newest commit: longer than it takes to write and land a change."""
WIDE = 40
"""A change of more files of the package than these touches nearly every case: then two parts are taken instead."""


@dataclass(frozen=True)
class Part:
    """One of the eighths, or everything."""

    seed: int
    origin: str
    """Where the seed comes from."""
    is_everything: bool = False
    changed: frozenset[str] = frozenset()
    """Files that changed lately, relative to the checkout. Unknown, and so empty, without a Git history."""

    @property
    def number(self) -> int:
        return self.seed % PARTS

    @property
    def is_wide(self) -> bool:
        """Whether so much changed that everything would count as touched."""
        return sum(file.startswith("platform_assets/") for file in self.changed) > WIDE

    def __str__(self) -> str:
        return "all parts" if self.is_everything else f"part {self.number + 1} of {PARTS}"

    def share(self, cases: int) -> int:
        """How many of so many generated cases to take."""
        return cases if self.is_everything else -(-cases // PARTS)

    def of(self, cases: Sequence[int]) -> Sequence[int]:
        """The numbered cases to take."""
        return cases if self.is_everything else cases[self.number :: PARTS]

    def takes(self, number: int, subjects: Sequence[str]) -> bool:
        """Whether the case of this number is taken: it is in the part, or one of its subjects changed."""
        if self.is_everything or number % PARTS == self.number:
            return True
        is_touched = any(file.startswith(subject) for subject in subjects for file in self.changed)
        return is_touched and (not self.is_wide or (number - 1) % PARTS == self.number)


def _git(*arguments: str) -> str | None:
    """What Git says about this checkout; None without Git or without a checkout."""
    try:
        return subprocess.run(
            ["git", "--no-optional-locks", "-c", "core.quotePath=false", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.rstrip("\n")
    except (OSError, subprocess.CalledProcessError):
        return None


def changed_files() -> frozenset[str]:
    """Files of the commits of the two days before the newest one, and those that are not committed yet."""
    newest = _git("log", "-1", "--format=%ct")
    if newest is None or _git("rev-parse", "--is-shallow-repository") != "false":
        return frozenset()
    committed = _git("log", f"--since=@{int(newest) - TWO_DAYS}", "--name-only", "--no-renames", "--format=") or ""
    uncommitted = _git("status", "--porcelain", "--no-renames", "--untracked-files=all") or ""
    return frozenset([*committed.split("\n"), *(line[3:].strip('"') for line in uncommitted.split("\n"))]) - {""}


def find_part() -> Part:
    """The part of this run, from TESTS_SEED, else from the commit, else from the date."""
    is_everything = os.environ.get("TESTS_ALL", "") not in ("", "0")
    given, commit = os.environ.get("TESTS_SEED", ""), _git("rev-parse", "HEAD")
    if given:
        if not given.isdecimal():
            raise pytest.UsageError(f"TESTS_SEED={given}: must be a whole number of 0 or more, such as TESTS_SEED=1")
        seed, origin = int(given), "TESTS_SEED"
    elif commit is not None:
        seed, origin = int(commit[:8], 16), f"commit {commit[:8]}"
    else:
        today = datetime.now(UTC).date()
        seed, origin = today.toordinal(), f"{today}, since there is no Git history"
    return Part(seed, origin, is_everything, changed_files())


PART = find_part()


def rotating_subjects(item: pytest.Item) -> list[str] | None:
    """What a rotating test tests, as prefixes of paths; None if it is not rotating."""
    markers = list(item.iter_markers("rotating"))
    return [subject for marker in markers for subject in marker.args] if markers else None


def in_turn(*subjects: str) -> Callable[[Test], Test]:
    """Marks a test that costs seconds, beside cheaper ones about the same code: slow, and of a part, as each of its cases is.

    subjects: what it tests, as prefixes of paths: when one of them changed, it runs whatever the part.
    """

    def marked(test: Test) -> Test:
        return pytest.mark.slow(pytest.mark.rotating(*subjects)(test))

    return marked


@pytest.hookimpl(tryfirst=True)  # before -k and -m: a case has the same number whatever is selected
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the cases of rotating tests that are in another part."""
    if any("::" in argument for argument in config.args):
        return
    numbers: Counter[str] = Counter()
    left_out = []
    for item in items:
        subjects = rotating_subjects(item)
        if subjects is not None:
            test = item.nodeid.partition("[")[0]
            # Tests begin to count at a number that follows from their names, so that the first cases of all are not in one part.
            if not PART.takes(crc32(test.encode()) + numbers[test], subjects):
                left_out.append(item)
            numbers[test] += 1
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        others = set(left_out)
        items[:] = [item for item in items if item not in others]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis draws from the same seed."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(PART.seed)


def pytest_report_header() -> str:
    """Printed unless -q is given; the summary says it in any case."""
    return f"rotating tests: {PART}, seed {PART.seed} ({PART.origin})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says which part ran, and how to repeat a failure."""
    say = terminalreporter.write_line
    say(f"Rotating tests: {PART}, seed {PART.seed} ({PART.origin}); all of them: make test-all")
    everything = "TESTS_ALL=1 " if PART.is_everything else ""
    for report in [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]:
        test = report.nodeid.replace("'", "'\\''")
        say(f"Repeat: {everything}TESTS_SEED={PART.seed} .venv/bin/python -m pytest -m '' '{test}'")
