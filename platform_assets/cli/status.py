"""What of each table is there, and what is missing, stale, blocked or failed, and why."""

import json
import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import dagster as dg
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Shown

from platform_assets.assets.keys import key_of
from platform_assets.assets.partitions import partitions_definition
from platform_assets.cli import MODULE
from platform_assets.cli.declared import definitions_of, graph_of, platform_of
from platform_assets.cli.surroundings import use_dagster_home
from platform_assets.declare.attributes import View
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, suggestion
from platform_assets.settings import load_settings
from platform_assets.sources.receive import raw_table
from platform_assets.steps.described import described_ranges
from platform_assets.steps.gold import online_table
from platform_assets.steps.layers import Graph, Layer
from platform_assets.steps.news import Memory, find_news
from platform_assets.steps.run import Run, counted, name_of
from platform_assets.steps.stale import Stale
from platform_assets.steps.to_make import MISSING
from platform_assets.stores.delta import Table
from platform_assets.stores.online.connection import OnlineStore

NOTHING_FOUND = "missing: nothing was found for it"
DELIVERED_AGAIN = "delivered again with other rows"
NOT_PUBLISHED = "not published yet"
NEWER_MODEL = "a newer model would make it differently"


@dataclass(frozen=True)
class Outdated:
    """Why a partition is missing or stale, and whether a run could make it now."""

    why: str
    can_be_made: bool
    is_there: bool = True
    """Whether there is an older one, unless the reason says so."""

    @property
    def is_missing(self) -> bool:
        return not self.is_there or self.why in (MISSING, NOTHING_FOUND, NOT_PUBLISHED)


@dataclass(frozen=True)
class Stage:
    """Tables that one step makes, the partitions of them that have ended, and how to find out which of these are outdated."""

    tables: tuple[Table, ...]
    partitions: Partitions
    last: int
    outdated: Callable[[int, int, Run, Stale], dict[int, Outdated]]

    @property
    def first(self) -> int:
        return self.partitions.first

    @property
    def name(self) -> str:
        return name_of(self.tables[0])


def stages(graph: Graph, run: Run, online: Callable[[], OnlineStore] | None) -> list[Stage]:
    """The tables of some declarations, upstream first.

    online: the online store; None leaves it out.
    """

    raw = [Stage((raw_table(one),), one.partitions, one.partitions.ended(run.now), partial(_outdated_raw, one)) for one in graph.sources]
    made = [Stage(layer.tables, layer.partitions, layer.newest(run.now), partial(_outdated, layer)) for layer in graph.layers]
    published = []
    if online is not None:
        for view in graph.online_views:
            days = view.source.partitions
            published.append(Stage((online_table(view),), days, days.ended(run.now), partial(_outdated_online, view, online)))
    return [*raw, *made, *published]


def _outdated_raw(source: Source, first: int, last: int, run: Run, _: Stale) -> dict[int, Outdated]:
    known, found = run.ledger.entries(name_of(raw_table(source))), dict[int, Outdated]()
    news = find_news(source, run, Memory(), last - first + 1, seconds=math.inf)
    ready, failed = set(news.ready), {source.partitions.number(key): error for key, error in news.failed.items()}
    for p in range(first, last + 1):
        is_known = source.partitions.key(p) in known
        if p in failed:
            # Without the partition, which stands before it: so those with the same reason are told together.
            why = str(failed[p]).splitlines()[0].replace(f", partition {source.partitions.key(p)}", "")
            found[p] = Outdated(why, True, is_known)
        elif p in ready:
            found[p] = Outdated(DELIVERED_AGAIN if is_known else MISSING, True)
        elif not is_known:
            found[p] = Outdated(NOTHING_FOUND, False)
    return found


def _outdated(layer: Layer, first: int, last: int, run: Run, stale: Stale) -> dict[int, Outdated]:
    found = {p: Outdated(one.why, one.can_be) for p, one in layer.to_make(first, last, run, stale).items()}
    return dict.fromkeys(layer.only_by_hand(first, last, run), Outdated(NEWER_MODEL, True)) | found


def _outdated_online(view: View, online: Callable[[], OnlineStore], first: int, last: int, run: Run, stale: Stale) -> dict[int, Outdated]:
    from platform_assets.steps.online import stale_online  # Redis, which most commands do not need

    return dict.fromkeys(stale_online(view, first, last, run, online()), Outdated(NOT_PUBLISHED, True))


