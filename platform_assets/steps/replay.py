"""Rows of quarantine that are repaired and received again, as a delivery of its own (semantics.md 1, ADR 44)."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform_assets.declare.source import Source
from platform_assets.errors import BlockedError, DeclarationError, NotReadyError, suggestion
from platform_assets.expressions import Expression
from platform_assets.kernels.judge_rows import REASONS
from platform_assets.kernels.repair import expected, those_for_which, with_values
from platform_assets.sources.edited_file import edited_rows, write_rows
from platform_assets.sources.function_output import content_of
from platform_assets.sources.receive import raw_table
from platform_assets.sources.replays import Repaired, keep_replay, replayed, replayed_rows
from platform_assets.sources.set_aside import SetAside, edited, places_set_aside, set_aside_rows, with_function
from platform_assets.steps.raw import take_back_replays
from platform_assets.steps.run import Run, counted, entry_of, name_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, quarantine_table, silver_table
from platform_assets.stores.delta import Overtaken
from platform_assets.stores.ledger import Entry


@dataclass(frozen=True)
class Chosen:
    """Which rows of quarantine are meant: of some partitions (all without), of some reasons, for which a condition is true."""

    first: int | None = None
    last: int | None = None
    reasons: tuple[str, ...] = ()
    """As quarantine says them, or the column that they are about."""
    where: Expression | None = None
    again: bool = False
    """Also those that were replayed already."""


@dataclass(frozen=True)
class Repair:
    """What is done to rows before they are received again; without any they are received as they came."""

    values: Mapping[str, Expression] = field(default_factory=dict)
    function: Callable[[Any], Any] | None = None
    """Of a Polars frame of the rows as received with their `reasons`; gives one of as many, in the same order."""
    rows: Any = None
    """A Polars frame of rows edited by hand: all columns text, with `replay_of` as they were exported. Only these are meant."""

    @property
    def said(self) -> list[str]:
        """In words, for the record."""
        given = [f"{column} = {value.sql}" for column, value in self.values.items()]
        given += [f"{self.function.__module__}.{self.function.__name__}()"] if self.function else []
        return given + (["edited by hand"] if self.rows is not None else [])


@dataclass
class Outcome:
    """What became of a replay."""

    id: str = ""
    keeper: str = ""
    """The partition that received the rows."""
    rows: int = 0
    of: dict[str, int] = field(default_factory=dict)
    """Rows by the partition whose quarantine they are in."""
    good: int = 0
    """Those that nothing stands against any more; of a source with a key some may be duplicates."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Against the others, which are set aside again."""
    already: dict[str, int] = field(default_factory=dict)
    """Rows that were meant and had been replayed before, by the partition that keeps them."""
    lines: int = 0
    """Lines that are no rows, which expressions cannot repair."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Partitions whose quarantine is not to be trusted now, and why."""
    entry: Entry | None = None
    """Of raw, when something was written."""


def chosen_of(source: Source, first: str, last: str, reasons: Sequence[str], where: str, again: bool) -> Chosen:
    """As people write it; empty texts for what is not said.

    Raises:
        DeclarationError: a key is no partition, or the condition is none.
    """
    from platform_assets.declare.source import condition

    types = {column: declared.type for column, declared in source.columns.items()}
    return Chosen(
        source.partitions.index_of(first) if first else None,
        source.partitions.index_of(last) if last else None,
        tuple(reasons),
        condition(where, types, f"source {source.name!r}, --where") if where else None,
        again,
    )


def repair_of(source: Source, values: Sequence[str], function: Callable[[Any], Any] | None, file: str) -> Repair:
    """As people write it; empty for what is not said. Raises DeclarationError for what cannot be done."""
    if file and function is not None:
        raise DeclarationError(f"source {source.name!r}: rows of a file that were edited by hand are given to no function")
    return Repair(values_of(source, values), function, edited_rows(file) if file else None)


def values_of(source: Source, given: Sequence[str]) -> dict[str, Expression]:
    """Repairs as people write them: "country = 'United Kingdom'".

    Raises:
        DeclarationError: no column is set, there is no such column, or the value is not of its type.
    """
    from platform_assets.expressions import parse

    types, found = {column: declared.type for column, declared in source.columns.items()}, dict[str, Expression]()
    for text in given:
        column, is_set, sql = (part.strip() for part in text.partition("="))
        if not is_set or not sql:
            raise DeclarationError(f"{text!r} sets no column. Write --set \"country = 'United Kingdom'\".")
        if column not in types:
            raise DeclarationError(f"source {source.name!r}, --set: there is no column {column!r}. {suggestion(column, types)}")
        found[column] = parse(sql, columns=types, where=f"source {source.name!r}, --set {column}")
        if found[column].type != types[column] and (found[column].type, types[column]) != ("int", "float"):
            raise DeclarationError(
                f"source {source.name!r}, --set {text!r}: the column {column!r} is {types[column]}, the value is {found[column].type}."
            )
    return found


