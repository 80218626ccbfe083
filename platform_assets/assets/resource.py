"""The one resource of all assets: where the lake, the online store and the artifacts are, and what time it is."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from platform_assets.assets.summary import RunSummary
from platform_assets.errors import SettingsError
from platform_assets.settings import load_settings
from platform_assets.steps.lacking import YOUR_MODULE
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

if TYPE_CHECKING:
    from platform_assets.stores.online.connection import OnlineStore


class PlatformResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the platform keeps its data. What is not given comes from the PLATFORM_ settings when a run begins."""

    lake_root: str | None = Field(default=None, description="The lake's folder or URL; default: PLATFORM_HOME/lake.")
    storage: dict[str, str] = Field(
        default={}, description="How the lake is reached: options of deltalake, such as region, or an S3Config(...) of dagster-deltalake."
    )
    artifacts_root: str | None = Field(default=None, description="The folder of trained models; default: PLATFORM_HOME/models.")
    module: str | None = Field(default=None, description="The module that Dagster loads, for commands in messages; found by itself.")
    online_url: str | None = Field(default=None, description="The online store; default: PLATFORM_REDIS_URL.")
    _summary: RunSummary = PrivateAttr(default_factory=RunSummary)

    def __init__(self, **given: Any) -> None:
        # No validator: before any is asked, Dagster has looked for secrets that are environment variables.
        super().__init__(**with_storage(given))

    @property
    def summary(self) -> RunSummary:
        """What the steps of this run did so far."""
        return self._summary

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Dagster calls this when a run's steps have ended, whether they failed or not."""
        if context.log is not None:
            self._summary.report(context.log)

    def lake(self) -> Lake:
        return Lake(self.lake_root or str(load_settings().lake_root), self.storage or None)

    def run(self, run_id: str) -> Run:
        lake = self.lake()
        return Run(lake, Ledger(lake), run_id, self.now(), self.module or YOUR_MODULE)

    def now(self) -> datetime:
        return load_settings().clock()

    def artifacts(self) -> Path:
        return Path(self.artifacts_root) if self.artifacts_root else load_settings().home / "models"

    def online(self) -> "OnlineStore":
        """The online store."""
        from platform_assets.stores.online.connection import OnlineStore

        settings = load_settings()
        url = self.online_url or (settings.redis_url.get_secret_value() if settings.redis_url else None)
        if url is None:
            raise SettingsError(
                "no online store is set. Say PLATFORM_REDIS_URL=redis://127.0.0.1:6379/0; `platform-assets valkey` starts the embedded one."
            )
        return OnlineStore(url, settings.project)


def with_storage(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a resource, with `storage` and `client`, a ClientConfig(...) of dagster-deltalake, as options of the lake."""
    fields = {name: value for name, value in given.items() if name != "client"}
    storage, client = _options(given.get("storage", {})), _options(given.get("client", {}))
    return {**fields, "storage": {**storage, **client} if client else storage}


def _options(storage: Any) -> Any:
    """Those that a configuration of dagster-deltalake stands for.

    Its classes are not named: to load them takes as long as to load all assets, for pandas comes with them.
    """
    if not isinstance(storage, dg.Config):
        return storage
    options = {name: getattr(storage, name) for name in type(storage).model_fields if name != "provider"}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items() if value is not None}
