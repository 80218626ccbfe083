"""The online store's server dies of SIGKILL in the middle of a publication: the step says so, and the next run makes it good."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from platform_assets.declare.training import FeatureService
from platform_assets.errors import OnlineError
from platform_assets.serving.features import online_features
from platform_assets.steps.online import compare, make_online, marks_of
from platform_assets.stores.online import loader
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore, Session
from platform_assets.stores.online.publication_state import END
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.pipeline import Pipeline, corrected, pipeline_with

TABLES = ("raw", "silver", "gold")
SAVED = {"save": "900 1"}
"""It comes back with what it had saved when it was stopped: the edition before."""
EVERYTHING = {"appendonly": "yes", "appendfsync": "always"}
"""It comes back with all that it has ever answered: half of the new edition."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake and a server's data as of one edition, and the lake as of the next, which is not published yet."""
    home = tmp_path_factory.mktemp("published")
    with EmbeddedValkey(home / "valkey", EVERYTHING) as server:
        pipeline = pipeline_with(home, store=OnlineStore(server.url))
        pipeline.bring_up(*TABLES, "online")
        corrected(pipeline)
        pipeline.bring_up(*TABLES)
    return home


def at(pipeline: Pipeline, server: EmbeddedValkey) -> Pipeline:
    pipeline.store = OnlineStore(server.url)
    return pipeline


def right(pipeline: Pipeline) -> dict[str, Any]:
    """What the store has, when it equals gold."""
    assert pipeline.store is not None
    marks = marks_of(pipeline.view, pipeline.store)
    assert marks is not None
    parity = compare(pipeline.view, pipeline.run(), pipeline.store, marks.watermark_at)
    assert parity.mismatches == [] and parity.entities > 50
    assert pipeline.stale("online") == []
    return pipeline.state(exact=False)["online"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def expected(published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a server has that nothing happened to."""
    with EmbeddedValkey(tmp_path_factory.mktemp("undisturbed")) as server:
        pipeline = at(pipeline_with(published, "corrected"), server)
        pipeline.bring_up("online")
        return right(pipeline)


BEFORE_ALL, BEFORE_VALUES, BETWEEN_VALUES, BEFORE_MARKS = 1, 2, 3, -1
"""At which script of a publication the server dies; -1: at the last."""


@in_turn("platform_assets/stores/online/")
@pytest.mark.parametrize(
    ("dies", "options", "folder"),
    [
        pytest.param(BEFORE_ALL, SAVED, "valkey", id="before all, with what it saved"),
        pytest.param(BETWEEN_VALUES, SAVED, "valkey", id="between values, with what it saved"),
        pytest.param(BEFORE_VALUES, EVERYTHING, "valkey", id="before values, with everything"),
        pytest.param(BETWEEN_VALUES, EVERYTHING, "valkey", id="between values, with everything"),
        pytest.param(BEFORE_MARKS, EVERYTHING, "valkey", id="before the marks, with everything"),
        pytest.param(BETWEEN_VALUES, SAVED, "another", id="between values, empty"),
    ],
)
def test_a_server_killed_while_values_are_published(
    published: Path,
    expected: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dies: int,
    options: dict[str, str],
    folder: str,
) -> None:
    shutil.copytree(published / "valkey", tmp_path / "valkey")
    pipeline, send, sent = pipeline_with(published, "corrected"), Session.send, list[bytes]()
    server = EmbeddedValkey(tmp_path / "valkey", options).start()
    try:
        at(pipeline, server)
        before = pipeline.state(exact=False)["online"]
        assert len(before) > 50 and before != expected, "the edition before is there"

        def sends(session: Session, packed: Any) -> None:
            command = b"".join(packed)
            sent.extend([command] if b"EVAL" in command else [])
            if len(sent) == dies or END.encode() in command:
                os.kill(server.pid, signal.SIGKILL)
            send(session, packed)

        with monkeypatch.context() as patched:
            patched.setattr(loader, "BATCH", 20)
            patched.setattr(Session, "send", sends)
            with pytest.raises(OnlineError, match=r"does not answer .*Start it.*an interrupted run can be repeated"):
                make_online(pipeline.view, pipeline.run(), OnlineStore(server.url))
        assert len(sent) >= (dies if dies != BEFORE_MARKS else 6)
        with pytest.raises(OnlineError, match="does not answer"):
            online_features(FeatureService("spending", [pipeline.view]), [{"user": "once"}], OnlineClient(server.url))
    finally:
        server.kill()
    with EmbeddedValkey(tmp_path / folder, options) as again:
        at(pipeline, again)
        left = pipeline.state(exact=False)["online"]
        if options == EVERYTHING:
            assert left == before or dies != BEFORE_VALUES
            assert (left == expected) == (dies == BEFORE_MARKS)
        else:
            assert left == (before if folder == "valkey" else {})
        pipeline.bring_up("online")
        assert right(pipeline) == expected