@dataclass(frozen=True)
class TableStatus:
    """What is to be said of a table's partitions."""

    stage: Stage
    outdated: Mapping[int, Outdated]
    blocked: Mapping[int, str]
    failed: Collection[int]
    """Those whose last run failed, as far as Dagster knows."""

    @property
    def there(self) -> int:
        """How many partitions are there and up to date."""
        return max(self.stage.last - self.stage.first + 1, 0) - len({*self.outdated, *self.blocked})

    @property
    def missing(self) -> list[int]:
        return [p for p, one in self.outdated.items() if one.is_missing and p not in self.blocked]

    @property
    def stale(self) -> list[int]:
        return [p for p, one in self.outdated.items() if not one.is_missing and p not in self.blocked]

    def said(self) -> dict[str, object]:
        """The same in plain words, for programs."""
        key = self.stage.partitions.key
        return {
            "table": self.stage.name,
            "up_to_date": self.there,
            "missing": {key(p): self.outdated[p].why for p in self.missing},
            "stale": {key(p): self.outdated[p].why for p in self.stale},
            "blocked": {key(p): why for p, why in self.blocked.items()},
            "failed": [key(p) for p in self.failed],
        }


def statuses(todo: Iterable[Stage], run: Run, instance: dg.DagsterInstance | None) -> Iterator[TableStatus]:
    """The status of each stage's tables, upstream first: what is stale upstream makes what reads it impossible to make."""
    known: dict[Table, Collection[int]] = {}
    for stage in todo:
        outdated = stage.outdated(stage.first, stage.last, run, known)
        known |= dict.fromkeys(stage.tables, outdated.keys())
        yield TableStatus(stage, outdated, _blocked(stage, run), _failed(stage, instance) if instance else ())


def _blocked(stage: Stage, run: Run) -> dict[int, str]:
    found = {}
    for key, entry in run.ledger.entries(stage.name).items():
        if entry.status == "blocked":
            details = entry.details
            share = f"{details['accepted_share']:.0%} of its rows were good" if "accepted_share" in details else ""
            found[stage.partitions.number(key)] = share or "what it was made of was blocked"
    return found


def _failed(stage: Stage, instance: dg.DagsterInstance) -> list[int]:
    definition = partitions_definition(stage.partitions)
    keys = [stage.partitions.key(p) for p in range(stage.first, stage.last + 1)]
    found = instance.get_status_by_partition(key_of(stage.tables[0]), keys, definition) or {}
    return [stage.partitions.number(key) for key, status in found.items() if status is not None and status.value == "FAILED"]


def show_status(names: tuple[str, ...], module: str, as_json: bool) -> None:
    """The status of a module's tables, or of those named."""
    definitions = definitions_of(module)
    run, settings = platform_of(definitions).run("status"), load_settings()
    use_dagster_home(settings, module)
    online = platform_of(definitions).online if settings.redis_url is not None else None
    todo = chosen(stages(graph_of(definitions), run, online), names)
    instance = dg.DagsterInstance.get() if os.path.exists(os.environ.get("DAGSTER_HOME", "")) else None
    found = list(statuses(todo, run, instance))
    console = Console(highlight=False)
    if as_json:
        print(json.dumps([status.said() for status in found], indent=2))
        return
    _show(console, found, module)
    if online is None:
        console.print("The online store was not looked at: set PLATFORM_REDIS_URL to see what is not published yet.")


def chosen(todo: list[Stage], names: tuple[str, ...]) -> list[Stage]:
    """The stages of declarations or tables that a person names, such as orders or orders/silver; all when nothing is named."""
    for name in names:
        if not any(_is_named(stage, name) for stage in todo):
            known = {name_of(table) for stage in todo for table in stage.tables} | {table[0] for stage in todo for table in stage.tables}
            raise PlatformError(f"there is no table or declaration {name!r} here. {suggestion(name, known)}")
    return [stage for stage in todo if not names or any(_is_named(stage, name) for name in names)]


def _is_named(stage: Stage, name: str) -> bool:
    return any(name in (name_of(table), table[0]) for table in stage.tables)


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
            console.print(f"{escape(said)}: {escape(why)}" if why != what else escape(said), soft_wrap=True)
    of = "" if module == MODULE else f" --module {module}"
    if any(one.can_be_made for status in found for one in status.outdated.values()):
        console.print(f"\nBring everything up to date: platform-assets backfill{of}", soft_wrap=True)
    elif not any(status.outdated or status.blocked for status in found):
        console.print(f"\nEverything is up to date: {counted(len(found), 'table')}.")


def _reasons(status: TableStatus) -> Iterator[tuple[str, str, list[int]]]:
    """The partitions that want attention, by what is the matter with them and why."""
    for what, indexes in (("missing", status.missing), ("stale", status.stale)):
        for why in dict.fromkeys(status.outdated[p].why for p in indexes):
            yield what, why, [p for p in indexes if status.outdated[p].why == why]
    for why in dict.fromkeys(status.blocked.values()):
        yield "blocked", why, [p for p, reason in status.blocked.items() if reason == why]
    if status.failed:
        yield "failed", "its last run failed: see it in the UI", list(status.failed)
