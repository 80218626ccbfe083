"""In-memory labels for which features are read; those on Spark are in engines/spark/labels.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from platform_assets.declare.training import FeatureService
from platform_assets.engines.engine import Engine, ViewSlice
from platform_assets.errors import ComputeError
from platform_assets.frames.tables import table_of, with_types
from platform_assets.kernels.label_validation import check_labels

_ROW, _AT = "__row", "__at"

Between = tuple[datetime, datetime]
"""The first and the last time of some labels."""


class AskedLabels(Protocol):
    """Checked labels: keys, request columns and times exist with their types."""

    def times(self) -> list[Between]:
        """The labels' times in groups, each within a partition, ascending."""
        ...

    def null_keys(self) -> dict[str, int]:
        """By view, the number of rows with a null key."""
        ...

    def after(self, moment: datetime) -> tuple[int, Mapping[str, Any]] | None:
        """The number of labels after a time, and one of them; None if there are none."""
        ...

    def with_features(self, engine: Engine, read: Sequence[tuple[Between, Sequence[ViewSlice]]]) -> Any:
        """The labels with their features: those of each time range from its slices."""
        ...


@dataclass(frozen=True)
class LocalLabels:
    """In-memory labels, in the given order."""

    service: FeatureService
    frame: pl.DataFrame
    time: str

    @classmethod
    def of(cls, service: FeatureService, given: Any, time: str) -> "LocalLabels":
        """The labels of a table of any kind.

        Raises:
            ComputeError: it is not a table, or does not have what the service needs.
        """
        labels = table_of(given, f"feature service {service.name!r}: the labels", ComputeError)
        if not isinstance(given, pl.DataFrame | pl.LazyFrame):
            labels = with_types(labels, {**service.keys, time: "datetime", **service.request})
        check_labels(service, labels, time)
        if _ROW in labels.columns:
            raise ComputeError(f"feature service {service.name!r}: the labels have a column {_ROW!r}, which is reserved. Rename it.")
        return cls(service, labels, time)

    def times(self) -> list[Between]:
        step = min(view.source.partitions.step for view in self.service.views)
        near = self.frame[self.time].unique().sort().to_frame(_AT).group_by(pl.col(_AT).dt.truncate(step), maintain_order=True)
        bounds = near.agg(pl.col(_AT).min().alias("first"), pl.col(_AT).max().alias("last"))
        return list(bounds.select("first", "last").iter_rows())

    def null_keys(self) -> dict[str, int]:
        return {
            view.name: int(self.frame.select(pl.any_horizontal(pl.col(key).is_null() for key in view.entity.keys).sum()).item())
            for view in self.service.views
        }

    def after(self, moment: datetime) -> tuple[int, Mapping[str, Any]] | None:
        late = self.frame.filter(pl.col(self.time) > moment)
        return None if late.is_empty() else (late.height, late.row(0, named=True))

    def with_features(self, engine: Engine, read: Sequence[tuple[Between, Sequence[ViewSlice]]]) -> pl.DataFrame:
        numbered = self.frame.with_row_index(_ROW)
        parts = [
            engine.features(self.service, numbered.filter(pl.col(self.time).is_between(*span)), slices, time=self.time)
            for span, slices in read
        ]
        return pl.concat(parts).sort(_ROW).drop(_ROW)
