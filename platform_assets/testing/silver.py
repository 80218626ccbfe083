"""Judges rows as a source does: for tests of rules, flags and duplicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.engines.polars import compute


@dataclass(frozen=True)
class Judgement:
    """The judgement on rows, by row number in the given order: 1, 2, ...

    accepted: rows of silver, as dicts of the source's columns and flags.
    quarantined: the reasons for the others.
    duplicates: rows that repeat an earlier row's key.
    """

    accepted: dict[int, dict[str, Any]]
    quarantined: dict[int, list[str]]
    duplicates: list[int]


def judged(source: Source, events: pl.DataFrame | Sequence[Mapping[str, Any]]) -> Judgement:
    """Applies a source's parsing, rules, flags and deduplication to events, as silver does.

    events: as for compute_features. A partition with too few acceptable rows is not blocked here: one bad row would hide the others.

    >>> from platform_assets.testing import events
    >>> row = {"ordered_at": "2024-03-01 10:00", "unit_price": -1.0, "invoice": "C1", "quantity": 1, "country": "UK"}
    >>> judged(orders, events(orders, [row])).quarantined
    {1: ['price']}
    """
    raw = compute.received(source, events)
    found = compute.judged(source, raw)
    kept = found.silver.select(*source.columns, *source.flags, "row_number").to_dicts()
    accepted = {row.pop("row_number"): row for row in kept}
    quarantined = dict(found.quarantine.select("row_number", "reasons").sort("row_number").iter_rows())
    rest = set(raw["row_number"].to_list()) - accepted.keys() - quarantined.keys()
    return Judgement(dict(sorted(accepted.items())), quarantined, sorted(rest))
