"""Historical features: for each label, the values that a reader at its time would have got, from the lake's tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.declare.partitions import EPOCH
from platform_assets.declare.training import FeatureService, FeaturesFrom, check_features_from
from platform_assets.errors import ComputeError, MissingInputError, NotReadyError
from platform_assets.frames.tables import table_of, with_types
from platform_assets.kernels.label_validation import check_labels, no_service
from platform_assets.settings import load_settings
from platform_assets.steps.lake import AnyLake, lake_at
from platform_assets.steps.missing_inputs import MISSING, MissingInput
from platform_assets.steps.reading import Origin, lacking, layer_of, needed, origins, versions_of
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.damage import damage_named
from platform_assets.stores.ledger import Ledger

_ROW, _AT = "__row", "__at"


@dataclass(frozen=True)
class HistoricalFeatures:
    """Labels with their features.

    frame: the labels as given, row by row in their order, and a column a feature: `view__feature`, then those on demand.
    null_keys: by view, in how many rows a key was null: they have its empty values.
    versions: by table, gold or silver, the Delta version that was read. The same labels read at the same versions give the same values.
    """

    frame: pl.DataFrame
    null_keys: dict[str, int]
    versions: dict[str, int]


def historical_features(
    service: FeatureService,
    labels: Any,
    *,
    time: str = "label_time",
    features_from: FeaturesFrom | None = None,
    lake: AnyLake | None = None,
) -> HistoricalFeatures:
    """Joins labels with the features that were known at each label's time: the last value whose valid_from is not after it.

    Of a view with temporal accuracy the values at that very moment.

    Args:
        service: whose features.
        labels: a table of any height: Polars, pandas, PyArrow, or anything with an Arrow stream; the result is Polars. It has the
            service's key columns (and those of `service.request`) in their declared types, a column of times (UTC, microseconds), and
            anything else. Rows out are rows in, in the order given: duplicates stay, an entity that is not known and a null key have
            the empty values. A time before the first partition has them too.
        time: the column of times. It is the `request_time` of on-demand features, and from it times since are counted, in seconds.
        features_from: "gold": the views' tables. "silver": computed from the sources' rows at the labels' times, with the same values.
            Default: silver of a view that has no gold at all for these times, or where silver takes less than half of the CPU by the
            ledger's counts of rows, a row of silver counted as two of gold; otherwise gold. Temporal values are always from silver.
        lake: the folder or URL where the tables lie; default: the lake of the PLATFORM_ settings.

    Raises:
        ComputeError: a column of the labels is missing, of another type than declared, or named as a feature; a time is null.
        DeclarationError: features_from is no layer, or gold for a view that has none.
        NotReadyError: a partition that a label's time needs is missing, blocked or of another version of its declaration; its name, and
            how to make it. A time after the newest partition needs one that is not there yet; one in the future is named as such.
    """
    if wrong := no_service(service):
        raise ComputeError(f"historical_features: {wrong}")
    check_features_from(features_from, service, f"historical_features({service.name})")
    is_polars = isinstance(labels, pl.DataFrame | pl.LazyFrame)
    labels = table_of(labels, f"feature service {service.name!r}: the labels", ComputeError)
    if not is_polars:
        labels = with_types(labels, {**service.keys, time: "datetime", **service.request})
    check_labels(service, labels, time)
    if _ROW in labels.columns:
        raise ComputeError(f"feature service {service.name!r}: the labels have a column {_ROW!r}, which is ours. Rename it.")
    where = lake_at(lake)
    run = Run(where, Ledger(where), "historical features", datetime.now(UTC))
    spans = list(_spans(service, labels[time]))
    read = origins(service, run, spans, features_from)
    numbered = labels.with_row_index(_ROW)
    parts = [_joined(service, run, read, numbered.filter(pl.col(time).is_between(*span)), time, span) for span in spans]
    frame = pl.concat(parts).sort(_ROW) if parts else _nobody(service, run, read, numbered, time)
    null_keys = {
        view.name: int(labels.select(pl.any_horizontal(pl.col(key).is_null() for key in view.entity.keys).sum()).item())
        for view in service.views
    }
    return HistoricalFeatures(frame.drop(_ROW), null_keys, versions_of(read))


def _joined(
    service: FeatureService, run: Run, read: Sequence[Origin], labels: pl.DataFrame, time: str, span: tuple[datetime, datetime]
) -> pl.DataFrame:
    if error := lacking(f"historical_features({service.name})", read, *span):
        raise _too_late(service, labels, time) or _with_newest(error, run) from None
    for origin in read:
        _require_table(origin, run)
    with damage_named():
        return run.engine().features(service, labels, [origin.slice(*span) for origin in read], time=time)


def _too_late(service: FeatureService, labels: pl.DataFrame, time: str) -> NotReadyError | None:
    """Why nothing can be made for these labels: the time of one of them has not come."""
    now = load_settings().clock()
    late = labels.filter(pl.col(time) > now)
    if late.is_empty():
        return None
    row = late.row(0, named=True)
    who = ", ".join(f"{key} {row[key]!r}" for key in service.keys)
    number = f"{late.height:,} of the labels lie" if late.height > 1 else "a label lies"
    return NotReadyError(
        f"historical_features({service.name}): {number} in the future, such as that of {who} at {row[time]:%Y-%m-%d %H:%M} UTC: it is now "
        f"{now:%Y-%m-%d %H:%M} UTC, and its values are not known yet. Correct the column {time!r}, or leave such labels out until their "
        "time has come. The values of now: online_features."
    )


def _with_newest(error: NotReadyError, run: Run) -> NotReadyError:
    """The error; where all that is lacking comes after the newest partition that is there, it says so."""
    if not isinstance(error, MissingInputError) or error.missing.why != MISSING:
        return error
    missing: MissingInput = error.missing
    newest = max(map(missing.partitions.number, run.ledger.entries(name_of(missing.table))), default=None)
    if newest is None or min(missing.indexes) <= newest:
        return error
    return NotReadyError(f"{error}\n  The newest that is there is {missing.partitions.key(newest)}: the labels ask for later ones.")


def _nobody(service: FeatureService, run: Run, read: Sequence[Origin], labels: pl.DataFrame, time: str) -> pl.DataFrame:
    """No labels, with the columns that they would have."""
    for origin in read:
        _require_table(origin, run)
    return run.engine().features(service, labels, [origin.slice(EPOCH, EPOCH) for origin in read], time=time)


def _require_table(origin: Origin, run: Run) -> None:
    """A NotReadyError when there is no table, which labels before its first partition do not ask for."""
    if origin.version < 0:
        run.lake.open(origin.table)


def _spans(service: FeatureService, times: pl.Series) -> Iterator[tuple[datetime, datetime]]:
    """Stretches of time that the labels' times lie in, such that their reads need every partition between.

    Labels of 2020 and of 2024 need nothing of the years between, which may be missing, or of an older version.
    """
    step = min(view.source.partitions.step for view in service.views)
    near = times.unique().sort().to_frame(_AT).group_by(pl.col(_AT).dt.truncate(step), maintain_order=True)
    first = last = None
    for begin, end in near.agg(pl.col(_AT).min().alias("first"), pl.col(_AT).max().alias("last")).select("first", "last").iter_rows():
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
    """The partitions that a read needs at least, whatever it is answered from."""
    return needed(view, layer_of(view), at, at)


def _touch(earlier: range, later: range) -> bool:
    """Whether nothing lies between two ranges of partitions."""
    return later.start <= max(earlier.start, earlier.stop)
