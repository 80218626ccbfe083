"""Labels: what a model predicts about an entity at a time t, from the events that follow, or given by rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from platform_assets.declare.arguments import checked_arguments, list_of, one_of, shown, texts_by_name
from platform_assets.declare.durations import duration, in_words, positive
from platform_assets.declare.features import Feature, Measure, is_time_since, measure
from platform_assets.declare.source import Source, condition
from platform_assets.declare.source_kinds import refuse_snapshot
from platform_assets.declare.version import version_of_code
from platform_assets.errors import DeclarationError
from platform_assets.expressions import Expression
from platform_assets.expressions.types import PYTHON, SQL_NAMES, DataType

Kind = Literal["binary", "numeric", "multiclass"]
"""The kinds of labels, and so of predictions: true or false, a number, or one of several classes."""

LABEL_TIME = "label_time"


@dataclass(frozen=True)
class Spine:
    """Which entities are labelled, and when: at every step, those with a recent event."""

    step: timedelta
    active: timedelta


@checked_arguments("every")
def every(step: str, *, active: str) -> Spine:
    """Label times `step` apart, from the source's first partition on; each labels the entities with an event within `active` before it.

    Steps count partitions of the source: with days of a time zone, "7d" is every seventh local midnight, even across clock changes.

    >>> every("7d", active="90d")
    """
    return Spine(positive(step, "every"), positive(active, f"every({step!r}), active"))


@dataclass(frozen=True)
class Labels:
    """Labels from events in (t, t + horizon]: whether one follows (`event`), or a measure of those that do (`measure`)."""

    source: Source
    event: Literal["none", "any"] | None
    measure: Measure | None
    horizon: timedelta
    where: Expression | None
    spine: Spine
    keys: tuple[tuple[str, str], ...] = ()
    """The source columns that hold keys of the entity under other names, as declared."""

    @property
    def kind(self) -> Kind:
        return _KINDS[self.type]

    @property
    def type(self) -> DataType:
        """The type of the label's column."""
        return "bool" if self.measure is None else _TYPE[self.measure.type]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of silver that it is made of, besides keys and event time."""
        columns = {*(self.where.columns if self.where else ()), *(self.measure.reads if self.measure else ())}
        return tuple(sorted(columns))

    @property
    def meaning(self) -> dict[str, Any]:
        """What its values depend on, as plain data."""
        return {
            "source": self.source.version,
            "event": self.event,
            "horizon": self.horizon,
            "where": self.where and self.where.canonical,
            "step": self.spine.step,
            "active": self.spine.active,
            **({} if self.measure is None else {"measure": self.measure.meaning}),
        }


@dataclass(frozen=True)
class GivenLabels:
    """Labels given as rows of a source, or of a table that a function returns. Each has the entity's keys, a time and a value.

    classes: the valid values; empty: any value. Other values are rejected and counted.
    """

    source: Source | None
    read: Callable[[], Any] | None
    name: str
    value: str
    time: str
    type: DataType
    kind: Kind
    classes: tuple[str | int, ...]
    horizon: timedelta
    where: Expression | None
    code: str
    keys: tuple[tuple[str, str], ...] = ()
    """The columns that hold keys of the entity under other names, as declared."""

    def __getstate__(self) -> dict[str, Any]:
        """Pickled without its function, which other processes do not need."""
        return {**vars(self), "read": None}

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(sorted({self.value, *(self.where.columns if self.where else ())}))

    @property
    def meaning(self) -> dict[str, Any]:
        return {
            "given": self.source.version if self.source else self.code,
            "value": self.value,
            "time": self.time,
            "type": self.type,
            "kind": self.kind,
            "classes": self.classes,
            "horizon": self.horizon,
            "where": self.where and self.where.canonical,
        }


@checked_arguments("no_event")
def no_event(source: Source, *, within: str, spine: Spine, where: str | None = None, keys: Mapping[str, str] | None = None) -> Labels:
    """True where no event follows within the horizon: a customer who left.

    Args:
        source: whose events count.
        within: the horizon, such as "30d"; the interval of a label is (t, t + within].
        spine: which entities, at which times.
        where: which events count, both for being active and for the label.
        keys: for each key of the entity the source's column that holds it, such as {"station_id": "end_station"}, where the column has
            another name.
    """
    return _following(source, "none", None, within, spine, where, keys)


@checked_arguments("any_event")
def any_event(source: Source, *, within: str, spine: Spine, where: str | None = None, keys: Mapping[str, str] | None = None) -> Labels:
    """True where an event follows within the horizon: a customer who comes back. The arguments are those of no_event."""
    return _following(source, "any", None, within, spine, where, keys)


@checked_arguments("outcome")
def outcome(source: Source, measure: Feature, *, spine: Spine, where: str | None = None, keys: Mapping[str, str] | None = None) -> Labels:
    """A measure of the events that follow within the horizon: how much a customer will spend, how often, the first reason given.

    A number makes a numeric label (regression), a string one of several classes. A null label, such as the mean of no rows, is
    counted and not used for training; give sum a `default=` if no event means nothing was spent.

    Args:
        source: whose events count.
        measure: an aggregation with its horizon, such as sum("price", default=0.0).within("7d"); its interval is (t, t + horizon].
        spine: which entities, at which times.
        where: which events count, both for being active and for the measure; a `where=` of the measure applies in addition.
        keys: as for no_event.

    >>> outcome(orders, sum("quantity * unit_price", default=0.0).within("7d"), spine=every("7d", active="90d")).kind
    'numeric'
    """
    place = f"labels from source {source.name!r}" if isinstance(source, Source) else "labels"
    if not isinstance(measure, Feature):
        raise DeclarationError(f"{place}, measure: {shown(measure)} is not an aggregation. Write sum('price').within('7d').")
    if measure.horizon is None:
        raise DeclarationError(f"{place}, {measure}: the measure has no horizon. Write {measure}.within('7d').")
    return _following(source, None, measure, measure.horizon, spine, where, keys)


def _following(
    source: Source,
    event: Literal["none", "any"] | None,
    measure: Feature | None,
    within: str,
    spine: Spine,
    where: str | None,
    keys: Mapping[str, str] | None,
) -> Labels:
    if not isinstance(source, Source):
        raise DeclarationError(f"labels: {shown(source)} is not a source. Declare it with @source(...).")
    refuse_snapshot(source.kind, source.name, "labels")
    place = f"labels from source {source.name!r}"
    if not isinstance(spine, Spine):
        raise DeclarationError(f"{place}, spine: {shown(spine)} is not a spine. Write spine=every('7d', active='90d').")
    if spine.step % source.partitions.step:
        unit, step = source.partitions.unit, source.partitions.step
        nearest = -(-spine.step // step) * (step // timedelta(hours=1))
        written = f"{nearest // 24}d" if nearest % 24 == 0 else f"{nearest}h"
        raise DeclarationError(
            f"{place}, spine: labels every {in_words(spine.step)} do not fall on the ends of the source's partitions, which are {unit}s. "
            f"Write every({written!r}, ...)."
        )
    return Labels(
        source,
        event,
        None if measure is None else _measured(measure, source, place),
        positive(within, f"{place}, within"),
        None if where is None else condition(where, source.types, f"{place}, where"),
        spine,
        tuple(texts_by_name(keys, f"{place}, keys", "keys={'station_id': 'end_station'}").items()),
    )


def _measured(feature: Feature, source: Source, place: str) -> Measure:
    place = f"{place}, {feature}"
    if feature.windows or feature.offset is not None or feature.closed != "left":
        raise DeclarationError(f"{place}: a label looks ahead and has no windows. Remove over, offset and closed; keep .within('7d').")
    if is_time_since(feature.aggregation):
        raise DeclarationError(f"{place}: a label is not computed at read time, so it has no time since. Use another aggregation.")
    found = replace(measure(feature, source.types, place), name="outcome")
    if found.type not in _KINDS:
        raise DeclarationError(f"{place}: it is a {found.type}. A label is a number, a string, or true or false.")
    return found


_KINDS: dict[Any, Kind] = {"bool": "binary", "int": "numeric", "float": "numeric", "str": "multiclass"}
_TYPE: dict[Any, DataType] = {"bool": "bool", "int": "int", "float": "float", "str": "str"}
_TYPES_OF: dict[Kind, tuple[DataType, ...]] = {
    "binary": ("bool", "int"),
    "numeric": ("int", "float"),
    "multiclass": ("str", "int"),
}


@checked_arguments("labels_from")
def labels_from(
    origin: Source | Callable[[], Any] | str | Path,
    *,
    value: str,
    horizon: str,
    time: str = LABEL_TIME,
    type: type | None = None,
    kind: Kind | None = None,
    classes: Sequence[str | int] | None = None,
    where: str | None = None,
    keys: Mapping[str, str] | None = None,
) -> GivenLabels:
    """Your own labels: rows with the entity's keys, a time and a value.

    Args:
        origin: a source, each row of which is a label at its event time; or a function without arguments that returns a table (Polars,
            pandas, PyArrow); or the path of a Delta table, a Parquet or a CSV file.
        value: the column that holds the label.
        horizon: how long after its time a label becomes final, such as "60d" for fraud that is reported within 60 days, or "0d". No model
            is trained with a label whose (t, t + horizon] crosses the cut, and a label belongs to the training partition in which
            t + horizon lies. A row of a source that arrives after that partition's end is counted and left out.
        time: the column of a table with the label times, in UTC; for a source it is the event time.
        type: the type of a table's value column: bool, int, float or str. For a source it is in the schema.
        kind: "binary", "numeric" or "multiclass". Default: bool is binary, a number is numeric (an int with `classes` multiclass), str is
            multiclass.
        classes: the valid values; others are rejected and counted.
        where: which rows of a source are labels.
        keys: as for no_event.

    Rows are rejected if a key, the time or the value is missing, if the value is not finite or not one of the classes, or if the time is
    in the future; so are all but the first of those with the same keys and time. They are counted by reason, with examples and a warning.

    >>> labels_from("labels.parquet", value="churned", type=bool, horizon="30d").kind
    'binary'
    """
    given = f"labels_from({repr(origin.name) if isinstance(origin, Source) else shown(origin)})"
    if isinstance(origin, Source):
        refuse_snapshot(origin.kind, origin.name, given)
    if type is not None and type not in PYTHON:
        raise DeclarationError(f"{given}, type: {shown(type)} is not a label type. Choose from: bool, int, float, str.")
    if not isinstance(value, str):
        raise DeclarationError(f"{given}, value: {shown(value)} is not a string. Name the column of the label.")
    if isinstance(origin, Source):
        if type is not None or time != LABEL_TIME:
            raise DeclarationError(f"{given}: a source has the label's type in its schema, and its event time. Leave type and time out.")
        origin.require(value, f"{given}, value")
        kept = None if where is None else condition(where, origin.types, f"{given}, where")
        declared, source, read, name, code = origin.types[value], origin, None, origin.name, ""
        time = origin.event_time
    else:
        read, name, code = _reader(origin, given)
        if type is None:
            raise DeclarationError(f"{given}: declare the type of the column {value!r}, such as type=float.")
        if where is not None:
            raise DeclarationError(f"{given}, where: it applies to rows of a source only. Filter the rows in the function instead.")
        declared, source, kept = PYTHON[type], None, None
    of = _kind(declared, kind, classes, f"{given}, value {value!r}")
    return GivenLabels(
        source,
        read,
        name,
        value,
        time,
        declared,
        of,
        _classes(classes, declared, of, given),
        duration(horizon, f"{given}, horizon"),
        kept,
        code,
        tuple(texts_by_name(keys, f"{given}, keys", "keys={'station_id': 'end_station'}").items()),
    )


def _kind(declared: DataType, kind: Kind | None, classes: object, where: str) -> Kind:
    if declared not in _KINDS:
        raise DeclarationError(f"{where} is {SQL_NAMES[declared]}. A label is a number, a string, or true or false.")
    if kind is None:
        return "multiclass" if classes is not None and declared == "int" else _KINDS[declared]
    one_of(kind, get_args(Kind), f"{where}, kind", "kind of label")
    if declared not in _TYPES_OF[kind]:
        takes = " or ".join(SQL_NAMES[one] for one in _TYPES_OF[kind])
        raise DeclarationError(f"{where} is {SQL_NAMES[declared]}; a {kind} label is {takes}.")
    return kind


def _classes(given: Sequence[str | int] | None, declared: DataType, kind: Kind, where: str) -> tuple[str | int, ...]:
    if given is None:
        return ()
    found = list_of(given, f"{where}, classes", "classes=['low', 'high']")
    if kind != "multiclass":
        raise DeclarationError(f"{where}, classes: the label is {kind}, and only a multiclass label has classes. Leave them out.")
    for one in found:
        if PYTHON.get(one.__class__) != declared:
            raise DeclarationError(f"{where}, classes: {shown(one)} is not {SQL_NAMES[declared]}, the type of the label.")
        if found.count(one) > 1:
            raise DeclarationError(f"{where}, classes: {one!r} is listed twice. Leave one out.")
    if len(found) < 2:
        raise DeclarationError(f"{where}, classes: there are fewer than two. Give at least two.")
    return found


def _reader(origin: Any, where: str) -> tuple[Callable[[], Any], str, str]:
    """The function that reads a table of labels, its name, and what its version depends on."""
    if isinstance(origin, str | Path):
        path = str(origin)

        def scan() -> Any:
            import polars as pl

            if path.endswith(".parquet"):
                return pl.scan_parquet(path)
            return pl.scan_csv(path, try_parse_dates=True) if path.endswith(".csv") else pl.scan_delta(path)

        return scan, Path(path).stem, path
    import inspect

    try:
        inspect.signature(origin).bind()
    except (TypeError, ValueError):
        raise DeclarationError(
            f"{where}: it is neither a source, nor a path, nor a function without arguments. Write def my_labels() -> pl.DataFrame: ..."
        ) from None
    return origin, getattr(origin, "__name__", "labels"), version_of_code(origin)
