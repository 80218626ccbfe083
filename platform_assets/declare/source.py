"""A source: where rows come from, what they look like, and what makes one of them bad."""

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from platform_assets.declare.arguments import (
    checked_arguments,
    integer,
    names_of,
    one_of,
    returns_something,
    share,
    shown,
    takes_one_argument,
    texts_by_name,
)
from platform_assets.declare.durations import duration
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.names import RESERVED_COLUMNS, check_name, check_owners, check_tags
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.schema import SourceColumn as SourceColumn
from platform_assets.declare.schema import columns_of
from platform_assets.declare.source_kinds import check_hours, check_state, event_time_of, flags_of_a_snapshot
from platform_assets.declare.timezones import check_timezone
from platform_assets.declare.version import version_of, version_of_code
from platform_assets.errors import DeclarationError, unknown
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import SQL_NAMES, DataType

if TYPE_CHECKING:
    from platform_assets.declare.checks import Check, QualityCheck

Deliveries = Literal["restates", "arrives_now"]
Kind = Literal["events", "state", "snapshot"]
WhenBlocked = Literal["warn", "fail"]
_TOLERATED = 0.01
"""The share of rows that may break a rule unnoticed, where nothing is declared: some rows of any export are bad."""
EmptyText = Literal["missing", "value"]


@dataclass(frozen=True)
class Source:
    """Events (facts that happened at a time) or updates of a state, received one partition at a time. Made by `@source`."""

    name: str
    kind: Kind
    read: Callable[[Any], Any] = field(repr=False, compare=False)
    columns: Mapping[str, SourceColumn]
    event_time: str
    partitions: Partitions
    key: tuple[str, ...]
    timezone: str | None
    rules: Mapping[str, Expression]
    flags: Mapping[str, Expression]
    tolerates: Mapping[str, float]
    """By rule, the share of a partition's rows that may break it before its check warns, and the partition is MEDIUM."""
    accepted_share: float
    empty_after: timedelta | None
    data_delay: timedelta
    clock_skew: timedelta
    duplicates_within: int
    deliveries: Deliveries
    when_blocked: WhenBlocked | None
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    description: str
    empty_text: EmptyText = "missing"
    engine: EngineName | None = None
    checks: "tuple[QualityCheck, ...]" = ()
    tolerates_otherwise: float = _TOLERATED
    """The share of a partition's rows that may be set aside for a reason that is no rule: a value that is missing or cannot be read."""

    @cached_property
    def types(self) -> dict[str, DataType]:
        """What expressions over accepted rows may read: the columns and the flags."""
        return {**{name: column.type for name, column in self.columns.items()}, **dict.fromkeys(self.flags, "bool")}

    def __getstate__(self) -> dict[str, Any]:
        """Pickled without its function, which whoever computes elsewhere does not need."""
        return {**vars(self), "read": None}

    @property
    def unique_key(self) -> tuple[str, ...]:
        """The columns that two accepted rows near each other never share: of a state there may be any number of updates."""
        return self.key if self.kind == "events" else ()

    @property
    def order(self) -> tuple[str, ...]:
        """The primary key, by which ties of event time are broken."""
        return self.unique_key or ("arrival", "delivery", "row_number")

    @cached_property
    def version(self) -> str:
        """Changes when accepted rows, their flags or the time from which they may be read would."""
        return version_of(
            {
                "source": self.name,
                **({} if self.kind == "events" else {"kind": self.kind}),
                "columns": {n: [c.type, c.nullable] for n, c in self.columns.items()},
                "event_time": self.event_time,
                "partitions": [self.partitions.unit, self.partitions.start, *({self.partitions.zone} - {"UTC"})],
                "key": self.key,
                "timezone": self.timezone,
                "rules": {n: e.canonical for n, e in self.rules.items()},
                "flags": {n: e.canonical for n, e in self.flags.items()},
                "accepted_share": self.accepted_share,
                "data_delay": self.data_delay,
                **({"clock_skew": self.clock_skew} if self.clock_skew else {}),
                **({} if self.empty_text == "missing" else {"empty_text": self.empty_text}),
                "duplicates_within": self.duplicates_within,
            }
        )

    @property
    def connector(self) -> Any:
        """The `Connector` that reads its rows; None where a function does."""
        return getattr(self.read, "connector", None)

    @cached_property
    def read_by(self) -> str:
        """Changes when the source's function or connector does. What a function calls is not in it."""
        return version_of_code(self.read) if self.connector is None else str(self.connector.version)

    def require(self, column: str, where: str) -> None:
        if column not in self.types:
            raise unknown(where, "column", column, self.types)


