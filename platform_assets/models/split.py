"""Splits training and test rows by time.

The cut c is the 80% point of the label times. A label at t is known at t + horizon, so its interval is (t, t + horizon].

    train    t + horizon <= c    known at the cut
    purged   t < c < t + horizon its outcome is on both sides: in neither split
    test     t >= c

A random split would put outcomes of the same day into both, and give scores that later days do not reach.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from platform_assets.declare.durations import in_words
from platform_assets.errors import ModelError

TRAIN_SHARE = 0.8
UTC_TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Split:
    """The rows to train on and to test on, as Boolean masks over the label times; `cut` is None if there are no rows."""

    cut: datetime | None
    train: pl.Series
    test: pl.Series

    @property
    def purged(self) -> int:
        """The number of rows in neither split."""
        return len(self.train) - int(self.train.sum()) - int(self.test.sum())


def split_by_time(label_times: pl.Series, horizon: timedelta, train_share: float = TRAIN_SHARE) -> Split:
    """Splits the labels at a point in time.

    label_times: Datetime("us", "UTC"), in any order, without nulls. Among n sorted times the cut is the one with n * train_share
    before it; all rows with exactly this time are test rows.
    horizon: how long after t a label is known; at least 0. With 0, a row at the cut is a test row.
    """
    if label_times.dtype != UTC_TIME:
        raise ModelError(f"label times {label_times.name!r} are of type {label_times.dtype}: give them as Datetime('us', 'UTC')")
    if label_times.null_count():
        raise ModelError(f"label times {label_times.name!r}: {label_times.null_count()} are null. A label needs a time: remove these rows")
    if horizon < timedelta(0):
        raise ModelError(f"a horizon of {in_words(horizon)} is negative: give the time until the label is known, 0 or more")
    if not 0 < train_share < 1:
        raise ModelError(f"a training share of {train_share} leaves a split empty: give a number between 0 and 1, such as {TRAIN_SHARE}")
    if label_times.is_empty():
        nothing = pl.Series(dtype=pl.Boolean)
        return Split(None, nothing, nothing)
    # Rounded first: 0.29 * 100 is 28.999999999999996.
    before = min(int(round(len(label_times) * train_share, 6)), len(label_times) - 1)
    cut: datetime = label_times.sort()[before]
    return Split(cut, (label_times < cut) & (label_times + horizon <= cut), label_times >= cut)
