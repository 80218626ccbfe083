"""A gold table: a report by event day, restated when late rows arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from platform_assets.declare.arguments import assign, checked_arguments, list_of, names_of, shown
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.features import Feature, Measure, is_time_since, measure
from platform_assets.declare.names import RESERVED_COLUMNS, check_description, check_name, check_owners, check_tags
from platform_assets.declare.partitions import EPOCH, Partitions
from platform_assets.declare.source import Source
from platform_assets.declare.source_kinds import refuse_snapshot
from platform_assets.declare.timezones import check_timezone, midnight, skipped_days
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError


@dataclass(frozen=True, init=False)
class GoldTable:
    """A report: measures of a source by event day (or hour, week: the source's partitions) and some of its columns.

    timezone: the zone of the event days. Default: that of the source's partitions.

    Unlike a feature it is restated: late rows make the event days they belong to stale, and only those.

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
    engine: EngineName | None

    @checked_arguments("gold table")
    def __init__(
        self,
        name: str,
        *,
        source: Source,
        by: Sequence[str] = (),
        measures: Sequence[Feature],
        timezone: str | None = None,
        description: str = "",
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        engine: EngineName | None = None,
    ) -> None:
        where = f"gold table {name!r}"
        check_name(name, where)
        if not isinstance(source, Source):
            raise DeclarationError(f"{where}, source: {shown(source)} is not a source. Declare it with @source(...).")
        refuse_snapshot(source.kind, source.name, where)
        columns = names_of(by, f"{where}, by", f"by=[{by!r}]" if isinstance(by, str) else "by=['country']")
        for column in columns:
            source.require(column, f"{where}, by, source {source.name!r}")
        if timezone is None:
            timezone = source.partitions.zone
        check_timezone(timezone, f"{where}, timezone")
        if timezone != source.partitions.zone and source.partitions.unit != "day":
            raise DeclarationError(
                f"{where}, timezone: only a report by day can have its own time zone, but the partitions of {source.name!r} are each one "
                f"{source.partitions.unit} of {source.partitions.zone}. Leave timezone out."
            )
        for day in _without_a_partition(timezone, source.partitions):
            raise DeclarationError(
                f"{where}, timezone: {timezone} has the day {day}, which {source.partitions.zone} skipped: its events would belong to no "
                f"partition of {source.name!r}. Leave timezone out, or start the partitions after that day."
            )
        declared = list_of(measures, f"{where}, measures", "measures=[count().named('rows')]")
        if not declared:
            raise DeclarationError(f"{where} has no measures. Write measures=[count().named('rows')].")
        checked = tuple(_measure(feature, source, where) for feature in declared)
        names = [*columns, *(m.name for m in checked)]
        for column in names:
            if names.count(column) > 1 or column in RESERVED_COLUMNS:
                raise DeclarationError(f"{where}: there are two columns {column!r}. Give the measure another name: .named('...').")
        assign(
            self,
            name=name,
            source=source,
            by=columns,
            measures=checked,
            timezone=timezone,
            description=check_description(description, where),
            owners=check_owners(owners, where) or source.owners,
            tags=check_tags(tags, where) or source.tags,
            engine=check_engine(engine, where) or source.engine,
        )

    @cached_property
    def event_partitions(self) -> Partitions:
        """The partitions that events belong to: the source's, in the time zone of the report."""
        mine = self.source.partitions
        return mine if self.timezone == mine.zone else Partitions("day", midnight(EPOCH.date(), self.timezone), timezone=self.timezone)

    @cached_property
    def version(self) -> str:
        return version_of(
            {
                "report": self.name,
                "source": self.source.version,
                "by": self.by,
                "timezone": self.timezone,
                "measures": [m.meaning for m in self.measures],
            }
        )


def _without_a_partition(timezone: str, partitions: Partitions) -> list[date]:
    """The days of a zone, within the range of the partitions, that the partitions' own zone skipped."""
    first, last = partitions.local_date(partitions.first), partitions.last
    skipped = set(skipped_days(partitions.zone)) - set(skipped_days(timezone)) if partitions.unit == "day" else set()
    return sorted(day for day in skipped if day >= first and (last is None or day <= partitions.local_date(last)))


def _measure(feature: Feature, source: Source, where: str) -> Measure:
    place = f"{where}, {feature}, source {source.name!r}"
    if not isinstance(feature, Feature):
        raise DeclarationError(f"{where}, measures: {shown(feature)} is not an aggregation. Write count().named('rows').")
    if feature.windows or feature.offset is not None or feature.closed != "left" or feature.horizon is not None:
        raise DeclarationError(
            f"{place}: a report has no windows: it aggregates the rows of an event day. Remove over, within, offset and closed."
        )
    if is_time_since(feature.aggregation):
        raise DeclarationError(f"{place}: a report is not computed at read time, so it has no time since. Use max('{source.event_time}').")
    if feature.name is None:
        raise DeclarationError(f"{place}: a measure needs a name. Add .named('...').")
    check_name(feature.name, place)
    return measure(feature, source.types, place)
