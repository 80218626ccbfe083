"""Materializes all tables that declarations depend on, in this process and without Dagster: for notebooks, tests and small scripts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from platform_assets.declare.attributes import View
from platform_assets.declare.dependencies import Declaration, reached
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, NotReadyError
from platform_assets.settings import load_settings
from platform_assets.sources.receive import raw_table
from platform_assets.steps.gold import online_table
from platform_assets.steps.lake import AnyLake, lake_at
from platform_assets.steps.layers import Graph, Layer, made_twice
from platform_assets.steps.messages import SHOWN, described_block, described_ranges
from platform_assets.steps.missing_inputs import YOUR_MODULE, reported_once
from platform_assets.steps.raw import receive_all
from platform_assets.steps.run import Done, Run, name_of, stretches
from platform_assets.steps.staleness import NOTHING_PLANNED
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.succession import WITHDRAWN, entries_of_version

if TYPE_CHECKING:
    from platform_assets.stores.online.connection import OnlineStore


@dataclass(frozen=True)
class TableOutcome:
    """The result of `materialize` for a table, by partition key."""

    made: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    """Partitions that were up to date."""
    blocked: dict[str, str] = field(default_factory=dict)
    """Partitions of silver with too few good rows: how many, the most frequent reason, and the commands to run next."""
    refused: dict[str, NotReadyError] = field(default_factory=dict)
    """Partitions that cannot be materialized yet: no file was found, or an input is missing or blocked. The error says which."""
    _partitions: Partitions | None = field(default=None, repr=False)

    def __str__(self) -> str:
        counts = [f"{len(keys):,} {what}" for what, keys in (("made", self.made), ("unchanged", self.unchanged)) if keys]
        counts += [
            f"{len(keys):,} {what} ({self._named(keys)})" for what, keys in (("blocked", self.blocked), ("refused", self.refused)) if keys
        ]
        return ", ".join(counts) or "no partition in this range"

    def _named(self, keys: dict[str, str] | dict[str, NotReadyError]) -> str:
        assert self._partitions is not None, "a table with partitions has a partitions definition"
        return described_ranges(self._partitions, map(self._partitions.number, keys))

    def reasons(self) -> list[str]:
        """Why partitions are blocked or refused; shared reasons are reported once."""
        return [*self.blocked.values(), *reported_once(self.refused.values())]


@dataclass(frozen=True, repr=False)
class Materialized:
    """The result of `materialize`. Printed, it has a line for each table.

    tables: by table, such as "orders/silver", upstream first. Quarantine is written with silver and is not listed.
    """

    tables: dict[str, TableOutcome]

    def __repr__(self) -> str:
        width = max(map(len, self.tables), default=0)
        lines = [f"{name:{width}}  {outcome}" for name, outcome in self.tables.items()]
        return "\n".join([*lines, *_shortened(self._reasons())])

    def check(self) -> "Materialized":
        """Returns itself if no partition was blocked or refused; otherwise raises a NotReadyError with the reasons."""
        if reasons := self._reasons():
            raise NotReadyError("\n".join(_shortened(reasons)))
        return self

    def _reasons(self) -> list[str]:
        return [reason for outcome in self.tables.values() for reason in outcome.reasons()]


def _shortened(reasons: Sequence[str]) -> list[str]:
    return [*reasons[:SHOWN], *([f"... and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else [])]


def materialize(
    *declarations: Declaration,
    first: str | None = None,
    last: str | None = None,
    lake: AnyLake | None = None,
    online: str | None = None,
    now: datetime | None = None,
) -> Materialized:
    """Materializes every table that these declarations depend on, in this process and without Dagster: pass the ends of the chains.

    It runs the same steps as the Dagster assets, upstream first: raw, silver and quarantine, checkpoints, gold, reports, training sets,
    models, predictions, the online store. Raw checks the deliveries of each partition; of the other tables only partitions that are missing
    or stale are materialized, so a second call changes nothing. A partition that is blocked or refused raises no error and does not hold up
    the others, whatever `when_blocked` says: `materialize(...).check()` raises it. Partitions outside first..last are not changed, even
    if a late or corrected row makes them stale. For daily operation, and for checks, lineage and history, use
    `build_definitions`.

    Args:
        declarations: sources, feature views, attribute views, gold tables, services, training sets, models.
        first: the key of the first partition, such as "2024-03-01", or "2024-03-01T05" for hours. For a table with other partitions, those
            that contain first..last are materialized: for a training set, the month of a day. Default: the first partition of each table.
        last: the key of the last partition. Default: the last one that has ended. Partitions that have not ended are never materialized.
        lake: a folder or URL of Delta tables. Default: the lake of the PLATFORM_ settings.
        online: the URL of the online store, such as "redis://127.0.0.1:6379/0", to which all of a view's gold is published, up to the
            first gap. Default: PLATFORM_REDIS_URL, but only the lake of the settings is published there.
        now: the current time, with its time zone. Default: the platform's clock.

    Returns:
        The partitions made, unchanged, blocked or refused, table by table; it can be printed.

    Raises:
        DeclarationError: `first` or `last` is not a key or is outside the partitions of every source, or first comes after last; or two
            declarations have the same table.
        SourceError: a delivery cannot be read. Readable deliveries of the source are in raw by then; silver and everything after it are not
            made.
        PlatformError: a step fails, such as the training of a model.
    """
    found = reached(declarations, "materialize")
    if not found:
        raise DeclarationError("materialize: there is nothing to materialize. Pass a source, a view, or the end of any other chain.")
    if now is not None and now.tzinfo is None:
        raise DeclarationError(f"materialize, now: {now!r} has no time zone. Give it one: now.replace(tzinfo=UTC).")
    settings, where, graph = load_settings(), lake_at(lake), Graph(found)
    run = Run(where, Ledger(where), f"materialize-{uuid4()}", (now or settings.clock()).astimezone(UTC))
    published_to = online or (settings.redis_url.get_secret_value() if settings.redis_url and lake is None else None)
    stages = list(_stages(graph, published_to, settings.project))
    _check_range(graph.sources, first, last, run.now)
    return Materialized({stage.name: stage.outcome(*_within(stage, first, last, run.now), run) for stage in stages})


@dataclass(frozen=True)
class _Stage:
    """A table, or tables that one step writes together."""

    table: Table
    partitions: Partitions
    newest: Callable[[datetime], int]
    make: Callable[[int, int, Run], TableOutcome]

    @property
    def name(self) -> str:
        return name_of(self.table)

    def outcome(self, first: int, last: int, run: Run) -> TableOutcome:
        return self.make(first, last, run) if first <= last else TableOutcome()


def _stages(graph: Graph, online: str | None, project: str) -> Iterator[_Stage]:
    """The stages, upstream first. Two with the same table are an error."""
    tables = [*map(raw_table, graph.sources), *(table for layer in graph.layers for table in layer.tables)]
    for table, times in Counter(tables).items():
        if times > 1:
            raise made_twice(table)
    for source in graph.sources:
        yield _Stage(raw_table(source), source.partitions, source.partitions.ended, partial(_receive, source))
    for layer in graph.layers:
        yield _Stage(layer.tables[0], layer.partitions, layer.newest, partial(_make, layer))
    if online is not None and graph.online_views:
        from platform_assets.stores.online.connection import OnlineStore  # Redis

        store = OnlineStore(online, project)
        for view in graph.online_views:
            days = view.source.partitions
            yield _Stage(online_table(view), days, days.ended, partial(_publish, view, store))


def _within(stage: _Stage, first: str | None, last: str | None, now: datetime) -> tuple[int, int]:
    """The partitions of a table that contain first..last, as far as they exist."""
    begin, end = stage.partitions.first, stage.newest(now)
    if first is not None:
        begin = max(begin, stage.partitions.around(first))
    if last is not None:
        end = min(end, stage.partitions.around(last, is_last=True))
    return begin, end


def _check_range(sources: Sequence[Source], first: str | None, last: str | None, now: datetime) -> None:
    for name, key in (("first", first), ("last", last)):
        if key is not None and not any(_has(source, name, key, now) for source in sources):
            there = "; ".join(f"{source.name} has {_described(source.partitions, now)}" for source in sources)
            raise DeclarationError(
                f"materialize, {name}: no source has a partition {key!r} that has ended at {now:%Y-%m-%d %H:%M} UTC: {there}."
            )
    if first is not None and last is not None:
        for partitions in (source.partitions for source in sources):
            if partitions.around(first) > partitions.around(last, is_last=True):
                raise DeclarationError(f"materialize: first={first!r} comes after last={last!r}. Swap them.")


def _has(source: Source, name: str, key: str, now: datetime) -> bool:
    try:
        begin, end = source.partitions.around(key), source.partitions.around(key, is_last=True)
    except (TypeError, ValueError):
        raise DeclarationError(
            f"materialize, {name}: {key!r} is not a partition key. Write it as '2024-03-05', or for hours as '2024-03-05T13'."
        ) from None
    return source.partitions.first <= end and begin <= source.partitions.ended(now)


def _described(partitions: Partitions, now: datetime) -> str:
    first, last = partitions.first, partitions.ended(now)
    return f"{partitions.key(first)} to {partitions.key(last)}" if first <= last else f"none before {partitions.key(first)} has ended"


def _receive(source: Source, first: int, last: int, run: Run) -> TableOutcome:
    done = receive_all(source, first, last, run)
    if done.broken is not None:
        raise done.broken
    return _outcome(source.partitions, done, done.unchanged)


def _make(layer: Layer, first: int, last: int, run: Run) -> TableOutcome:
    """Runs the step for the stale partitions, including those that it will refuse: it reports why."""
    stale, done = (
        {*layer.only_by_hand(first, last, run, NOTHING_PLANNED), *layer.stale_partitions(first, last, run, NOTHING_PLANNED)},
        Done(),
    )
    for begin, end in stretches(sorted(stale)):
        one = layer.make(begin, end, run)
        done.entries |= one.entries
        done.refused |= one.refused
    there = entries_of_version(run.lake, run.ledger, layer.tables[0], layer.version, layer.partitions)
    left = (layer.partitions.key(p) for p in range(first, last + 1) if p not in stale)
    return _outcome(layer.partitions, done, {key: there[key] for key in left}, run.module)


def _publish(view: View, store: "OnlineStore", first: int, last: int, run: Run) -> TableOutcome:
    """Publishes gold if any of it is missing in the store. One publication covers all partitions."""
    from platform_assets.steps.online import make_online, marks_of, not_online, stale_online

    stale = stale_online(view, first, last, run, store)
    if stale:
        make_online(view, run, store)
    marks, days = marks_of(view, store), view.source.partitions
    errors = {p: not_online(view, p, marks.watermark if marks else None) for p in range(first, last + 1)}
    refused = {days.key(p): error for p, error in errors.items() if error is not None}
    there = [p for p, error in errors.items() if error is None]
    made, unchanged = ([days.key(p) for p in there if (p in stale) == is_new] for is_new in (True, False))
    return TableOutcome(tuple(made), tuple(unchanged), {}, refused, days)


def _outcome(partitions: Partitions, done: Done, unchanged: Mapping[str, Entry], module: str = YOUR_MODULE) -> TableOutcome:
    entries = {key: entry for key, entry in sorted({**unchanged, **done.entries}.items()) if key not in done.refused}
    blocked = {key: _why_blocked(entry, module) for key, entry in entries.items() if entry.status == "blocked"}
    made = [key for key in entries if key in done.entries and key not in blocked]
    same = [key for key in entries if key not in done.entries and key not in blocked]
    return TableOutcome(tuple(made), tuple(same), blocked, dict(done.refused), partitions)


def _why_blocked(entry: Entry, module: str) -> str:
    if withdrawn := entry.details.get(WITHDRAWN):
        return f"{entry.table} {entry.partition} is blocked because the acceptance of its input was revoked: {withdrawn}"
    return described_block(entry, module)
