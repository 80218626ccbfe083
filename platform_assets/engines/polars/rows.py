"""The rows computed by the Polars engine, until they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from platform_assets.declare.partitions import Partitions
from platform_assets.stores.delta import Lake
from platform_assets.stores.successor import replace_received
from platform_assets.stores.tables import PartitionFacts, Span, Table, Written


@dataclass(frozen=True)
class PolarsRows:
    """A frame, lazy or not, that can be read more than once: a lazy one is computed at each write, batch by batch."""

    lake: Lake
    frame: pl.DataFrame | pl.LazyFrame
    order: Sequence[str] = ()
    """The sort columns of a write."""

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        return self.frame.collect_schema()

    def by_partition(self, partitions: Partitions, by: str = "partition") -> dict[str, int]:
        counted = self.frame.lazy().group_by(by).len().collect(engine="streaming")
        return {value.strftime(partitions.key_format): rows for value, rows in counted.iter_rows()}

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
        rows = self.frame.filter(span.holds(by))
        if self.order:
            rows = rows.lazy().collect().sort(self.order)
        if received:
            return replace_received(
                self.lake, into, rows, by=by, span=span, facts=facts, declaration_version=declaration_version, run=run, made_from=made_from
            )
        return self.lake.replace(
            into, rows, by=by, span=span, facts=facts, declaration_version=declaration_version, run=run, made_from=made_from
        )
