"""The sensor for everything downstream of raw: evaluates the assets' automation conditions (asset_specs.py)."""

from collections.abc import Sequence

import dagster as dg

from platform_assets.assets.automation import requests


def conditions_sensor(assets: Sequence[dg.AssetsDefinition]) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the conditions of these assets. Dagster's default sensor for that is initially switched off.

    Several partitions requested at once become a backfill, which materializes a table after its inputs, each in as
    few runs as there are ranges of partitions.
    """
    return dg.AutomationConditionSensorDefinition(
        "platform_automation",
        target=dg.AssetSelection.assets(*(key for asset in assets for key in asset.keys)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=requests.EVERY,
        emit_backfills=True,
        description="Materializes the readers of tables that have changed.",
    )
