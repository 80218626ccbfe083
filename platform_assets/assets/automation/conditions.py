"""Everything downstream of raw: made by the conditions that the assets carry (asset_specs.py)."""

from collections.abc import Sequence

import dagster as dg

from platform_assets.assets.automation import requests


def conditions_sensor(assets: Sequence[dg.AssetsDefinition]) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the conditions of these assets. Dagster's own sensor for that would wait to be switched on.

    Where several partitions are asked for at once they become a backfill, which makes a table after those that it reads, each in as
    few runs as there are stretches of partitions.
    """
    return dg.AutomationConditionSensorDefinition(
        "platform_automation",
        target=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=requests.EVERY,
        emit_backfills=True,
        description="Makes what reads tables that have changed.",
    )
