"""A view computed by every engine, and values compared with what a test expects."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.engines import reference
from platform_assets.engines.polars import compute
from platform_assets.engines.polars.parse import parsed
from platform_assets.engines.polars.times import index_of
from platform_assets.testing.equality import Disagreement, Row, require_same_table


def assert_engines_agree(view: View, events: pl.DataFrame | Sequence[Mapping[str, Any]], *, at: Any) -> pl.DataFrame:
    """Computes a view with each engine, requires the values to be those of the reference engine, and returns them.

    The reference engine is loops that read as the contract does; a few hundred events are enough for it. Arguments and result as
    for compute_features.

    Raises:
        Disagreement: an AssertionError that names view, entity, moment and each feature that differs.

    >>> from platform_assets.testing import events
    >>> some = events(orders, [{"ordered_at": "2024-03-01 10:00", "customer_id": 7}], unit_price=1.0, quantity=1, invoice="1", country="UK")
    >>> assert_engines_agree(customer_spend, some, at="2024-03-02")["count_7d"].to_list()
    [1]
    """
    found = compute.compute_features(view, events, at=at)
    expected = reference_features(view, events, at=at)
    require_same_table(f"view {view.name!r}, polars against the reference", expected, found.to_dicts(), [*view.entity.keys, "at"])
    return found


def reference_features(view: View, events: pl.DataFrame | Sequence[Mapping[str, Any]], *, at: Any) -> list[Row]:
    """The same as compute_features, by the reference engine."""
    source, asked = view.source, compute.moments(at)
    raw = compute.received(source, events)
    compute.accepted(source, raw)
    place = (index_of("arrival", source.partitions).alias("arrival"), "delivery", "row_number")
    rows = raw.select(*(parsed(source, column, raw.schema[column]) for column in source.columns), *place).to_dicts()
    silver = [row for partition in sorted({row["arrival"] for row in rows}) for row in reference.silver(source, rows, partition)[0]]
    keys = view.entity.keys
    entities = {entity for row in silver if None not in (entity := tuple(row[key] for key in keys))}
    labels = [{**dict(zip(keys, entity, strict=True)), "label_time": t} for t in sorted(set(asked)) for entity in entities]
    service = FeatureService("computed", [view])
    if isinstance(view, FeatureView) and view.accuracy == "temporal":
        joined = reference.point_in_time(service, {}, labels, {view.name: silver})
    else:
        first = min((row["arrival"] for row in silver), default=source.partitions.first)
        last = max(first, source.partitions.index(max(asked) - source.data_delay) - 1)
        make = reference.attributes_log if isinstance(view, AttributeView) else reference.change_log
        joined = reference.point_in_time(service, {view.name: make(view, silver, first, last)}, labels)  # type: ignore[arg-type]
    return [{"at" if name == "label_time" else name.removeprefix(f"{view.name}__"): value for name, value in row.items()} for row in joined]


def assert_features(found: pl.DataFrame, expected: Sequence[Mapping[str, Any]]) -> None:
    """Requires a frame to have the rows expected, in any order, and no others. Floats are compared to 1e-9 relative.

    found: as compute_features returns it. expected: dicts of the keys, `at` (written as for compute_features), and those features that
    the test is about; all name the same columns.

    Raises:
        Disagreement: an AssertionError that names the row and each feature that differs, or the rows that are missing or too many.

    >>> from datetime import UTC
    >>> computed = pl.DataFrame({"customer_id": [7], "at": [datetime(2024, 3, 2, tzinfo=UTC)], "count_7d": [1], "spend_30d": [1.0]})
    >>> assert_features(computed, [{"customer_id": 7, "at": "2024-03-02", "count_7d": 1}])
    """
    if "at" not in found.columns or not expected or any("at" not in row or row.keys() != expected[0].keys() for row in expected):
        raise Disagreement(f"expected: {list(expected)}. Write dicts of the same columns, with the keys and 'at', one a row of the frame.")
    columns = list(expected[0])
    if unknown := [column for column in columns if column not in found.columns]:
        raise Disagreement(f"there is no column {unknown[0]!r} among {', '.join(found.columns)}")
    keys = [column for column in columns if column in found.columns[: found.columns.index("at") + 1]]
    wanted = [{**row, "at": compute.moment(row["at"], "expected")} for row in expected]
    require_same_table("features", wanted, found.select(columns).to_dicts(), keys)
