"""The demo: every layer of the retail shop through Dagster, then what came out."""

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from platform_assets.settings import Settings, load_settings

console = Console(highlight=False)


def run_demo() -> None:
    """Generates or finds the files, materializes what is missing or stale, and reports."""
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    _dagster_home(settings)
    warnings.filterwarnings("ignore", module="dagster")
    if settings.retail_files is None:
        _generate(settings)
    with _online_store(settings):
        from platform_assets.cli.demo_report import report
        from platform_assets.cli.demo_run import materialize_stale

        started = time.process_time()
        made = materialize_stale(console)
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


def _dagster_home(settings: Settings) -> None:
    """Dagster's own folder, so that the demo's runs are there when its UI is opened."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    config = settings.dagster_home / "dagster.yaml"
    if not config.exists():
        config.write_text("telemetry:\n  enabled: false\nnux:\n  enabled: false\n")
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


@contextmanager
def _online_store(settings: Settings) -> Iterator[None]:
    """PLATFORM_REDIS_URL, or a Valkey of the demo's own whose data stay under PLATFORM_HOME."""
    if settings.redis_url is not None:
        console.print(f"[bold]Online store[/]: {settings.redis_address}")
        yield
        return
    from platform_assets.stores.valkey import EmbeddedValkey

    with EmbeddedValkey(settings.home / "valkey") as server:
        os.environ["PLATFORM_REDIS_URL"] = server.url
        console.print("[bold]Online store[/]: embedded Valkey")
        try:
            yield
        finally:
            del os.environ["PLATFORM_REDIS_URL"]
