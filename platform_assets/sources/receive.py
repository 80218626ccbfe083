"""Receiving a partition: what came is kept, delivery by delivery (semantics.md 1)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.errors import DamagedError, NotReadyError, ProviderDownError
from platform_assets.frames.spill import Spill
from platform_assets.kernels.received_types import widened
from platform_assets.sources.arrival import NOT_READ, Arrival
from platform_assets.sources.function_output import Returned, empty, read_rows
from platform_assets.sources.unparsed_lines import UnparsedLines
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table, Written
from platform_assets.stores.ledger import Entry
from platform_assets.stores.ledger_consistency import STORED_ROWS
from platform_assets.stores.successor import replace_received, together
from platform_assets.stores.tables import key_of

NOTES = "read_from"
"""In the details of raw's entries: what the connector says of its reading (`Arrival.notes`)."""
PROVIDER_DOWN, LAST_VALUE, LAST_VALUE_AGE = "provider down", "last value from", "age of the last value in hours"
"""In these notes, of a partition of a state that was closed because nobody answered."""
FILES = "files"
"""In the details of raw's entries: which files a partition was made of (`Arrival.files`), so that they are read again only if changed."""
SEVERAL = "several_looked_for"
"""In the details of raw's entries: the files or patterns that were asked for, if more than one: without the rows of the first a function
may not ask for the next."""
COLUMNS_NOT_DECLARED = "columns_not_declared"
"""In the details of raw's entries: columns that came beyond the schema. Raw keeps them, silver has them not."""
COLUMNS_KEPT_AS = "columns_kept_as"
"""In the details of raw's entries: columns that raw keeps under another name than they came with."""
READ_BY = "read_by"
"""In the details of raw's entries: the version of the source's function that has read the partition last (`Source.read_by`)."""
LOOKED_FOR = "looked_for"
"""In the details of a partition that was closed as empty: the files that did not come."""


@dataclass(frozen=True)
class Delivery:
    """One edition of the rows of a partition from one origin."""

    delivery: int
    origin: str
    rows: int
    content: str
    superseded: bool = False
    of: str = ""
    """The partition that was delivered again, when it is not the one that keeps the rows (a source whose deliveries arrive now)."""
    columns: tuple[str, ...] = ()
    """Those that it came with, by their names in raw, in their order, whatever was declared then."""
    types: Mapping[str, str] | None = None
    """The types in which they came, of all but text (`kept_schema_of`): raw may keep them in wider ones. None: in those that raw has."""
    replay: Mapping[str, Any] | None = None
    """Of a replay from quarantine: what it is of, by whom and why (`sources/replays.py`). No edition of its partition: never restated."""


@dataclass(frozen=True)
class Received:
    """What receiving a partition did: nothing (`written` is None) when the same rows came before."""

    written: Written | None
    facts: PartitionFacts
    """Of the partition that keeps the rows: the one asked for, or the newest if the source's deliveries arrive now."""


def raw_table(source: Source) -> Table:
    return (source.name, "raw")


@dataclass(frozen=True)
class Arrived:
    """What came for a partition and is to be kept in raw."""

    key: str
    keeper: int
    """The partition that keeps it."""
    delivery: Delivery
    """Before it has a number."""
    returned: Returned
    details: Mapping[str, Any]
    aside: ExitStack
    """Closed when the rows are not needed any more."""


