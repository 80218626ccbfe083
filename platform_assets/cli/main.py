"""The command `platform-assets`."""

import sys
from pathlib import Path
from typing import Any

import click

from platform_assets.cli.project import default_module
from platform_assets.errors import PlatformError

DEFAULT_MODULE = "from pyproject.toml, else the shop's"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="platform-assets")
def cli() -> None:
    """Machine-learning features, declared once, as Dagster assets.

    Settings are environment variables that begin with PLATFORM_; docs/reference/settings.md lists them.
    """


@cli.command()
def demo() -> None:
    """Run the retail shop from files to predictions.

    Generates 120 days of a shop (or reads PLATFORM_RETAIL_FILES), materializes every layer through Dagster, and shows the results.
    Everything is stored under PLATFORM_HOME (default .platform). A second run changes nothing.
    """
    from platform_assets.cli.demo import run_demo

    run_demo()


@cli.command()
@click.option("-p", "--port", default=3000, show_default=True, type=click.IntRange(1, 65535), help="The web server's port.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that Dagster loads.")
def ui(port: int, module: str) -> None:
    """Run Dagster's UI until Ctrl-C.

    It shows the data under PLATFORM_HOME. Starts the web server, the daemon (sensors and automation) and, unless PLATFORM_REDIS_URL is set,
    the embedded Valkey.
    """
    from platform_assets.cli.ui import run_ui

    run_ui(port, module)


@cli.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that Dagster loads.")
def status(tables: tuple[str, ...], as_json: bool, module: str) -> None:
    """Show what is missing, stale, blocked or failed, and why.

    For each TABLE (orders/silver, or orders for all of its tables; default: all tables): how many partitions are up to date,
    which are missing or computed from data that has since changed, which are blocked, and which failed in their last run.
    """
    from platform_assets.cli.status import show_status

    show_status(tables, module, as_json)


@cli.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--from", "since", default=None, metavar="DAY", help="Only partitions from this one on, such as 2025-03-05.")
@click.option("--to", "until", default=None, metavar="DAY", help="Only partitions up to this one, which is included.")
@click.option("--dry-run", is_flag=True, help="Show what is missing or stale, without making anything.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that Dagster loads.")
def backfill(tables: tuple[str, ...], since: str | None, until: str | None, dry_run: bool, module: str) -> None:
    """Bring tables up to date: materialize missing and stale partitions.

    Each TABLE (orders/silver, or orders for all of its tables; default: all tables) and everything it depends on, upstream
    first, whether the partitions are hours, days or months. Up-to-date partitions are not changed. Runs through Dagster, so that the UI
    shows it.
    """
    from platform_assets.cli.backfill import run_backfill

    if not run_backfill(tables, module, since, until, dry_run):
        sys.exit(1)


@cli.command()
@click.argument("source")
@click.argument("partition")
@click.option("-n", "--rows", default=10, show_default=True, type=click.IntRange(1), help="How many rows to show.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that declares the source.")
def quarantine(source: str, partition: str, rows: int, module: str) -> None:
    """Show the quarantined rows of a PARTITION, and why.

    Shows how many rows of the SOURCE were accepted, the reasons for quarantining the others, and the first of them as received.
    """
    from platform_assets.cli.quarantine import show_quarantine

    show_quarantine(source, partition, rows, module)


@cli.command()
@click.argument("source")
@click.argument("partition", required=False)
@click.option("--from", "first", default="", metavar="DAY", help="Only rows of partitions from this one on, such as 2025-03-05.")
@click.option("--to", "last", default="", metavar="DAY", help="Only rows of partitions up to this one, which is included.")
@click.option("--reason", "reasons", multiple=True, help="Only rows with this reason, or with one about this column; may be repeated.")
@click.option("--where", default="", metavar="SQL", help="Only rows for which this is true, such as \"invoice = '536365'\".")
@click.option(
    "--set", "values", multiple=True, metavar="SQL", help="A column's new value, \"country = 'United Kingdom'\"; may be repeated."
)
@click.option("--with", "function", default="", metavar="FUNCTION", help="A function of the module that gets and gives a Polars frame.")
@click.option("--rows", "file", default="", metavar="FILE", help="Replay the rows of a file that was exported and edited.")
@click.option("--export", "export_to", default="", metavar="FILE", help="Write the rows to a .csv or .jsonl file to edit; replay nothing.")
@click.option("--again", is_flag=True, help="Also rows that were replayed already: without a key they count twice.")
@click.option("--why", default="", help="Why the rows may be used; kept with the replay.")
@click.option("--by", default=None, help="Who decides; by default the account that runs the command.")
@click.option("--dry-run", is_flag=True, help="Say how many rows would be good, and receive nothing.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that Dagster loads.")
def replay(source: str, partition: str | None, module: str, **asked: Any) -> None:
    """Receive rows of quarantine again, repaired.

    Rows of the SOURCE that were set aside, of one PARTITION or of all, as they came or with new values. They are a delivery of its own in
    the newest partition, with their old event times: no earlier value changes, and a row is replayed once.
    """
    from platform_assets.cli.replay import replay_rows

    click.echo(replay_rows(source, partition, module, **asked))


