"""Raw rows to silver and quarantine: parse, rules, duplicates, the quality tier (semantics.md 7)."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import polars as pl

from platform_assets.declare.names import UNPARSED, UNPARSED_REASON
from platform_assets.declare.source import Source
from platform_assets.engines.polars.parse import is_not_finite, parsed, why_unread
from platform_assets.engines.polars.received import as_delivered, widened
from platform_assets.engines.polars.times import index_at, index_of, microseconds, physical

_INDEX, _REASONS, _PREVIOUS, _LIKE = "__index", "reasons", "__previous", "__like"
_RECEIVED = "__received_"


@dataclass(frozen=True)
class Judged:
    """What became of the rows of some arrival partitions."""

    silver: pl.DataFrame
    """Accepted rows: the declared columns, flags, arrival, delivery, row_number."""
    quarantine: pl.DataFrame
    """Rows as received, with the list of reasons."""
    counts: dict[int, dict[str, Any]]
    """By partition: received, accepted, quarantined, duplicates, duplicates_exact, exact_copies, not_finite, flags (of all that was
    received), reasons, accepted_share, tier."""


def judge(
    source: Source,
    raw: pl.DataFrame,
    first: int,
    last: int,
    as_they_are: Set[int] = frozenset(),
    delivered: Sequence[tuple[pl.Expr, Mapping[str, str]]] = (),
) -> Judged:
    """The silver rows of the arrival partitions first..last.

    raw: rows as received of the partitions first - duplicates_within .. last, with arrival, delivery, row_number; superseded
    deliveries left out. Which rows are kept depends on nothing else, so partitions can be judged in any order.
    as_they_are: partitions whose good rows are kept however few they are: a person has accepted them.
    delivered: which rows came in other types than raw keeps them in, and the types of these columns: a row is judged as it came.
    """
    # Raw has a column from the first delivery that brought it on: without one, its partitions are all empty, and nobody knows its type.
    came = [column for column in _received(raw) if column != UNPARSED_REASON]
    raw = raw.with_columns(pl.lit(None, pl.String).alias(column) for column in source.columns if column not in raw.columns)
    rows = _reasoned_as_delivered(source, raw, delivered).sort("arrival", "delivery", "row_number")
    rows = rows.with_columns(pl.col(_REASONS).list.len().eq(0).alias("__good"))
    rows = _with_duplicates(source, rows).filter(pl.col(_INDEX).is_between(first, last))
    shares = _shares(source, rows)
    low = shares.filter(pl.col("share") < source.accepted_share)[_INDEX].to_list()
    blocked = [partition for partition in low if partition not in as_they_are]
    reason = f"blocked: fewer than {source.accepted_share:.0%} of the partition's rows were acceptable"
    held = pl.col(_INDEX).is_in(blocked) & pl.col("__good") & ~pl.col("__duplicate")
    accepted = rows.filter(pl.col("__good") & ~pl.col("__duplicate") & ~pl.col(_INDEX).is_in(blocked))
    set_aside = rows.filter(~pl.col("__good") | held).with_columns(
        pl.when(held).then(pl.lit([reason])).otherwise(pl.col(_REASONS)).alias(_REASONS)
    )
    silver = accepted.select(*source.columns, *source.flags, *_CARRIED)
    quarantine = set_aside.select(*(pl.col(f"{_RECEIVED}{c}").alias(c) for c in came), *_CARRIED, _REASONS)
    return Judged(silver, quarantine, _counts(source, rows, accepted, set_aside, shares, set(low), first, last))


_CARRIED = ("arrival", "delivery", "row_number")


def _received(raw: pl.DataFrame) -> list[str]:
    return [column for column in raw.columns if column not in (*_CARRIED, "superseded", "origin")]


def _reasoned_as_delivered(source: Source, raw: pl.DataFrame, delivered: Sequence[tuple[pl.Expr, Mapping[str, str]]]) -> pl.DataFrame:
    if not delivered:
        return _reasoned(source, raw)
    found = [_reasoned(source, raw.filter(~pl.any_horizontal(which for which, _ in delivered)))]
    for which, types in delivered:
        read = {column: as_read for column, dtype in types.items() if (as_read := as_delivered(column, raw.schema[column], dtype))}
        rows = _reasoned(source, raw.filter(which).with_columns(value.alias(column) for column, (value, _) in read.items()))
        received = (widened(f"{_RECEIVED}{column}", dtype, raw.schema[column]) for column, (_, dtype) in read.items())
        found.append(rows.with_columns(received))
    return pl.concat(found)


def _reasoned(source: Source, raw: pl.DataFrame) -> pl.DataFrame:
    """Typed rows with what was received beside it, the flags, and the reasons against each row."""
    typed = raw.select(
        *(parsed(source, column, raw.schema[column]) for column in source.columns),
        *_CARRIED,
        *(pl.col(column).alias(f"{_RECEIVED}{column}") for column in _received(raw)),
        index_of("arrival", source.partitions).alias(_INDEX),
        pl.sum_horizontal(
            pl.lit(0),
            *(is_not_finite(c, raw.schema[c]).cast(pl.Int64) for c, declared in source.columns.items() if declared.type == "float"),
        ).alias("__not_finite"),
    )
    against: list[pl.Expr] = []
    for column, declared in source.columns.items():
        received = pl.col(f"{_RECEIVED}{column}")
        if declared.type != "str" and raw.schema[column] == pl.String:  # exports that quote everything write a missing number as ""
            received = pl.when(received.str.strip_chars() != "").then(received)
        unreadable = received.is_not_null() & pl.col(column).is_null()
        if declared.type == "float":
            unreadable = unreadable & ~is_not_finite(f"{_RECEIVED}{column}", raw.schema[column])
        against.append(why_unread(source, column, raw.schema[column], pl.when(unreadable).then(received)))
        if not declared.nullable or column == source.event_time or column in source.key:
            against.append(pl.when(pl.col(column).is_null() & ~unreadable).then(pl.lit(f"{column}: missing")))
    against += [pl.when(~rule.polars()).then(pl.lit(name)) for name, rule in source.rules.items()]
    in_future = index_at(physical(source.event_time) - microseconds(source.clock_skew), source.partitions) > pl.col(_INDEX)
    against.append(pl.when(in_future).then(pl.lit("in the future")))
    reasons = pl.concat_list(against).list.drop_nulls()
    if UNPARSED in raw.columns:  # a line that is no row has no values that could be missing
        line = pl.concat_list(pl.lit("not parsed: ") + pl.col(f"{_RECEIVED}{UNPARSED_REASON}"))
        reasons = pl.when(pl.col(f"{_RECEIVED}{UNPARSED}").is_not_null()).then(line).otherwise(reasons)
    typed = typed.with_columns(reasons.alias(_REASONS))
    return typed.with_columns(flag.polars().fill_null(False).alias(name) for name, flag in source.flags.items())


def _with_duplicates(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Marks each good row that has an earlier good one with its key near enough; whether that is a duplicate itself does not matter."""
    if not source.unique_key:
        return rows.with_columns(pl.lit(False).alias("__duplicate"), pl.lit(False).alias("__exact"))
    columns = [c for c in source.columns if c not in source.key]
    same = pl.struct(columns) if columns else pl.lit(0)
    good = (
        rows.filter("__good")
        .with_columns(same.alias(_LIKE))
        .with_columns(
            pl.col(_INDEX).shift(1).over(*source.key).alias(_PREVIOUS),
            (pl.col(_LIKE) == pl.col(_LIKE).shift(1).over(*source.key)).alias("__exact"),
        )
        .with_columns((pl.col(_INDEX) - pl.col(_PREVIOUS) <= source.duplicates_within).fill_null(False).alias("__duplicate"))
    )
    marks = good.select(*_CARRIED, "__duplicate", (pl.col("__duplicate") & pl.col("__exact")).fill_null(False).alias("__exact"))
    return rows.join(marks, on=_CARRIED, how="left", maintain_order="left").with_columns(pl.col("__duplicate", "__exact").fill_null(False))


