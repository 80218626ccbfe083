"""The status of each table: which partitions are up to date, missing, stale, blocked or failed, and why."""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import dagster as dg
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from platform_assets.cli import MODULE
from platform_assets.cli.environment import use_dagster_home
from platform_assets.cli.failures import failures
from platform_assets.cli.lookup import definitions_of, graph_of, platform_of
from platform_assets.cli.stages import Outdated, Stage, by_reason, chosen, described_reading, good_when_made, read_by_others, stages
from platform_assets.settings import load_settings
from platform_assets.sources.receive import raw_table
from platform_assets.steps.messages import SHOWN, described_ranges
from platform_assets.steps.model_verdict import verdict
from platform_assets.steps.run import Run, counted
from platform_assets.steps.staleness import Plan
from platform_assets.stores.delta import Table


@dataclass(frozen=True)
class TableStatus:
    """The status of a table's partitions: each is counted once, as up to date, missing, stale, blocked or failed."""

    stage: Stage
    outdated: Mapping[int, Outdated]
    blocked: Mapping[int, str]
    failed: Mapping[int, str]
    """The errors of outdated partitions that could be materialized but whose last run failed, from Dagster."""
    verdicts: Mapping[int, str]
    """For a model, whether each partition is good, and why."""
    read_otherwise: Collection[int] = ()
    """For raw: the partitions read by another version of the source's function."""

    @property
    def there(self) -> int:
        """The number of up-to-date partitions."""
        return max(self.stage.last - self.stage.first + 1, 0) - len({*self.outdated, *self.blocked})

    @property
    def missing(self) -> list[int]:
        return [p for p, one in self.outdated.items() if one.is_missing and p not in self.blocked and p not in self.failed]

    @property
    def stale(self) -> list[int]:
        return [p for p, one in self.outdated.items() if not one.is_missing and p not in self.blocked and p not in self.failed]

    def said(self) -> dict[str, object]:
        """The status as plain data, for programs."""
        key = self.stage.partitions.key
        reasons = {p: by_reason(self.outdated, [p])[0][0] for p in self.outdated}
        found: dict[str, object] = {
            "table": self.stage.name,
            "up_to_date": self.there,
            "missing": {key(p): reasons[p] for p in self.missing},
            "stale": {key(p): reasons[p] for p in self.stale},
            "blocked": {key(p): why for p, why in self.blocked.items()},
            "failed": {key(p): why for p, why in self.failed.items()},
        }
        if self.read_otherwise:
            found["read_by_another_version"] = [key(p) for p in self.read_otherwise]
        if self.verdicts:
            found["verdicts"] = {key(p): why for p, why in self.verdicts.items()}
        return found


def statuses(todo: Iterable[Stage], run: Run, instance: dg.DagsterInstance | None) -> Iterator[TableStatus]:
    """The status of each stage's tables, upstream first: inputs that a backfill materializes first are not waited for."""
    made: dict[Table, Collection[int]] = {}
    for stage in todo:
        outdated = stage.outdated(stage.first, stage.last, run, Plan(made=made))
        blocked = _blocked(stage, run)
        could_be_made = [p for p, one in outdated.items() if one.can_be_made and p not in blocked]
        failed = failures(stage.tables[0], stage.partitions, could_be_made, instance) if instance else {}
        good = [p for p in good_when_made(outdated) if p not in failed]
        made |= dict.fromkeys(stage.tables, good)
        yield TableStatus(stage, outdated, blocked, failed, _verdicts(stage, run))


def _blocked(stage: Stage, run: Run) -> dict[int, str]:
    found = {}
    for key, entry in run.ledger.entries(stage.name).items():
        if entry.status == "blocked":
            details = entry.details
            share = f"{details['accepted_share']:.0%} of its rows were good" if "accepted_share" in details else ""
            found[stage.partitions.number(key)] = share or "an input was blocked"
    return found


def _verdicts(stage: Stage, run: Run) -> dict[int, str]:
    if stage.tables[0][1] != "model":
        return {}
    return {stage.partitions.number(key): verdict(entry) for key, entry in run.ledger.entries(stage.name).items()}


