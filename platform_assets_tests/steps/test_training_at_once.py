"""Two runs at once that make the same months of a training set, or neighbours, or all there is: the tables that one run makes."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.steps.business import same
from platform_assets_tests.steps.killed_process import Ended, Job, Killer
from platform_assets_tests.steps.pipeline import ALL_LAYERS, Pipeline, pipeline_with


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("made")
    pipeline_with(home).bring_up("raw", "silver", "gold")
    yield home


@pytest.mark.parametrize("months", [(0, 1, 0, 1), (0, 0, 1, 1)], ids=["the same", "neighbours"])
def test_threads(made: Path, tmp_path: Path, months: tuple[int, int, int, int]) -> None:
    homes = [tmp_path / "together", tmp_path / "alone"]
    for home in homes:
        shutil.copytree(made, home)
    together, alone = (pipeline_with(home) for home in homes)
    first, barrier = alone.training.partitions.first, Barrier(2)

    def make(pipeline: Pipeline, months: tuple[int, int]) -> None:
        barrier.wait()
        pipeline.make("training", first + months[0], first + months[1])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(make, [together, together], [months[:2], months[2:]]))
    alone.make("training", first, first + 1)
    assert together.stale("training") == []
    same(together.state(), alone.state())


@pytest.mark.slow
def test_processes_that_make_everything(tmp_path: Path) -> None:
    """Each brings all layers up to the online store, a few moments apart at most; a last run makes what has become stale by that."""
    with EmbeddedValkey(tmp_path / "valkey") as server, Killer() as one, Killer() as other, ThreadPoolExecutor(2) as threads:
        for turn in range(3):
            together, alone = tmp_path / f"{turn}", tmp_path / f"{turn} alone".replace(" ", "-")
            job = Job(str(together), ALL_LAYERS, redis=server.url, project=f"together-{turn}")
            assert {ended.code for ended in threads.map(Killer.run, (one, other), (job, job))} <= {0}
            assert one.run(job).code == 0
            ended = one.run(Job(str(alone), ALL_LAYERS, redis=server.url, project=f"alone-{turn}"))
            assert isinstance(ended, Ended) and ended.code == 0
            found, expected = (
                pipeline_with(home, store=OnlineStore(server.url, f"{name}-{turn}")).state(exact=False)
                for home, name in ((together, "together"), (alone, "alone"))
            )
            same(found, expected)
