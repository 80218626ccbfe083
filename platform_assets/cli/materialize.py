"""Materializes partitions of tables through Dagster, in this process."""

import dagster as dg

from platform_assets.declare.partitions import Partitions
from platform_assets.errors import PlatformError
from platform_assets.stores.tables import Table, name_of


def materialize(
    definitions: dg.Definitions, tables: tuple[Table, ...], partitions: Partitions, first: int, last: int, instance: dg.DagsterInstance
) -> None:
    """One run over the partitions first..last of tables that share them; raises a PlatformError if it fails."""
    keys = {
        "dagster/asset_partition_range_start": partitions.key(first),
        "dagster/asset_partition_range_end": partitions.key(last),
    }
    job = definitions.resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(list(table)) for table in tables]
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(quiet, asset_selection=selection, tags=keys, instance=instance, raise_on_error=False)
    if not result.success:
        errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
        causes = [str((error.cause or error).message) for error in errors if error]
        raise PlatformError(f"{name_of(tables[0])} failed: {causes[0] if causes else 'see the run in the UI'}")
