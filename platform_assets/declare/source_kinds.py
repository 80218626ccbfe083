"""What the kinds of a source have in common, and what only one of them may have."""

from collections.abc import Mapping

from platform_assets.declare.arguments import one_of, shown
from platform_assets.declare.names import AS_OF, REMOVED
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.schema import SourceColumn
from platform_assets.errors import DeclarationError
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import SQL_NAMES, DataType


def check_hours(partitions: Partitions, timezone: str, where: str) -> None:
    """Refuses hours of UTC for local times, unless the hours say that they are UTC's."""
    if partitions.unit != "hour" or partitions.timezone is not None or timezone == "UTC":
        return
    raise DeclarationError(
        f"{where}, partitions: hourly partitions are hours of UTC, the times are of {timezone}. If a file holds one hour of UTC, write "
        f"hourly('{partitions.key(partitions.first)}', timezone='UTC'). If it holds one hour of {timezone}, its rows would be in "
        "the future, or late: use daily(...), or name the files after hours of UTC."
    )


def refuse_snapshot(kind: str, name: str, where: str) -> None:
    """Refuses a snapshot where rows are events: its silver has only the differences between pictures.

    Raises:
        DeclarationError: it is one.
    """
    if kind == "snapshot":
        raise DeclarationError(
            f"{where}, source: {name!r} is a snapshot, whose rows in silver are differences between pictures, not events. Read it with an "
            "AttributeView, or declare a source of events."
        )


def event_time_of(declared: str | None, kind: str, columns: dict[str, SourceColumn], where: str) -> str:
    """The column that says when a row happened. A snapshot gets one, which the platform fills with the time of the picture."""
    if kind != "snapshot":
        if declared is None:
            raise DeclarationError(
                f"{where} is missing the argument 'event_time'. Write event_time='ordered_at', the column that says when it happened."
            )
        _check_event_time(declared, columns, where)
        return declared
    if declared is not None:
        raise DeclarationError(
            f"{where}, event_time: a snapshot says what is so at the end of its partition, whenever that came about. Leave event_time out; "
            f"{shown(declared)} is a column like others."
        )
    for name in (AS_OF, REMOVED):
        if name in columns:
            raise DeclarationError(f"{where}, schema: {name!r} is a column that the platform adds to a snapshot, choose another name")
    columns[AS_OF] = SourceColumn("datetime", nullable=False)
    return AS_OF


def flags_of_a_snapshot(kind: str, types: Mapping[str, DataType]) -> dict[str, Expression]:
    """The flag of rows that say that their key has gone: of those that were received none is."""
    return {REMOVED: parse("false", columns=types, where=REMOVED)} if kind == "snapshot" else {}


def check_state(kind: str, keys: tuple[str, ...], back: int, deliveries: str, where: str) -> None:
    """What only events have: copies that are left out."""
    if not keys:
        raise DeclarationError(f"{where}, kind: a {kind} needs key=[...], the columns that say what it is the state of.")
    if kind == "snapshot" and not back:
        raise DeclarationError(
            f"{where}, duplicates_within: a snapshot is compared with the one before it. Write how many partitions back that is looked "
            "for, 1 or more, or leave it out."
        )
    if back and kind == "state":
        raise DeclarationError(
            f"{where}, duplicates_within: no update of a state is a duplicate: what comes twice changes nothing. Leave it out."
        )
    if deliveries != "restates":
        raise DeclarationError(f"{where}, deliveries: a second delivery of a {kind} restates its partition. Leave deliveries out.")


def _check_event_time(event_time: str, columns: Mapping[str, SourceColumn], where: str) -> None:
    one_of(event_time, list(columns), f"{where}, event_time", "column")
    kind = columns[event_time].type
    if kind != "datetime":
        raise DeclarationError(f"{where}, event_time: {event_time!r} is {SQL_NAMES[kind]}, it must be a timestamp: annotate it as datetime")
