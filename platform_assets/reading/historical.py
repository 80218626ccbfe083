"""Historical features: for each label, the values that a reader at its time would have got, from the lake's gold tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.declare.training import FeatureService
from platform_assets.engines.polars.as_of import point_in_time
from platform_assets.engines.polars.asked import check_labels
from platform_assets.errors import ComputeError
from platform_assets.settings import load_settings
from platform_assets.steps.gold import gold_table
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.training import require_snapshots, scan_snapshots, snapshots_read
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger

_ROW, _AT = "__row", "__at"


@dataclass(frozen=True)
class HistoricalFeatures:
    """Labels with their features.

    frame: the labels as given, row by row in their order, and a column a feature: `view__feature`, then those on demand.
    null_keys: by view, in how many rows a key was null: they have its empty values.
    versions: by gold table, the Delta version that was read. The same labels read at the same versions give the same values.
    """

    frame: pl.DataFrame
    null_keys: dict[str, int]
    versions: dict[str, int]


def historical_features(
    service: FeatureService, labels: pl.DataFrame, *, time: str = "label_time", lake: Lake | None = None
) -> HistoricalFeatures:
    """Joins labels with the features that were known at each label's time: the last value whose valid_from is not after it.

    Args:
        service: whose features.
        labels: a Polars frame of any height, with the service's key columns (and those of `service.request`) in their declared types,
            a column of times (UTC, microseconds), and anything else. Rows out are rows in, in the order given: duplicates stay, an
            entity that is not known and a null key have the empty values. A time before the first partition has them too.
        time: the column of times. It is the `request_time` of on-demand features, and from it times since are counted, in seconds.
        lake: where gold lies; default: the lake of the PLATFORM_ settings.

    Raises:
        ComputeError: a column of the labels is missing, of another type than declared, or named as a feature; a time is null.
        NotReadyError: a partition that a label's time needs is missing, blocked or of another version of its declaration; its name, and
            how to make it. A time after the newest partition needs one that is not there yet.
    """
    check_labels(service, labels, time)
    if _ROW in labels.columns:
        raise ComputeError(f"feature service {service.name!r}: the labels have a column {_ROW!r}, which is ours. Rename it.")
    lake = lake or Lake(str(load_settings().lake_root))
    run = Run(lake, Ledger(lake), "historical features", datetime.now(UTC))
    versions = {view.name: run.version(gold_table(view)) for view in service.views}
    # At the version that is read: what is written meanwhile is neither read nor counted as being there.
    ledgers = {view.name: run.ledger.entries(name_of(gold_table(view)), at_version=versions[view.name]) for view in service.views}
    numbered = labels.with_row_index(_ROW)
    parts = [
        _joined(service, run, numbered.filter(pl.col(time).is_between(first, last)), time, versions, ledgers)
        for first, last in _stretches(service, labels[time])
    ]
    frame = pl.concat(parts).sort(_ROW) if parts else _nobody(service, run, numbered, time, versions)
    null_keys = {
        view.name: int(labels.select(pl.any_horizontal(pl.col(key).is_null() for key in view.entity.keys).sum()).item())
        for view in service.views
    }
    return HistoricalFeatures(frame.drop(_ROW), null_keys, {name_of(gold_table(v)): versions[v.name] for v in service.views})


def _joined(
    service: FeatureService, run: Run, labels: pl.DataFrame, time: str, versions: dict[str, int], ledgers: dict[str, dict[str, Entry]]
) -> pl.DataFrame:
    first, last = labels.select(pl.col(time).min().alias("first"), pl.col(time).max().alias("last")).row(0)
    if error := require_snapshots(f"historical_features({service.name})", service, first, last, ledgers):
        raise error
    logs = {view.name: scan_snapshots(run, view, first, last, _there(run, view, versions)) for view in service.views}
    return point_in_time(service, logs, labels, time=time)


def _nobody(service: FeatureService, run: Run, labels: pl.DataFrame, time: str, versions: dict[str, int]) -> pl.DataFrame:
    """No labels, with the columns that they would have."""
    logs = {view.name: run.lake.scan(gold_table(view), version=_there(run, view, versions)).clear() for view in service.views}
    return point_in_time(service, logs, labels, time=time)


def _there(run: Run, view: View, versions: dict[str, int]) -> int:
    """The version of a view's table; a NotReadyError when there is none, which labels before its first partition do not ask for."""
    if versions[view.name] < 0:
        run.lake.open(gold_table(view))
    return versions[view.name]


def _stretches(service: FeatureService, times: pl.Series) -> Iterator[tuple[datetime, datetime]]:
    """Stretches of time that the labels' times lie in, such that their reads need every partition between.

    Labels of 2020 and of 2024 need nothing of the years between, which may be missing, or of an older version.
    """
    step = min(view.source.partitions.step for view in service.views)
    near = times.unique().sort().to_frame(_AT).group_by(pl.col(_AT).dt.truncate(step), maintain_order=True)
    first = last = None
    for begin, end in near.agg(pl.col(_AT).min().alias("first"), pl.col(_AT).max().alias("last")).select("first", "last").iter_rows():
        if first is None or last is None:
            first, last = begin, end
        elif all(_touch(snapshots_read(v, last, last), snapshots_read(v, begin, begin)) for v in service.views):
            last = end
        else:
            yield first, last
            first, last = begin, end
    if first is not None and last is not None:
        yield first, last


def _touch(earlier: range, later: range) -> bool:
    """Whether nothing lies between two ranges of partitions."""
    return later.start <= max(earlier.start, earlier.stop)
