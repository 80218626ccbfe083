"""Materializes the shop's missing and stale partitions through Dagster."""

from rich.console import Console

from platform_assets.cli.backfill import Backfilled, backfill
from platform_assets.cli.lookup import graph_of, platform_of
from platform_assets.cli.stages import stages
from platform_assets.definitions import defs
from platform_assets.errors import PlatformError


def materialize_outdated(console: Console) -> Backfilled:
    """Brings every table of the shop up to date.

    Raises:
        PlatformError: some partitions could not be made.
    """
    platform = platform_of(defs)
    todo = stages(graph_of(defs), platform.run("demo"), platform.online)
    done = backfill(defs, todo, lambda: platform.run("demo"), console)
    if done.failed:
        raise PlatformError("\n".join(f"{name} failed: {why}" for name, why in done.failed.items()))
    return done