def arrived(
    source: Source,
    partition: int,
    known: Mapping[str, Entry],
    spelled: Callable[[], Iterable[str]],
    now: datetime,
    lake: Lake | None = None,
) -> Arrived | Received:
    """Reads what came for a partition. If raw has it already, what was received then.

    Other rows supersede the earlier ones: a source's function reads all of a partition, so whatever files it names it is one origin.
    Or, if the source's deliveries arrive now, they become a further delivery of the newest partition that has been received
    (docs/adr/0007).

    known: the ledger's entries of raw, by partition key. spelled: the columns that raw has. lake: where a connector may keep what it gets
    before it is read.

    Raises:
        ProviderDownError: nobody answers, and the source does not go on with its last value, or not yet.
        NotReadyError: nothing has arrived, and the time after which it is an empty partition has not passed; or it arrived again too late.
        SourceError: what came is not a table, lacks a declared column, or has one that cannot be kept; or the source's function failed.
    """
    partitions = source.partitions
    key = partitions.key(partition)
    if key in known and is_settled(source, known[key]):
        return _unchanged(known[key])
    with ExitStack() as aside:
        arrival = _arrival(source, partition, aside, lake, now, known.get(key))
        try:
            returned = read_rows(source, arrival, spelled, aside)
        except ProviderDownError as error:
            if not error.goes_on or key in known or source.empty_after is None or now < arrival.end + source.empty_after:
                raise
            returned = None
            arrival.notes |= {PROVIDER_DOWN: str(error), **_last_value(source, partition, known)}
        details: dict[str, Any] = {FILES: arrival.files} if arrival.files else {}
        if arrival.notes:
            details[NOTES] = arrival.notes
        if arrival.files and len(arrival.looked_for) > 1:
            details[SEVERAL] = arrival.looked_for
        if returned is None:
            if key in known and known[key].damage:
                raise _not_delivered_again(source, arrival, known[key])
            if key in known:
                return _unchanged(known[key])
            if source.empty_after is None or now < arrival.end + source.empty_after:
                raise NotReadyError(_nothing_came(source, arrival))
            returned = empty()
            details = {NOTES: arrival.notes} if arrival.notes else {}
            if arrival.looked_for:
                details[LOOKED_FOR] = arrival.looked_for
        if _came_before(source, key, known, returned.content):
            return _unchanged(known[key])
        keeper = partition
        if source.deliveries == "arrives_now" and key in known and not known[key].damage:
            keeper = max(map(partitions.number, known))
            kept = known[partitions.key(keeper)].details
            details = {name: kept[name] for name in (FILES, SEVERAL) if name in kept}
            _refuse_rows_that_would_count_twice(source, partition, keeper, known, arrival.origin)
        if others := {came: kept for came, kept in returned.names.items() if came.lower() != kept.lower()}:
            details[COLUMNS_KEPT_AS] = others
        of = "" if keeper == partition else key
        new = Delivery(0, arrival.origin, returned.height, returned.content, of=of, columns=returned.columns, types=returned.types)
        return Arrived(key, keeper, new, returned, details, aside.pop_all())
    raise AssertionError("unreachable")  # no context manager here swallows errors


