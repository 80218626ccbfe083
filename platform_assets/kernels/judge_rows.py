"""Parses and flags raw rows, and finds the reasons to quarantine them (semantics.md 7)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from platform_assets.declare.names import READ_AS, UNPARSED, UNPARSED_REASON
from platform_assets.declare.source import Source
from platform_assets.kernels.number_formats import as_usual
from platform_assets.kernels.parse import is_not_finite, parsed, why_unread
from platform_assets.kernels.received_types import as_delivered, widened
from platform_assets.kernels.times import index_at, index_of, microseconds, physical

PLACE = ("arrival", "delivery", "row_number")
"""The position of a row in raw; it is unique."""
INDEX, REASONS = "__index", "reasons"
_AT, _RECEIVED = "__at", "__received_"
_AGAINST = pl.Schema({INDEX: pl.Int64(), REASONS: pl.List(pl.String()), "not_finite": pl.Int64()})


Delivered = Sequence[tuple[pl.Expr, Mapping[str, str]]]
"""Rows delivered in other types than raw stores, and the types of those columns."""


@dataclass(frozen=True)
class Examined:
    """The judged rows of a chunk of raw, before duplicates are removed."""

    good: pl.DataFrame
    """Good rows: the declared columns, flags, position, and the index of their partition."""
    bad: pl.DataFrame
    """Bad rows as received, with the reasons."""
    counts: "Counts"
    bad_keys: pl.DataFrame
    """Of a snapshot the keys of the bad rows, as far as they can be read, with their place: these have not gone."""


@dataclass
class Counts:
    """The number of rows of each kind, by partition index."""

    received: Counter[int] = field(default_factory=Counter)
    good: Counter[int] = field(default_factory=Counter)
    bad: Counter[int] = field(default_factory=Counter)
    not_finite: Counter[int] = field(default_factory=Counter)
    flags: Counter[tuple[int, str]] = field(default_factory=Counter)
    reasons: Counter[tuple[int, str]] = field(default_factory=Counter)
    events: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Good rows by the index of their arrival partition and that of their event time."""

    def add(self, other: "Counts") -> None:
        for name, counted in vars(other).items():
            getattr(self, name).update(counted)


def received_columns(columns: list[str]) -> list[str]:
    """The columns of raw that were delivered."""
    return [column for column in columns if column not in (*PLACE, "superseded", "origin", UNPARSED_REASON, READ_AS)]


def in_delivered_types(raw: pl.LazyFrame, delivered: Delivered) -> Iterator[tuple[pl.LazyFrame, dict[str, tuple[pl.Expr, pl.DataType]]]]:
    """The rows of raw grouped by delivered types: how to read each column that raw stores in another type, and its type."""
    schema = raw.collect_schema()
    others = [which for which, _ in delivered]
    yield (raw.filter(~pl.any_horizontal(others)) if others else raw), {}
    for which, types in delivered:
        read = {column: as_read for column, dtype in types.items() if (as_read := as_delivered(column, schema[column], dtype))}
        yield raw.filter(which), read


REPLAYED = "replayed"
"""The reason against a row that counts where it was replayed, even if nothing else stands against it any more."""


def examine(source: Source, raw: pl.DataFrame, delivered: Delivered = (), replayed: pl.Expr | None = None) -> Examined:
    """Parses rows of raw and applies the rules. raw has every declared column. replayed: whether a row was replayed, by its position."""
    if not delivered:
        return _examine(source, raw, replayed)
    counts, good, bad, keys = Counts(), [], [], []
    for rows, types in in_delivered_types(raw.lazy(), delivered):
        came = rows.with_columns(value.alias(column) for column, (value, _) in types.items()).collect()
        examined = _examine(source, came, replayed)
        counts.add(examined.counts)
        good.append(examined.good)
        keys.append(examined.bad_keys)
        bad.append(examined.bad.with_columns(widened(column, dtype, raw.schema[column]) for column, (_, dtype) in types.items()))
    return Examined(pl.concat(good), pl.concat(bad), counts, pl.concat(keys))


def _examine(source: Source, raw: pl.DataFrame, replayed: pl.Expr | None) -> Examined:
    raw = raw.sort(PLACE)
    typed = raw.with_columns(as_usual(source, raw.schema)).select(
        *(parsed(source, column, raw.schema[column]) for column in source.columns),
        *PLACE,
        index_of("arrival", source.partitions).alias(INDEX),
    )
    flagged = typed.with_columns(flag.polars().fill_null(False).alias(name) for name, flag in source.flags.items())
    counts = _counts_of_all(source, flagged)
    doubtful = _doubtful(source, raw, typed, replayed)
    against = _against(source, raw.filter(doubtful), typed.filter(doubtful), replayed) if doubtful.any() else pl.DataFrame(schema=_AGAINST)
    is_bad = against[REASONS].list.len() > 0
    bad, rows = against.filter(is_bad), doubtful.arg_true().filter(is_bad)
    set_aside = raw.gather(rows).select(*received_columns(raw.columns), *PLACE, bad[REASONS])
    good = flagged
    if rows.len():
        good = flagged.filter(pl.Series([True]).new_from_index(0, raw.height).scatter(rows, False))
        counts.bad.update(dict(bad.group_by(INDEX).len().iter_rows()))
        reasons = bad.explode(REASONS).group_by(INDEX, REASONS).len()
        counts.reasons.update({(partition, reason): number for partition, reason, number in reasons.iter_rows()})
    if against.height:
        counts.not_finite.update(dict(against.group_by(INDEX).agg(pl.col("not_finite").sum()).iter_rows()))
    events = good.group_by(INDEX, index_at(physical(source.event_time), source.partitions).alias(_AT)).len()
    for partition, event, number in events.iter_rows():
        counts.events[partition, event] = number
        counts.good[partition] += number
    return Examined(good, set_aside, counts, _keys_of(source, typed, rows))


