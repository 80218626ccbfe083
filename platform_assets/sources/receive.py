"""Receiving a partition: what came is kept, delivery by delivery (semantics.md 1)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from platform_assets.declare.names import READ_AS, UNPARSED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.engines.polars.parse import why_unreadable
from platform_assets.engines.polars.received import as_text, kept_exactly, kept_schema_of, widened
from platform_assets.errors import DamagedError, NotReadyError, PlatformError, SourceError, is_failure
from platform_assets.expressions.types import DataType
from platform_assets.sources.arrival import Arrival
from platform_assets.sources.columns import kept_names
from platform_assets.sources.header import without
from platform_assets.stores.contradictions import STORED_ROWS
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table, Written
from platform_assets.stores.ledger import Entry
from platform_assets.stores.successor import replace_received, together

FILES = "files"
"""In the details of raw's entries: which files a partition was made of (`Arrival.files`), so that they are read again only if changed."""
SEVERAL = "several_looked_for"
"""In the details of raw's entries: the files or patterns that were asked for, if more than one: without the rows of the first a function
may not ask for the next."""
COLUMNS_NOT_DECLARED = "columns_not_declared"
"""In the details of raw's entries: columns that came beyond the schema. Raw keeps them, silver has them not."""
COLUMNS_KEPT_AS = "columns_kept_as"
"""In the details of raw's entries: columns that raw keeps under another name than they came with."""
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


@dataclass(frozen=True)
class Received:
    """What receiving a partition did: nothing (`written` is None) when the same rows came before."""

    written: Written | None
    facts: PartitionFacts
    """Of the partition that keeps the rows: the one asked for, or the newest if the source's deliveries arrive now."""


def raw_table(source: Source) -> Table:
    return (source.name, "raw")


def receive(source: Source, partition: int, lake: Lake, known: Mapping[str, Entry], seen: int, *, now: datetime, run: str) -> Received:
    """Reads a partition of a source and keeps it in raw, in one commit; the same rows again change nothing.

    Other rows supersede the earlier ones: a source's function reads all of a partition, so whatever files it names it is one origin.
    Or, if the source's deliveries arrive now, they become a further delivery of the newest partition that has been received
    (docs/adr/0007).

    known: the ledger's entries of raw, by partition key, of when raw was at the Delta version `seen` (-1: not there yet).

    Raises:
        Overtaken: another run has received something for the partition since; nothing was written.
        NotReadyError: nothing has come, and the time after which that means an empty partition has not passed; or it came again too late.
        SourceError: what came is no table, lacks a declared column, or has one that cannot be kept; or the source's function failed.
    """
    partitions = source.partitions
    key = partitions.key(partition)
    arrival = _arrival(source, partition)
    rows, names = _rows(source, arrival, lake)
    details: dict[str, Any] = {FILES: arrival.files} if arrival.files else {}
    if arrival.files and len(arrival.looked_for) > 1:
        details[SEVERAL] = arrival.looked_for
    if rows is None:
        if key in known and known[key].damage:
            raise _not_delivered_again(source, arrival, known[key])
        if key in known:
            return _unchanged(known[key])
        if source.empty_after is None or now < arrival.end + source.empty_after:
            raise NotReadyError(_nothing_came(source, arrival))
        rows = pl.DataFrame()
        details = {LOOKED_FOR: arrival.looked_for} if arrival.looked_for else {}
    content = _content(rows)
    if _came_before(source, key, known, content):
        return _unchanged(known[key])
    keeper = partition
    if source.deliveries == "arrives_now" and key in known and not known[key].damage:
        keeper = max(map(partitions.number, known))
        kept = known[partitions.key(keeper)].details
        details = {name: kept[name] for name in (FILES, SEVERAL) if name in kept}
        _refuse_rows_that_would_count_twice(source, partition, keeper, known, arrival.origin)
    if others := {came: kept for came, kept in names.items() if came.lower() != kept.lower()}:
        details[COLUMNS_KEPT_AS] = others
    columns = tuple(column for column in rows.columns if column not in (READ_AS, *UNPARSED_COLUMNS))
    new = Delivery(0, arrival.origin, rows.height, content, columns=columns, types=kept_schema_of(rows.select(columns)))
    return _keep(source, key, keeper, rows, new, details, lake, known, seen, run)


