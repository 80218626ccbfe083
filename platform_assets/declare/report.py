"""A gold table: a report by event day, restated when late rows arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platform_assets.declare.features import Feature, is_time_since
from platform_assets.declare.names import RESERVED_COLUMNS, check_name, check_owners, check_tags
from platform_assets.declare.source import Source, condition
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import DataType

if TYPE_CHECKING:
    from platform_assets.aggregations import Aggregation


@dataclass(frozen=True)
class Measure:
    """One number of a report: an aggregation of a masked argument over the rows of an event day."""

    name: str
    aggregation: Aggregation
    argument: Expression | None
    where: Expression | None
    type: DataType

    @property
    def reads(self) -> tuple[str, ...]:
        columns = {*(self.argument.columns if self.argument else ()), *(self.where.columns if self.where else ())}
        return tuple(sorted(columns))


@dataclass(frozen=True, init=False)
class GoldTable:
    """A report: measures of a source by event day (or hour, week: the source's partitions) and some of its columns.

    Unlike a feature it is restated: rows that arrive late make the event days that they belong to stale, and only those.

    >>> daily_revenue = GoldTable("daily_revenue", source=orders, by=["country"], measures=[sum("quantity * unit_price").named("revenue")])
    """

    name: str
    source: Source
    by: tuple[str, ...]
    measures: tuple[Measure, ...]
    timezone: str
    description: str
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]

    def __init__(
        self,
        name: str,
        *,
        source: Source,
        by: Sequence[str] = (),
        measures: Sequence[Feature],
        timezone: str = "UTC",
        description: str = "",
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        where = f"gold table {name!r}"
        check_name(name, where)
        if not isinstance(source, Source):
            raise DeclarationError(f"{where}, source: {source!r} is no source. Declare it with @source(...).")
        for column in by:
            source.require(column, f"{where}, by, source {source.name!r}")
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise DeclarationError(f"{where}, timezone: there is no time zone {timezone!r}. Write it as 'Europe/London'.") from None
        if timezone != "UTC" and source.partitions.unit != "day":
            raise DeclarationError(f"{where}, timezone: only a report by day has a time zone, {source.name!r} has partitions of a {source.partitions.unit}")
        if not measures:
            raise DeclarationError(f"{where} has no measures. Write measures=[count().named('rows')].")
        checked = tuple(_measure(measure, source, where) for measure in measures)
        names = [*by, *(measure.name for measure in checked)]
        for measure in names:
            if names.count(measure) > 1 or measure in RESERVED_COLUMNS:
                raise DeclarationError(f"{where}: the column {measure!r} exists twice. Give the measure another name: .named('...').")
        values = {
            "name": name, "source": source, "by": tuple(by), "measures": checked, "timezone": timezone, "description": description,
            "owners": check_owners(owners, where) or source.owners, "tags": check_tags(tags or {}, where) or source.tags,
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)

    @cached_property
    def version(self) -> str:
        return version_of({
            "report": self.name, "source": self.source.version, "by": self.by, "timezone": self.timezone,
            "measures": [[m.name, m.aggregation.name, m.aggregation.empty, m.argument and m.argument.canonical, m.where and m.where.canonical] for m in self.measures],
        })


def _measure(measure: Feature, source: Source, where: str) -> Measure:
    place = f"{where}, {measure}, source {source.name!r}"
    if not isinstance(measure, Feature):
        raise DeclarationError(f"{where}, measures: {measure!r} is no aggregation. Write count().named('rows').")
    if measure.windows or measure.offset is not None or measure.closed != "left":
        raise DeclarationError(f"{place}: a report has no windows: it aggregates the rows of an event day. Leave over, offset and closed out.")
    if is_time_since(measure.aggregation):
        raise DeclarationError(f"{place}: a report has no moment of reading, so no time since. Use max('{source.event_time}').")
    if measure.name is None:
        raise DeclarationError(f"{place}: a measure needs a name. Add .named('...').")
    check_name(measure.name, place)
    argument = None if measure.argument is None else parse(measure.argument, columns=source.types, where=place)
    where_ = None if measure.where is None else condition(measure.where, source.types, f"{place}, where")
    result = measure.aggregation.result(argument.type if argument else "bool")
    if result is None:
        raise DeclarationError(f"{place}: {measure.aggregation.name} needs a number, {measure.argument!r} is {argument.type if argument else 'nothing'}")
    return Measure(measure.name, measure.aggregation, argument, where_, result)
