"""The environment of a command: Dagster's folder and an online store, from the settings or under PLATFORM_HOME."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from platform_assets.cli import MODULE
from platform_assets.settings import Settings

DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
# Dagster's SQLite files with connections that stay open: a quarter of the CPU of each event.
storage:
  custom:
    module: platform_assets.cli.dagster_storage
    class: SqliteStorage
    config: {base_dir: {env: DAGSTER_HOME}}
"""


def use_dagster_home(settings: Settings, module: str = MODULE) -> None:
    """Sets DAGSTER_HOME to PLATFORM_HOME/dagster, so that Dagster's UI shows the demo's runs.

    For a team's own module, DAGSTER_HOME is kept if it is set: its runs are there.
    """
    if module != MODULE and os.environ.get("DAGSTER_HOME"):
        return
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / "dagster.yaml"
    if not config.exists():
        config.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


def lake_shown(settings: Settings) -> str:
    """The location of the lake for people: a relative folder, or the URL."""
    return settings.lake_root if "://" in settings.lake_root else os.path.relpath(settings.lake_root)


@contextmanager
def online_store(settings: Settings) -> Iterator[str]:
    """PLATFORM_REDIS_URL, or an embedded Valkey with its data under PLATFORM_HOME; yields its description."""
    if settings.redis_url is not None:
        yield settings.redis_address
        return
    from platform_assets.stores.valkey import EmbeddedValkey

    with EmbeddedValkey(settings.home / "valkey") as server:
        os.environ["PLATFORM_REDIS_URL"] = server.url
        try:
            yield "embedded Valkey"
        finally:
            del os.environ["PLATFORM_REDIS_URL"]
