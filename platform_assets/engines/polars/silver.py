"""Raw rows to silver and quarantine: parse, rules, duplicates, the quality tier (semantics.md 7).

Each row is examined by itself, a chunk of rows at a time, and the good ones are spilled. Then duplicates are searched among the rows
with repeated keys. Only then is the accepted share of a partition known, and with it whether the partition is blocked.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.names import READ_AS
from platform_assets.declare.source import Source
from platform_assets.engines.polars.chunks import ROWS_AT_ONCE, JudgedRows, chunks, first_of_each_reason
from platform_assets.engines.polars.snapshot import judged_pictures
from platform_assets.frames.spill import Spill
from platform_assets.frames.stream import stream
from platform_assets.kernels.duplicates import DUPLICATE, EXACT, HASH, HASHES_AT_ONCE, ROW, Hashes, hash_of, marked, repeated
from platform_assets.kernels.judge_rows import INDEX, PLACE, REASONS, Counts, Delivered, examine, in_delivered_types, received_columns
from platform_assets.kernels.number_formats import as_usual
from platform_assets.kernels.parse import parsed
from platform_assets.kernels.quality_tier import blocked_reason, told, verdict_of
from platform_assets.kernels.times import index_at, physical


@dataclass(frozen=True)
class Judged:
    """The results of judging the rows of some arrival partitions."""

    silver: pl.DataFrame
    """Accepted rows: the declared columns, flags, arrival, delivery, row_number."""
    quarantine: pl.DataFrame
    """Rows as received, with the list of reasons."""
    counts: dict[int, dict[str, Any]]
    """By partition: received, accepted, quarantined, duplicates, duplicates_exact, exact_copies, not_finite, flags (of all rows
    received), reasons, accepted_share, tier."""


def judge(
    source: Source, raw: pl.DataFrame, first: int, last: int, as_they_are: Set[int] = frozenset(), delivered: Delivered = ()
) -> Judged:
    """Like `judged`, for rows that fit into memory; they are sorted by position."""
    with judged(source, raw.lazy(), first, last, as_they_are, delivered) as rows:
        return Judged(rows.silver.sort(PLACE).collect(), rows.quarantine.sort(PLACE).collect(), rows.counts)


@contextmanager
def judged(
    source: Source,
    raw: pl.LazyFrame,
    first: int,
    last: int,
    as_they_are: Set[int] = frozenset(),
    delivered: Delivered = (),
    *,
    replayed: pl.Expr | None = None,
    rows_at_once: int | None = None,
    hashes_at_once: int = HASHES_AT_ONCE,
) -> Iterator[JudgedRows]:
    """The silver rows of the arrival partitions first..last, in memory that does not grow with the number of rows.

    raw: rows as received of the partitions first - duplicates_within .. last, with arrival, delivery, row_number; superseded
    deliveries are excluded. The accepted rows depend on nothing else, so partitions can be judged in any order.
    as_they_are: partitions whose good rows are accepted however few they are: a person has accepted them.
    delivered: the rows delivered in other types than raw stores, and the types of these columns: a row is judged as delivered.
    replayed: the rows that count in another partition, where they were replayed.
    """
    # Raw has a column from the first delivery that contains it on: before that, all its partitions are empty and its type is unknown.
    came = raw.collect_schema().names()
    raw = raw.with_columns(pl.lit(None, pl.String).alias(column) for column in source.columns if column not in came)
    at_once = ROWS_AT_ONCE if rows_at_once is None else rows_at_once
    if source.kind == "snapshot":
        with judged_pictures(source, raw, first, last, as_they_are, delivered, replayed, at_once) as pictures:
            yield pictures
        return
    start = pl.lit(source.partitions.value(first))
    current, earlier = raw.filter(pl.col("arrival") >= start), raw.filter(pl.col("arrival") < start)
    counts, received, examples = Counts(), received_columns(came), None
    with Spill() as good, Spill() as bad:
        for chunk in chunks(current, at_once):
            examined = examine(source, chunk, delivered, replayed)
            numbers = pl.int_range(good.height, good.height + pl.len(), dtype=pl.Int64).alias(ROW)
            good.add(examined.good.with_columns(hash_of(source.unique_key or tuple(source.columns)), numbers))
            aside = examined.bad.select(*received, *PLACE, REASONS)
            bad.add(aside)
            examples = first_of_each_reason(aside if examples is None else pl.concat([examples, aside]))
            counts.add(examined.counts)
        copies = _copies(source, good, _Horizon(source, earlier, delivered, replayed, at_once), hashes_at_once)
        verdicts = {p: verdict_of(source, counts.good[p] - copies.duplicates[p], counts.bad[p]) for p in range(first, last + 1)}
        blocked = [p for p, verdict in verdicts.items() if verdict.is_low and p not in as_they_are]
        stay = good.rows().filter(copies.stays()) if copies.number else good.rows()
        held = pl.col(INDEX).is_in(blocked)
        quarantine = bad.rows()
        if any(verdicts[p].accepted for p in blocked):
            reason = blocked_reason(source)
            waiting = current.join(stay.filter(held).select(PLACE), on=PLACE, how="semi")
            quarantine = pl.concat([quarantine, waiting.select(*received, *PLACE, pl.lit([reason]).alias(REASONS))])
            counts.reasons.update({(p, reason): verdicts[p].accepted for p in blocked if verdicts[p].accepted})
        silver = (stay.filter(~held) if blocked else stay).select(*source.columns, *source.flags, *PLACE)
        events: dict[int, set[int]] = {}
        for (partition, event), number in (counts.events - copies.events).items():
            if number and partition not in blocked:
                events.setdefault(partition, set()).add(event)
        said = {p: told(source, p, verdict, counts, copies.duplicates[p], copies.exact[p], p in blocked) for p, verdict in verdicts.items()}
        assert examples is not None, "there is at least one chunk"
        yield JudgedRows(silver, quarantine, said, examples, events)


class _Copies:
    """The duplicates among the good rows, by row number, and their counts by partition index."""

    def __init__(self, rows: int) -> None:
        self.is_duplicate: npt.NDArray[np.bool_] = np.zeros(rows, np.bool_)
        self.duplicates: Counter[int] = Counter()
        self.exact: Counter[int] = Counter()
        """Duplicates equal to the earlier row, or accepted rows equal to another."""
        self.events: Counter[tuple[int, int]] = Counter()

    @property
    def number(self) -> int:
        return self.duplicates.total()

    def stays(self) -> pl.Expr:
        """Whether a good row is not a duplicate."""
        return pl.col(ROW).map_batches(
            lambda rows: pl.Series(~self.is_duplicate[rows.to_numpy()]), return_dtype=pl.Boolean, is_elementwise=True
        )


def _copies(source: Source, good: Spill, horizon: "_Horizon", hashes_at_once: int) -> _Copies:
    """The duplicates among the good rows; a source without a unique key has none, but its exact copies within a partition are counted."""
    copies = _Copies(good.height)
    for hashes, before in repeated(good.rows(), good.height, horizon.hashes, 4 * horizon.at_once, hashes_at_once):
        again = pl.LazyFrame({HASH: hashes})
        rows = good.rows().join(again, on=HASH, how="semi").collect(engine="streaming")
        if not source.unique_key:
            same = rows.group_by(INDEX).agg((pl.len() - pl.struct(list(source.columns)).n_unique()).alias("copies"))
            copies.exact.update(dict(same.iter_rows()))
            continue
        rows = marked(source, pl.concat([*horizon.good(before, rows.columns), rows])).filter(DUPLICATE, pl.col(ROW).is_not_null())
        copies.is_duplicate[rows[ROW].to_numpy()] = True
        event = index_at(physical(source.event_time), source.partitions).alias("__event")
        for partition, at, number, exact in rows.group_by(INDEX, event).agg(pl.len(), pl.col(EXACT).sum()).iter_rows():
            copies.duplicates[partition] += number
            copies.exact[partition] += exact
            copies.events[partition, at] += number
    return copies


@dataclass(frozen=True)
class _Horizon:
    """Raw rows of the horizon before the judged partitions: only their keys are read in full."""

    source: Source
    raw: pl.LazyFrame
    delivered: Delivered
    replayed: pl.Expr | None
    at_once: int

    def hashes(self) -> Iterable[Hashes]:
        """The hashes of the keys of all rows, good or not."""
        if not self.source.duplicates_within:
            return
        for chunk in stream(self._hashed().select(HASH), 4 * self.at_once):
            yield chunk[HASH].to_numpy()

    def good(self, hashes: Hashes, columns: list[str]) -> list[pl.DataFrame]:
        """The good rows with these hashes; without hashes nothing is read."""
        if not len(hashes):
            return []
        raw = self._hashed().join(pl.LazyFrame({HASH: hashes}), on=HASH, how="semi").drop(HASH).collect(engine="streaming")
        rows = examine(self.source, raw, self.delivered, self.replayed).good.with_columns(
            hash_of(self.source.unique_key), pl.lit(None, pl.Int64).alias(ROW)
        )
        return [rows.select(columns)]

    def _hashed(self) -> pl.LazyFrame:
        """The raw rows with the hashes of their keys, parsed in their delivered types."""
        schema, key = self.raw.collect_schema(), self.source.unique_key
        found = []
        for rows, types in in_delivered_types(self.raw, self.delivered):
            came = rows.with_columns(
                *(pl.col(c).alias(f"__kept_{c}") for c in key), *(read.alias(c) for c, (read, _) in types.items() if c in key)
            )
            came = came.with_columns(as_usual(self.source, {c: schema[c] for c in schema if c in (*key, READ_AS) and c not in types}))
            typed = [parsed(self.source, column, types[column][1] if column in types else schema[column]) for column in key]
            hashed = came.with_columns(pl.struct(typed).hash().alias(HASH))
            found.append(hashed.with_columns(pl.col(f"__kept_{c}").alias(c) for c in key).select(*schema.names(), HASH))
        return pl.concat(found)
