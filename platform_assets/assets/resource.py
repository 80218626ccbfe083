"""The resource of all assets: the locations of the lake and the online store, and the clock."""

from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr

from platform_assets.assets.lake_resource import LakeResource
from platform_assets.assets.spark import pyspark_resource
from platform_assets.assets.summary import RunSummary
from platform_assets.engines.choice import Engines
from platform_assets.errors import SettingsError
from platform_assets.settings import load_settings
from platform_assets.steps.missing_inputs import YOUR_MODULE
from platform_assets.steps.run import Run
from platform_assets.stores.ledger import Ledger

if TYPE_CHECKING:
    from platform_assets.stores.online.connection import OnlineStore


class PlatformResource(LakeResource):
    """The location of the platform's data. Fields that are not set come from the PLATFORM_ settings when a run begins."""

    module: str | None = Field(default=None, description="The module that Dagster loads, for commands in messages; detected automatically.")
    online_url: str | None = Field(
        default=None,
        repr=False,
        json_schema_extra={"dagster__is_secret": True},
        description="The online store. Default: PLATFORM_REDIS_URL.",
    )
    _summary: RunSummary = PrivateAttr(default_factory=RunSummary)

    @property
    def summary(self) -> RunSummary:
        """The results of this run's steps so far."""
        return self._summary

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Called by Dagster when a run's steps have ended, whether they failed or not."""
        if context.log is not None:
            self._summary.report(context.log)

    def run(self, run_id: str) -> Run:
        lake = self.lake()
        engines = Engines(spark=lambda: pyspark_resource().spark_session)
        return Run(lake, Ledger(lake), run_id, self.now(), self.module or YOUR_MODULE, engines)

    def now(self) -> datetime:
        return load_settings().clock()

    def online(self) -> "OnlineStore":
        """The online store."""
        from platform_assets.stores.online.connection import OnlineStore

        settings = load_settings()
        url = self.online_url or (settings.redis_url.get_secret_value() if settings.redis_url else None)
        if url is None:
            raise SettingsError(
                "no online store is set. Set PLATFORM_REDIS_URL=redis://127.0.0.1:6379/0; `platform-assets valkey` starts the embedded one."
            )
        return OnlineStore(url, settings.project)