def show_status(names: tuple[str, ...], module: str, as_json: bool) -> None:
    """The status of a module's tables, or of those named."""
    definitions = definitions_of(module)
    run, settings, graph = platform_of(definitions).run("status"), load_settings(), graph_of(definitions)
    use_dagster_home(settings, module)
    online = platform_of(definitions).online if settings.redis_url is not None else None
    every = stages(graph, run, online)
    asked = chosen(every, names)
    needed = graph.upstream(table for stage in asked for table in stage.tables)
    instance = dg.DagsterInstance.get() if os.path.exists(os.environ.get("DAGSTER_HOME", "")) else None
    # What a table waits for follows from everything upstream of it.
    found = list(statuses([stage for stage in every if not needed.isdisjoint(stage.tables)], run, instance))
    others = read_by_others(graph.sources, run)
    by_table = {raw_table(source): partitions for source, partitions in others}
    found = [replace(status, read_otherwise=by_table.get(status.stage.tables[0], ())) for status in found if status.stage in asked]
    console = Console(highlight=False)
    if as_json:
        print(json.dumps([status.said() for status in found], indent=2))
        return
    _show(console, found, module)
    shown = {status.stage.tables[0] for status in found}
    for source, partitions in others:
        if raw_table(source) in shown:
            console.print(escape(described_reading(source, partitions, module)), soft_wrap=True)
    if online is None:
        console.print("The online store was not checked: set PLATFORM_REDIS_URL to see what is not published yet.")


def _show(console: Console, found: list[TableStatus], module: str) -> None:
    table = Shown("table", "up to date", "missing", "stale", "blocked", "failed", "newest", box=SIMPLE)
    table.columns[0].min_width = max((len(status.stage.name) for status in found), default=0)
    for column in table.columns[1:6]:
        column.justify = "right"
    for status in found:
        counts = [status.there, len(status.missing), len(status.stale), len(status.blocked), len(status.failed)]
        newest = status.stage.partitions.key(status.stage.last) if status.stage.last >= status.stage.first else "-"
        table.add_row(status.stage.name, *(f"{count:,}" if count else "-" for count in counts), newest)
    console.print(table)
    for status in found:
        for what, why, indexes in _reasons(status):
            said = f"{status.stage.name} {what}: {described_ranges(status.stage.partitions, indexes)} ({len(indexes):,})"
            why = why.removeprefix(f"{what}; ").removeprefix(f"{what}: ")
            console.print(f"{escape(said)}: {escape(why)}" if why != what else escape(said), soft_wrap=True)
        for said in _said_of_models(status):
            console.print(escape(said), soft_wrap=True)
    of = "" if module == MODULE else f" --module {module}"
    if any(one.can_be_made for status in found for one in status.outdated.values()):
        console.print(f"\nBring everything up to date: platform-assets backfill{of}", soft_wrap=True)
    elif not any(status.outdated or status.blocked for status in found):
        console.print(f"\nEverything is up to date: {counted(len(found), 'table')}.")


def _reasons(status: TableStatus) -> Iterator[tuple[str, str, list[int]]]:
    """The partitions that need attention, by state and reason."""
    for what, indexes in (("missing", status.missing), ("stale", status.stale)):
        for why, alike in by_reason(status.outdated, indexes):
            yield what, why, alike
    for what, reasons in (("blocked", status.blocked), ("failed", status.failed)):
        for why in dict.fromkeys(reasons.values()):
            yield what, why, [p for p, reason in reasons.items() if reason == why]


def _said_of_models(status: TableStatus) -> Iterator[str]:
    """Whether the newest models are good, and why."""
    newest = sorted(status.verdicts)[-SHOWN:]
    for p in newest:
        yield f"{status.stage.name} {status.stage.partitions.key(p)}: {status.verdicts[p]}"
    if more := len(status.verdicts) - len(newest):
        yield f"{status.stage.name}: {counted(more, 'older model')}, with all others in --json"
