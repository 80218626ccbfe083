"""kill -9 before and after every write of a replay, and of what takes one back: the next run ends as an undisturbed one does."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import same
from platform_assets_tests.steps.killed_process import Ended, Job, Killer
from platform_assets_tests.steps.pipeline import pipeline_with

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")

LEDGER = "_platform/ledger commit"
SILVER = ["sales/quarantine commit", "sales/silver commit", LEDGER]
WRITES = {
    ("new", "replay"): ["sales/raw commit", LEDGER],
    ("new", "replay silver"): ["sales/raw commit", LEDGER, *SILVER],
    # Two days are delivered again, of both of which rows were replayed: each day, then what was replayed of it
    ("corrected", "raw"): ["sales/raw commit", LEDGER, "sales/raw commit", LEDGER] * 2,
}


class World:
    def __init__(self, folder: Path, killer: Killer) -> None:
        self.folder, self.killer = folder, killer

    def before(self, edition: str, layers: str) -> Path:
        """The lake before these layers are brought up; made once."""
        made = self.folder / f"{edition}-{layers}".replace(" ", "-")
        if not made.exists():
            assert self.run(made, "new", "raw silver").code == 0
            if edition == "corrected":
                assert self.run(made, "new", "replay silver").code == 0
        return made

    def run(self, home: Path, edition: str, layers: str, **more: Any) -> Ended:
        return self.killer.run(Job(str(home), tuple(layers.split()), edition, **more))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Killer() as killer:
        yield World(tmp_path_factory.mktemp("replays"), killer)


def points() -> list[Any]:
    found = []
    for (edition, layers), writes in WRITES.items():
        for number, write in enumerate(writes, start=1):
            for before in (True, False):
                name = f"{edition} {layers}, {'before' if before else 'after'} {number}: {write}"
                is_fast = (layers, number, before) == ("replay", 1, False)
                marks = [] if is_fast else [pytest.mark.slow]
                found.append(pytest.param(edition, layers, number, before, marks=marks, id=name))
    return found


@pytest.mark.parametrize(("edition", "layers", "number", "before"), points())
def test_a_killed_replay_is_made_good_by_the_next(
    world: World, tmp_path: Path, edition: str, layers: str, number: int, before: bool
) -> None:
    home, undisturbed = tmp_path / "home", tmp_path / "undisturbed"
    for copy in (home, undisturbed):
        shutil.copytree(world.before(edition, layers), copy)
    assert world.run(undisturbed, edition, layers) == Ended(0, WRITES[edition, layers])
    killed = world.run(home, edition, layers, kill=number, before=before)
    assert killed == Ended(-signal.SIGKILL, WRITES[edition, layers][:number])
    assert world.run(home, edition, layers).code == 0
    found, expected = pipeline_with(home, edition), pipeline_with(undisturbed, edition)
    same(found.state(), expected.state())
    assert found.stale("silver") == expected.stale("silver")


@in_turn("platform_assets/steps/replay.py", "platform_assets/sources/replays.py")
def test_a_replay_repeated_after_each_step_is_one(world: World, tmp_path: Path) -> None:
    home, once = tmp_path / "home", tmp_path / "once"
    for copy in (home, once):
        shutil.copytree(world.before("new", "replay"), copy)
    assert world.run(once, "new", "replay silver").code == 0
    assert world.run(home, "new", "replay replay silver replay silver").writes == WRITES["new", "replay silver"]
    same(pipeline_with(home).state(), pipeline_with(once).state())
