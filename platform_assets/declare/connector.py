"""A source whose rows a connector reads: files, a database, an API. What a connector is; each is one file of platform_assets/sources."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypedDict, Unpack

from platform_assets.declare.arguments import checked_arguments, shown
from platform_assets.declare.checks import Check
from platform_assets.declare.engines import EngineName
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Deliveries, EmptyText, Kind, Source, WhenBlocked, source
from platform_assets.errors import DeclarationError


class Connector(Protocol):
    """Where rows come from, declared as plain data: it opens nothing before it is asked to.

    A connector answers for one partition at a time; the `arrival` that it is given says which (`sources.arrival.Arrival`). There it also
    notes where the rows came from (`arrival.origins`) and what is worth knowing of the reading (`arrival.notes`).
    """

    @property
    def reader(self) -> str:
        """The function that declares it, for messages."""

    @property
    def version(self) -> str:
        """Changes when the rows that it reads would."""

    @property
    def is_final(self) -> bool:
        """Whether a partition that has been received is not read again, because the place that it came from has changed since: a table
        with updates, an API that gives the present state."""

    def check(self, where: str, source: Source) -> None:
        """Refuses what can be known to be wrong of the source that it reads for, when the module loads.

        Raises:
            DeclarationError: beginning with `where`.
        """

    def look(self, arrival: Any) -> str | None:
        """What is there for a partition, found without reading it: "" for nothing (yet), otherwise a text that is another one when the
        rows may be others. It costs little: a sensor asks for each partition that may have something to receive.

        Raises:
            SourceError: the place cannot be looked at.
        """

    def read(self, arrival: Any) -> Any:
        """The rows of a partition, a frame at a time: whatever the function of an `@source` may return. None: nothing has arrived.

        Raises:
            NotReadyError: they cannot be read yet; they are asked for again later.
            SourceError: they cannot be read: what is wrong, where, an example, and what to do.
        """


class SourceOptions(TypedDict, total=False):
    """The arguments of `@source`, which explains them."""

    schema: type
    event_time: str | None
    partitions: Partitions
    key: Sequence[str]
    timezone: str | None
    rules: Mapping[str, str] | None
    flags: Mapping[str, str] | None
    tolerates: float | Mapping[str, float]
    accepted_share: float
    empty_after: str | None
    data_delay: str
    clock_skew: str
    duplicates_within: int | None
    deliveries: Deliveries
    owners: Sequence[str]
    tags: Mapping[str, str] | None
    kind: Kind
    when_blocked: WhenBlocked | None
    empty_text: EmptyText
    engine: EngineName | None
    checks: Sequence[Check]


class _Reads:
    """Stands for the function of a source."""

    def __init__(self, name: str, description: str, connector: Connector) -> None:
        self.__name__, self.__doc__, self.connector = name, description, connector

    def __call__(self, arrival: Any) -> Any:
        return self.connector.read(arrival)


@checked_arguments("source_from")
def source_from(name: str, connector: Connector, *, description: str = "", **options: Unpack[SourceOptions]) -> Source:
    """Declare a source whose rows a connector reads.

    Args:
        name: of the source; its tables are name/raw, name/silver and name/quarantine.
        connector: where the rows come from, such as csv_files("orders/{day}.csv").
        description: for people, in Dagster.
        options: what `@source` takes: schema, event_time, partitions, key, timezone, rules, flags and so on.

    Raises:
        DeclarationError: naming what is wrong, where, and the nearest right name.
    """
    where = f"source_from({name!r})"
    if not isinstance(name, str):
        raise DeclarationError(
            f"source_from: {shown(name)} is not a name. Write source_from('orders', csv_files('orders/{{day}}.csv'), ...)."
        )
    missing = [what for what in ("reader", "read", "look", "check", "version", "is_final") if not hasattr(connector, what)]
    if missing:
        raise DeclarationError(
            f"{where}: {shown(connector)} is not a connector: it has no {missing[0]!r}. Write csv_files('{name}/{{day}}.csv'), or "
            "declare the source by a function: @source(...)."
        )
    declared = source(**options)(_Reads(name, description, connector))
    connector.check(f"source {name!r}", declared)
    return declared
