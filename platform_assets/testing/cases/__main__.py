"""The command `python -m platform_assets.testing.cases`."""

import sys
from pathlib import Path

import click
from rich.console import Console

from platform_assets.errors import PlatformError
from platform_assets.testing.cases.case import read_cases
from platform_assets.testing.cases.report import tell
from platform_assets.testing.cases.run import run_case
from platform_assets.testing.computed import ENGINES


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-e", "--engine", "engines", multiple=True, type=click.Choice(list(ENGINES)), help="Run only on this engine; may be repeated."
)
def main(files: tuple[Path, ...], engines: tuple[str, ...]) -> None:
    """Run cases: rows in, features over windows, expected values out.

    Each FILE is YAML, as described in docs/how-to/cases.md. Every case is run on every engine and compared with its expected values; a case
    with cannot: is counted, and reported with its reason.

    Exit code: 0 if no case failed, 1 if one did, 2 if a file cannot be read.
    """
    chosen = list(dict.fromkeys(engines)) or list(ENGINES)
    try:
        cases = [case for file in files for case in read_cases(file)]
    except PlatformError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(2)
    outcomes = [run_case(case, engine) for case in cases for engine in chosen]
    tell(Console(), outcomes, chosen)
    sys.exit(any(outcome.status == "failed" for outcome in outcomes))


if __name__ == "__main__":
    main(prog_name="python -m platform_assets.testing.cases")