def replay(source: Source, chosen: Chosen, repair: Repair, run: Run, *, by: str, why: str, dry_run: bool = False) -> Outcome:
    """Receives rows of quarantine again, repaired: in the newest partition that was received, with their old event times.

    No earlier partition changes. A row that was replayed is not replayed again unless that is asked for, so who repeats a replay
    changes nothing. Silver of the partition that receives them is made as always: rows against which something stands go to quarantine
    again.

    Raises:
        NotReadyError: the partition asked for was not judged as it is now; the partition being received is not judged, is blocked, or
            would be by what is set aside again. Nothing was written.
        DeclarationError: there is no such reason, or the function does not give what it must.
    """
    if source.kind == "snapshot":
        raise NotReadyError(
            f"{source.name} is a snapshot: a row received later than its picture would stand in another one. Correct the picture where it "
            "comes from and deliver it again; a key whose row is in quarantine keeps its last values meanwhile."
        )
    while True:
        try:
            return _replay(source, chosen, repair, run, by, why, dry_run)
        except Overtaken:  # another run has received something: whatever is there now is looked at
            continue


def export(source: Source, chosen: Chosen, run: Run, file: str) -> Outcome:
    """Writes rows of quarantine to a file that people edit, CSV or JSON lines by its name, instead of receiving them.

    Raises:
        DeclarationError: the file is there already, or is neither.
    """
    raw = raw_table(source)
    seen, outcome = run.version(raw), Outcome()
    known = run.ledger.entries(name_of(raw), at_version=seen)
    keys = _judged_as_they_are(source, chosen, known, run.ledger.entries(name_of(silver_table(source))), outcome, run)
    found = []
    for one in _meant(source, chosen, Repair(), keys, known, seen, outcome, run):
        rows = one.rows if chosen.where is None else those_for_which(source, one.rows, chosen.where)
        found.append(rows)
        outcome.of[one.key] = outcome.of.get(one.key, 0) + rows.height
    outcome.rows = write_rows(found, file)
    return outcome


def _replay(source: Source, chosen: Chosen, repair: Repair, run: Run, by: str, why: str, dry_run: bool) -> Outcome:
    raw = raw_table(source)
    seen, outcome = run.version(raw), Outcome()
    known = run.ledger.entries(name_of(raw), at_version=seen)
    judged = run.ledger.entries(name_of(silver_table(source)))
    keys = _judged_as_they_are(source, chosen, known, judged, outcome, run)
    repaired = list[Repaired]()
    for one in _meant(source, chosen, repair, keys, known, seen, outcome, run):
        rows = _repaired(source, one, chosen, repair, outcome)
        if rows.height:
            repaired.append(Repaired(one.key, one.delivery, one.content, rows))
            outcome.of[one.key] = outcome.of.get(one.key, 0) + rows.height
    outcome.rows = sum(outcome.of.values())
    if not repaired:
        return outcome
    outcome.id = _id_of(source, repaired)
    keeper = max(source.partitions.number(key) for key in known)
    outcome.keeper = source.partitions.key(keeper)
    if known[outcome.keeper].damage:
        raise NotReadyError(f"{name_of(raw)} {outcome.keeper} would receive the rows, and is damaged. Materialize it first.")
    for again in repaired:
        good, reasons = expected(source, again.rows, keeper)
        outcome.good += good
        outcome.reasons.update(reasons)
    if made := [one for one in replayed(known) if one.said["id"] == outcome.id]:
        outcome.keeper, outcome.already = made[0].keeper, {made[0].keeper: outcome.rows}
        outcome.rows, outcome.of = 0, {}
        return outcome
    _refuse_to_block(source, known, judged, outcome)
    if dry_run:
        return outcome
    said = {"id": outcome.id, "by": by, "why": why, "at": run.now.isoformat(timespec="seconds"), "repair": repair.said}
    written, facts = keep_replay(source, keeper, repaired, said, run.lake, known, seen, run.id)
    outcome.entry = entry_of(raw, facts, written, source.version, run)
    run.ledger.record([outcome.entry])
    take_back_replays(source, run)  # another run may have restated what was replayed, between the look and the commit
    return outcome


