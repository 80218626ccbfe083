"""The form of a named case: declarations and rows in a few lines, and what must come out, written by hand and not by the oracle."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from platform_assets import AttributeView, Entity, FeatureService, FeatureView, GoldTable, daily, source
from platform_assets.declare.features import Derived, Feature
from platform_assets.declare.names import AS_OF, REMOVED, UNPARSED_COLUMNS, UNPARSED_REASON
from platform_assets.declare.source import Source
from platform_assets.engines.reference import UNREADABLE
from platform_assets.errors import ComputeError
from platform_assets.testing.equality import Disagreement, require_same_row, require_same_rows, require_same_table
from platform_assets_tests.conformance.engines import Engine, Judged, Received, Row

DAYS = daily("2024-01-01")
CHAIN = 4
"""How many checkpoints are made one from the other."""


class Check(Protocol):
    """A case that an engine can be put to."""

    def check(self, engine: Engine) -> None:
        """Raises Disagreement if the engine's values are not those expected."""
        ...


CASES: dict[str, Check] = {}


def case(title: str) -> Callable[[Callable[[], Check]], None]:
    """Registers a case under a sentence that says what it is about."""

    def register(make: Callable[[], Check]) -> None:
        assert title not in CASES, f"two cases are named {title!r}"
        CASES[title] = make()

    return register


class Event:
    """The columns of the source that most cases use."""

    id: int
    user: str | None
    shop: int | None
    at: datetime
    amount: float | None
    quantity: int | None
    category: str | None
    ok: bool | None
    day: date | None


def events(**options: Any) -> Source:
    """That source; by day, with `id` as its key, unless the options say otherwise."""

    def read(arrival: Any) -> None: ...

    read.__name__ = "events"
    return source(**{"schema": Event, "event_time": "at", "partitions": DAYS, "key": ["id"], "accepted_share": 0.0, **options})(read)


USER = Entity("user", keys=["user"])


