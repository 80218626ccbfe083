"""kill -9 between the commit of the data and the ledger: nothing is lost, nothing twice, and a re-run ends in equal tables."""

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.steps.business import LAYERS, Business, deliver, same
from platform_assets_tests.steps.other_process import correct

NAMES = {"raw": ["sales/raw"], "silver": ["sales/silver", "sales/quarantine"], "gold": ["spending/gold"], "report": ["takings/gold"]}


def killed(home: Path, table: str, *more: str) -> None:
    program = [sys.executable, "-m", "platform_assets_tests.steps.other_process", "killed", str(home), table, "0", "7", *more]
    assert subprocess.run(program, cwd=ROOT, check=False, capture_output=True).returncode == -signal.SIGKILL


def whole(home: Path, corrected: bool = False) -> Business:
    business = Business(home)
    deliver(business, Random(3))
    if corrected:
        correct(business)
    return business


@pytest.mark.parametrize("table", LAYERS)
def test_a_step_that_was_killed_is_known_to_the_ledger_and_may_run_again(tmp_path: Path, table: str) -> None:
    business, unharmed = whole(tmp_path / "killed"), whole(tmp_path / "unharmed")
    unharmed.make_range()
    for before in LAYERS[: LAYERS.index(table)]:
        business.make(before, business.first, business.last)
    killed(tmp_path / "killed", table)
    names = {"raw": ["sales/raw"], "silver": ["sales/silver", "sales/quarantine"], "gold": ["spending/gold"], "report": ["takings/gold"]}[
        table
    ]
    ours, theirs = business.ledger(), unharmed.ledger()
    same({name: ours[name] for name in names}, {name: theirs[name] for name in names})
    assert {entry.run for name in names for entry in business.entries(name).values()} == {"killed"}, "read from the commits"
    business.make_range()
    same(business.tables(), unharmed.tables())
    same(business.ledger(), unharmed.ledger())


def test_a_correction_that_was_killed_is_not_received_twice(tmp_path: Path) -> None:
    business, unharmed = whole(tmp_path / "killed"), whole(tmp_path / "unharmed")
    for one in (business, unharmed):
        one.make_range()
        correct(one)
    unharmed.make_stale()
    killed(tmp_path / "killed", "raw", "corrected")
    assert business.stale("raw") == []
    assert business.stale("silver") == [business.first + day for day in (4, 5, 6)], "the ledger knows what the dead process wrote"
    business.make_stale()
    same(business.tables(), unharmed.tables())