def _judged_as_they_are(
    source: Source, chosen: Chosen, known: Mapping[str, Entry], judged: Mapping[str, Entry], outcome: Outcome, run: Run
) -> list[str]:
    """The keys of partitions with rows in quarantine that was made of what raw has now, by the declaration as it is now."""
    partitions, found = source.partitions, list[str]()
    first = partitions.first if chosen.first is None else chosen.first
    for key, entry in judged.items():
        number = partitions.number(key)
        if number < first or (chosen.last is not None and number > chosen.last) or not entry.details.get("quarantined"):
            continue
        if why := _why_not(source, entry, known.get(key)):
            outcome.left_out[key] = why
        else:
            found.append(key)
    if chosen.first is not None and chosen.first == chosen.last:
        key = partitions.key(chosen.first)
        if key not in judged:
            raise NotReadyError(
                f"{name_of(silver_table(source))} {key} has not been made yet: nothing has been judged. Materialize it first."
            )
        if key in outcome.left_out:
            raise NotReadyError(f"{name_of(quarantine_table(source))} {key} {outcome.left_out[key]}. Materialize it, and look again.")
    return found


def _why_not(source: Source, entry: Entry, came: Entry | None) -> str:
    if entry.damage or came is None or came.damage:
        return "is damaged, or raw of it is"
    if entry.declaration_version != source.version:
        return "was judged by another version of the declaration: some of its rows may be good now, where they are"
    if came.delta_version > entry.details["read"][name_of(raw_table(source))]:
        return "was judged before raw was delivered again"
    return ""


def _meant(
    source: Source,
    chosen: Chosen,
    repair: Repair,
    keys: Sequence[str],
    known: Mapping[str, Entry],
    seen: int,
    outcome: Outcome,
    run: Run,
) -> Iterator[SetAside]:
    """The rows of quarantine that are meant, as raw has them, delivery by delivery."""
    if not keys:
        return
    before = replayed_rows(source, run.lake, known, seen, keys)
    places, outcome.already = places_set_aside(source, run.lake, keys, chosen.reasons, repair.rows, None if chosen.again else before)
    yield from set_aside_rows(source, places, run.lake, known, seen)


def _repaired(source: Source, one: SetAside, chosen: Chosen, repair: Repair, outcome: Outcome) -> Any:
    if repair.rows is not None:
        one = edited(source, one, repair.rows)
    if chosen.where is not None:
        one = one.only(those_for_which(source, one.rows, chosen.where))
    if repair.function is not None:
        one = with_function(source, one, repair.function)
    elif repair.rows is None:
        outcome.lines += one.unparsed.height
        one = one.only(one.parsed)
    rows = with_values(source, one.rows, repair.values).drop(REASONS)
    if rows.height and (missing := [column for column in source.columns if column not in rows.columns]):
        raise NotReadyError(
            f"{source.name}/raw {one.key}, delivery {one.delivery}, came without the column {missing[0]!r}, which the schema has now. Say "
            f'what it is of these rows: --set "{missing[0]} = ...".'
        )
    return rows


def _id_of(source: Source, repaired: Sequence[Repaired]) -> str:
    """The same for the same rows with the same values."""
    found = hashlib.sha256(source.name.encode())
    for one in sorted(repaired, key=lambda one: (one.partition, one.delivery)):
        found.update(f"{one.partition}/{one.delivery}/{content_of(one.rows.lazy(), is_small=True)}".encode())
    return found.hexdigest()[:12]


def _refuse_to_block(source: Source, known: Mapping[str, Entry], judged: Mapping[str, Entry], outcome: Outcome) -> None:
    """Rows that are set aside again count in the share of the partition that receives them."""
    key, silver = outcome.keeper, name_of(silver_table(source))
    entry = judged.get(key)
    if entry is None or _why_not(source, entry, known[key]):
        raise NotReadyError(f"{silver} {key} would receive the rows, and has not been judged as it is now. Materialize it first.")
    if entry.status == "blocked":
        raise BlockedError(
            f"replay of {source.name}",
            f"{silver} {key}, which would receive the rows, and is blocked: they would wait in quarantine with its own. Accept it, or have "
            "it delivered again, first",
        )
    if entry.details.get(ACCEPTED_AS_IT_IS):
        return
    bad = outcome.rows - outcome.good
    # Which of the good ones are duplicates, and count on neither side, is not known here.
    accepted = entry.details["accepted"] + (0 if source.unique_key and bad else outcome.good)
    share = accepted / max(1, accepted + entry.details["quarantined"] + bad)
    if bad and share < source.accepted_share:
        most = ", ".join(f"{reason}: {number:,}" for reason, number in outcome.reasons.most_common(3))
        raise NotReadyError(
            f"{counted(bad, 'row')} of {outcome.rows:,} would be set aside again ({most}), and block {silver} {key}, which receives them: "
            f"{share:.0%} of its rows would be good, {source.accepted_share:.0%} are required. Nothing was received. Repair them, or leave "
            "them out by --reason or --where."
        )
