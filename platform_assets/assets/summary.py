"""The summary of a run for its log: warnings about blocked partitions, and at the end what became stale because of it."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from platform_assets.errors import NotReadyError
from platform_assets.steps.gold import gold_table, online_table
from platform_assets.steps.layers import Graph, Layer
from platform_assets.steps.messages import SHOWN, described_block, described_medium, described_ranges
from platform_assets.steps.run import Done, Run, counted, name_of
from platform_assets.steps.staleness import NOTHING_PLANNED, OLDER, Plan
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import ROWS_SINCE, Entry


@dataclass
class RunSummary:
    """The outcomes of a run's steps, in order."""

    lines: list[str] = field(default_factory=list)
    written: list[Table] = field(default_factory=list)
    graph: Graph | None = None
    run: Run | None = None

    def add(self, graph: Graph, tables: Sequence[Table], done: Done, run: Run, log: logging.Logger) -> None:
        """Adds a step's outcome, and warns at once about the partitions that it blocked."""
        self.graph, self.run = graph, run
        blocked = [entry for entry in done.entries.values() if entry.status == "blocked"]
        for entry in blocked[:SHOWN]:
            log.warning(described_block(entry, run.module))
        if len(blocked) > SHOWN:
            log.warning(f"{name_of(tables[0])}: {len(blocked) - SHOWN} more partitions are blocked: platform-assets status -m {run.module}")
        if medium := [entry for entry in done.entries.values() if entry.tier == "MEDIUM"]:
            log.warning(described_medium(medium))
        self.lines += list(_outcome(tables[0], done, blocked))
        if done.entries:
            self.written += tables

    def add_published(self, table: Table, made: Sequence[str], refused: Sequence[str]) -> None:
        """Adds the partitions that are now in the online store, and those that wait for an earlier one."""
        said = [f"{counted(len(made), 'partition')} made"]
        if refused:
            said.append(f"{len(refused)} refused ({_named(refused)})")
        self.lines.append(f"{name_of(table)}: {', '.join(said)}")

    def report(self, log: logging.Logger) -> None:
        """Logs the summary at the end of a run."""
        if not self.lines:
            return
        stale = stale_readers(self.graph, self.written, self.run) if self.graph and self.run else []
        text = "\n".join(["What this run did:", *(f"  {line}" for line in self.lines), *stale])
        (log.warning if stale or any("blocked" in line or "refused" in line for line in self.lines) else log.info)(text)


def blocked_error(entries: Iterable[Entry], module: str) -> NotReadyError | None:
    """The error of a run that must fail if it blocks a partition; None if it blocked none."""
    said = [described_block(entry, module) for entry in entries if entry.status == "blocked"]
    if not said:
        return None
    more = [f"... and {len(said) - SHOWN} more: platform-assets status -m {module}"] if len(said) > SHOWN else []
    return NotReadyError("\n".join([*said[:SHOWN], *more, "All rows were written; the run fails because when_blocked is 'fail'."]))


def _outcome(table: Table, done: Done, blocked: Sequence[Entry]) -> list[str]:
    made = [f"{counted(len(done.entries) - len(blocked), 'partition')} made"]
    if same := sum(ROWS_SINCE in entry.details for entry in done.entries.values()):
        made[0] += f" ({same} with unchanged rows)"
    if done.unchanged:
        made.append(f"{len({*done.unchanged} - {*done.entries})} already up to date")
    if blocked:
        made.append(f"{len(blocked)} blocked ({_named([entry.partition for entry in blocked])})")
    if done.refused:
        made.append(f"{len(done.refused)} refused ({_named(list(done.refused))})")
    if done.broken is not None:
        made.append("some could not be read: see the error")
    return [f"{name_of(table)}: {', '.join(made)}"]


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys) if len(keys) <= SHOWN else f"{keys[0]} to {keys[-1]}"


def stale_readers(graph: Graph, written: Sequence[Table], run: Run) -> list[str]:
    """The partitions that became stale because these tables were written, and the command that rematerializes them.

    Indirect readers are included: a restated day makes a checkpoint stale, and the days computed from it are just as wrong.
    Missing partitions are not: no wrong value can be read from them. Training sets are: a trained model does not change
    until it is rematerialized, which the command does.
    """
    fresh = Run(run.lake, run.ledger.read_once(), run.id, run.now)
    tables, found, older = set(written), list[str](), dict[Table, list[int]]()
    for layer in graph.layers:
        # A pinned table may list silver and gold but read only one of them: only the ledger knows which, and so what is older.
        plan = NOTHING_PLANNED if layer.is_pinned else Plan(made=older, as_made=True)
        if not tables.isdisjoint((*layer.reads, *layer.starts_from)) and (stale := _stale(layer, fresh, plan)):
            found.append(f"  {layer.name}: {counted(len(stale), 'partition')}, {described_ranges(layer.partitions, stale)}")
            tables.update(layer.tables)  # their readers are wrong as well
            older |= dict.fromkeys(layer.tables, stale)
    found += [
        f"  {name_of(online_table(view))}: published before {name_of(gold_table(view))} changed"
        for view in graph.online_views
        if gold_table(view) in tables and online_table(view) not in tables
    ]
    if not found:
        return []
    return [
        "Now stale, because their inputs have changed:",
        *found,
        f"Rematerialize them: platform-assets backfill -m {run.module}",
    ]


def _stale(layer: Layer, run: Run, plan: Plan) -> list[int]:
    made = [layer.partitions.number(key) for key in run.ledger.entries(layer.name)]
    if not made:
        return []
    first, last = max(min(made), layer.partitions.first), max(made)
    return sorted(p for p, one in layer.stale_partitions(first, last, run, plan).items() if one.why == OLDER)