def _shares(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """The accepted share of each partition; duplicates count on neither side."""
    good = pl.col("__good") & ~pl.col("__duplicate")
    counted = rows.group_by(_INDEX).agg(good.sum().alias("accepted"), (~pl.col("__good")).sum().alias("quarantined"))
    return counted.with_columns((pl.col("accepted") / (pl.col("accepted") + pl.col("quarantined"))).fill_nan(1.0).alias("share"))


def _counts(
    source: Source,
    rows: pl.DataFrame,
    accepted: pl.DataFrame,
    set_aside: pl.DataFrame,
    shares: pl.DataFrame,
    low: set[int],
    first: int,
    last: int,
) -> dict[int, dict[str, Any]]:
    def table(frame: pl.DataFrame, **measures: pl.Expr) -> dict[int, dict[str, Any]]:
        grouped = frame.group_by(_INDEX).agg(*(m.cast(pl.Int64).alias(name) for name, m in measures.items()))
        return {row.pop(_INDEX): row for row in grouped.to_dicts()}

    flags = {f"flag {name}": pl.col(name).sum() for name in source.flags}
    received = table(
        rows,
        **flags,
        received=pl.len(),
        duplicates=pl.col("__duplicate").sum(),
        duplicates_exact=pl.col("__exact").sum(),
        not_finite=pl.col("__not_finite").sum(),
    )
    whole = pl.struct(list(source.columns))
    kept = table(accepted, accepted=pl.len(), exact_copies=pl.len() - whole.n_unique())
    aside = table(set_aside, quarantined=pl.len())
    reasons: dict[int, dict[str, int]] = {}
    for partition, reason, number in set_aside.explode(_REASONS).group_by(_INDEX, _REASONS).len().sort(_INDEX, _REASONS).iter_rows():
        reasons.setdefault(partition, {})[reason] = number
    share = dict(shares.select(_INDEX, "share").iter_rows())
    counts = {}
    for partition in range(first, last + 1):
        numbers = {**received.get(partition, {}), **kept.get(partition, {}), **aside.get(partition, {})}
        counts[partition] = {
            **{
                name: numbers.get(name, 0)
                for name in ("received", "accepted", "quarantined", "duplicates", "duplicates_exact", "exact_copies", "not_finite")
            },
            "flags": {name: numbers.get(f"flag {name}", 0) for name in source.flags},
            "reasons": reasons.get(partition, {}),
            "accepted_share": share.get(partition, 1.0),
            "tier": "LOW" if partition in low else "HIGH",
        }
    return counts