@cli.command()
@click.argument("source")
@click.argument("partition")
@click.option("--why", required=True, help="Why it may be used; recorded with the decision.")
@click.option("--by", default=None, help="Who decides. Default: the current user account.")
@click.option("--undo", is_flag=True, help="Revoke an acceptance: the partition is blocked again.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that Dagster loads.")
def accept(source: str, partition: str, why: str, by: str | None, undo: bool, module: str) -> None:
    """Accept a blocked PARTITION as it is.

    Accepts the partition of the SOURCE and materializes its silver: its good rows are used from now on, the others stay in quarantine.
    The decision is valid until a new delivery arrives, or until it is revoked.
    """
    from platform_assets.cli.accept import accept_partition

    click.echo(accept_partition(source, partition, module, by=by, why=why, undo=undo))


@cli.command()
@click.option("--test", "is_test", is_flag=True, help="Send a test by each channel, and nothing else.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that Dagster loads.")
def alerts(is_test: bool, module: str) -> None:
    """Send alerts: of blocked, MEDIUM and FAILED partitions, failed checks and runs.

    What came up within PLATFORM_ALERT_EVERY and was not sent, once, by the channels of the PLATFORM_ALERT_ settings. Dagster's daemon does
    the same every half minute. Exit code: 1 when something could not be sent; it is tried again the next time.
    """
    from platform_assets.cli.alerts import send_alerts, try_channels

    sys.exit(0 if (try_channels() if is_test else send_alerts(module)) else 1)


@cli.command()
@click.argument("view")
@click.option("--missing", is_flag=True, help="Remove nothing: write every entity in gold, to restore lost ones.")
@click.option("-m", "--module", default=default_module, show_default=DEFAULT_MODULE, help="The module that declares the view.")
def rebuild(view: str, missing: bool, module: str) -> None:
    """Publish all of a VIEW to the online store again, from gold.

    For a store with damaged values, or values from another lake. Until the rebuild ends, reads fail as if the view was never
    published. Use --missing for a store that lost some entities: readers are not affected. A store that lost all its
    data needs neither: the next materialization of VIEW/online fills it.
    """
    from platform_assets.cli.rebuild import rebuild_view

    click.echo(rebuild_view(view, module, missing=missing))


@cli.command()
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--deep", is_flag=True, help="Decode every page of every file, not only its footer.")
@click.option("--repair", is_flag=True, help="Repair what can be repaired. Run it while nothing writes.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("-m", "--module", default=None, help="The module that declares the views: the online store is compared with gold, too.")
def verify(tables: tuple[str, ...], deep: bool, repair: bool, as_json: bool, module: str | None) -> None:
    """Check the lake, or each TABLE (such as orders/silver), for damaged storage.

    Compares each table's log, files and ledger entries, and checks the files of trained models; reports problems and their repair.
    --repair moves damaged files to the lake's folder _platform/damaged and records lost partitions, so that they are rematerialized.

    Exit code: 0 if all is well, 1 if something is wrong or must be rematerialized, 2 if the check itself failed.
    """
    from platform_assets.cli.verify import run_verify

    sys.exit(run_verify(tables, module, deep=deep, repair=repair, as_json=as_json))


@cli.group()
def spark() -> None:
    """Advise on Spark's configuration, before a run and after it."""


@spark.command()
@click.argument("table", required=False)
@click.option("--rows", default=None, metavar="COUNT", help="Rows computed at once, such as 20M. Default: those of TABLE.")
@click.option("--bytes", "stored", default=None, metavar="SIZE", help="Their compressed size, such as 12GB. Default: that of TABLE.")
@click.option("--workers", default=None, type=click.IntRange(1), help="Machines for executors. Default: this one.")
@click.option("--cores", default=None, type=click.IntRange(1), help="Cores per machine. Default: those of this one.")
@click.option("--memory", default=None, metavar="SIZE", help="Memory per machine, such as 64GB. Default: that of this one.")
@click.option("--column", "columns", multiple=True, help="Columns of TABLE whose skew is measured, such as its keys; may be repeated.")
@click.option("--join", default=None, metavar="TABLE", help="Another table, for advice on a join of the two.")
@click.option("--json", "as_json", is_flag=True, help="Print only the configuration as JSON, in the format of PLATFORM_SPARK_CONF.")
def advise(table: str | None, **asked: Any) -> None:
    """Print a Spark configuration for a workload and machines, each value with its reason and source.

    The workload is a TABLE of the lake, such as orders/silver, or --rows and --bytes.
    """
    from platform_assets.cli.spark import show_advice

    show_advice(table, **asked)


@spark.command()
@click.argument("log", type=click.Path(path_type=Path), required=False)
def report(log: Path | None) -> None:
    """Print the cost of a Spark run, and what to change.

    LOG: its event log, a file or folder. Default: the newest one below PLATFORM_HOME.
    """
    from platform_assets.cli.spark import show_report

    show_report(log)


@cli.command()
def valkey() -> None:
    """Run the embedded Valkey until Ctrl-C.

    Its data is under PLATFORM_HOME. Use it with the Dagster UI and command line; it prints the PLATFORM_REDIS_URL to set.
    """
    import signal
    import threading

    from platform_assets.settings import load_settings
    from platform_assets.stores.valkey import EmbeddedValkey

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with EmbeddedValkey(load_settings().home / "valkey") as server:
        click.echo(f"export PLATFORM_REDIS_URL={server.url}")
        stop.wait()


def main() -> None:
    """The entry point: shows errors of the platform as messages, not tracebacks."""
    try:
        cli()
    except PlatformError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(1)
