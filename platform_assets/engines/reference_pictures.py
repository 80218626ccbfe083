"""The oracle of snapshots: what a picture changes against the one before it, in loops over rows (semantics.md 7)."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from platform_assets.declare.names import REMOVED
from platform_assets.declare.source import Source
from platform_assets.engines.reference_partitions import ends_at
from platform_assets.engines.reference_times import Unreadable

Row = dict[str, Any]
Broken = Callable[[Source, Row], list[str]]


def key_of(source: Source, row: Row) -> tuple[Any, ...] | None:
    """The key of a row; None if a part of it is missing or cannot be read."""
    key = tuple(row[column] for column in source.key)
    return None if any(value is None or isinstance(value, Unreadable) for value in key) else key


def of_each_key(source: Source, picture: Sequence[Row], broken: Broken) -> list[Row]:
    """The good rows of a picture, of several of one key the first."""
    found: dict[Any, Row] = {}
    for row in sorted(picture, key=lambda row: (row["delivery"], row["row_number"])):
        if not broken(source, row):
            found.setdefault(key_of(source, row), row)
    return list(found.values())


def is_blocked(source: Source, picture: Sequence[Row], broken: Broken) -> bool:
    """Whether too few rows of a picture are good; copies count on neither side."""
    good, bad = len(of_each_key(source, picture, broken)), sum(bool(broken(source, row)) for row in picture)
    return bool(picture) and good / (good + bad) < source.accepted_share


def picture_before(source: Source, raw: Sequence[Row], partition: int, broken: Broken) -> int | None:
    """The nearest earlier partition with a picture that counts, as far back as the source looks."""
    for earlier in range(partition - 1, partition - source.duplicates_within - 1, -1):
        picture = [row for row in raw if row["arrival"] == earlier]
        if picture and not is_blocked(source, picture, broken):
            return earlier
    return None


def news(source: Source, raw: Sequence[Row], partition: int, broken: Broken) -> tuple[list[Row], list[Row], list[Row]]:
    """Of a picture that counts: the rows that say something new, a row for each key that has gone, and the rows that say nothing new."""
    picture = [row for row in raw if row["arrival"] == partition]
    earlier = picture_before(source, raw, partition, broken)
    before = [row for row in raw if row["arrival"] == earlier]
    said = {key_of(source, row): _said(source, row) for row in of_each_key(source, before, broken)}
    firsts = of_each_key(source, picture, broken)
    new = [row for row in firsts if said.get(key_of(source, row)) != _said(source, row)]
    there = {key_of(source, row) for row in picture}
    gone = []
    for key in {key_of(source, row) for row in before} - there - {None}:
        last = min((r for r in before if key_of(source, r) == key), key=lambda row: (row["delivery"], row["row_number"]))
        gone.append(
            {
                **dict.fromkeys(source.columns),
                **{column: last[column] for column in source.key},
                source.event_time: ends_at(source.partitions, partition) - timedelta(microseconds=1),
                **{flag: flag == REMOVED for flag in source.flags},
                "arrival": partition,
                "delivery": -last["delivery"],
                "row_number": last["row_number"],
            }
        )
    old = [row for row in picture if not broken(source, row) and row not in new]
    return new, gone if picture else [], old


def _said(source: Source, row: Row) -> list[Any]:
    return [row[column] for column in source.columns if column != source.event_time]


def is_exact(source: Source, raw: Sequence[Row], row: Row, broken: Broken) -> bool:
    """Whether a row that says nothing new says the same as the first of its key in its picture, or as the picture before."""
    picture = [other for other in raw if other["arrival"] == row["arrival"]]
    first = next(other for other in of_each_key(source, picture, broken) if key_of(source, other) == key_of(source, row))
    return _said(source, first) == _said(source, row)