def moment(text: str) -> datetime:
    """A UTC time, such as 2024-03-01 00:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def partition_of(source: Source, text: str) -> int:
    """The partition with this date, or that contains this UTC time."""
    partitions = source.partitions
    return partitions.number(text) if partitions.unit != "hour" and len(text) == len("2024-03-01") else partitions.index(moment(text))


@dataclass(frozen=True)
class At:
    """A row of silver: when it happened, in which partition it arrived (its own, if not said), its values; user ada if not said."""

    time: str
    arrives: str | None
    values: Row

    @property
    def moment(self) -> datetime:
        return moment(self.time)


def at(time: str, *, arrives: str | None = None, **values: Any) -> At:
    """A row of a case."""
    return At(time, arrives, values)


def silver_rows(source: Source, rows: Sequence[At]) -> list[Row]:
    """Rows as silver has them; ids in the order in which they are listed, flags false."""
    return [
        {
            **dict.fromkeys(source.columns),
            **dict.fromkeys(source.flags, False),
            "id": number,
            "user": "ada",
            "at": moment(row.time),
            "arrival": partition_of(source, row.arrives) if row.arrives else source.partitions.index(row.moment),
            "delivery": 1,
            "row_number": number,
            **row.values,
        }
        for number, row in enumerate(rows, start=1)
    ]


@dataclass(frozen=True)
class Expired:
    """The values of an expiry row."""

    values: Any = 0


@dataclass(frozen=True)
class Snapshots:
    """The change log of one feature, or of several: every row of ada's from the first arrival until long after the last.

    expected: partition (its start) to the value, to a mapping of features to values, or to Expired; no other row may come. Lifetime windows
    are made from the beginning, and from checkpoints at the few partitions before, each made from the one before it.
    """

    features: Feature | Sequence[Feature]
    rows: Sequence[At]
    expected: Mapping[str, Any]
    source: Source = field(default_factory=lambda: events())
    keys: Mapping[str, str] | None = None

    def check(self, engine: Engine) -> None:
        features = [self.features] if isinstance(self.features, Feature) else list(self.features)
        view = FeatureView("view", entity=USER, source=self.source, features=features, keys=self.keys)
        silver = silver_rows(self.source, self.rows)
        first = min(row["arrival"] for row in silver) - 1
        last = max([row["arrival"] for row in silver] + [partition_of(self.source, p) for p in self.expected]) + view.reads_back + 2
        log = [row for row in engine.change_log(view, silver, first, last) if row["user"] == "ada"]
        wanted = [self._row(view, start, values) for start, values in self.expected.items()]
        require_same_table("change log", wanted, log, ["partition"])
        if view.lifetime:
            # A chain of checkpoints from the very beginning for the last partition only: for each, the time grows with its square.
            days = {p: range(max(first, p - CHAIN), p) for p in range(first, last)} if engine.any_checkpoint else {}
            chains = {**days, last: range(first, last)}
            each = [row for p, checkpoints in chains.items() for row in engine.change_log(view, silver, p, p, checkpoints)]
            wanted = [row for row in wanted if row["partition"] in chains]
            require_same_table("from a checkpoint each day", wanted, [row for row in each if row["user"] == "ada"], ["partition"])

    def _row(self, view: FeatureView, start: str, expected: Any) -> Row:
        partition = partition_of(self.source, start)
        is_empty, values = (True, expected.values) if isinstance(expected, Expired) else (False, expected)
        named = values if isinstance(values, Mapping) else {view.stored[0].name: values}
        return {"user": "ada", "partition": partition, "valid_from": view.valid_from(partition), "is_empty": is_empty, **named}


@dataclass(frozen=True)
class Reads:
    """What readers of ada's features get at some times (or rows with other keys), from the same engine's change log and from silver."""

    features: Sequence[Feature | Derived]
    rows: Sequence[At]
    asked: Sequence[tuple[str, Mapping[str, Any]]]
    """(time, expected features) in any order; a value for `user` in it is the key to ask for."""
    source: Source = field(default_factory=lambda: events())
    keys: Mapping[str, str] | None = None

    def check(self, engine: Engine) -> None:
        view = FeatureView("view", entity=USER, source=self.source, features=list(self.features), keys=self.keys)
        silver = silver_rows(self.source, self.rows)
        times = [moment(time) for time, _ in self.asked]
        first = min(row["arrival"] for row in silver) - 1
        log = engine.change_log(view, silver, first, self.source.partitions.index(max(times)) + 1)
        asked = [{"user": expected.get("user", "ada"), "label_time": t} for t, (_, expected) in zip(times, self.asked, strict=True)]
        wanted = [
            {**row, **{f"view__{name}": value for name, value in expected.items() if name != "user"}}
            for row, (_, expected) in zip(asked, self.asked, strict=True)
        ]
        service = FeatureService("service", [view])
        require_same_rows("point-in-time join", wanted, engine.point_in_time(service, {"view": log}, asked))
        require_same_rows("straight from silver", wanted, engine.from_silver(service, silver, asked))


@dataclass(frozen=True)
class Moments:
    """What readers of ada's features get at some moments (or rows with other keys), straight from silver, with temporal accuracy."""

    features: Sequence[Feature | Derived]
    rows: Sequence[At]
    asked: Sequence[tuple[str, Mapping[str, Any]]]
    """(time, expected features) in any order; a value for `user` in it is the key to ask for."""
    tile: str | None = None
    source: Source = field(default_factory=lambda: events())
    keys: Mapping[str, str] | None = None

    def check(self, engine: Engine) -> None:
        view = FeatureView(
            "view", entity=USER, source=self.source, features=list(self.features), keys=self.keys, accuracy="temporal", tile=self.tile
        )
        asked = [{"user": expected.get("user", "ada"), "label_time": moment(time)} for time, expected in self.asked]
        wanted = [
            {**row, **{f"view__{name}": value for name, value in expected.items() if name != "user"}}
            for row, (_, expected) in zip(asked, self.asked, strict=True)
        ]
        found = engine.from_silver(FeatureService("service", [view]), silver_rows(self.source, self.rows), asked)
        require_same_rows("at moments, straight from silver", wanted, found)


@dataclass(frozen=True)
class Attributes:
    """What readers of ada's attributes get at some times (or those of a `user` who is named)."""

    attributes: Sequence[str]
    rows: Sequence[At]
    asked: Sequence[tuple[str, Mapping[str, Any]]]
    source: Source = field(default_factory=lambda: events(kind="state", key=["user"]))
    keys: Mapping[str, str] | None = None

    def check(self, engine: Engine) -> None:
        view = AttributeView("view", entity=USER, source=self.source, attributes=self.attributes, keys=self.keys)
        silver = silver_rows(self.source, self.rows)
        arrivals = [row["arrival"] for row in silver]
        log = [
            row
            for partition in range(min(arrivals), max(arrivals) + 1)
            for row in engine.attributes_log(view, silver, partition, partition)
        ]
        together = engine.attributes_log(view, silver, min(arrivals), max(arrivals))
        require_same_table("gold in one run and one by one", together, log, ["user", "partition"])
        asked = [{"user": expected.get("user", "ada"), "label_time": moment(time)} for time, expected in self.asked]
        wanted = [
            {**row, **{f"view__{name}": value for name, value in expected.items() if name != "user"}}
            for row, (_, expected) in zip(asked, self.asked, strict=True)
        ]
        require_same_rows("point-in-time join", wanted, engine.point_in_time(FeatureService("service", [view]), {"view": log}, asked))


UNREAD = UNREADABLE
"""What a value means that its column's type cannot hold."""


@dataclass(frozen=True)
class Came:
    """A row of raw. What came is what it means, unless `means` says otherwise."""

    arrives: str
    delivery: int
    means: Row
    values: Row