def keep(source: Source, came: Sequence[Arrived], lake: Lake, known: Mapping[str, Entry], seen: int, run: str) -> list[Received]:
    """Writes what came for some consecutive partitions beside what they have, in one commit.

    known: as `arrived` has it, of when raw was at the Delta version `seen` (-1: not there yet).

    Raises:
        Overtaken: another run has received something for one of the partitions since; nothing was written.
    """
    partitions, table = source.partitions, raw_table(source)
    span = Span(partitions.value(came[0].keeper), partitions.value(came[-1].keeper + 1))
    facts, frames, stale = list[PartitionFacts](), list[pl.LazyFrame](), dict[int, list[int]]()
    for one in came:
        before = _before(source, one, known)
        number = max((d.delivery for d in before), default=0) + 1
        deliveries = [*before, replace(one.delivery, delivery=number)]
        if any(d.rows for d in before):
            stale[one.keeper] = [d.delivery for d in before if d.superseded]
        frames.append(in_place(source, one.keeper, one.returned.rows, one.returned.height, number, one.delivery.origin))
        facts.append(_facts(source, one, deliveries))
    stored = dict.fromkeys((one.keeper for one in came), 0)
    if stale:
        earlier = _earlier(source, lake, span, stale)
        frames.insert(0, earlier)
        counted = earlier.group_by("arrival").len().collect().iter_rows()
        stored |= {partitions.number(key_of(value)): rows for value, rows in counted}
    rows = [stored[one.keeper] + one.returned.height for one in came]
    facts = [replace(fact, details={**fact.details, STORED_ROWS: number}) for fact, number in zip(facts, rows, strict=True)]
    written = replace_received(
        lake,
        table,
        side_by_side(frames),
        by="arrival",
        span=span,
        facts=facts,
        declaration_version=source.version,
        run=run,
        made_from=seen,
        rows=sum(rows),
        row_bytes=max((one.returned.bytes // max(1, one.returned.height) for one in came), default=None),
    )
    return [Received(written, fact) for fact in facts]


def _before(source: Source, one: Arrived, known: Mapping[str, Entry]) -> list[Delivery]:
    """The deliveries that the partition has, of which those are superseded by now that the new one is another edition of."""
    kept_in = source.partitions.key(one.keeper)
    before = deliveries_of(known[kept_in]) if kept_in in known else []
    if source.deliveries != "restates":
        return before
    return [replace(d, superseded=d.superseded or (d.of == one.delivery.of and d.replay is None)) for d in before]


def in_place(source: Source, keeper: int, rows: pl.LazyFrame, height: int, number: int, origin: str) -> pl.LazyFrame:
    """The rows of a delivery with where they stand in raw: in the partition `keeper`, as its delivery of this number."""
    partitions = source.partitions
    schema = rows.collect_schema()
    if not height:
        rows = pl.LazyFrame(schema=schema)
    placed = rows.with_row_index("row_number", offset=1).select(
        *(column for column, dtype in schema.items() if dtype != pl.Null),
        pl.lit(partitions.value(keeper)).cast(pl.Datetime("us", "UTC") if partitions.unit == "hour" else pl.Date).alias("arrival"),
        pl.lit(number, pl.Int64).alias("delivery"),
        pl.col("row_number").cast(pl.Int64),
        pl.lit(origin).alias("origin"),
        pl.lit(False).alias("superseded"),
    )
    return placed if height else placed.clear()


def _facts(source: Source, one: Arrived, deliveries: Sequence[Delivery]) -> PartitionFacts:
    return facts_of(source, source.partitions.key(one.keeper), deliveries, {**one.details, READ_BY: source.read_by})


def facts_of(source: Source, key: str, deliveries: Sequence[Delivery], details: Mapping[str, Any]) -> PartitionFacts:
    """What raw's commit says of a partition that has these deliveries."""
    current = [delivery for delivery in deliveries if not delivery.superseded]
    said = [asdict(delivery) for delivery in deliveries]
    details = {**details, "deliveries": [{name: it for name, it in one.items() if name != "replay" or it} for one in said]}
    if beyond := sorted({column for delivery in current for column in delivery.columns} - {*source.columns}):
        details[COLUMNS_NOT_DECLARED] = beyond
    return PartitionFacts(key, sum(delivery.rows for delivery in current), details=details)


def _earlier(source: Source, lake: Lake, span: Span, stale: Mapping[int, list[int]]) -> pl.LazyFrame:
    """The rows that some partitions have. stale: by partition the deliveries that are superseded by now."""
    rows = lake.scan(raw_table(source), by="arrival", span=span)
    values = {partition: pl.lit(source.partitions.value(partition), span.type) for partition in stale}
    is_stale = [(pl.col("arrival") == values[partition]) & pl.col("delivery").is_in(numbers) for partition, numbers in stale.items()]
    there = pl.any_horizontal(pl.col("arrival") == value for value in values.values())
    return rows.filter(there).with_columns(superseded=pl.col("superseded") | pl.any_horizontal(is_stale))


def side_by_side(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """The rows of all frames, in types that hold the values of all."""
    schemas = [frame.collect_schema() for frame in frames]
    if all(schema == schemas[0] for schema in schemas):
        return pl.concat(frames)
    types: dict[str, pl.DataType] = {}

    def in_types(number: int) -> pl.LazyFrame:
        return frames[number].select(widened(column, dtype, types[column]) for column, dtype in schemas[number].items())

    for number, frame in enumerate(frames):
        types |= together(types, frame, lambda upto=number: pl.concat([in_types(n) for n in range(upto)], how="diagonal"))  # type: ignore[misc]
    return pl.concat([in_types(number) for number in range(len(frames))], how="diagonal")


def columns_that_never_came(source: Source, entry: Entry) -> list[str]:
    """The declared columns that a delivery of a partition of raw has not: it came before they were declared."""
    came = [set(d.columns) for d in deliveries_of(entry) if d.rows and d.columns and not d.superseded]
    return [column for column in source.columns if any(column not in columns for columns in came)]


def delivered_otherwise(
    source: Source, partitions: Iterable[int], received: Mapping[str, Entry], kept: Mapping[str, pl.DataType]
) -> list[tuple[pl.Expr, dict[str, str]]]:
    """Which rows of raw came in other types of declared columns than raw keeps them in, and in which.

    received: the ledger's entries of raw. kept: the types of raw's columns.
    """
    found: dict[tuple[tuple[str, str], ...], dict[int, list[date | datetime]]] = {}
    for partition in partitions:
        entry = received.get(source.partitions.key(partition))
        for delivery in deliveries_of(entry) if entry else ():
            if delivery.types is None or delivery.superseded or not delivery.rows:
                continue
            came = {c: delivery.types.get(c, str(pl.String())) for c in source.columns if c in kept and c in delivery.columns}
            others = tuple(sorted((c, dtype) for c, dtype in came.items() if dtype not in (str(kept[c]), str(pl.Null()))))
            if others:
                found.setdefault(others, {}).setdefault(delivery.delivery, []).append(source.partitions.value(partition))
    return [
        (pl.any_horizontal((pl.col("delivery") == number) & pl.col("arrival").is_in(values) for number, values in of.items()), dict(others))
        for others, of in found.items()
    ]


def is_new_delivery(source: Source, partition: int, lake: Lake, known: Mapping[str, Entry]) -> bool:
    """Whether receiving the partition now would change raw, or say why it cannot."""
    key = source.partitions.key(partition)
    if key not in known:
        return True
    if is_settled(source, known[key]):
        return False
    with ExitStack() as aside:
        arrival = _arrival(source, partition, aside, lake, None, known[key])
        returned = read_rows(source, arrival, lambda: lake.schema(raw_table(source)), aside)
        return returned is not None and not _came_before(source, key, known, returned.content)


def is_settled(source: Source, entry: Entry) -> bool:
    """Whether a partition that raw has is not read again: its origin gives something else by now. One that was declared otherwise since is
    read again from the answers that were kept."""
    connector = source.connector
    if connector is None or not connector.is_final or entry.damage:
        return False
    return not (getattr(connector, "keeps_answers", False) and entry.details.get(READ_BY, source.read_by) != source.read_by)


def _last_value(source: Source, partition: int, known: Mapping[str, Entry]) -> dict[str, Any]:
    """From when the values are with which a state goes on in a partition for which nothing came."""
    numbers = (source.partitions.number(key) for key, entry in known.items() if entry.rows)
    last = max((number for number in numbers if number < partition), default=None)
    if last is None:
        return {LAST_VALUE: "none"}
    age = source.partitions.ends_at(partition) - source.partitions.ends_at(last)
    return {LAST_VALUE: source.partitions.key(last), LAST_VALUE_AGE: round(age.total_seconds() / 3600, 1)}


def _unchanged(entry: Entry) -> Received:
    return Received(None, PartitionFacts(entry.partition, entry.rows, entry.status, entry.tier, entry.details))


def deliveries_of(entry: Entry) -> list[Delivery]:
    """Those whose rows are there: of a damaged partition none, so that it is received as if it had never come."""
    return [] if entry.damage else [Delivery(**delivery) for delivery in entry.details["deliveries"]]


def _delivered(key: str, known: Mapping[str, Entry]) -> Iterable[Delivery]:
    """Every delivery of a partition by its source, whichever partition keeps its rows."""
    return (d for entry in known.values() for d in deliveries_of(entry) if (d.of or entry.partition) == key and d.replay is None)


def _came_before(source: Source, key: str, known: Mapping[str, Entry], content: str) -> bool:
    """Whether these rows are the current edition already. Where deliveries arrive now, none is ever taken back: any edition counts."""
    if source.deliveries == "restates":  # then each partition keeps its own
        known = {key: known[key]} if key in known else {}
    return any(d.content == content and not d.superseded for d in _delivered(key, known))


def _refuse_rows_that_would_count_twice(source: Source, partition: int, keeper: int, known: Mapping[str, Entry], origin: str) -> None:
    """The rows of an earlier edition come again in the new one: beyond the horizon for duplicates nothing would take them out."""
    key = source.partitions.key(partition)
    if keeper - partition > source.duplicates_within and any(d.rows for d in _delivered(key, known)):
        raise NotReadyError(
            f"{source.name}/raw {key}: {origin} came again with other rows, {keeper - partition} partitions later. Its rows arrive now, in "
            f"{source.partitions.key(keeper)}, and those that came before would count twice: duplicates are looked for "
            f"{source.duplicates_within} partitions back. "
            f"Declare duplicates_within={keeper - partition} or more, or put the earlier file back."
        )


def _arrival(source: Source, partition: int, aside: ExitStack, lake: Lake | None, now: datetime | None, entry: Entry | None) -> Arrival:
    partitions = source.partitions
    return Arrival(
        source.name,
        partitions.key(partition),
        partitions.starts_at(partition),
        partitions.ends_at(partition),
        source.timezone,
        partitions.zone,
        lake=lake,
        now=now,
        is_received=entry is not None and not entry.damage,
        is_damaged=entry is not None and bool(entry.damage),
        unparsed=UnparsedLines(aside.enter_context(Spill())),
        _aside=aside,
    )


def _not_delivered_again(source: Source, arrival: Arrival, entry: Entry) -> DamagedError:
    looked = f": no file is {' or '.join(arrival.looked_for)}" if arrival.looked_for else ""
    return DamagedError(
        f"{source.name}/raw {arrival.partition} is damaged: {entry.damage}. It was to be received again, but its source has nothing for it "
        f"any more{looked}. Deliver it once more, or restore the table's files from a backup. Its {entry.rows:,} rows are not taken for "
        "an empty partition."
    )


def _nothing_came(source: Source, arrival: Arrival) -> str:
    if source.empty_after is None:
        wait = "Without empty_after= it stays missing: declare empty_after='6h' if on some days nothing comes."
    else:
        wait = f"From {arrival.end + source.empty_after:%Y-%m-%d %H:%M} UTC on its absence means an empty partition."
    looked = f": no file is {' or '.join(arrival.looked_for)}" if arrival.looked_for else ""
    why = f": {arrival.notes[NOT_READ]}" if NOT_READ in arrival.notes else looked
    return f"{source.name}/raw {arrival.partition}: nothing has arrived{why}. {wait}"
