"""What every test stands on: an environment without this machine's settings, and Hypothesis without deadlines."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from platform_assets_tests import costs, rotation
from platform_assets_tests.lakes import home as home
from platform_assets_tests.lakes import s3 as s3

# LightGBM's threads spin while they wait for each other: on cores that several processes share, one fits in less than half the CPU time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Machines are shared: a slow example is not a defect. What Hypothesis finds is printed so that it can be repeated.
settings.register_profile("platform", deadline=None, print_blob=True)
settings.load_profile("platform")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds our plugins: which part of the exhaustive tests runs, and what the tests cost."""
    pluginmanager.register(rotation)
    pluginmanager.register(costs)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on a PostgreSQL server are slow ones: make test needs nothing but the package."""
    for item in items:
        if "database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def environment_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the person who runs the tests, and a home that no one else uses. A test sets what it needs by monkeypatch."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(("PLATFORM_", "DAGSTER_"))]:
            environment.delenv(name)
        environment.setenv("PLATFORM_HOME", str(tmp_path_factory.mktemp("platform")))
        yield
