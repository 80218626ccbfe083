"""Receiving a partition: what came is kept, delivery by delivery (semantics.md 1)."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from platform_assets.declare.names import RESERVED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError, SourceError
from platform_assets.sources.arrival import Arrival
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table, Written
from platform_assets.stores.ledger import Entry


@dataclass(frozen=True)
class Delivery:
    """One edition of the rows of a partition from one origin."""

    delivery: int
    origin: str
    rows: int
    content: str
    superseded: bool = False


@dataclass(frozen=True)
class Received:
    """What receiving a partition did: nothing (`written` is None) when the same rows came before."""

    written: Written | None
    facts: PartitionFacts


def raw_table(source: Source) -> Table:
    return (source.name, "raw")


def receive(source: Source, partition: int, lake: Lake, known: Entry | None, *, now: datetime, run: str) -> Received:
    """Reads a partition of a source and keeps it in raw, in one commit; the same rows again change nothing.

    known: the ledger's entry of the partition, if there is one.

    Raises:
        NotReadyError: nothing has come, and the time after which that means an empty partition has not passed.
        SourceError: what came is no table, or has a column name that the platform uses itself.
    """
    partitions = source.partitions
    key = partitions.key(partition)
    arrival = Arrival(source.name, key, partitions.starts_at(partition), partitions.ends_at(partition))
    rows = _rows(source, key, source.read(arrival))
    before = [Delivery(**delivery) for delivery in known.details["deliveries"]] if known else []
    if rows is None:
        if known is not None:
            return Received(None, PartitionFacts(key, known.rows, known.status, known.tier, known.details))
        if source.empty_after is None or now < arrival.end + source.empty_after:
            raise NotReadyError(_nothing_came(source, key, arrival.end))
        rows = pl.DataFrame()
    content = _content(rows)
    if known is not None and _came_before(known, arrival.origin, content):
        return Received(None, PartitionFacts(key, known.rows, known.status, known.tier, known.details))
    new = Delivery(max((d.delivery for d in before), default=0) + 1, arrival.origin, rows.height, content)
    kept = [Delivery(d.delivery, d.origin, d.rows, d.content, d.superseded or d.origin == arrival.origin) for d in before]
    frame = rows.with_columns(
        pl.lit(partitions.value(partition)).cast(pl.Datetime("us", "UTC") if partitions.unit == "hour" else pl.Date).alias("arrival"),
        pl.lit(new.delivery, pl.Int64).alias("delivery"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row_number"),
        pl.lit(arrival.origin).alias("origin"),
        pl.lit(False).alias("superseded"),
    )
    if not rows.height:
        frame = frame.clear()  # without columns of its own, literals would make a row
    span = Span(partitions.value(partition), partitions.value(partition + 1))
    if any(d.rows for d in kept):
        stale = pl.col("delivery").is_in([d.delivery for d in kept if d.superseded])
        earlier = lake.scan(raw_table(source), by="arrival", span=span).with_columns(superseded=pl.col("superseded") | stale).collect()
        frame = pl.concat([earlier, frame], how="diagonal")
    deliveries = [asdict(delivery) for delivery in (*kept, new)]
    current = sum(d.rows for d in (*kept, new) if not d.superseded)
    facts = PartitionFacts(key, current, details={"deliveries": deliveries})
    written = lake.replace(raw_table(source), frame, by="arrival", span=span, facts=[facts], declaration_version=source.version, run=run)
    return Received(written, facts)


def is_news(source: Source, partition: int, known: Entry | None, *, now: datetime) -> bool:
    """Whether receiving the partition now would change raw."""
    if known is None:
        return True
    key = source.partitions.key(partition)
    arrival = Arrival(source.name, key, source.partitions.starts_at(partition), source.partitions.ends_at(partition))
    rows = _rows(source, key, source.read(arrival))
    return rows is not None and not _came_before(known, arrival.origin, _content(rows))


def _came_before(known: Entry, origin: str, content: str) -> bool:
    """Whether these rows are the current edition already."""
    return any(d["origin"] == origin and d["content"] == content and not d["superseded"] for d in known.details["deliveries"])


def _rows(source: Source, key: str, read: Any) -> pl.DataFrame | None:
    where = f"source {source.name!r}, partition {key}"
    if read is None:
        return None
    if not isinstance(read, pl.DataFrame | pl.LazyFrame):
        raise SourceError(f"{where}: its function returned {type(read).__name__}. Return a Polars frame, or None when nothing has come.")
    rows = read.lazy().collect()
    taken = [column for column in (*RESERVED_COLUMNS, "origin", "superseded") if column in rows.columns]
    if taken:
        raise SourceError(f"{where}: the column {taken[0]!r} has a name that the platform uses itself. Rename it in the source's function.")
    return rows


def _content(rows: pl.DataFrame) -> str:
    """A hash of columns, types and values that does not depend on process, machine or library version; null is not ''."""
    types = ",".join(f"{name}:{dtype}" for name, dtype in rows.schema.items())
    return hashlib.sha256(types.encode() + rows.write_csv(quote_style="non_numeric").encode()).hexdigest()[:32]


def _nothing_came(source: Source, key: str, end: datetime) -> str:
    if source.empty_after is None:
        wait = "Without empty_after= it stays missing: declare empty_after='6h' if on some days nothing comes."
    else:
        wait = f"From {end + source.empty_after:%Y-%m-%d %H:%M} UTC on its absence means an empty partition."
    return f"{source.name}/raw {key}: nothing has come. {wait}"
