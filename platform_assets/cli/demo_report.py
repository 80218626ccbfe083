"""The report at the end of the demo."""

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from platform_assets.cli.backfill import Backfilled
from platform_assets.cli.lookup import platform_of
from platform_assets.definitions import defs
from platform_assets.domains.retail import declarations as retail
from platform_assets.serving.features import online_features
from platform_assets.settings import load_settings
from platform_assets.steps.gold import gold_table
from platform_assets.steps.lake import lake_at
from platform_assets.steps.model import model_table, predictions_table
from platform_assets.steps.online import compare, marks_of
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.client import OnlineClient


def report(console: Console, made: Backfilled, cpu: float) -> None:
    """Shows rows, checks, models, one customer, and the next commands."""
    lake = lake_at(None)
    ledger = Ledger(lake)
    if made.partitions:
        console.print(
            f"[bold]Materialized[/] {sum(made.partitions.values()):,} partitions of {len(made.partitions)} tables in {cpu:.0f} CPU s"
        )
    else:
        console.print("[bold]Nothing to do[/]: every partition is up to date; nothing was changed")
    _rows(console, ledger)
    _models(console, ledger)
    _customer(console, lake)
    _next(console)


def _rows(console: Console, ledger: Ledger) -> None:
    shown = _table("Rows", "source", "received", "accepted", "quarantined", "duplicate", "exact copies kept")
    flags: dict[str, int] = {}
    reasons: dict[str, int] = {}
    examples: dict[str, str] = {}
    for source in (retail.orders, retail.returns, retail.customers):
        entries = ledger.entries(name_of(silver_table(source))).values()
        total = [_total(entries, name) for name in ("received", "accepted", "quarantined", "duplicates", "exact_copies")]
        shown.add_row(source.name, *(f"{number:,}" for number in total))
        for entry in sorted(entries, key=lambda entry: entry.partition):
            _add(flags, entry.details["flags"])
            _add(reasons, entry.details["reasons"])
            examples = entry.details.get("examples", {}) | examples  # the earliest one is kept
    console.print(shown)
    _counts(console, "Flagged and kept", flags)
    _counts(console, "Quarantined because", reasons, examples)
    _checks(console)


def _checks(console: Console) -> None:
    """The newest outcome of each check of each partition in Dagster."""
    wanted = dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    with dg.DagsterInstance.get() as instance:
        records = instance.event_log_storage.get_event_records(wanted, ascending=True)
    newest: dict[Any, dg.AssetCheckEvaluation] = {}
    for record in records:
        if event := record.event_log_entry.dagster_event:
            told: Any = event.event_specific_data
            newest[told.asset_key, told.check_name, told.partition] = told
    errors = sum(not told.passed and told.severity == dg.AssetCheckSeverity.ERROR for told in newest.values())
    warnings: dict[str, int] = {}
    for told in newest.values():
        if not told.passed and told.severity == dg.AssetCheckSeverity.WARN:
            _add(warnings, {told.check_name: 1})
    console.print(f"[bold]Checks[/] {len(newest):,} evaluated, each for one partition: {errors} failed, {sum(warnings.values()):,} warn")
    _counts(console, "Warnings of", warnings)
    console.print()


def _table(title: str, first: str, *others: str) -> Shown:
    shown = Shown(first, title=f"[bold]{title}[/]", title_justify="left", title_style="", box=SIMPLE, pad_edge=False, padding=(0, 1))
    for column in others:
        shown.add_column(column, justify="right")
    return shown


def _counts(console: Console, title: str, counts: dict[str, int], examples: Mapping[str, str] | None = None) -> None:
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    such_as = {name: f" (such as {escape(example)})" for name, example in (examples or {}).items()}
    told = [f"{escape(name)} {rows:,}{such_as.get(name, '')}" for name, rows in most[:5]]
    console.print(f"[bold]{title}[/] " + ", ".join(told) + (", ..." if len(most) > 5 else ""))


def _total(entries: Any, name: str) -> int:
    return sum(entry.details[name] for entry in entries)


def _add(totals: dict[str, int], more: dict[str, int]) -> None:
    for name, rows in more.items():
        totals[name] = totals.get(name, 0) + rows


def _models(console: Console, ledger: Ledger) -> None:
    """One row per month, and the newest model compared with the logistic baseline."""
    columns = ("AUC", "base", "log loss", "base", "train", "test", "good")
    shown = _table("Model churn and a logistic baseline, on the newest fifth of labels", "month", *columns)
    untrained, newest = [], None
    for key, entry in sorted(ledger.entries(name_of(model_table(retail.churn))).items()):
        details = entry.details
        rows = [f"{details['train_rows']:,}", f"{details['test_rows']:,}"]
        if entry.status != "ok":
            shown.add_row(key[:7], *"-" * 4, *rows, "-")
            untrained.append(key[:7])
            continue
        newest = (key[:7], details)
        scores = [f"{details[name]:.3f}" for name in ("auc", "baseline_auc", "log_loss", "baseline_log_loss")]
        shown.add_row(key[:7], *scores, *rows, "yes" if details["good"] else "no")
    console.print(shown)
    if untrained:
        console.print(f"Too few labels to train in {', '.join(untrained)}\n")
    if newest:
        _beside_baseline(console, *newest)
    predicted = ledger.entries(name_of(predictions_table(retail.churn))).values()
    days = [entry for entry in predicted if entry.status == "ok"]
    console.print(
        f"[bold]Predictions[/] {sum(e.rows for e in days):,} on {len(days)} of {len(predicted)} days; the others had no good model yet\n"
    )


