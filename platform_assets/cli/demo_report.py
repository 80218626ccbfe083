"""What the demo shows at its end."""

from typing import Any

from rich.console import Console
from rich.table import Table as Shown

from platform_assets.cli.demo_run import Made
from platform_assets.domains.retail import declarations as retail
from platform_assets.settings import load_settings
from platform_assets.steps.model import model_table, predictions_table
from platform_assets.steps.run import name_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger


def report(console: Console, made: Made, cpu: float) -> None:
    """Rows, checks, models, one customer, and what to type next."""
    ledger = Ledger(Lake(str(load_settings().lake_root)))
    if made.partitions:
        console.print(
            f"[bold]Materialized[/] {sum(made.partitions.values()):,} partitions of {len(made.partitions)} tables in {cpu:.0f} CPU s"
        )
    else:
        console.print("[bold]Nothing to do[/]: every partition is there and up to date; nothing was changed")
    _rows(console, ledger)
    _models(console, ledger)
    _customer(console)
    _next(console)


def _rows(console: Console, ledger: Ledger) -> None:
    shown = Shown("source", title="Rows by source", title_justify="left")
    for column in ("received", "accepted", "quarantined", "duplicate", "copies", "flagged"):
        shown.add_column(column, justify="right")
    checks, failed = 0, 0
    reasons: dict[str, int] = {}
    for source in (retail.orders, retail.returns):
        entries = ledger.entries(name_of(silver_table(source))).values()
        total = {name: _total(entries, name) for name in ("received", "accepted", "quarantined", "duplicates", "exact_copies")}
        flags: dict[str, int] = {}
        for entry in entries:
            _add(flags, entry.details["flags"])
            _add(reasons, entry.details["reasons"])
            lost = (
                entry.details["received"]
                - entry.details["quarantined"]
                - entry.details["duplicates"]
                - (entry.details["accepted"] if entry.status == "ok" else 0)
            )
            checks, failed = checks + 2, failed + bool(lost) + (entry.tier == "LOW")
        told = "\n".join(f"{rows:,} {flag}" for flag, rows in flags.items()) or "-"
        shown.add_row(source.name, *(f"{number:,}" for number in total.values()), told)
    console.print(shown)
    most = sorted(reasons.items(), key=lambda pair: -pair[1])[:4]
    console.print(
        "Quarantined because of: " + "; ".join(f"{reason} ({rows:,})" for reason, rows in most) + (" ..." if len(reasons) > 4 else "")
    )
    console.print(f"Checks: {checks:,} evaluated a partition each (nothing lost, accepted share), {failed} failed")


def _total(entries: Any, name: str) -> int:
    return sum(entry.details[name] for entry in entries)


def _add(totals: dict[str, int], more: dict[str, int]) -> None:
    for name, rows in more.items():
        totals[name] = totals.get(name, 0) + rows


def _models(console: Console, ledger: Ledger) -> None:
    shown = Shown("month", title="Model churn, judged on the newest fifth of the label times", title_justify="left")
    for column in ("AUC", "baseline", "avg. precision", "baseline", "share churned", "train / test rows", "good"):
        shown.add_column(column, justify="right")
    for key, entry in sorted(ledger.entries(name_of(model_table(retail.churn))).items()):
        details = entry.details
        rows = f"{details['train_rows']:,} / {details['test_rows']:,}"
        if entry.status != "ok":
            shown.add_row(key[:7], "-", "-", "-", "-", "-", rows, "not trained")
            continue
        scores = [details[name] for name in ("auc", "baseline_auc", "average_precision", "baseline_average_precision", "positive_share")]
        shown.add_row(key[:7], *(f"{score:.3f}" for score in scores), rows, "yes" if details["good"] else "no")
    console.print(shown)
    predicted = ledger.entries(name_of(predictions_table(retail.churn))).values()
    days = [entry for entry in predicted if entry.status == "ok"]
    console.print(
        f"Predictions: {sum(e.rows for e in days):,} scores on {len(days)} of {len(predicted)} days (the others had no good model yet)"
    )


def _customer(console: Console) -> None:
    from platform_assets.steps.online import read_one_customer

    key, values, milliseconds, watermark = read_one_customer(retail.churn_features)
    shown = Shown(
        "feature", "value", "feature", "value", title=f"Customer {key} online, as of {watermark:%Y-%m-%d %H:%M} UTC", title_justify="left"
    )
    cells = [(name.replace("customer_", ""), _text(value)) for name, value in values.items()]
    half = -(-len(cells) // 2)
    for left, right in zip(cells[:half], [*cells[half:], ("", "")][:half], strict=True):
        shown.add_row(*left, *right)
    console.print(shown)
    console.print(f"Read in {milliseconds:.2f} ms")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "-" if value is None else str(value)[:19]


def _next(console: Console) -> None:
    home = load_settings().home
    console.print(
        f"[bold]Next[/]\n"
        f"  look at it       DAGSTER_HOME={home}/dagster .venv/bin/dagster-webserver -m platform_assets.definitions\n"
        f"  one day again    DAGSTER_HOME={home}/dagster .venv/bin/dagster asset materialize -m platform_assets.definitions \\\n"
        f"                     --select 'key:\"orders/silver\"' --partition {retail.DAYS.key(retail.DAYS.first)}\n"
        f"  real files       PLATFORM_HOME=.real PLATFORM_RETAIL_FILES=<folder of daily CSV files> make demo\n"
        f"  read the code    platform_assets/domains/retail/declarations.py"
    )
