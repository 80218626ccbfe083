"""kill -9 before and after every write that there is: the next run ends in what an undisturbed run leaves (docs/concepts/writes.md)."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.architecture.modules import ROOT, modules
from platform_assets_tests.rotation import PART
from platform_assets_tests.steps.business import same
from platform_assets_tests.steps.killed_process import Ended, Job, Killer
from platform_assets_tests.steps.pipeline import ALL_LAYERS, pipeline_with

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")

LEDGER = "_platform/ledger commit"
MODEL = ["model: pipeline.joblib", "model: record.sha256", "model: record.json"]


def taken_over(table: str) -> list[str]:
    return [f"{table} takes over", LEDGER, f"{table}/_next ends"]


def beside(table: str) -> list[str]:
    return [f"{table}/_next commit", LEDGER, *taken_over(table)]


WRITES: dict[tuple[str, str], list[str]] = {
    # edition, layer: what bringing the layer up writes, in this order
    ("new", "raw"): ["sales/raw commit"] * 2 + [LEDGER],  # of four partitions each
    ("new", "silver"): ["sales/quarantine commit", "sales/silver commit", LEDGER],
    ("new", "gold"): ["spending/gold commit", LEDGER],
    ("new", "checkpoints"): ["history/checkpoints commit", LEDGER],
    ("new", "history"): ["history/gold commit", LEDGER],
    ("new", "report"): ["takings/gold commit", LEDGER],
    ("new", "training"): ["coming/training commit", LEDGER] * 2,
    ("new", "model"): [*MODEL, *MODEL, "coming/model commit", LEDGER],
    ("new", "predictions"): ["coming/predictions commit", LEDGER] * 2,
    ("new", "online"): ["online: begin", "online: values", "online: values", "online: marks"],
    # Other editions of two days, of which the tables have partitions already
    ("corrected", "raw"): ["sales/raw commit", LEDGER] * 2,
    ("corrected", "silver"): ["sales/quarantine commit", "sales/silver commit", LEDGER],
    ("corrected", "gold"): ["spending/gold commit", LEDGER],
    ("corrected", "checkpoints"): ["history/checkpoints commit", LEDGER],
    ("corrected", "history"): ["history/gold commit", LEDGER],
    ("corrected", "report"): ["takings/gold commit", LEDGER] * 2,  # the days between them have the rows that they had
    ("corrected", "training"): ["coming/training commit", LEDGER] * 2,
    ("corrected", "model"): [*MODEL, *MODEL, "coming/model commit", LEDGER],
    ("corrected", "predictions"): ["coming/predictions commit", LEDGER] * 2,
    ("corrected", "online"): ["online: begin", "online: values", "online: values", "online: marks"],
    # Another edition of the last day, which is blocked: what was made of it is withdrawn
    ("withdrawn", "raw"): ["sales/raw commit", LEDGER],
    ("withdrawn", "silver"): ["sales/quarantine commit", "sales/silver commit", LEDGER],
    ("withdrawn", "gold"): [LEDGER],
    ("withdrawn", "history"): [LEDGER],
    ("withdrawn", "training"): [LEDGER],
    # Other declarations: columns of other types, or gone. What was made under the old ones is replaced when the new are whole
    ("redeclared", "silver"): [
        *["sales/quarantine/_next commit", "sales/silver/_next commit", LEDGER],
        *taken_over("sales/quarantine"),
        *taken_over("sales/silver"),
    ],
    ("redeclared", "gold"): beside("spending/gold"),
    ("redeclared", "checkpoints"): beside("history/checkpoints"),
    ("redeclared", "history"): beside("history/gold"),
    ("redeclared", "report"): [*["takings/gold/_next commit", LEDGER] * 3, *taken_over("takings/gold")],
    ("redeclared", "online"): ["online: begin", "online: values", "online: values", "online: marks"],
    # Two days with a column that nobody declared: of numbers, and of texts
    ("typed", "raw"): [
        "sales/raw commit",
        *["sales/raw/_wider commit", "sales/raw takes over", "sales/raw/_wider ends"],
        *["sales/raw commit", LEDGER],
    ],
}


@dataclass(frozen=True)
class Stage:
    """A layer before it is brought up, and how that ends when nobody is killed."""

    before: Path
    ended: Ended
    expected: dict[str, Any]
    stale: list[int]
    files: set[Path]
    """That came with it."""
    commands: int
    """Scripts that the online store has run."""


class World:
    """All stages, one after the other, made by processes that live."""

    def __init__(self, folder: Path, server: EmbeddedValkey, killer: Killer) -> None:
        self.folder, self.server, self.killer = folder, server, killer
        self._stages: dict[tuple[str, str], Stage] = {}

    def stage(self, edition: str, layer: str) -> Stage:
        """Made when it is asked for, after all before it."""
        for stage in WRITES:
            if stage not in self._stages:
                self._stages[stage] = self._make(*stage)
            if stage == (edition, layer):
                break
        return self._stages[edition, layer]

    def store(self, project: str) -> OnlineStore:
        return OnlineStore(self.server.url, project)

    def job(self, home: Path, layer: str, edition: str, project: str, **more: Any) -> Job:
        layers = tuple(layer.split())
        return Job(str(home), layers, edition, self.server.url if "online" in layers else None, project, **more)

    def pipeline(self, home: Path, layer: str, edition: str, project: str) -> Any:
        return pipeline_with(home, edition, self.store(project) if "online" in layer else None)

    def _make(self, edition: str, layer: str) -> Stage:
        home, before = self.folder / "home", self.folder / f"before {layer} {edition}".replace(" ", "-")
        home.mkdir(exist_ok=True)
        shutil.copytree(home, before)
        files, commands = set(home.rglob("*")), self._commands()
        ended = self.killer.run(self.job(home, layer, edition, "undisturbed"))
        commands, files = self._commands() - commands, {file for file in home.rglob("*") if file.is_file()} - files
        pipeline = self.pipeline(home, layer, edition, "undisturbed")
        return Stage(before, ended, pipeline.state(), pipeline.stale(layer), files, commands)

    def _commands(self) -> int:
        with self.store("").session() as session:
            said = session.call("INFO", "commandstats").decode()
        calls = dict(line.removeprefix("cmdstat_").split(":", 1) for line in said.splitlines() if line.startswith("cmdstat_"))
        changing = {name: fields for name, fields in calls.items() if name in ("eval", "evalsha")}
        return sum(int(fields.split(",")[0].removeprefix("calls=")) for fields in changing.values())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with EmbeddedValkey(folder / "valkey") as server, Killer() as killer:
        yield World(folder, server, killer)


FAST = list(WRITES)[: list(WRITES).index(("new", "checkpoints"))]
"""Stages of the fast tests; to make all of them takes a minute."""

TESTED = {
    "raw": ("sources/", "steps/raw.py"),
    "silver": ("steps/silver.py", "stores/delta.py", "stores/ledger.py"),  # two tables and the ledger: for every layer's commits
    "gold": ("steps/gold.py",),
    "checkpoints": ("steps/checkpoints.py",),
    "history": ("steps/gold.py",),
    "report": ("steps/gold.py",),
    "training": ("steps/training.py",),
    "model": ("steps/model.py", "models/artifact.py", "stores/folder.py"),
    "predictions": ("steps/model.py",),
    "online": ("steps/online.py", "stores/online/"),
}
"""What writes a layer: when one of these files changed, a run is killed at every write of the layer, else at an eighth of them."""


def subjects(layer: str) -> list[str]:
    return [f"platform_assets/{file}" for file in TESTED[layer]]


def test_what_writes_is_where_the_tests_look_for_it() -> None:
    assert set(TESTED) == {layer for _, layer in WRITES}
    assert [file for layer in TESTED for file in subjects(layer) if not (ROOT / file).exists()] == []


def marks_of(edition: str, layer: str) -> Any:
    return () if (edition, layer) in FAST else pytest.mark.slow


@pytest.mark.parametrize(("edition", "layer"), [pytest.param(*stage, marks=marks_of(*stage), id=" ".join(stage)) for stage in WRITES])
def test_the_list_has_every_write_that_there_is(world: World, edition: str, layer: str) -> None:
    """Told by the writes themselves, and by the files and commands that they leave."""
    stage, home = world.stage(edition, layer), world.folder / "home"
    assert stage.ended == Ended(0, WRITES[edition, layer])
    left: Counter[str] = Counter()
    for file in stage.files:
        place = file.relative_to(home).parts
        if place[1:3] == ("_platform", "models"):
            left["a file of a model"] += 1
        elif place[3].startswith("_next_") and file.suffix == ".json":
            raise AssertionError(f"{file} is of a successor that has ended")
        elif place[3] == "_delta_log" and file.suffix == ".json":
            left[f"{place[1]}/{place[2]} commit"] += 1
        else:
            assert place[0] == "lake" and file.suffix == ".parquet", file
    listed = Counter("a file of a model" if write.startswith("model: ") else write for write in WRITES[edition, layer])
    for write in [write for write in listed if write.endswith(" takes over")]:
        listed[write.replace(" takes over", " commit")] += listed.pop(write)
    for write in [write for write in listed if "/_next" in write or "/_wider" in write]:  # of these only the rows are left
        del listed[write]
    assert left == Counter({write: count for write, count in listed.items() if not write.startswith("online: ") and count})
    assert stage.commands == sum(write.startswith("online: ") for write in WRITES[edition, layer])


CALLS = (
    *("write_deltalake(", ".create_write_transaction(", ".compact(", ".vacuum("),
    *("write_parquet(", "sink_", 'open("w', "write_text(", "write_bytes(", "os.replace(", "rmtree("),
    *("obstore.put(", "obstore.copy(", "obstore.delete("),
)
COMMANDS = ("HSET", "HDEL", "EVAL")
WRITERS = {
    "stores.delta": {"write_deltalake("},
    "stores.delta_table": {"write_deltalake("},
    "stores.own_tables": {"write_deltalake("},  # one commit, of assets that people write themselves
    "stores.successor": {".create_write_transaction("},  # and the end of one, by a folder
    "stores.staged": {".create_write_transaction("},  # one commit, of files that Spark has written
    "stores.ledger": {"write_deltalake(", ".compact("},
    "stores.online.loader": {"HSET", "EVAL"},
    "stores.online.publication_state": {"HSET", "HDEL", "EVAL"},
    "stores.online.connection": {"HSET", "HDEL", "EVAL"},  # names of commands, for a message about what an account may do
    "stores.online.entities": {"HSET", "HDEL", "EVAL"},  # the count of entities: test_losses.py loses it and finds it again
    "stores.online.publish": {"HDEL"},  # a rebuild: test_on_delta.py kills it
    # files of models, the end of a successor, a repair of damaged logs, alerts: test_alerts.py dies between them
    "stores.folder": {'open("w', "os.replace(", "rmtree("},
    "stores.object_store": {"obstore.put(", "obstore.copy(", "obstore.delete("},  # the same
    "sources.found_files": {'open("w'},  # a copy of an object in a temporary folder
    "frames.laid_aside": {"write_parquet("},  # a folder of the system's for temporary files
    "sources.function_output": {"sink_"},  # into memory, or temporary files: what a source's function returned
    "frames.stream": {"sink_"},  # into memory
    "stores.damage": {"sink_"},  # into nothing: whether a file can be decoded
    "assets.automation.alerts": {"EVAL"},  # a part of the name of an event
    "stores.valkey": {"write_text("},  # which server runs in a folder, for a message
}
"""Where the package writes at all. Not what people start by hand (cli), what makes example data (domains), and what is for tests."""


def test_nothing_else_writes() -> None:
    """Who writes in another place adds it to the writes above, so that it is died at."""
    found = {}
    for module, file in modules().items():
        name = module.removeprefix("platform_assets.")
        calls = {call for call in CALLS + COMMANDS if call in file.read_text()}
        if calls and name.split(".")[0] not in ("cli", "domains", "testing"):
            found[name] = calls
    assert found == WRITERS


def points() -> list[Any]:
    """Every write, to die before it or after it. Of most fast stages one is fast: after the first write, before what follows."""
    found = []
    for (edition, layer), writes in WRITES.items():
        for number, write in enumerate(writes, start=1):
            for before in (True, False):
                is_fast = (edition, layer) in FAST and layer not in ("report", "predictions") and number == 1 and not before
                name = f"{edition} {layer}, {'before' if before else 'after'} {number}: {write}"
                marks = [] if is_fast else [pytest.mark.slow, pytest.mark.rotating(*subjects(layer))]
                found.append(pytest.param(edition, layer, number, before, marks=marks, id=name))
    return found


@pytest.mark.parametrize(("edition", "layer", "number", "before"), points())
def test_a_killed_run_is_made_good_by_the_next(world: World, tmp_path: Path, edition: str, layer: str, number: int, before: bool) -> None:
    stage, home, project = world.stage(edition, layer), tmp_path / "home", f"{edition}-{layer}-{number}-{before}"
    shutil.copytree(stage.before, home)
    published = [one for one, what in WRITES if what == "online"] if layer == "online" else []
    for earlier in published[: published.index(edition) if published else 0]:
        assert world.killer.run(world.job(world.stage(earlier, layer).before, layer, earlier, project)).code == 0
    killed = world.killer.run(world.job(home, layer, edition, project, kill=number, before=before))
    assert killed == Ended(-signal.SIGKILL, WRITES[edition, layer][:number])
    assert world.killer.run(world.job(home, layer, edition, project)).code == 0
    pipeline = world.pipeline(home, layer, edition, project)
    same(pipeline.state(), stage.expected)
    assert pipeline.stale(layer) == stage.stale


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_ledger_whose_files_were_just_put_together_has_all_its_entries(world: World, tmp_path: Path, number: int) -> None:
    stage, home = world.stage("corrected", "silver"), tmp_path / "home"
    shutil.copytree(stage.before, home)
    writes = ["sales/quarantine commit", "sales/silver commit", LEDGER, *["_platform/ledger compaction"] * 2]
    job = world.job(home, "silver", "corrected", "", kill=2 + number, before=number == 2, files_of_a_table=1)
    assert world.killer.run(job) == Ended(-signal.SIGKILL, writes[: 2 + number])
    assert world.killer.run(world.job(home, "silver", "corrected", "")).code == 0
    pipeline = world.pipeline(home, "silver", "corrected", "")
    same(pipeline.state(), stage.expected)
    assert pipeline.stale("silver") == []


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["new", "corrected"])
def test_a_whole_run_killed_at_random_times_is_made_good_by_the_next(world: World, tmp_path: Path, edition: str) -> None:
    """A random while after a random write has begun: also in the middle of one. Ten times, or three if only a part is tested."""
    everything, random, killed = " ".join(ALL_LAYERS), Random(f"{edition} {PART.seed}"), 0
    kills = 10 if PART.is_everything else 3
    writes = [write for layer in ALL_LAYERS for write in WRITES[edition, layer]]
    expected: dict[str, Any] | None = None
    for turn in range(1 + kills):
        home, project = tmp_path / f"{turn}", f"{edition}-{turn}"
        shutil.copytree(world.stage(edition, "raw").before, home)
        if edition != "new":
            assert world.killer.run(world.job(world.stage("new", "online").before, "online", "new", project)).code == 0
        if turn:  # the first one lives
            job = world.job(home, everything, edition, project, kill=random.randint(1, len(writes)), seconds=random.uniform(1e-9, 0.04))
            killed += world.killer.run(job).code == -signal.SIGKILL
        assert world.killer.run(world.job(home, everything, edition, project)).code == 0
        found = world.pipeline(home, everything, edition, project).state(exact=False)
        expected = expected or found
        same(found, expected)
    assert killed >= kills // 2