@checked_arguments("@source")
def source(
    *,
    schema: type,
    event_time: str | None = None,
    partitions: Partitions,
    key: Sequence[str] = (),
    timezone: str | None = None,
    rules: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    tolerates: float | Mapping[str, float] = _TOLERATED,
    accepted_share: float = 0.7,
    empty_after: str | None = None,
    data_delay: str = "0s",
    clock_skew: str = "0s",
    duplicates_within: int | None = None,
    deliveries: Deliveries = "restates",
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    kind: Kind = "events",
    when_blocked: WhenBlocked | None = None,
    empty_text: EmptyText = "missing",
    engine: EngineName | None = None,
    checks: "Sequence[Check]" = (),
) -> Callable[[Callable[[Any], Any]], Source]:
    """Declare a source by a function that reads one partition of it.

    The function gets an `Arrival` (the partition that is being received) and returns the rows as they came, or None when nothing has
    come: a Polars frame, lazy or not, or anything with an Arrow stream. More rows than fit into memory it yields a part at a time. Its
    name names the source, its docstring describes it.

    Args:
        schema: a class whose annotations are the columns: int, float, str, bool, datetime or date, `| None` where a value may be missing.
        event_time: the column that says when it happened. A snapshot has none: its rows are as of the end of their partition.
        partitions: the partitions it arrives in, such as daily("2024-01-01"): days of its `timezone`, or of the one that they name.
        key: columns that identify an event, or of a state what it is the state of. Events without them are identified by (partition,
            delivery, row number), and no duplicates are removed.
        timezone: the zone of naive times in it, such as "Europe/London"; without it they are refused.
        rules: name to SQL condition; a row for which one is not true goes to quarantine. A condition that is null passes.
        flags: name to SQL condition; kept as a boolean column.
        tolerates: the share of a partition's rows (0 to 1) that may break a rule, or be set aside for another reason, before a check warns
            and the partition is MEDIUM; for some rules another one: tolerates={"known_country": 0.05}.
        accepted_share: below this share of a partition's rows (0 to 1) it is blocked until it is accepted or delivered again.
        empty_after: how long after a partition's end its absence means that nothing happened, such as "6h"; None: never.
        data_delay: how long after a partition's end its values may be read.
        clock_skew: how far after its partition's end a row may say that it happened, such as "5m", where clocks differ. It is kept, and
            counts in windows from its own time on; what lies further in the future is quarantined.
        duplicates_within: how many partitions back an earlier row with the same key makes a row a duplicate (default 0); of a snapshot,
            how many partitions back the picture before it is looked for (default 1).
        deliveries: a second delivery of a partition "restates" it, or "arrives_now" in the partition being received.
        when_blocked: what a run does that blocks a partition: "warn" logs a warning and succeeds, "fail" fails after everything has been
            written; default: the setting PLATFORM_WHEN_BLOCKED.
        owners: "team:growth" or e-mail addresses.
        tags: shown on all its tables.
        kind: "events" are facts: of rows with one key the first stays. "state" are updates by key, such as a customer's segment: all of
            them stay, none is a duplicate, and an AttributeView reads the latest. A "snapshot" is a full picture of a state each partition,
            such as a table of products: what differs from the picture before is an update, and what is not in it any more is removed.
        empty_text: an empty text is "missing" in a column of any type, quoted or not; with "value" it is one in columns of str.
        engine: what computes its silver, and its views: "polars" or "spark". Default: the setting PLATFORM_ENGINE.
        checks: of its quality, partition by partition, such as [null_share("customer_id", at_most=0.3), drift("country")]. They change no
            value.

    Raises:
        DeclarationError: naming what is wrong, where, and the nearest right name.
    """

    def declare(read: Callable[[Any], Any]) -> Source:
        name = getattr(read, "__name__", "")
        where = f"source {name!r}" if name else "@source"
        takes_one_argument(read, where, f"def {name or 'orders'}(arrival: Arrival) -> pl.LazyFrame | None")
        returns_something(read, where, "a frame, or None when nothing has arrived")
        check_name(name, where)
        one_of(kind, typing.get_args(Kind), where, "kind of source")
        one_of(empty_text, typing.get_args(EmptyText), where, "meaning of an empty text")
        one_of(deliveries, typing.get_args(Deliveries), where, "way to treat deliveries")
        if when_blocked is not None:
            one_of(when_blocked, typing.get_args(WhenBlocked), where, "value of when_blocked")
        columns = columns_of(schema, where)
        types = {column: declared.type for column, declared in columns.items()}
        happened = event_time_of(event_time, kind, columns, where)
        keys = names_of(key, f"{where}, key", f"key=[{key!r}]" if isinstance(key, str) else "key=['order_id']")
        for column in keys:
            one_of(column, list(columns), f"{where}, key", "column")
        if not isinstance(partitions, Partitions):
            raise DeclarationError(f"{where}, partitions: {shown(partitions)} are not partitions. Write partitions=daily('2024-01-01').")
        if partitions.unit == "month":
            raise DeclarationError(
                f"{where}, partitions: sources arrive in hours, days or weeks, not in months. A file of a month arrives on the day of its "
                "export: write daily(...) with empty_after='6h', and return None on all other days."
            )
        if timezone is not None:
            check_timezone(timezone, f"{where}, timezone")
            check_hours(partitions, timezone, where)
        back = int(kind == "snapshot") if duplicates_within is None else integer(duplicates_within, f"{where}, duplicates_within", least=0)
        if kind == "events" and back and not keys:
            raise DeclarationError(f"{where}, duplicates_within: {back} needs key=[...], the columns that two copies have in common")
        if kind != "events":
            check_state(kind, keys, back, deliveries, where)
        if deliveries == "arrives_now" and not back:
            raise DeclarationError(
                f"{where}, deliveries: when a second delivery of a partition arrives now, it brings rows of the first again. "
                "Say how they are known: key=[...], and duplicates_within=, how many partitions later it may come."
            )
        if kind == "snapshot" and checks:
            raise DeclarationError(
                f"{where}, checks: they look at rows of silver, and of a snapshot these are only the differences to the picture before. "
                "Write what each row must be as rules=, and leave checks out."
            )
        flagged = {**conditions(flags, types, where, "flag", reserved=types), **flags_of_a_snapshot(kind, types)}
        known: dict[str, DataType] = {**types, **dict.fromkeys(flagged, "bool")}
        nullable = [column for column, said in columns.items() if said.nullable and column not in (happened, *keys)]
        return Source(
            name=name,
            kind=kind,
            read=read,
            columns=columns,
            event_time=happened,
            partitions=partitions.of_source_in(timezone),
            key=keys,
            timezone=timezone,
            rules=conditions(rules, types, where, "rule", reserved={}),
            flags=flagged,
            tolerates=_tolerated(tolerates, list(rules or ()), where),
            tolerates_otherwise=_TOLERATED if isinstance(tolerates, Mapping) else share(tolerates, f"{where}, tolerates"),
            accepted_share=share(accepted_share, f"{where}, accepted_share"),
            empty_after=None if empty_after is None else duration(empty_after, f"{where}, empty_after"),
            data_delay=duration(data_delay, f"{where}, data_delay"),
            clock_skew=duration(clock_skew, f"{where}, clock_skew"),
            duplicates_within=back,
            deliveries=deliveries,
            when_blocked=when_blocked,
            owners=check_owners(owners, where),
            tags=check_tags(tags, where),
            description=inspect.getdoc(read) or "",
            empty_text=empty_text,
            engine=check_engine(engine, where),
            checks=_bound(checks, known, nullable, happened, where),
        )

    return declare


