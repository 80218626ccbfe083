"""A real Valkey for all tests of the online store; each test has a project of its own in it."""

from collections.abc import Iterator
from itertools import count

import pytest

from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey

_NUMBERS = count()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def store(valkey: EmbeddedValkey) -> OnlineStore:
    return OnlineStore(valkey.url, f"test-{next(_NUMBERS)}")
