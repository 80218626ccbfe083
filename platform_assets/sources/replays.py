"""Rows of quarantine that are received once more: a delivery of its own, in the newest partition that was received (semantics.md 1).

Which rows were replayed is said by raw alone: by the deliveries in the ledger, and by the column `replay_of` of their rows. So a replay is
there as a whole or not at all, and what is lost with damaged files can be replayed again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from platform_assets.declare.names import READ_AS, REPLAY_OF, UNPARSED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.kernels.received_types import kept_schema_of
from platform_assets.sources.function_output import content_of
from platform_assets.sources.receive import Delivery, deliveries_of, facts_of, in_place, raw_table, side_by_side
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Written
from platform_assets.stores.ledger import Entry
from platform_assets.stores.ledger_consistency import STORED_ROWS
from platform_assets.stores.successor import replace_received

ORIGIN = "replay "
"""What the origin of a replay begins with; its id follows."""


@dataclass(frozen=True)
class Repaired:
    """Rows of one delivery as they are to be received again."""

    partition: str
    delivery: int
    content: str
    """Of that delivery: one of the same number that came after damage has another."""
    rows: pl.DataFrame
    """By the names and in the types of raw, with `replay_of`."""


@dataclass(frozen=True)
class Replayed:
    """A delivery of raw that is a replay."""

    keeper: str
    """The partition that keeps its rows."""
    delivery: Delivery

    @property
    def said(self) -> Mapping[str, Any]:
        """id, by, why, at, repair; and which partition, delivery and content its rows are of."""
        assert self.delivery.replay is not None
        return self.delivery.replay


def replayed(known: Mapping[str, Entry]) -> Iterator[Replayed]:
    """The replays that count. known: the ledger's entries of raw."""
    for key, entry in known.items():
        yield from (Replayed(key, d) for d in deliveries_of(entry) if d.replay is not None and not d.superseded)


def place_of_origin() -> pl.Expr:
    """What `replay_of` says of a row of raw or quarantine that is replayed; its partition is given as text in the column `key`."""
    return pl.format("{}/{}/{}", "key", "delivery", "row_number").alias(REPLAY_OF)


def replayed_rows(source: Source, lake: Lake, known: Mapping[str, Entry], version: int, keys: Iterable[str]) -> pl.DataFrame:
    """Which rows of some partitions were replayed: key, delivery, row_number, and in which partition they count. At a version of raw."""
    wanted, kept = set(keys), defaultdict[str, list[int]](list)
    for one in replayed(known):
        if one.said["partition"] in wanted:
            kept[one.keeper].append(one.delivery.delivery)
    found = [pl.DataFrame(schema={"key": pl.String, "delivery": pl.Int64, "row_number": pl.Int64, "keeper": pl.String})]
    for keeper, numbers in kept.items():
        rows = lake.scan(raw_table(source), by="arrival", span=_span(source, source.partitions.number(keeper)), version=version)
        places = places_of(rows.filter(pl.col("delivery").is_in(numbers)).select(REPLAY_OF).collect()[REPLAY_OF])
        found.append(places.with_columns(pl.lit(keeper).alias("keeper")))
    return pl.concat(found).join(pl.DataFrame({"key": sorted(wanted)}, schema={"key": pl.String}), on="key", how="semi")


def places_of(origins: pl.Series) -> pl.DataFrame:
    """key, delivery and row_number of what `replay_of` says; null where it says something else."""
    parts = origins.str.split("/")
    numbers = {"delivery": parts.list.get(1, null_on_oob=True), "row_number": parts.list.get(2, null_on_oob=True)}
    read = {name: text.cast(pl.Int64, strict=False) for name, text in numbers.items()}
    return pl.DataFrame({"key": parts.list.get(0, null_on_oob=True), **read})


def are_replayed(source: Source, rows: pl.DataFrame) -> pl.Expr | None:
    """Whether a row of raw is one of these, which `replayed_rows` has found; None when there are none."""
    if rows.is_empty():
        return None
    found = []
    for (key, delivery), of in rows.group_by("key", "delivery", maintain_order=True):
        at = source.partitions.value(source.partitions.number(str(key)))
        is_there = (pl.col("arrival") == pl.lit(at)) & (pl.col("delivery") == delivery)
        found.append(is_there & pl.col("row_number").is_in(of["row_number"].implode()))
    return pl.any_horizontal(found)


