"""Lakes in a folder and in an object store: the same tests run on both, those of the object store in make test-slow."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from platform_assets_tests.s3_server import BUCKET, S3Server, running

_servers: list[S3Server] = []


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server. Skips where none is installed."""
    with running(tmp_path_factory.mktemp("s3")) as server:
        _servers.append(server)
        yield server
        _servers.remove(server)


# The bodies run on a folder each time; in the object store, where a step costs hundreds of requests, a part of them in turn.
ON_S3 = [pytest.mark.slow, pytest.mark.rotating("platform_assets/stores/object_store.py", "platform_assets/stores/storage.py")]


@pytest.fixture(params=["folder", pytest.param("S3", marks=ON_S3)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place of the test's own for a lake, and whatever lies beside it: a folder, or a URL."""
    if request.param == "folder":
        return str(tmp_path)
    request.getfixturevalue("s3")
    return new_url()


def new_url() -> str:
    """A part of the bucket that nobody else uses."""
    return f"s3://{BUCKET}/{uuid4().hex}"


def on_disk(place: str | Path) -> Path:
    """The file or folder in which something of a lake is, also of one in the object store."""
    _, is_url, key = str(place).partition("s3://")
    return _servers[0].data / key if is_url else Path(place)


def copied_from(folder: Path, home: str) -> str:
    """A copy of a folder at another place."""
    shutil.copytree(folder, on_disk(home), dirs_exist_ok=True)
    return home
