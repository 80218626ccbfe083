from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.errors import ModelError
from platform_assets.models.split import split_by_time

START = datetime(2024, 1, 1, tzinfo=UTC)


def times(days: list[float]) -> pl.Series:
    return pl.Series("label_time", [START + timedelta(days=day) for day in days], dtype=pl.Datetime("us", "UTC"))


def test_ten_daily_labels_with_a_horizon_of_three_days_by_hand() -> None:
    split = split_by_time(times(list(range(10))), timedelta(days=3))
    assert split.cut == START + timedelta(days=8)
    # Days 0 to 5 are known by day 8 (5 + 3 = 8, just), 6 and 7 are not, 8 and 9 are tested.
    assert split.train.to_list() == [True] * 6 + [False] * 4
    assert split.test.to_list() == [False] * 8 + [True] * 2
    assert split.purged == 2


def test_a_label_known_a_microsecond_after_the_cut_is_purged() -> None:
    label_times = (
        times([*range(8), 8, 9])
        .to_frame()
        .with_columns(
            pl.when(pl.col("label_time") == START + timedelta(days=5))
            .then(pl.col("label_time") + timedelta(microseconds=1))
            .otherwise("label_time")
        )
    )
    split = split_by_time(label_times.to_series(), timedelta(days=3))
    assert not split.train[5]
    assert split.purged == 3


def test_labels_in_three_equal_waves_test_on_the_last_wave() -> None:
    split = split_by_time(times([0] * 10 + [30] * 10 + [60] * 10), timedelta(days=30))
    assert split.cut == START + timedelta(days=60)
    assert (split.train.sum(), split.purged, split.test.sum()) == (20, 0, 10)


def test_one_wave_has_nothing_to_train_on() -> None:
    split = split_by_time(times([0] * 10), timedelta(days=30))
    assert (split.train.sum(), split.test.sum()) == (0, 10)


def test_a_row_at_the_cut_is_never_in_both_splits_even_with_a_horizon_of_zero() -> None:
    split = split_by_time(times(list(range(10))), timedelta(0))
    assert not (split.train & split.test).any()
    assert (split.train.sum(), split.purged, split.test.sum()) == (8, 0, 2)


def test_no_labels_have_no_cut() -> None:
    split = split_by_time(times([]), timedelta(days=1))
    assert split.cut is None
    assert split.purged == 0


@given(
    days=st.lists(st.floats(0, 400, allow_nan=False), min_size=1, max_size=60),
    horizon=st.floats(0, 90),
    share=st.floats(0.001, 0.999),
    order=st.randoms(use_true_random=False),
)
def test_no_interval_of_a_training_label_reaches_past_the_cut(days: list[float], horizon: float, share: float, order: object) -> None:
    order.shuffle(days)  # type: ignore[attr-defined]
    label_times, known_after = times(days), timedelta(days=horizon)
    split = split_by_time(label_times, known_after, share)
    assert split.cut is not None
    for at, is_train, is_test in zip(label_times, split.train, split.test, strict=True):
        assert not is_train or at + known_after <= split.cut
        assert is_test == (at >= split.cut)
        assert not (is_train and is_test)
        purged = not is_train and not is_test
        assert purged == (at < split.cut < at + known_after)
    assert split.purged + split.train.sum() + split.test.sum() == len(days)
    assert (label_times < split.cut).sum() <= share * len(days) + 1e-6


@given(share=st.sampled_from([0.29, 0.57, 0.58, 0.7, 0.8, 0.9]))
def test_the_cut_stands_where_the_decimal_share_says(share: float) -> None:
    split = split_by_time(times(list(range(100))), timedelta(0), share)
    assert split.train.sum() == round(share * 100)


def test_local_times_are_refused() -> None:
    with pytest.raises(ModelError, match=r"'label_time' are of type Datetime.*give them as Datetime\('us', 'UTC'\)"):
        split_by_time(times([1]).dt.replace_time_zone(None), timedelta(days=1))


def test_labels_without_a_time_are_refused_with_their_count() -> None:
    with pytest.raises(ModelError, match="1 are null"):
        split_by_time(pl.concat([times([1]), pl.Series([None], dtype=pl.Datetime("us", "UTC"))]), timedelta(days=1))


def test_a_negative_horizon_is_refused() -> None:
    with pytest.raises(ModelError, match="is negative"):
        split_by_time(times([1]), timedelta(days=-1))


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_that_empties_a_split_is_refused(share: float) -> None:
    with pytest.raises(ModelError, match="leaves a split empty"):
        split_by_time(times([1]), timedelta(days=1), share)
