"""The command `platform-assets`."""

import sys

import click

from platform_assets.errors import PlatformError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="platform-assets")
def cli() -> None:
    """Features for machine learning, declared once, as Dagster assets.

    Settings are environment variables that begin with PLATFORM_; docs/reference/settings.md lists them.
    """


@cli.command()
def demo() -> None:
    """Run the retail shop from files to predictions.

    Generates 120 days of a shop (or reads PLATFORM_RETAIL_FILES), materializes every layer through Dagster, and shows what came out.
    Everything is kept under PLATFORM_HOME (default .platform). A second run changes nothing.
    """
    from platform_assets.cli.demo import run_demo

    run_demo()


def main() -> None:
    """The command's entry: an error of the platform is a message, not a traceback."""
    try:
        cli()
    except PlatformError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
