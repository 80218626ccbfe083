"""Computes a view with every engine, and compares values with expected ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.engines import reference
from platform_assets.engines.polars import compute
from platform_assets.testing.computed import by_polars_from_silver, reference_silver, reference_values
from platform_assets.testing.equality import Disagreement, Row, require_same_table


def assert_engines_agree(view: View, events: pl.DataFrame | Sequence[Mapping[str, Any]], *, at: Any) -> pl.DataFrame:
    """Computes a view with each engine, from its table and directly from silver, requires the values to equal those of the reference
    engine, and returns them.

    The reference engine consists of slow loops: a few hundred events are its limit. Arguments and result are those
    for compute_features.

    Raises:
        Disagreement: an AssertionError that names the view, the entity, the time and each feature that differs.

    >>> from platform_assets.testing import events
    >>> some = events(orders, [{"ordered_at": "2024-03-01 10:00", "customer_id": 7}], unit_price=1.0, quantity=1, invoice="1", country="UK")
    >>> assert_engines_agree(customer_spend, some, at="2024-03-02")["count_7d"].to_list()
    [1]
    """
    found = compute.compute_features(view, events, at=at)
    expected, keys = reference_features(view, events, at=at), [*view.entity.keys, "at"]
    require_same_table(f"view {view.name!r}, polars against the reference", expected, found.to_dicts(), keys)
    asked = [{key: row[key] for key in keys} for row in expected]
    from_silver = [{**row, **values} for row, values in zip(asked, by_polars_from_silver(view, events, asked)[0], strict=True)]
    require_same_table(f"view {view.name!r}, polars straight from silver against the reference", expected, from_silver, keys)
    return found


def reference_features(view: View, events: pl.DataFrame | Sequence[Mapping[str, Any]], *, at: Any) -> list[Row]:
    """Like compute_features, with the reference engine."""
    compute.accepted(view.source, compute.received(view.source, events))
    silver, _ = reference_silver(view.source, events)
    entities = reference.entities(view.key_columns, silver)
    asked = [{**dict(zip(view.entity.keys, entity, strict=True)), "at": t} for t in sorted(set(compute.moments(at))) for entity in entities]
    return [{**row, **values} for row, values in zip(asked, reference_values(view, silver, asked), strict=True)]


def assert_features(found: pl.DataFrame, expected: Sequence[Mapping[str, Any]]) -> None:
    """Requires a frame to have exactly the expected rows, in any order. Floats are compared to 1e-9 relative.

    found: from compute_features. expected: dicts of the keys, `at` (as for compute_features), and the features that
    the test is about; all have the same columns.

    Raises:
        Disagreement: an AssertionError that names the row and each feature that differs, or the missing and unexpected rows.

    >>> from datetime import UTC
    >>> computed = pl.DataFrame({"customer_id": [7], "at": [datetime(2024, 3, 2, tzinfo=UTC)], "count_7d": [1], "spend_30d": [1.0]})
    >>> assert_features(computed, [{"customer_id": 7, "at": "2024-03-02", "count_7d": 1}])
    """
    if "at" not in found.columns or not expected or any("at" not in row or row.keys() != expected[0].keys() for row in expected):
        raise Disagreement(
            f"expected: {list(expected)}. Write dicts with the same columns, including the keys and 'at', one per row of the frame."
        )
    columns = list(expected[0])
    if unknown := [column for column in columns if column not in found.columns]:
        raise Disagreement(f"there is no column {unknown[0]!r} among {', '.join(found.columns)}")
    keys = [column for column in columns if column in found.columns[: found.columns.index("at") + 1]]
    wanted = [{**row, "at": compute.moment(row["at"], "expected")} for row in expected]
    require_same_table("features", wanted, found.select(columns).to_dicts(), keys)