def came(arrives: str, *, delivery: int = 1, means: Row | None = None, **values: Any) -> Came:
    """A row of raw that arrives in a partition; what is not said of its columns: an id of 1, ada, at the partition's start, null."""
    return Came(arrives, delivery, means or {}, values)


@dataclass(frozen=True)
class Judges:
    """What becomes of rows of raw, numbered 1, 2, ... as they are listed."""

    rows: Sequence[Came]
    accepted: Sequence[int]
    quarantined: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Row to its reasons."""
    counts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Partition to some of its counts."""
    values: Mapping[int, Row] = field(default_factory=dict)
    """Accepted row to some of its values."""
    source: Source = field(default_factory=lambda: events())
    gone: Sequence[tuple[str, int]] = ()
    """Of a snapshot: in which partition which row's key has gone."""

    def check(self, engine: Engine) -> None:
        raw = [self._received(number, row) for number, row in enumerate(self.rows, start=1)]
        first, last = min(row.arrival for row in raw), max(row.arrival for row in raw)
        together = engine.silver(self.source, raw, first, last)
        self._require("in one run", together)
        each = set(range(first, last + 1))
        if engine.takes_seconds:  # then of partitions without rows those near some, for there may be a year between two rows
            each &= {row.arrival + step for row in raw for step in range(-1, self.source.duplicates_within + 2)}
        halves = [engine.silver(self.source, raw, partition, partition) for partition in sorted(each)]
        self._require("one by one", Judged(*([row for half in halves for row in rows(half)] for rows in _TABLES)))

    def _require(self, how: str, judged: Judged) -> None:
        accepted = {row["row_number"]: row for row in judged.accepted if not row.get(REMOVED)}
        gone = sorted((row["arrival"], row["row_number"]) for row in judged.accepted if row.get(REMOVED))
        if gone != sorted((partition_of(self.source, key), number) for key, number in self.gone):
            raise Disagreement(f"silver {how}: the keys of the rows {gone} have gone, expected {self.gone}")
        if sorted(accepted) != sorted(self.accepted):
            raise Disagreement(f"silver {how}: rows {sorted(accepted)} are accepted, expected {sorted(self.accepted)}")
        reasons = {row["row_number"]: row["reasons"] for row in judged.quarantined}
        wanted = {number: sorted(why) for number, why in self.quarantined.items()}
        if reasons != wanted:
            raise Disagreement(f"quarantine {how}: {reasons}, expected {wanted}")
        for row in judged.quarantined:
            received = {name: value for name, value in self.rows[row["row_number"] - 1].values.items() if name != UNPARSED_REASON}
            require_same_row(f"quarantine {how}, as received", received, _only(row, received))
        for number, values in self.values.items():
            require_same_row(f"silver {how}, row {number}", values, _only(accepted[number], values))
        counts = {row["partition"]: row for row in judged.counts}
        for start, expected in self.counts.items():
            require_same_row(f"counts {how}, {start}", dict(expected), _only(counts[partition_of(self.source, start)], expected))

    def _received(self, number: int, row: Came) -> Received:
        columns = {**dict.fromkeys(self.source.columns), "id": 1, "user": "ada", "at": moment(row.arrives), **row.values}
        if self.source.kind == "snapshot":
            columns[AS_OF] = self.source.partitions.ends_at(partition_of(self.source, row.arrives)) - timedelta.resolution
        columns = {name: columns[name] for name in (*self.source.columns, *UNPARSED_COLUMNS) if name in columns}
        return Received(columns, {**columns, **row.means}, partition_of(self.source, row.arrives), row.delivery, number)


_TABLES: tuple[Callable[[Judged], list[Row]], ...] = (lambda j: j.accepted, lambda j: j.quarantined, lambda j: j.counts)


def _only(row: Row, names: Iterable[str]) -> Row:
    return {name: row[name] for name in names}


@dataclass(frozen=True)
class Reports:
    """A report from one event partition to another: rows with a partition, the columns of `by` and the measures."""

    table: GoldTable
    rows: Sequence[At]
    expected: Sequence[Mapping[str, Any]]

    def check(self, engine: Engine) -> None:
        expected = [{**row, "partition": partition_of(self.table.source, row["partition"])} for row in self.expected]
        indexes = [row["partition"] for row in expected]
        got = engine.report(self.table, silver_rows(self.table.source, self.rows), min(indexes) - 1, max(indexes) + 1)
        require_same_table("report", expected, got, [*self.table.by, "partition"])


@dataclass(frozen=True)
class Fails:
    """What cannot be computed is an error that says so, not a value."""

    wanted: Check
    says: str

    def check(self, engine: Engine) -> None:
        try:
            self.wanted.check(engine)
        except ComputeError as error:
            if not re.search(self.says, str(error)):
                raise Disagreement(f"the error says {str(error)!r}, expected {self.says!r}") from None
        except Disagreement as wrong:
            raise Disagreement(f"a value where an error was expected: {wrong}") from None
        else:
            raise Disagreement("a value where an error was expected")
