"""Shows the rows of a partition that were not accepted, and why."""

from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape

from platform_assets.cli import MODULE
from platform_assets.cli.lookup import declared, definitions_of, platform_of
from platform_assets.cli.replay import replays_of
from platform_assets.declare.names import UNPARSED, UNPARSED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError
from platform_assets.kernels.examples import with_example
from platform_assets.steps.run import name_of, span_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, quarantine_table, silver_table
from platform_assets.stores.ledger import Entry

_CARRIED = ("arrival", "delivery", "row_number", "reasons", "run")


def show_quarantine(name: str, partition: str, rows: int, module: str) -> None:
    """Shows counts, reasons, and the first rows as received."""
    source = declared(module, Source, "source", name)
    run, index = platform_of(definitions_of(module)).run("quarantine"), source.partitions.index_of(partition)
    table, silver = quarantine_table(source), name_of(silver_table(source))
    entry = run.ledger.entries(silver).get(partition)
    if entry is None:
        raise NotReadyError(f"{silver} {partition} has not been materialized: no rows have been judged. Materialize it first.")
    console = Console(highlight=False)
    _say(console, source, entry, module)
    for replayed in replays_of(source, partition, run):
        console.print(escape(replayed), soft_wrap=True)
    found = run.lake.scan(table, by="arrival", span=span_of(source.partitions, index, index)).sort("delivery", "row_number")
    shown = found.head(rows).collect()
    for row in shown.to_dicts():
        console.print(f"\n[bold]row {row['row_number']:,} of delivery {row['delivery']}[/]: {escape(', '.join(row['reasons']))}")
        if row.get(UNPARSED) is not None:
            console.print("  " + escape(f"{row['unparsed_file']}, line {row['unparsed_line']:,}: {row[UNPARSED]}"))
            continue
        shown_columns = [column for column in row if column not in (*_CARRIED, *UNPARSED_COLUMNS)]
        console.print("  " + escape("  ".join(f"{column}={_text(row[column])}" for column in shown_columns)))
    whole = found.select(pl.len()).collect().item()
    if whole > shown.height:
        console.print(f"\n... and {whole - shown.height:,} more: --rows {whole}")


def _say(console: Console, source: Source, entry: Entry, module: str) -> None:
    counts, status = entry.details, {"blocked": "[red]blocked[/]", "ok": "open"}.get(entry.status, entry.status)
    console.print(
        f"[bold]{source.name} {entry.partition}[/] is {status}: of {counts['received']:,} rows received "
        f"{counts['accepted']:,} were accepted, {counts['quarantined']:,} quarantined, {counts['duplicates']:,} were duplicates. "
        f"{counts['accepted_share']:.1%} were good, {counts['needed_share']:.1%} are required"
        f"{', so none were accepted' if entry.status == 'blocked' else ''}."
    )
    for reason, number in sorted(counts["reasons"].items(), key=lambda pair: -pair[1]):
        console.print(f"  {number:>9,}  {escape(with_example(reason, counts.get('examples', {})))}", soft_wrap=True)
    if decision := counts.get(ACCEPTED_AS_IT_IS):
        console.print(f"Accepted as it is by {escape(decision['by'])} at {decision['at']}: {escape(decision['why'])}")
    if entry.status == "blocked":
        of = "" if module == MODULE else f" --module {module}"
        console.print(f"Accept it as it is: platform-assets accept {source.name} {entry.partition}{of} --why '...'", soft_wrap=True)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
