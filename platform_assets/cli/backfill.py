"""Brings tables up to date: materializes missing and stale partitions through Dagster, upstream first, whatever the partitions are."""

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from platform_assets.cli.environment import online_store, use_dagster_home
from platform_assets.cli.lookup import definitions_of, graph_of, platform_of
from platform_assets.cli.materialize import materialize
from platform_assets.cli.stages import Stage, by_reason, chosen, described_reading, foreseen, good_when_made, read_by_others, stages
from platform_assets.declare.partitions import Partitions
from platform_assets.errors import DeclarationError, PlatformError
from platform_assets.settings import load_settings
from platform_assets.sources.receive import raw_table
from platform_assets.steps.messages import described_block, described_ranges
from platform_assets.steps.run import Run, counted, name_of, stretches
from platform_assets.steps.staleness import NOTHING_PLANNED
from platform_assets.stores.tables import Table

Bound = str | None


@dataclass
class Backfilled:
    """The result of a backfill."""

    partitions: dict[str, int] = field(default_factory=dict)
    """The number of partitions made, by table."""
    blocked: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Errors, by table."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Partitions that cannot be made yet, by table: no file was found, or an input is missing or blocked."""


def backfill(
    definitions: dg.Definitions,
    todo: Sequence[Stage],
    run: Callable[[], Run],
    console: Console,
    *,
    since: Bound = None,
    until: Bound = None,
) -> Backfilled:
    """Runs each stage over its outdated partitions that can be made; a failure holds up only its readers."""
    done = Backfilled()
    columns = (SpinnerColumn(), TextColumn("{task.description:<34}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    with dg.DagsterInstance.get() as instance, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(todo))
        for stage in todo:
            progress.update(task, description=", ".join(name_of(table) for table in stage.tables))
            first, last = bounds(stage.partitions, stage.first, stage.last, since, until)
            outdated = stage.outdated(first, last, run(), NOTHING_PLANNED)
            if waiting := [p for p, one in outdated.items() if not one.can_be_made]:
                done.waiting[stage.name] = f"{described_ranges(stage.partitions, waiting)} ({len(waiting):,})"
            for first, last in stretches(sorted(outdated.keys() - waiting)):
                _make(stage, first, last, definitions, instance, run, done)
            if stage.name in done.partitions and not console.is_terminal:  # where no progress bar can be shown, as in CI
                console.print(f"  {stage.name}: {counted(done.partitions[stage.name], 'partition')}", soft_wrap=True)
            progress.advance(task)
    return done


def _make(
    stage: Stage, first: int, last: int, definitions: dg.Definitions, instance: dg.DagsterInstance, run: Callable[[], Run], done: Backfilled
) -> None:
    keys = [stage.partitions.key(p) for p in range(first, last + 1)]
    before = run().ledger.entries(stage.name)
    made = len(keys)
    try:
        materialize(definitions, stage.tables, stage.partitions, first, last, instance)
    except PlatformError as error:
        done.failed[stage.name] = str(error)
        after = run().ledger.entries(stage.name)
        made = sum(key in after and before.get(key) != after[key] for key in keys)
    for table in stage.tables:
        done.partitions[name_of(table)] = done.partitions.get(name_of(table), 0) + made
    if stage.tables[0][1] == "silver":
        after, module = run().ledger.entries(stage.name), run().module
        done.blocked += [described_block(after[key], module) for key in keys if key in after and after[key].status == "blocked"]


def bounds(partitions: Partitions, first: int, last: int, since: Bound, until: Bound) -> tuple[int, int]:
    """The partitions first..last limited to those between two keys, which may be days even if the partitions are hours or months."""
    if since is not None:
        first = max(first, _index(partitions, since, "--from"))
    if until is not None:
        last = min(last, _index(partitions, until, "--to"))
    return first, last


def _index(partitions: Partitions, key: str, option: str) -> int:
    try:
        return partitions.around(key, is_last=option == "--to")
    except ValueError:
        raise DeclarationError(f"{option} {key!r} is not a date. Write it as 2024-03-05, for hours as 2024-03-05T13.") from None


def run_backfill(names: tuple[str, ...], module: str, since: Bound, until: Bound, dry_run: bool) -> bool:
    """Brings all tables of a module up to date, or the named ones and everything upstream. Returns False if something failed."""
    definitions, settings, console = definitions_of(module), load_settings(), Console(highlight=False)
    platform, graph = platform_of(definitions), graph_of(definitions)
    use_dagster_home(settings, module)

    def run() -> Run:
        return platform.run("backfill")

    every = stages(graph, run(), platform.online)
    needed = graph.upstream(table for stage in chosen(every, names) for table in stage.tables)
    todo = [stage for stage in every if not needed.isdisjoint(stage.tables)]
    is_online = any(stage.tables[0][1] == "online" for stage in todo)
    with online_store(settings) if is_online and platform.online_url is None else nullcontext():
        if dry_run:
            return _show_plan(console, todo, run(), since, until)
        done = backfill(definitions, todo, run, console, since=since, until=until)
    ended = _report(console, done, module)
    sources = [source for source in graph.sources if raw_table(source) in needed]
    for source, partitions in read_by_others(sources, run()):
        console.print(f"[yellow]not read again[/]: {escape(described_reading(source, partitions, module))}", soft_wrap=True)
    return ended


def _show_plan(console: Console, todo: Sequence[Stage], run: Run, since: Bound, until: Bound) -> bool:
    """Shows what a backfill would make: partitions that are outdated now, and those that will be once these are made."""
    made: dict[Table, Collection[int]] = {}
    number = tables = 0
    for stage in todo:
        outdated = foreseen(stage, *bounds(stage.partitions, stage.first, stage.last, since, until), run, made)
        made |= dict.fromkeys(stage.tables, good_when_made(outdated))
        would_be = [p for p, one in outdated.items() if one.can_be_made]
        number, tables = number + len(would_be) * len(stage.tables), tables + (len(stage.tables) if would_be else 0)
        for can_be_made in (True, False):
            for why, indexes in by_reason(outdated, [p for p, one in outdated.items() if one.can_be_made == can_be_made]):
                said = f"{stage.name}: {described_ranges(stage.partitions, indexes)} ({len(indexes):,}): {why}"
                console.print(f"  {said}" if can_be_made else f"cannot be made yet: {said}", soft_wrap=True)
    if not number:
        console.print("Nothing to do: everything that can be made is up to date.")
        return True
    would = f"{counted(number, 'partition')} of {counted(tables, 'table')}"
    console.print(
        f"Nothing was made. A backfill would make {would}. Deliveries are judged only when they are received: readers of a day that "
        "turns out to be blocked wait, and late rows make earlier days of reports stale.",
        soft_wrap=True,
    )
    return True


def _report(console: Console, done: Backfilled, module: str) -> bool:
    if not done.partitions and not done.failed:
        console.print("Nothing to do: everything that can be made is up to date.")
    for name, number in done.partitions.items():
        console.print(f"  {name}: {counted(number, 'partition')} made", soft_wrap=True)
    for said in done.blocked:
        console.print(f"[yellow]warning[/]: {said}", soft_wrap=True)
    for name, waiting in done.waiting.items():
        console.print(f"cannot be made yet: {name}: {waiting}. See why: platform-assets status {name} -m {module}", soft_wrap=True)
    for name, why in done.failed.items():
        console.print(f"[red]failed[/]: {name}: {why}", soft_wrap=True)
    return not done.failed
