"""Rows that Spark computes: once, into files below their table's folder, which are then committed partition by partition."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from platform_assets.declare.partitions import Partitions
from platform_assets.stores.delta import Lake
from platform_assets.stores.staged import Staged, take
from platform_assets.stores.successor import make_room, with_room
from platform_assets.stores.tables import Moment, PartitionFacts, Span, Table, Written

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Stage = Callable[["SparkRows", Table, Mapping[str, pl.DataType]], Staged]


@dataclass
class SparkRows:
    """A Spark plan. It runs when counts or files are needed, and only once."""

    lake: Lake
    of: Table
    """The table that the rows are most likely written to."""
    frame: "DataFrame"
    columns: Mapping[str, pl.DataType]
    stage: Stage
    """Writes the rows below the folder of a table, in these types."""
    by: str = "partition"
    order: Sequence[str] = ()
    files_a_partition: int = 1
    tasks: int | None = None
    """The number of writing tasks; None: as many as Spark uses for a shuffle."""
    without: Collection[Moment] = ()
    """Partitions whose rows are neither counted nor written."""
    _staged: dict[tuple[Table, tuple[tuple[str, str], ...]], Staged] = field(default_factory=dict)

    def staged(self, table: Table, types: Mapping[str, pl.DataType] | None = None) -> Staged:
        """The files below a table's folder."""
        types = types or self.columns
        key = table, tuple((column, str(dtype)) for column, dtype in types.items())
        if key not in self._staged:
            self._staged[key] = self.stage(self, table, types)
        return self._staged[key]

    def by_partition(self, partitions: Partitions, by: str = "partition") -> dict[str, int]:
        rows = self.staged(self.of).rows()
        return {value.strftime(partitions.key_format): number for value, number in rows.items() if value not in self.without}

    def write(
        self,
        into: Table,
        *,
        by: str,
        span: Span,
        facts: Sequence[PartitionFacts],
        declaration_version: str,
        run: str,
        made_from: int | None = None,
        received: bool = False,
    ) -> Written:
        def written() -> Written:
            types = self.columns
            if received:
                types = make_room(self.lake, into, self.lake.scan(self.staged(into).table), by, run)
            return take(
                self.lake,
                into,
                self.staged(into, types),
                by=by,
                span=span,
                facts=facts,
                declaration_version=declaration_version,
                run=run,
                made_from=made_from,
                without=self.without,
            )

        return with_room(into, written) if received else written()
