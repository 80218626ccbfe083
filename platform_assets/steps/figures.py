"""The figures of a source's checks: counted in silver when it is made, and kept in the ledger, where checks find them again.

What depends on another source is counted once more when that has come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from platform_assets.declare.checks import Figure, Orphans
from platform_assets.declare.source import Source
from platform_assets.engines.engine import TableSlice
from platform_assets.kernels.profile import Profile, figures_of_rows, packed
from platform_assets.kernels.repeats import figures_of_orphans, figures_of_repeats, last_needed
from platform_assets.steps.batches import batches
from platform_assets.steps.run import Run, name_of, span_of
from platform_assets.stores.ledger import Entry
from platform_assets.stores.tables import Table, table_named

FIGURES = "figures"
"""In the details of the ledger's entries of silver: by the id of a figure what was counted."""
COMPLETE = "complete"
"""Of a figure that looks up keys of another source: whether all that counts had come."""


def with_figures(source: Source, entries: Mapping[str, Entry], run: Run) -> dict[str, Entry]:
    """The entries of silver with all figures of the source's checks; those that are there are kept. Blocked partitions have none."""
    found = dict(entries)
    if not any(check.figure for check in source.checks):
        return found
    counted = [*figures_of_rows(source), *figures_of_repeats(source)]
    for table, keys in _by_table(source, found, counted).items():
        for read, batch in _slices(source, table, keys, found, run):
            profiles = run.engine(source).profiles(source, read)
            for key in batch:
                made = packed(counted, profiles.get(source.partitions.number(key), Profile()))
                found[key] = _told(found[key], made)
    for orphans in figures_of_orphans(source):
        _count_orphans(source, orphans, found, run)
    return found


def count_missing(source: Source, entries: Mapping[str, Entry], run: Run) -> dict[str, Entry]:
    """The same, written to the ledger: for partitions that were made before a check was declared, or whose keys have come meanwhile."""
    found = with_figures(source, entries, run)
    if changed := [entry for key, entry in found.items() if entry is not entries[key]]:
        run.ledger.record(changed)
    return found


def waiting(source: Source, entries: Mapping[str, Entry], run: Run) -> dict[str, Entry]:
    """Those partitions whose keys could not all be looked up when they were judged, and can be now."""
    found: dict[str, Entry] = {}
    for figure in figures_of_orphans(source):
        newest = _newest(figure, run)
        found |= {key: entry for key, entry in entries.items() if _can_be_completed(source, figure, key, entry, newest)}
    return found


def figure_of(entry: Entry, figure: Figure) -> Any:
    """What was counted in a partition; None: nothing was."""
    return entry.details.get(FIGURES, {}).get(figure.id)


def _told(entry: Entry, figures: Mapping[str, Any]) -> Entry:
    return replace(entry, details={**entry.details, FIGURES: {**entry.details.get(FIGURES, {}), **figures}})


def _by_table(source: Source, entries: Mapping[str, Entry], figures: Sequence[Figure]) -> dict[Table, list[str]]:
    """The keys of partitions without one of the figures, ascending, by the table that has them: silver, or its successor."""
    found: dict[Table, list[str]] = {}
    for key, entry in sorted(entries.items()):
        there = entry.details.get(FIGURES, {})
        if entry.status == "ok" and not entry.damage and any(figure.id not in there for figure in figures):
            found.setdefault(table_named(entry.table), []).append(key)
    return found


def _slices(
    source: Source, table: Table, keys: Sequence[str], entries: Mapping[str, Entry], run: Run
) -> list[tuple[TableSlice, list[str]]]:
    """These partitions of silver in batches, as they were written last."""
    numbers = [source.partitions.number(key) for key in keys]
    found = []
    for batch in batches(numbers, lambda p: entries[source.partitions.key(p)].rows, run.engine(source).rows_at_once):
        span, names = span_of(source.partitions, batch[0], batch[-1]), [source.partitions.key(p) for p in batch]
        found.append((TableSlice(table, max(entries[key].delta_version for key in names), "arrival", span), names))
    return found


def _count_orphans(source: Source, figure: Orphans, entries: dict[str, Entry], run: Run) -> None:
    """Looks up the keys of all partitions that have not been looked up, or not among all that count."""
    newest, silver = _newest(figure, run), (figure.parent.name, "silver")
    again = {key: entry for key, entry in entries.items() if _can_be_completed(source, figure, key, entry, newest)}
    wanted = {**entries, **{key: _without(entry, figure) for key, entry in again.items()}}
    version = run.version(silver)
    for table, keys in _by_table(source, wanted, [figure]).items():
        for read, batch in _slices(source, table, keys, entries, run):
            needed = {key: last_needed(source, figure, source.partitions.number(key)) for key in batch}
            number: dict[int, int] = {}
            if newest is not None:
                last = max(*needed.values(), figure.parent.partitions.first)
                parents = TableSlice(silver, version, "arrival", span_of(figure.parent.partitions, figure.parent.partitions.first, last))
                for index, first, rows in run.engine(source).references(source, figure, read, parents):
                    if first is None or first > last_needed(source, figure, index):
                        number[index] = number.get(index, 0) + rows
            for key in batch:
                is_complete = newest is not None and newest >= needed[key]
                until = figure.parent.partitions.key(needed[key])
                made = {"rows": number.get(source.partitions.number(key), 0), "until": until, COMPLETE: is_complete}
                entries[key] = _told(entries[key], {figure.id: made})


def _can_be_completed(source: Source, figure: Orphans, key: str, entry: Entry, newest: int | None) -> bool:
    """Whether the keys of a partition were not all there when they were looked up, and are now."""
    told = figure_of(entry, figure)
    is_there = newest is not None and newest >= last_needed(source, figure, source.partitions.number(key))
    return bool(told) and not told[COMPLETE] and is_there


def _without(entry: Entry, figure: Figure) -> Entry:
    figures = {name: told for name, told in entry.details.get(FIGURES, {}).items() if name != figure.id}
    return replace(entry, details={**entry.details, FIGURES: figures})


def _newest(figure: Orphans, run: Run) -> int | None:
    """The newest partition of the other source that has been judged; None: there is none."""
    entries = run.ledger.entries(name_of((figure.parent.name, "silver")))
    return max((figure.parent.partitions.number(key) for key in entries), default=None)
