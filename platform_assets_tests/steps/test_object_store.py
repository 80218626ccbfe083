"""All layers in an object store: through every edition of the business the tables, the ledger and the models are those of a folder."""

from itertools import cycle
from pathlib import Path

import pytest

from platform_assets_tests.lakes import new_url
from platform_assets_tests.s3_server import S3Server
from platform_assets_tests.steps.business import same
from platform_assets_tests.steps.damaging import LAYERS
from platform_assets_tests.steps.killed_process import Job, Killer
from platform_assets_tests.steps.pipeline import EDITIONS, pipeline_with

pytestmark = pytest.mark.slow


def test_every_edition_ends_as_in_a_folder_and_again_changes_nothing(s3: S3Server, tmp_path: Path) -> None:
    url = new_url()
    for edition in EDITIONS:
        there, here = pipeline_with(url, edition), pipeline_with(tmp_path, edition)
        for pipeline in (there, here):
            pipeline.bring_up(*LAYERS)
        same(there.state(), here.state())
        with s3.requests() as asked:
            there.bring_up(*LAYERS)
        assert not {"PutObject", "DeleteObjects", "UploadPart"} & asked.keys()


@pytest.mark.usefixtures("s3")
def test_runs_that_are_killed_at_their_writes_are_made_good_by_the_next(tmp_path: Path) -> None:
    """Of each layer in each edition a run dies before or after one of its first writes, which take turns."""
    url, points = new_url(), cycle([(1, False), (2, True), (3, False), (2, False), (4, True)])
    with Killer() as killer:
        for edition in EDITIONS:
            for layer in LAYERS:
                number, before = next(points)
                killer.run(Job(url, (layer,), edition, kill=number, before=before))
                assert killer.run(Job(url, (layer,), edition)).code == 0
            here = pipeline_with(tmp_path, edition)
            here.bring_up(*LAYERS)
            same(pipeline_with(url, edition).state(exact=False), here.state(exact=False))
