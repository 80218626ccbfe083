"""Column metadata for Dagster: types, descriptions, and lineage."""

from collections.abc import Mapping, Sequence

import dagster as dg

from platform_assets.assets.asset_specs import key_of
from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.features import Measure
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeaturesFrom, TrainingSet
from platform_assets.declare.view import DerivedFeature, StoredFeature
from platform_assets.expressions.types import DataType
from platform_assets.steps.reading import layer_of, table_of
from platform_assets.stores.delta import Table

Columns = Mapping[str, Sequence[tuple[Table, str]]]
"""Lineage: each column with the columns of other tables that it is computed from."""

_WORDS = {
    "count": "number",
    "count_distinct": "number of distinct values",
    "std": "standard deviation",
    "min": "smallest value",
    "max": "largest value",
    "first": "earliest value",
    "last": "latest value",
    "last_n": "{} latest values",
    "mode": "most frequent value",
    "quantile": "quantile {}",
    "top_k": "{} most frequent values",
    "time_since_last": "seconds since the last",
}


def column_schema(types: Mapping[str, DataType | str], meanings: Mapping[str, str] | None = None) -> dict[str, dg.TableSchema]:
    """A table schema from types by column, with descriptions where known."""
    columns = [dg.TableColumn(name, dtype, description=(meanings or {}).get(name)) for name, dtype in types.items()]
    return {"dagster/column_schema": dg.TableSchema(columns)}


def source_schema(source: Source, carried: Mapping[str, str]) -> dict[str, dg.TableSchema]:
    """The columns of silver with their constraints: required, the rules that read them, the key."""
    columns = []
    for name, column in source.columns.items():
        rules = [rule.sql for rule in source.rules.values() if name in rule.columns]
        says = [text for held, text in ((name == source.event_time, "when it happened"), (name in source.key, "part of the key")) if held]
        limits = dg.TableColumnConstraints(nullable=column.nullable and name not in (source.event_time, *source.key), other=rules)
        columns.append(dg.TableColumn(name, column.type, description=", ".join(says) or None, constraints=limits))
    columns += [dg.TableColumn(name, "bool", description=f"flag: {flag.sql}") for name, flag in source.flags.items()]
    columns += [dg.TableColumn(name, dtype, description=_CARRIED[name]) for name, dtype in carried.items()]
    return {"dagster/column_schema": dg.TableSchema(columns)}


_CARRIED = {
    "arrival": "the partition that the row was received in",
    "delivery": "the number of its delivery within the partition, from 1",
    "row_number": "its position in the delivery",
    "reasons": "why it was not accepted",
    "run": "the run that judged it",
}


def quarantine_schema(source: Source, carried: Mapping[str, str]) -> dict[str, dg.TableSchema]:
    """The columns of quarantine: those received, in their received types, and the reasons."""
    received = dict.fromkeys(source.columns, "as received")
    return column_schema({**received, **carried, "reasons": "list of str", "run": "str"}, _CARRIED)


def measured(measure: Measure) -> str:
    """A description of a measure: 'sum of quantity * unit_price where not cancelled'."""
    of = measure.argument.sql if measure.argument else "rows" if measure.aggregation.name == "count" else "row"
    where = f" where {measure.where.sql}" if measure.where else ""
    word = _WORDS.get(measure.aggregation.name, measure.aggregation.name).format(measure.aggregation.parameter)
    return f"{word} {'' if of == 'row' else 'of '}{of}{where}"


def meanings_of_keys(of: View | TrainingSet) -> dict[str, str]:
    """Descriptions of the key columns: 'key of station', and the source column if it has a different name."""
    source = of.labels.source if isinstance(of, TrainingSet) else of.source
    name = source.name if source else "the labels"
    held = {key: "" if key == column else f": {column} of {name}" for key, column in of.key_columns.items()}
    return {key: f"key of {of.entity.name}{by}" for key, by in held.items()}


def meaning(feature: StoredFeature | DerivedFeature) -> str:
    """A description of a feature: 'sum of quantity * unit_price where not cancelled, over 30d'."""
    if isinstance(feature, DerivedFeature):
        return f"{feature.expression.sql}, at read time"
    window = feature.window
    offset = f", ending {int(window.offset.total_seconds()):,} s before" if window.offset else ""
    closed = "" if window.closed == "left" else f", closed {window.closed}"
    stored = " (stored as its time)" if feature.served_type != feature.measure.type else ""
    return f"{measured(feature.measure)}, over {window.text}{offset}{closed}{stored}"


def meanings(view: View) -> dict[str, str]:
    """Descriptions of a view's features: stored, derived, or attributes."""
    if isinstance(view, AttributeView):
        return {attribute: f"{attribute} of the latest update of {view.source.name}" for attribute in view.attributes}
    features: list[StoredFeature | DerivedFeature] = [*view.stored, *view.derived]
    return {feature.name: meaning(feature) for feature in features}


def features_made_of(view: View, features_from: FeaturesFrom | None = None) -> dict[str, list[tuple[Table, str]]]:
    """The columns that each feature of a view is read from: those of its gold, or of silver."""
    layer = layer_of(view, features_from)
    table = table_of(view, layer)
    if isinstance(view, AttributeView):
        return {attribute: [(table, attribute)] for attribute in view.attributes}
    stored = {f.name: [(table, f.name)] if layer == "gold" else made_of(f.measure, view.source, table) for f in view.stored}
    return stored | {d.name: list(dict.fromkeys(origin for read in d.expression.columns for origin in stored[read])) for d in view.derived}


def keys_made_of(view: View) -> dict[str, list[tuple[Table, str]]]:
    """The columns that an entity's keys are read from: those of the view's gold, or of silver."""
    layer = layer_of(view)
    return {key: [(table_of(view, layer), key if layer == "gold" else column)] for key, column in view.key_columns.items()}


def column_lineage(columns: Columns) -> dict[str, dg.TableColumnLineage]:
    lineage = {name: [dg.TableColumnDep(key_of(table), column) for table, column in origins] for name, origins in columns.items()}
    return {"dagster/column_lineage": dg.TableColumnLineage(lineage)}


def made_of(measure: Measure, source: Source, table: Table) -> list[tuple[Table, str]]:
    """The columns of silver that a measure reads."""
    return [(table, column) for column in dict.fromkeys([*measure.reads, source.event_time])]