def _beside_baseline(console: Console, month: str, details: Mapping[str, Any]) -> None:
    """The newest model compared with the baseline, with intervals and in words; and up to when it has seen data."""
    shown = _table(f"Is the model of {month} better than the baseline?", "", "model", "base", "better by", "95% interval", "")
    for metric, name in (("auc", "AUC"), ("log_loss", "log loss"), ("brier", "Brier score")):
        gain, low, high = (details[f"{metric}_gain{end}"] for end in ("", "_low", "_high"))
        verdict = "yes" if low is not None and low > 0 else "no, worse" if high is not None and high < 0 else "not clearly"
        interval = "unknown" if low is None else f"{low:+.3f} to {high:+.3f}"
        shown.add_row(name, f"{details[metric]:.3f}", f"{details[f'baseline_{metric}']:.3f}", f"{gain:+.3f}", interval, verdict)
    console.print(shown)
    shares = f"{details['mean_predicted']:.0%} predicted, {details['positive_share']:.0%} churned"
    judged = f"Evaluated on label times from {details['cut'][:10]} on: {shares}"
    refit = "; then refitted to all of them" if details["refit"] else ""
    console.print(f"{judged}{refit}: trained on outcomes until {details['outcomes_until'][:10]}")


def _customer(console: Console, lake: Lake) -> None:
    """The features of the customer with the most orders, as a server would read them."""
    store, service = platform_of(defs).online(), retail.churn_features
    marks = marks_of(retail.customer_spend, store)
    assert marks is not None, "it was just published"
    log = lake.scan(gold_table(retail.customer_spend)).filter(pl.col("valid_from") <= marks.watermark_at)
    newest = (
        log.filter(pl.col("valid_from") > marks.watermark_at - timedelta(days=30)).sort("valid_from").unique("customer_id", keep="last")
    )
    key = newest.sort("orders_90d", "customer_id", descending=[True, False]).select("customer_id").first().collect().item()
    client = OnlineClient(store.url, store.project)
    online_features(service, [{"customer_id": key}], client, now=marks.watermark_at)
    started = time.perf_counter()
    vectors = online_features(service, [{"customer_id": key}], client, now=marks.watermark_at)
    milliseconds = 1e3 * (time.perf_counter() - started)
    title = f"Customer {key} online, as of {marks.watermark_at:%Y-%m-%d %H:%M} UTC"
    shown = _table(title, "feature", "value", "feature", "value")
    shown.columns[2].justify = "left"
    cells = [
        (name.replace("customer_spend__", "").replace("customer_returns__", "returned_").replace("customer_profile__", ""), _text(value))
        for name, value in vectors.rows[0].items()
    ]
    half = -(-len(cells) // 2)
    for left, right in zip(cells[:half], [*cells[half:], ("", "")][:half], strict=True):
        shown.add_row(*left, *right)
    console.print(shown)
    run = Run(lake, Ledger(lake), "demo", load_settings().clock())
    views = [*service.views, retail.customer_history, retail.product_sales]
    published = [(view, found.watermark_at) for view in views if (found := marks_of(view, store)) is not None]
    parities = [compare(view, run, store, at) for view, at in published]  # if a day is blocked, one view may be behind the others
    asked, compared, differ = (sum(n) for n in zip(*((p.entities, p.values, len(p.mismatches)) for p in parities), strict=True))
    console.print(f"[bold]Offline = online[/] {compared:,} values of {asked} entities of {len(views)} views compared, {differ} differ")
    console.print(f"[bold]Read[/] {len(cells)} features of {len(service.views)} views, in {milliseconds:.2f} ms\n")


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return "-" if value is None else str(value)[:19]


def _next(console: Console) -> None:
    home = load_settings().home
    inside = home.is_relative_to(Path.cwd())
    shown, dagster = (home.relative_to(Path.cwd()), f"$PWD/{home.relative_to(Path.cwd())}") if inside else (home, home)
    day = retail.DAYS.key(retail.DAYS.first)
    lines = (
        "[bold]Next[/]",
        f"  export PLATFORM_HOME={shown} DAGSTER_HOME={dagster}/dagster{_lake_too()}",
        "  make ui                                                      # look at it",
        "  .venv/bin/dagster asset materialize -m platform_assets.definitions \\\n"
        f"    --select 'key:\"orders/silver\"' --partition {day}     # make a day again",
        "  PLATFORM_HOME=.real PLATFORM_RETAIL_FILES=<folder> make demo # real files",
        "  platform_assets/domains/retail/declarations.py               # all declared",
    )
    console.print("\n".join(lines), soft_wrap=True)


def _lake_too() -> str:
    lake = load_settings().lake
    return "" if lake is None else f" PLATFORM_LAKE={lake}"
