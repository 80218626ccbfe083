"""The tables that one step writes together, upstream first, and their outdated partitions with the reasons."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from platform_assets.declare.attributes import View
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, suggestion
from platform_assets.sources.receive import raw_table
from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets.steps.gold import gold_table, online_table
from platform_assets.steps.layers import Graph, Layer
from platform_assets.steps.messages import described_ranges
from platform_assets.steps.missing_inputs import materialize_command
from platform_assets.steps.raw import read_otherwise
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.staleness import MISSING, OTHERWISE, Plan, WaitsFor
from platform_assets.stores.delta import Table
from platform_assets.stores.online.connection import OnlineStore

NOTHING_FOUND = "missing: no delivery was found"
DELIVERED_AGAIN = "delivered again with other rows"
NOT_PUBLISHED = "not published yet"
NEWER_MODEL = "there is a newer model"
FOLLOWS = "follows from the inputs above"


@dataclass(frozen=True)
class Outdated:
    """Why a partition is missing or stale, and whether it can be materialized now."""

    why: str
    can_be_made: bool
    is_there: bool = True
    """Whether the partition exists, if the reason does not say so."""
    waits_for: WaitsFor | None = None
    """The input it waits for."""
    will_be_good: bool = True
    """Whether it will be readable once materialized: not if its delivery cannot be read, or if it will be blocked."""

    @property
    def is_missing(self) -> bool:
        return not self.is_there or self.why in (MISSING, NOTHING_FOUND, NOT_PUBLISHED)


@dataclass(frozen=True)
class Stage:
    """Tables that one step writes, their partitions that have ended, and how to find the outdated ones."""

    tables: tuple[Table, ...]
    partitions: Partitions
    last: int
    outdated: Callable[[int, int, Run, Plan], dict[int, Outdated]]

    @property
    def first(self) -> int:
        return self.partitions.first

    @property
    def name(self) -> str:
        return name_of(self.tables[0])

    @property
    def is_raw(self) -> bool:
        return self.tables[0][1] == "raw"


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


def _outdated_raw(source: Source, first: int, last: int, run: Run, _: Plan) -> dict[int, Outdated]:
    known, found = run.ledger.entries(name_of(raw_table(source))), dict[int, Outdated]()
    news = find_new_deliveries(source, run, Memory(), last - first + 1, seconds=math.inf)
    ready, failed = set(news.ready), {source.partitions.number(key): error for key, error in news.failed.items()}
    for p in range(first, last + 1):
        is_known = source.partitions.key(p) in known
        if p in failed:
            # Without the partition, which is shown before it, so that partitions with the same reason are grouped.
            why = str(failed[p]).splitlines()[0].replace(f", partition {source.partitions.key(p)}", "")
            found[p] = Outdated(why, True, is_known, will_be_good=False)
        elif p in ready:
            found[p] = Outdated(DELIVERED_AGAIN if is_known else MISSING, True)
        elif not is_known:
            found[p] = Outdated(NOTHING_FOUND, False)
    return found


def _outdated(layer: Layer, first: int, last: int, run: Run, plan: Plan) -> dict[int, Outdated]:
    stale_partitions = layer.stale_partitions(first, last, run, plan).items()
    found = {p: Outdated(one.why, one.can_be, waits_for=one.waits_for, will_be_good=not one.is_taken_back) for p, one in stale_partitions}
    return dict.fromkeys(layer.only_by_hand(first, last, run, plan), Outdated(NEWER_MODEL, True)) | found


def _outdated_online(view: View, online: Callable[[], OnlineStore], first: int, last: int, run: Run, plan: Plan) -> dict[int, Outdated]:
    from platform_assets.steps.online import first_gap, stale_online  # Redis, which most commands do not need

    last = min(last, view.source.partitions.index(run.now - view.source.data_delay) - 1)  # later ones may not be read yet
    made = plan.made.get(gold_table(view), ())
    found = set(stale_online(view, first, last, run, online()))
    if plan.as_made:
        found.update(p for p in made if first <= p <= last)
    gap = first_gap(view, last, run, made)
    behind = Outdated(NOT_PUBLISHED, False, waits_for=gap)
    return {p: Outdated(NOT_PUBLISHED, True) if gap is None or p < gap.partition else behind for p in sorted(found)}


def read_by_others(sources: Iterable[Source], run: Run) -> list[tuple[Source, list[int]]]:
    """For each source, the partitions of raw that were read by another version of its function, if there are any."""
    return [(source, found) for source in sources if (found := read_otherwise(source, run))]


def described_reading(source: Source, partitions: list[int], module: str) -> str:
    """A note about partitions read by another version of a source's function, with the command that reads them again.

    They are not stale: raw keeps what was received, and the delivery may no longer exist.
    """
    table = raw_table(source)
    return (
        f"{name_of(table)}: {described_ranges(source.partitions, partitions)} ({len(partitions):,}) were read by another version of the "
        "source's function. To read again: "
        f"{materialize_command(table, source.partitions, OTHERWISE, partitions, module)}. Then, if rows have changed: "
        f"platform-assets backfill -m {module}"
    )


def good_when_made(outdated: Mapping[int, Outdated]) -> list[int]:
    """The outdated partitions that a backfill materializes, and that will then be readable."""
    return [p for p, one in outdated.items() if one.can_be_made and one.will_be_good]


def foreseen(stage: Stage, first: int, last: int, run: Run, made: Mapping[Table, Collection[int]]) -> dict[int, Outdated]:
    """The partitions of a stage that are outdated, or will be once these partitions of its inputs have been materialized.

    Deliveries are judged only when received: whether a day is blocked, which earlier days of a report its late rows belong to, and whether
    a model is good, cannot be known in advance.
    """
    found = stage.outdated(first, last, run, Plan(made=made))
    if stage.is_raw:
        return found
    later = stage.outdated(first, last, run, Plan(made=made, as_made=True))
    follows = {p: replace(one, why=FOLLOWS) for p, one in later.items() if p not in found and one.can_be_made}
    return dict(sorted((found | follows).items()))


def by_reason(outdated: Mapping[int, Outdated], indexes: Iterable[int]) -> list[tuple[str, list[int]]]:
    """Outdated partitions grouped by reason: why they are outdated, and what they wait for."""
    groups: dict[tuple[str, Table | None, str], list[int]] = {}
    for p in indexes:
        waits_for = outdated[p].waits_for
        group = (outdated[p].why, waits_for.table if waits_for else None, waits_for.why if waits_for else "")
        groups.setdefault(group, []).append(p)
    return [(_reason(why, [one for p in of if (one := outdated[p].waits_for)]), of) for (why, _, _), of in groups.items()]


def _reason(why: str, waits_for: list[WaitsFor]) -> str:
    if not waits_for:
        return why
    one, waited = waits_for[0], {each.partition for each in waits_for}
    verb = "is" if len(waited) == 1 else "are"
    return f"{why}; waits for {name_of(one.table)} {described_ranges(one.partitions, waited)}, which {verb} {one.why}"


def chosen(todo: list[Stage], names: tuple[str, ...]) -> list[Stage]:
    """The stages of the named declarations or tables, such as orders or orders/silver; all stages if there are no names."""
    for name in names:
        if not any(_is_named(stage, name) for stage in todo):
            known = {name_of(table) for stage in todo for table in stage.tables} | {table[0] for stage in todo for table in stage.tables}
            raise PlatformError(f"there is no table or declaration {name!r} here. {suggestion(name, known)}")
    return [stage for stage in todo if not names or any(_is_named(stage, name) for name in names)]


def _is_named(stage: Stage, name: str) -> bool:
    return any(name in (name_of(table), table[0]) for table in stage.tables)