def _keys_of(source: Source, typed: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Of a snapshot the keys of some rows, but of those in which one is missing or cannot be read."""
    if source.kind != "snapshot":
        return pl.DataFrame()
    return typed.select(*source.key, *PLACE, INDEX).gather(rows).drop_nulls(list(source.key))


def _doubtful(source: Source, raw: pl.DataFrame, typed: pl.DataFrame, replayed: pl.Expr | None) -> pl.Series:
    """The rows that may be bad: all that break a rule, and some that do not.

    Usually there are few, and finding them costs a fraction of finding the reasons.
    """
    against = list(_broken(source, replayed).values())
    without_value = [column for column in source.columns if typed[column].null_count()]
    for column in without_value:
        missing = pl.col(column).is_null()
        against.append(missing if _is_required(source, column) else missing & pl.lit(raw[column].is_not_null()))
    if UNPARSED in raw.columns:
        against.append(pl.lit(raw[UNPARSED].is_not_null()))
    return typed.select(pl.any_horizontal(against).fill_null(False)).to_series()


def _broken(source: Source, replayed: pl.Expr | None) -> dict[str, pl.Expr]:
    """Whether a typed row breaks each rule: the declared ones, the future-time rule and the one on replays; null if unknown."""
    in_future = index_at(physical(source.event_time) - microseconds(source.clock_skew), source.partitions) > pl.col(INDEX)
    elsewhere = {} if replayed is None else {REPLAYED: replayed}
    return {**{name: ~rule.polars() for name, rule in source.rules.items()}, "in the future": in_future, **elsewhere}


def _is_required(source: Source, column: str) -> bool:
    return not source.columns[column].nullable or column == source.event_time or column in source.key


def _against(source: Source, raw: pl.DataFrame, typed: pl.DataFrame, replayed: pl.Expr | None) -> pl.DataFrame:
    """The reasons to quarantine rows, by partition, and the number of non-finite values of each row."""
    rows = typed.with_columns(raw[column].alias(f"{_RECEIVED}{column}") for column in source.columns)
    against: list[pl.Expr] = []
    for column, declared in source.columns.items():
        received = pl.col(f"{_RECEIVED}{column}")
        if raw.schema[column] == pl.String:  # an empty text, or a blank one in a column of another type, is a missing value
            received = pl.when((received if declared.type == "str" else received.str.strip_chars()) != "").then(received)
        unreadable = received.is_not_null() & pl.col(column).is_null()
        if declared.type == "float":
            unreadable = unreadable & ~is_not_finite(f"{_RECEIVED}{column}", raw.schema[column])
        against.append(why_unread(source, column, raw.schema[column], pl.when(unreadable).then(received)))
        if _is_required(source, column):
            against.append(pl.when(pl.col(column).is_null() & ~unreadable).then(pl.lit(f"{column}: missing")))
    against += [pl.when(is_broken).then(pl.lit(name)) for name, is_broken in _broken(source, replayed).items()]
    not_finite = [
        is_not_finite(f"{_RECEIVED}{column}", raw.schema[column]).cast(pl.Int64)
        for column, declared in source.columns.items()
        if declared.type == "float"
    ]
    reasons = pl.concat_list(against).list.drop_nulls()
    if UNPARSED in raw.columns:  # an unparsed line has no values that could be missing
        line = pl.concat_list(pl.lit("not parsed: ") + pl.lit(raw[UNPARSED_REASON]))
        reasons = pl.when(pl.lit(raw[UNPARSED].is_not_null())).then(line).otherwise(reasons)
    return rows.select(INDEX, reasons.alias(REASONS), pl.sum_horizontal(pl.lit(0), *not_finite).alias("not_finite"))


def _counts_of_all(source: Source, flagged: pl.DataFrame) -> Counts:
    counts = Counts()
    flags = [pl.col(name).sum().cast(pl.Int64) for name in source.flags]
    for partition, received, *flagged_rows in flagged.group_by(INDEX).agg(pl.len(), *flags).iter_rows():
        counts.received[partition] = received
        counts.flags.update({(partition, name): number for name, number in zip(source.flags, flagged_rows, strict=True)})
    return counts
