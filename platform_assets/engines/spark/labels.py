"""Labels for which features are read, as a Spark DataFrame: one aggregation collects their statistics, and their rows stay in Spark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql import types as T

from platform_assets.declare.training import FeatureService
from platform_assets.engines.engine import Engine, ViewSlice
from platform_assets.engines.spark.engine import SparkEngine
from platform_assets.engines.spark.features import utc, with_declared_types, with_features
from platform_assets.engines.spark.tasks import polars_schema, polars_schema_of, spark_schema
from platform_assets.errors import ComputeError
from platform_assets.expressions.types import POLARS, DataType
from platform_assets.kernels.label_validation import CALENDAR, check_labels

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NULLS, _EARLY, _FIRST, _LAST = "__nulls", "__early", "__first", "__last"


@dataclass(frozen=True)
class SparkLabels:
    """Implements `AskedLabels` of reading/labels.py."""

    service: FeatureService
    frame: "DataFrame"
    time: str

    @classmethod
    def of(cls, service: FeatureService, given: "DataFrame", time: str) -> "SparkLabels":
        """The labels, with integers and floats as wide as declared.

        Raises:
            ComputeError: they do not have what the service needs, or a column has a type that a task cannot return.
        """
        wanted: dict[str, DataType] = {**service.keys, time: "datetime", **service.request}
        where = f"feature service {service.name!r}: the labels"
        known = {name: POLARS[kind] for name, kind in wanted.items() if name in given.columns}
        check_labels(service, pl.DataFrame(schema={name: known.get(name, pl.Null()) for name in given.columns}), time)
        given = with_declared_types(given, wanted, where)
        for field in given.schema.fields:
            if not _comes_back(field):
                raise ComputeError(
                    f"{where} have a column {field.name!r} of the type {field.dataType.simpleString()}, which a task cannot return "
                    f"unchanged. Leave it out, or convert it to text: .withColumn({field.name!r}, F.to_json({field.name!r}))."
                )
        asked = cls(service, given, time)
        asked._check_times()
        return asked

    def times(self) -> list[tuple[datetime, datetime]]:
        return [(utc(row[_FIRST]), utc(row[_LAST])) for row in self._counted]

    def null_keys(self) -> dict[str, int]:
        return {view.name: sum(row[_null(view.name)] for row in self._counted) for view in self.service.views}

    def after(self, moment: datetime) -> tuple[int, Mapping[str, Any]] | None:
        late = self.frame.filter(F.col(self.time) > F.lit(moment))
        row = late.select(*self.service.keys, self.time).first()
        if row is None:
            return None
        return late.count(), {name: utc(value) if isinstance(value, datetime) else value for name, value in row.asDict().items()}

    def with_features(self, engine: Engine, read: Sequence[tuple[tuple[datetime, datetime], Sequence[ViewSlice]]]) -> "DataFrame":
        assert isinstance(engine, SparkEngine), "the engine was chosen for these labels"
        schema, time = polars_schema(self.frame), F.col(self.time)
        parts = []
        for (first, last), slices in read:
            asked = self.frame if len(read) == 1 else self.frame.filter(time.between(F.lit(first), F.lit(last)))
            found, _ = with_features(engine.tables, self.service, asked, schema, slices, time=self.time)
            parts.append(found)
        together = parts[0]
        for part in parts[1:]:
            together = together.unionByName(part)
        types = {field.name: field.dataType for field in self.frame.schema.fields}
        return together.select(*(F.col(f"`{name}`").cast(types[name]).alias(name) if name in types else name for name in together.columns))

    @cached_property
    def _counted(self) -> list[T.Row]:
        """By groups of times, each within a partition, ascending: the first and last time, and the number of null keys."""
        step = min(view.source.partitions.step for view in self.service.views) // timedelta(microseconds=1)
        time = F.col(self.time)
        nulls = [
            F.count_if(F.greatest(*(F.col(f"`{key}`").isNull() for key in view.entity.keys), F.lit(False))).alias(_null(view.name))
            for view in self.service.views
        ]
        outside = F.count_if(~time.between(*map(F.lit, CALENDAR))).alias(_EARLY)
        bounds = [F.min(time).alias(_FIRST), F.max(time).alias(_LAST), F.count_if(time.isNull()).alias(_NULLS), outside]
        grouped = self.frame.groupBy(F.floor(F.unix_micros(time) / F.lit(step)).alias("__step"))
        return sorted(grouped.agg(*bounds, *nulls).collect(), key=lambda row: (row[_FIRST] is not None, row[_FIRST]))

    def _check_times(self) -> None:
        where = f"feature service {self.service.name!r}"
        if missing := sum(row[_NULLS] for row in self._counted):
            raise ComputeError(f"{where}: {missing} labels have no {self.time!r}. Leave them out, or give them a time.")
        if odd := sum(row[_EARLY] for row in self._counted):
            raise ComputeError(f"{where}: {odd} labels have a {self.time!r} before the year 1000 or after 9998. Leave them out.")


def _null(view: str) -> str:
    return f"__null_{view}"


def _comes_back(field: T.StructField) -> bool:
    """Whether a column of this type survives a round trip through Polars."""
    schema = T.StructType([field])
    try:
        found = spark_schema(polars_schema_of(schema))[0].dataType
    except (PySparkException, pl.exceptions.PolarsError, NotImplementedError, ValueError):
        return False
    return found == field.dataType or (isinstance(field.dataType, T.TimestampNTZType) and isinstance(found, T.TimestampType))