def keep_replay(
    source: Source,
    keeper: int,
    rows: Sequence[Repaired],
    said: Mapping[str, Any],
    lake: Lake,
    known: Mapping[str, Entry],
    seen: int,
    run: str,
) -> tuple[Written, PartitionFacts]:
    """Writes rows beside what their partition has, in one commit: a delivery for each that they are of.

    said: id, by, why, at, repair. known, seen: as `keep` has them.

    Raises:
        Overtaken: another run has received something for the partition since; nothing was written.
    """
    entry = known[source.partitions.key(keeper)]
    before = deliveries_of(entry)
    number, origin = max((d.delivery for d in before), default=0), f"{ORIGIN}{said['id']}"
    added, frames = list[Delivery](), list[pl.LazyFrame]()
    for one in rows:
        number += 1
        came = one.rows.drop(REPLAY_OF)
        of = {**said, "partition": one.partition, "delivery": one.delivery, "content": one.content}
        types = kept_schema_of(came.select(columns := _delivered(came)).schema)
        content = content_of(one.rows.lazy(), is_small=True)
        added.append(Delivery(number, origin, one.rows.height, content, columns=columns, types=types, replay=of))
        frames.append(in_place(source, keeper, one.rows.lazy(), one.rows.height, number, origin))
    if any(d.rows for d in before):
        frames.insert(0, lake.scan(raw_table(source), by="arrival", span=_span(source, keeper)))
    return _rewrite(source, keeper, entry, [*before, *added], frames, lake, seen, run)


def taken_back(known: Mapping[str, Entry]) -> dict[str, list[int]]:
    """By the partition that keeps them the replays whose rows were superseded since: who restates a partition says all of it anew.

    Those of what was replayed once more follow, when these are superseded.
    """
    found = defaultdict[str, list[int]](list)
    for one in replayed(known):
        entry = known.get(one.said["partition"])
        if entry is None or entry.damage:
            continue  # nobody knows yet what is restored
        alike = [d for d in deliveries_of(entry) if (d.delivery, d.content) == (one.said["delivery"], one.said["content"])]
        if all(d.superseded for d in alike):
            found[one.keeper].append(one.delivery.delivery)
    return dict(found)


def supersede(
    source: Source, keeper: str, numbers: Sequence[int], lake: Lake, known: Mapping[str, Entry], seen: int, run: str
) -> tuple[Written, PartitionFacts]:
    """Marks deliveries of a partition as superseded, in one commit. Raises as `keep_replay` does."""
    index = source.partitions.number(keeper)
    deliveries = [replace(d, superseded=d.superseded or d.delivery in numbers) for d in deliveries_of(known[keeper])]
    rows = lake.scan(raw_table(source), by="arrival", span=_span(source, index))
    marked = rows.with_columns(superseded=pl.col("superseded") | pl.col("delivery").is_in(numbers))
    return _rewrite(source, index, known[keeper], deliveries, [marked], lake, seen, run)


def _rewrite(
    source: Source,
    keeper: int,
    entry: Entry,
    deliveries: Sequence[Delivery],
    frames: Sequence[pl.LazyFrame],
    lake: Lake,
    seen: int,
    run: str,
) -> tuple[Written, PartitionFacts]:
    # A replay reads nothing from the source, and is no other edition: what is said of the partition, and decided, stays.
    facts = facts_of(source, entry.partition, deliveries, entry.details)
    added = sum(d.rows for d in deliveries[len(deliveries_of(entry)) :])
    # Where an earlier edition of the platform has not said how many rows there are, they are counted.
    stored = added + (entry.details[STORED_ROWS] if STORED_ROWS in entry.details else frames[0].select(pl.len()).collect().item())
    facts = replace(facts, details={**facts.details, STORED_ROWS: stored})
    written = replace_received(
        lake,
        raw_table(source),
        side_by_side(frames),
        by="arrival",
        span=_span(source, keeper),
        facts=[facts],
        declaration_version=source.version,
        run=run,
        made_from=seen,
        rows=stored,
    )
    return written, facts


def _delivered(rows: pl.DataFrame) -> tuple[str, ...]:
    return tuple(column for column in rows.columns if column not in (READ_AS, *UNPARSED_COLUMNS))


def _span(source: Source, partition: int) -> Span:
    return Span(source.partitions.value(partition), source.partitions.value(partition + 1))
