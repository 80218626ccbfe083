"""A small business as Dagster sees it: its definitions, an instance of its own, runs of a partition or of a range."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets import build_definitions
from platform_assets.assets.resource import PlatformResource
from platform_assets.cli.lookup import platform_of

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class Shop:
    """Definitions over a lake under `home`."""

    def __init__(self, home: Path | str, *declarations: Any) -> None:
        given = PlatformResource(lake_root=f"{home}/lake")
        self.definitions = build_definitions(*declarations, platform=given)
        self.platform = platform_of(self.definitions)
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, first: str, last: str | None = None, *, select: Sequence[str] = ()) -> dg.ExecuteInProcessResult:
        """A run of one partition, or of a range as a single run; of some assets ('sales/raw'), or of all but the online ones."""
        keys = [dg.AssetKey.from_user_string(name) for name in select]
        chosen = dg.AssetSelection.assets(*keys) if keys else dg.AssetSelection.all() - dg.AssetSelection.tag("layer", "online")
        return self._materialize(chosen, first, last)

    def run_checks(self, table: str, first: str | None = None, last: str | None = None) -> dg.ExecuteInProcessResult:
        """A run of a table's checks alone: of a range, or of no partition, as "Execute all" in the UI starts it."""
        return self._materialize(dg.AssetSelection.checks_for_assets(dg.AssetKey.from_user_string(table)), first, last)

    def _materialize(self, chosen: dg.AssetSelection, first: str | None, last: str | None) -> dg.ExecuteInProcessResult:
        there = (*(self.definitions.assets or ()), *(self.definitions.asset_checks or ()))
        assets = [asset for asset in there if isinstance(asset, dg.AssetsDefinition)]
        return dg.materialize(
            assets,
            instance=self.instance,
            selection=chosen,
            resources={"platform": self.platform},
            partition_key=first if last is None else None,
            tags=None if last is None else {RANGE_START: first, RANGE_END: last},
            raise_on_error=False,
        )

    def materializations(self, table: str) -> dict[str, dg.AssetMaterialization]:
        """The newest materialization of each partition."""
        records = self.instance.fetch_materializations(dg.AssetKey.from_user_string(table), limit=1000).records
        found: dict[str, dg.AssetMaterialization] = {}
        for record in records:  # newest first
            assert record.asset_materialization is not None
            found.setdefault(record.partition_key or "", record.asset_materialization)
        return found


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Why the run failed, as its log says it."""
    events = [event for event in result.all_events if event.is_step_failure]
    assert events, "the run did not fail"
    error = events[0].step_failure_data.error
    assert error is not None
    return str(error.cause.message if error.cause else error.message)


def evaluations(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    return result.get_asset_check_evaluations()
