"""The features that each engine computes from delivered rows, for entities at given times."""

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.engines import reference
from platform_assets.engines.polars import compute
from platform_assets.engines.polars.silver import Judged
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.attributes import attributes_log
from platform_assets.kernels.change_log import change_log
from platform_assets.kernels.parse import parsed
from platform_assets.kernels.point_in_time import point_in_time
from platform_assets.kernels.times import index_of
from platform_assets.testing.equality import Row

Quarantined = dict[int, list[str]]
"""Quarantined rows by number (1, 2, ... in the given order), with the reasons."""


def by_reference(view: View, events: Any, asked: Sequence[Row]) -> tuple[list[Row], Quarantined]:
    """Computed by the reference engine, in loops that read like the contract."""
    silver, quarantined = reference_silver(view.source, events)
    return reference_values(view, silver, asked), quarantined


def by_polars(view: View, events: Any, asked: Sequence[Row]) -> tuple[list[Row], Quarantined]:
    """Computed by the Polars engine, through the view's table; a view with temporal accuracy has none."""
    if _is_temporal(view):
        return by_polars_from_silver(view, events, asked)
    judged = compute.judged(view.source, compute.received(view.source, events))
    first, last = compute.span(view, judged.silver, [row["at"] for row in asked])
    if isinstance(view, AttributeView):
        log = attributes_log(view, judged.silver.lazy(), first, last)
    else:
        log = pl.concat(change_log(view, judged.silver.lazy(), first, last))
    found = point_in_time(_service(view), {view.name: log.lazy()}, _frame(view, asked), time="at")
    return _features(view, found.to_dicts()), _quarantined(judged)


def by_polars_from_silver(view: View, events: Any, asked: Sequence[Row]) -> tuple[list[Row], Quarantined]:
    """Computed by the Polars engine directly from accepted rows, as training sets may be."""
    judged = compute.judged(view.source, compute.received(view.source, events))
    found = point_in_time(_service(view), {}, _frame(view, asked), time="at", silver={view.name: judged.silver.lazy()})
    return _features(view, found.to_dicts()), _quarantined(judged)


ENGINES: dict[str, Callable[[View, Any, Sequence[Row]], tuple[list[Row], Quarantined]]] = {
    "reference": by_reference,
    "polars": by_polars,
    "polars-silver": by_polars_from_silver,
}
"""Each takes a view, events as for compute_features, and rows of the entity's keys and `at`. It returns the features of each
of these, in order, and the rows that it quarantined.
"""


def reference_silver(source: Source, events: Any) -> tuple[list[Row], Quarantined]:
    """The accepted and the quarantined rows of all partitions, computed by the reference engine."""
    raw = compute.received(source, events)
    place = (index_of("arrival", source.partitions).alias("arrival"), "delivery", "row_number")
    rows = raw.select(*(parsed(source, column, raw.schema[column]) for column in source.columns), *place).to_dicts()
    judged = [reference.silver(source, rows, partition) for partition in sorted({row["arrival"] for row in rows})]
    quarantined = {row["row_number"]: row["reasons"] for _, bad, _ in judged for row in bad}
    return [row for accepted, _, _ in judged for row in accepted], quarantined


def reference_values(view: View, silver: Sequence[Row], asked: Sequence[Row]) -> list[Row]:
    """The features of the requested rows, in order, computed from accepted rows by the reference engine."""
    labels = [{**{key: row[key] for key in view.entity.keys}, "label_time": row["at"]} for row in asked]
    if _is_temporal(view):
        return _features(view, reference.point_in_time(_service(view), {}, labels, {view.name: silver}))
    source = view.source
    first = min((row["arrival"] for row in silver), default=source.partitions.first)
    last = max([first, *(source.partitions.index(row["at"] - source.data_delay) - 1 for row in asked)])
    make = reference.attributes_log if isinstance(view, AttributeView) else reference.change_log
    log = make(view, silver, first, last)  # type: ignore[arg-type]
    return _features(view, reference.point_in_time(_service(view), {view.name: log}, labels))


def _is_temporal(view: View) -> bool:
    return isinstance(view, FeatureView) and view.accuracy == "temporal"


def _service(view: View) -> FeatureService:
    return FeatureService("asked", [view])


def _frame(view: View, asked: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(asked, schema={**{key: POLARS[kind] for key, kind in view.key_types.items()}, "at": POLARS["datetime"]})


def _features(view: View, joined: Sequence[Row]) -> list[Row]:
    return [{name: row[f"{view.name}__{name}"] for name in view.served} for row in joined]


def _quarantined(judged: Judged) -> Quarantined:
    return dict(judged.quarantine.select("row_number", "reasons").sort("row_number").iter_rows())
