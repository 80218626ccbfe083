"""The demo: materializes every layer of the retail shop through Dagster, then shows the results."""

import os
import time
import warnings

from rich.console import Console

from platform_assets.cli.environment import lake_shown, online_store, use_dagster_home
from platform_assets.settings import Settings, load_settings

console = Console(highlight=False)


def run_demo() -> None:
    """Generates or finds the files, materializes what is missing or stale, and reports."""
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    use_dagster_home(settings)
    warnings.filterwarnings("ignore", module="dagster")
    if settings.retail_files is None:
        _generate(settings)
    if settings.lake is not None:
        console.print(f"[bold]Lake[/]: {lake_shown(settings)}")
    with online_store(settings) as store:
        console.print(f"[bold]Online store[/]: {store}")
        from platform_assets.cli.demo_report import report
        from platform_assets.cli.demo_run import materialize_outdated

        started = time.process_time()
        made = materialize_outdated(console)
        report(console, made, time.process_time() - started)


def _generate(settings: Settings) -> None:
    from platform_assets.domains.retail.generate import generate

    with console.status("Generating 120 days of a shop ..."):
        truths = generate(settings.retail_folder)
    lines = sum(day.received for day in truths.orders)
    said = f"{truths.files_written} files written" if truths.files_written else "already there"
    console.print(
        f"[bold]Shop[/]: {lines:,} order lines of {truths.shop.days} days in {_short(settings, str(settings.retail_folder))} ({said})"
    )


def _short(settings: Settings, path: str) -> str:
    return os.path.relpath(path)
