"""Chooses the engine of a declaration: the one it names, or the one in the settings; created when first needed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from platform_assets.declare.engines import EngineName
from platform_assets.engines.engine import Engine, WorkDone
from platform_assets.errors import extra
from platform_assets.settings import load_settings
from platform_assets.stores.delta import Lake


@dataclass(frozen=True)
class Engines:
    """The engines of a run: one of each kind, shared by all steps."""

    default: EngineName | None = None
    """The engine of declarations that do not name one; None: PLATFORM_ENGINE."""
    spark: Callable[[], Any] | None = field(default=None, repr=False)
    """Creates the Spark session when it is first needed; None: from the settings."""
    _made: dict[tuple[EngineName, Lake], Engine] = field(default_factory=dict, repr=False)

    def of(self, name: EngineName | None, lake: Lake) -> Engine:
        """The engine with this name, or the default one, for a lake."""
        name = name or self.default or load_settings().engine
        if (name, lake) not in self._made:
            self._made[name, lake] = self._make(name, lake)
        return self._made[name, lake]

    def work_done(self) -> list[WorkDone]:
        """Reports of the work that the engines of this run have done since the last call."""
        return [done for engine in self._made.values() if (done := engine.work_done())]

    def _make(self, name: EngineName, lake: Lake) -> Engine:
        # Imported here, so that loading definitions does not load the engines.
        if name == "spark":
            with extra("spark"):
                from platform_assets.engines.spark.engine import SparkEngine
                from platform_assets.engines.spark.session import session
            return SparkEngine(lake, partial(session, self.spark))
        from platform_assets.engines.polars.engine import PolarsEngine

        return PolarsEngine(lake)
