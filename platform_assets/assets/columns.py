"""Columns as Dagster shows them: their types, and the columns of other tables that they are made of."""

from collections.abc import Mapping, Sequence

import dagster as dg

from platform_assets.assets.keys import key_of
from platform_assets.declare.features import Measure
from platform_assets.declare.source import Source
from platform_assets.expressions.types import DataType
from platform_assets.stores.delta import Table

Columns = Mapping[str, Sequence[tuple[Table, str]]]
"""Lineage: each column with the columns of other tables that it is made of."""


def column_schema(types: Mapping[str, DataType | str]) -> dict[str, dg.TableSchema]:
    return {"dagster/column_schema": dg.TableSchema([dg.TableColumn(name, dtype) for name, dtype in types.items()])}


def column_lineage(columns: Columns) -> dict[str, dg.TableColumnLineage]:
    lineage = {name: [dg.TableColumnDep(key_of(table), column) for table, column in origins] for name, origins in columns.items()}
    return {"dagster/column_lineage": dg.TableColumnLineage(lineage)}


def made_of(measure: Measure, source: Source, table: Table) -> list[tuple[Table, str]]:
    """The columns of silver that a measure reads."""
    return [(table, column) for column in dict.fromkeys([*measure.reads, source.event_time])]
