"""Historical features: for each label, the values that a reader at its time would have got, read from the lake's tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar, overload

import polars as pl

from platform_assets.declare.arguments import shown
from platform_assets.declare.attributes import View
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.partitions import EPOCH
from platform_assets.declare.reads import partitions_read
from platform_assets.declare.training import FeatureService, FeaturesFrom, check_features_from
from platform_assets.engines.choice import Engines
from platform_assets.errors import ComputeError, MissingInputError, NotReadyError, extra
from platform_assets.frames.from_spark import is_of_spark
from platform_assets.kernels.label_validation import no_service
from platform_assets.reading.labels import AskedLabels, Between, LocalLabels
from platform_assets.settings import load_settings
from platform_assets.steps.lake import AnyLake, lake_at
from platform_assets.steps.missing_inputs import MISSING, MissingInput
from platform_assets.steps.reading import Origin, lacking, layer_of, origins, versions_of
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.damage import damage_named
from platform_assets.stores.ledger import Ledger

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class HistoricalFeatures(Generic[Frame]):
    """Labels with their features.

    frame: the labels as given, row by row in order, and one column per feature: `view__feature`, then on-demand features. A Polars frame;
        with `engine="spark"` a Spark DataFrame, in any order and computed when it is written or counted.
    null_keys: by view, the number of rows with a null key: they have its empty values.
    versions: by table, gold or silver, the Delta version read. The same labels read at the same versions give the same values.
    """

    frame: Frame
    null_keys: dict[str, int]
    versions: dict[str, int]


@overload
def historical_features(
    service: FeatureService,
    labels: Any,
    *,
    time: str = ...,
    features_from: FeaturesFrom | None = ...,
    lake: AnyLake | None = ...,
    engine: Literal["polars"] | None = ...,
) -> HistoricalFeatures[pl.DataFrame]: ...


@overload
def historical_features(
    service: FeatureService,
    labels: Any,
    *,
    time: str = ...,
    features_from: FeaturesFrom | None = ...,
    lake: AnyLake | None = ...,
    engine: Literal["spark"],
) -> HistoricalFeatures[Any]: ...


def historical_features(
    service: FeatureService,
    labels: Any,
    *,
    time: str = "label_time",
    features_from: FeaturesFrom | None = None,
    lake: AnyLake | None = None,
    engine: EngineName | None = None,
) -> HistoricalFeatures[Any]:
    """Joins labels with the features that were known at each label's time: the last value whose valid_from is not after it.

    For a view with temporal accuracy, the values at exactly that time.

    Args:
        service: the feature service.
        labels: a table: Polars, pandas, PyArrow, or anything with an Arrow stream; the result is Polars. It has the
            service's key columns (and those of `service.request`) in their declared types, a column of times (UTC, microseconds), and
            anything else. Every row is returned, in the given order: duplicates stay, and an unknown entity or a null key has
            the empty values, and so has a time before the first partition. With `engine="spark"`, a Spark DataFrame.
        time: the column of times. It is the `request_time` of on-demand features, and the end of times since last, in seconds.
        features_from: "gold": read from the views' tables. "silver": computed from the sources' rows at the labels' times, with equal
            values.
            Default: silver if a view has no gold for these times, or if silver takes less than half the CPU according to the
            ledger's row counts, counting a row of silver as two of gold; otherwise gold. Temporal values always come from silver.
        lake: the folder or URL of the tables. Default: the lake of the PLATFORM_ settings.
        engine: "spark": the labels are a Spark DataFrame, and so is the result: rows never enter this process, however many there
            are. Default: in-memory labels, computed by the engine of the settings.

    Raises:
        ComputeError: a column of the labels is missing, has another type than declared, or is named like a feature; a time is null. The
            labels are on Spark but the engine is not, or the other way round.
        DeclarationError: features_from is not a layer, or is gold for a view that has none.
        NotReadyError: a partition that a label's time needs is missing, blocked or made by another version of its declaration; it says
            which, and how to make it. A time after the newest partition needs one that does not exist yet; a time in the future is reported
            as such.
        MissingExtraError: PySpark is not installed.
    """
    if wrong := no_service(service):
        raise ComputeError(f"historical_features: {wrong}")
    check_features_from(features_from, service, f"historical_features({service.name})")
    asked = _asked(service, labels, time, check_engine(engine, f"historical_features({service.name})"))
    where = lake_at(lake)
    engines = Engines(spark=lambda: labels.sparkSession) if engine == "spark" else Engines(engine)
    run = Run(where, Ledger(where), "historical features", datetime.now(UTC), engines=engines)
    spans = list(_spans(service, asked.times()))
    read = origins(service, run, spans, features_from)
    for span in spans:
        if error := lacking(f"historical_features({service.name})", read, *span):
            raise _too_late(service, asked, time) or _with_newest(error, run) from None
    for origin in read:
        _require_table(origin, run)
    with damage_named():
        slices = [(span, [origin.slice(*span) for origin in read]) for span in spans or [(EPOCH, EPOCH)]]
        frame = asked.with_features(engines.of(engine, where), slices)
    return HistoricalFeatures(frame, asked.null_keys(), versions_of(read))


def _asked(service: FeatureService, labels: Any, time: str, engine: EngineName | None) -> AskedLabels:
    """The checked labels, for the engine that will read them."""
    where = f"historical_features({service.name})"
    if is_of_spark(labels):
        if engine != "spark":
            raise ComputeError(
                f"{where}: the labels are a Spark DataFrame, whose rows would all enter this process. Pass engine='spark': the "
                "result is then a Spark DataFrame, too. Or, if there are few, pass labels.toArrow()."
            )
        with extra("spark"):
            from platform_assets.engines.spark.labels import SparkLabels
        return SparkLabels.of(service, labels, time)
    if engine == "spark":
        raise ComputeError(
            f"{where}: with engine='spark' the labels must be a Spark DataFrame, not {shown(labels)}. Leave engine= out: with "
            "PLATFORM_ENGINE=spark, Spark computes in-memory labels, too."
        )
    return LocalLabels.of(service, labels, time)


def _too_late(service: FeatureService, labels: AskedLabels, time: str) -> NotReadyError | None:
    """The error for labels in the future, whose values cannot exist yet."""
    now = load_settings().clock()
    late = labels.after(now)
    if late is None:
        return None
    number, row = late
    who = ", ".join(f"{key} {row[key]!r}" for key in service.keys)
    said = f"{number:,} of the labels are" if number > 1 else "a label is"
    return NotReadyError(
        f"historical_features({service.name}): {said} in the future, such as the one of {who} at {row[time]:%Y-%m-%d %H:%M} UTC: it is now "
        f"{now:%Y-%m-%d %H:%M} UTC, and its values are not known yet. Correct the column {time!r}, or leave out such labels until their "
        "time has come. For current values use online_features."
    )


def _with_newest(error: NotReadyError, run: Run) -> NotReadyError:
    """The error; if all missing partitions come after the newest existing one, it says so."""
    if not isinstance(error, MissingInputError) or error.missing.why != MISSING:
        return error
    missing: MissingInput = error.missing
    newest = max(map(missing.partitions.number, run.ledger.entries(name_of(missing.table))), default=None)
    if newest is None or min(missing.indexes) <= newest:
        return error
    return NotReadyError(f"{error}\n  The newest existing one is {missing.partitions.key(newest)}: the labels need later ones.")


def _require_table(origin: Origin, run: Run) -> None:
    """Raises a NotReadyError if there is no table; labels before its first partition would not need one."""
    if origin.version < 0:
        run.lake.open(origin.table)


def _spans(service: FeatureService, times: Sequence[Between]) -> Iterator[Between]:
    """Time ranges that contain the labels' times, such that reads need every partition within a range.

    Labels of 2020 and of 2024 need nothing from the years in between, which may be missing, or made by an older version.
    """
    first = last = None
    for begin, end in times:
        if first is None or last is None:
            first, last = begin, end
        elif all(_touch(_most(v, last), _most(v, begin)) for v in service.views):
            last = end
        else:
            yield first, last
            first, last = begin, end
    if first is not None and last is not None:
        yield first, last


def _most(view: View, at: datetime) -> range:
    """The partitions that a read needs from either layer."""
    return partitions_read(view, layer_of(view), at, at)


def _touch(earlier: range, later: range) -> bool:
    """Whether two ranges of partitions are adjacent or overlap."""
    return later.start <= max(earlier.start, earlier.stop)