def _bound(checks: Any, types: Mapping[str, DataType], nullable: Sequence[str], event_time: str, where: str) -> "tuple[QualityCheck, ...]":
    """As bound_checks, whose module is loaded when there are any: it is a twentieth of what importing the package costs."""
    if isinstance(checks, Sequence) and not checks and not isinstance(checks, str):
        return ()
    from platform_assets.declare.checks import bound_checks

    return bound_checks(checks, types, nullable, event_time, where)


def conditions(declared: Any, types: Mapping[str, DataType], where: str, what: str, reserved: Mapping[str, Any]) -> dict[str, Expression]:
    """Named SQL conditions, parsed and checked."""
    parsed = {}
    for name, sql in texts_by_name(declared, f"{where}, {what}s", f"{what}s={{'name': 'price >= 0'}}").items():
        check_name(name, f"{where}, {what} {name!r}")
        if name in reserved or name in RESERVED_COLUMNS:
            raise DeclarationError(f"{where}, {what} {name!r}: there is a column with this name already, choose another")
        parsed[name] = condition(sql, types, f"{where}, {what} {name!r}")
    return parsed


def _tolerated(declared: float | Mapping[str, float], rules: Sequence[str], where: str) -> dict[str, float]:
    """The tolerated share of each rule."""
    if not isinstance(declared, Mapping):
        return dict.fromkeys(rules, share(declared, f"{where}, tolerates"))
    for name in declared:
        one_of(name, rules, f"{where}, tolerates", "rule")
    return {name: share(declared.get(name, _TOLERATED), f"{where}, tolerates {name!r}") for name in rules}


def condition(sql: str, types: Mapping[str, DataType], where: str) -> Expression:
    """An SQL expression that is true or false."""
    expression = parse(sql, columns=types, where=where)
    if expression.type != "bool":
        raise DeclarationError(f"{where}: {sql!r} is {SQL_NAMES[expression.type]}, a condition must be true or false")
    return expression