def _keep(
    source: Source,
    key: str,
    keeper: int,
    rows: pl.DataFrame,
    new: Delivery,
    details: Mapping[str, Any],
    lake: Lake,
    known: Mapping[str, Entry],
    seen: int,
    run: str,
) -> Received:
    """Writes the partition `keeper` with the rows that were delivered for the partition `key`, beside what it has."""
    partitions, table = source.partitions, raw_table(source)
    kept_in = partitions.key(keeper)
    before = _deliveries(known[kept_in]) if kept_in in known else []
    of = "" if key == kept_in else key
    new = replace(new, delivery=max((d.delivery for d in before), default=0) + 1, of=of)
    if source.deliveries == "restates":
        before = [replace(d, superseded=d.superseded or d.of == of) for d in before]
    frame = rows.with_columns(
        pl.lit(partitions.value(keeper)).cast(pl.Datetime("us", "UTC") if partitions.unit == "hour" else pl.Date).alias("arrival"),
        pl.lit(new.delivery, pl.Int64).alias("delivery"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row_number"),
        pl.lit(new.origin).alias("origin"),
        pl.lit(False).alias("superseded"),
    )
    if not rows.height:
        frame = frame.clear()  # without columns of its own, literals would make a row
    frame = frame.select(column for column, dtype in frame.schema.items() if dtype != pl.Null)
    span = Span(partitions.value(keeper), partitions.value(keeper + 1))
    if any(d.rows for d in before):
        stale = pl.col("delivery").is_in([d.delivery for d in before if d.superseded])
        earlier = lake.scan(table, by="arrival", span=span).with_columns(superseded=pl.col("superseded") | stale).collect()
        frame = _beside(earlier, frame)
    current = [delivery for delivery in (*before, new) if not delivery.superseded]
    details = {"deliveries": [asdict(delivery) for delivery in (*before, new)], STORED_ROWS: frame.height, **details}
    if beyond := sorted({column for delivery in current for column in delivery.columns} - {*source.columns}):
        details[COLUMNS_NOT_DECLARED] = beyond
    facts = PartitionFacts(kept_in, sum(delivery.rows for delivery in current), details=details)
    version = source.version
    written = replace_received(
        lake, table, frame, by="arrival", span=span, facts=[facts], declaration_version=version, run=run, made_from=seen
    )
    return Received(written, facts)


def _beside(earlier: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of both, in types that hold the values of both."""
    types = {**earlier.schema, **together(earlier.schema, frame.lazy(), earlier.lazy)}
    frames = (one.select(widened(column, dtype, types[column]) for column, dtype in one.schema.items()) for one in (earlier, frame))
    return pl.concat(frames, how="diagonal")


def columns_that_never_came(source: Source, entry: Entry) -> list[str]:
    """The declared columns that a delivery of a partition of raw has not: it came before they were declared."""
    came = [set(d.columns) for d in _deliveries(entry) if d.rows and d.columns and not d.superseded]
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
        for delivery in _deliveries(entry) if entry else ():
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


def is_news(source: Source, partition: int, lake: Lake, known: Mapping[str, Entry]) -> bool:
    """Whether receiving the partition now would change raw, or say why it cannot."""
    key = source.partitions.key(partition)
    if key not in known:
        return True
    rows, _ = _rows(source, _arrival(source, partition), lake)
    return rows is not None and not _came_before(source, key, known, _content(rows))


def _unchanged(entry: Entry) -> Received:
    return Received(None, PartitionFacts(entry.partition, entry.rows, entry.status, entry.tier, entry.details))


def _deliveries(entry: Entry) -> list[Delivery]:
    """Those whose rows are there: of a damaged partition none, so that it is received as if it had never come."""
    return [] if entry.damage else [Delivery(**delivery) for delivery in entry.details["deliveries"]]


def _delivered(key: str, known: Mapping[str, Entry]) -> Iterable[Delivery]:
    """Every delivery of a partition, whichever partition keeps its rows."""
    return (d for entry in known.values() for d in _deliveries(entry) if (d.of or entry.partition) == key)


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


def _arrival(source: Source, partition: int) -> Arrival:
    partitions = source.partitions
    return Arrival(source.name, partitions.key(partition), partitions.starts_at(partition), partitions.ends_at(partition))


def _read(source: Source, arrival: Arrival) -> pl.DataFrame | None:
    """What a source's function makes of an arrival; whatever goes wrong in it says where."""
    try:
        read = source.read(arrival)
    except PlatformError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        raise SourceError(f"{_where(arrival)}: its function failed: {type(error).__name__}: {error}") from error
    if read is None:
        return None
    if not isinstance(read, pl.DataFrame | pl.LazyFrame):
        what = f"its function returned {type(read).__name__}. Return a Polars frame, or None when nothing has come."
        raise SourceError(f"{_where(arrival)}: {what}")
    try:
        return read.lazy().collect()
    except BaseException as error:  # Polars' own, and whatever a Python function in the frame raises
        if not is_failure(error):
            raise
        what = f"the frame that its function returned cannot be computed: {type(error).__name__}: {error}"
        raise SourceError(f"{_where(arrival)}: {what}") from error


def _where(arrival: Arrival) -> str:
    """The place in a message, with the files that were asked for if they are known."""
    files = [Path(file).name for file in arrival.looked_for]
    return f"source {arrival.source!r}, partition {arrival.partition}" + (f", file {', '.join(files)}" if files else "")


def _rows(source: Source, arrival: Arrival, lake: Lake) -> tuple[pl.DataFrame | None, dict[str, str]]:
    """What came, under the names and in the types in which raw keeps it, and the name of each column that came.

    A column of nothing but nulls stays without a type.
    """
    rows, where = _read(source, arrival), _where(arrival)
    if rows is None:
        return (_with_unparsed(pl.DataFrame(), arrival) if arrival.unparsed else None), {}
    others = set(rows.columns) - {*source.columns}
    names = kept_names(rows.columns, source.columns, lake.schema(raw_table(source)) if others else ())
    header = rows.columns
    rows = rows.rename(names) if others else rows
    _require_columns(source, rows, header, arrival)
    # Text is kept as it is, and files of text are what is looked at most often.
    if all(dtype == pl.String for dtype in rows.dtypes):
        return _with_unparsed(rows, arrival), names
    for column, declared in source.columns.items():
        if column in rows.columns:
            _check_type(source, rows[column], declared.type, where)
    kept = (kept_exactly(series) for series in rows)
    rows = pl.DataFrame([series if text is None else text for series, text in zip(rows, kept, strict=True)])
    return _with_unparsed(rows, arrival), names


def _with_unparsed(rows: pl.DataFrame, arrival: Arrival) -> pl.DataFrame:
    """The rows, and behind them the lines that are none, whatever the source's function did with its frame."""
    if arrival.formats is not None and (read_as := arrival.formats.text):
        rows = rows.with_columns(pl.lit(read_as).alias(READ_AS))
    if not arrival.unparsed:
        return rows
    lines = [(line.text, line.file, line.line, line.reason) for line in arrival.unparsed]
    types = dict(zip(UNPARSED_COLUMNS, (pl.String, pl.String, pl.Int64, pl.String), strict=True))
    return pl.concat([rows, pl.DataFrame(lines, schema=types, orient="row")], how="diagonal")


def _check_type(source: Source, values: pl.Series, declared: DataType, where: str) -> None:
    """Refuses a declared column in which no value can be read."""
    dtype = pl.String() if values.dtype in (pl.Categorical, pl.Enum) else values.dtype
    if reason := why_unreadable(declared, dtype, such_as=next(iter(values.drop_nulls().head(1).to_list()), None)):
        raise SourceError(f"{where}, column {values.name!r}: {reason}.")
    if declared not in ("datetime", "date") or not isinstance(dtype, pl.Datetime):
        return
    if dtype.time_zone is None and source.timezone is None:
        raise SourceError(
            f"{where}: the times in the column {values.name!r} are naive: they have no time zone. "
            f"Declare timezone='Europe/London' (or 'UTC') in @source, or add the zone in its function: .dt.replace_time_zone('UTC')."
        )


def _require_columns(source: Source, rows: pl.DataFrame, header: Sequence[str], arrival: Arrival) -> None:
    """Refuses a delivery without a declared column: as null it would look as if nobody had a value. One without any column is empty."""
    missing = [column for column in source.columns if column not in rows.columns]
    if missing and rows.columns:
        others = f" (nor {', '.join(map(repr, missing[1:]))})" if missing[1:] else ""
        raise SourceError(
            f"{_where(arrival)}: the schema declares {missing[0]!r}, there is no such column{others}. "
            f"{without(missing[0], header, declared=source.columns, is_csv=bool(arrival.looked_for))} "
            f"If it is not delivered, take it out of the schema; if only some days lack it, add it in the source's function."
        )


def _content(rows: pl.DataFrame) -> str:
    """A hash of columns, types and values that does not depend on process, machine or library version; null is not ''."""
    types = ",".join(f"{name}:{dtype}" for name, dtype in rows.schema.items())
    flat = rows.with_columns(*(_as_json(values) for values in rows if values.dtype.is_nested()), pl.col(pl.Binary).bin.encode("hex"))
    return hashlib.sha256(types.encode() + flat.write_csv(quote_style="non_numeric").encode()).hexdigest()[:32]


def _as_json(values: pl.Series) -> pl.Series:
    if "Binary" in str(values.dtype):  # Polars panics when it is to make JSON of bytes
        return as_text(values)
    return values.to_frame().select(pl.struct(values.name).struct.json_encode().alias(values.name)).to_series()


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
    return f"{source.name}/raw {arrival.partition}: nothing has come{looked}. {wait}"
