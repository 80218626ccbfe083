from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from platform_assets.errors import ModelError
from platform_assets.models.preparation import Encoding, Preparation, fit_preparation, kinds_of

from .conftest import FEATURES, START

ENCODINGS: list[Encoding] = ["ordinal", "one_hot"]


def fitted(frame: pl.DataFrame, encoding: Encoding = "ordinal", label_time: str = "at") -> Preparation:
    features = [column for column in frame.columns if column != label_time]
    return fit_preparation(frame, kinds_of(frame, features, "model 'm'"), label_time, encoding)


def test_numbers_are_imputed_with_the_median_and_scaled() -> None:
    prepared = fitted(pl.DataFrame({"x": [1.0, 3.0, None, 8.0]})).apply(pl.DataFrame({"x": [None, 3.0, 8.0]}))
    filled = np.array([1, 3, 3, 8])
    assert prepared["x"].to_list() == pytest.approx(((np.array([3, 3, 8]) - filled.mean()) / filled.std()).tolist())
    assert prepared["is_missing(x)"].to_list() == [1, 0, 0]


def test_nan_and_infinities_are_missing() -> None:
    prepared = fitted(pl.DataFrame({"x": [1.0, 3.0, float("nan"), float("inf")]})).apply(pl.DataFrame({"x": [float("-inf"), 2.0]}))
    assert prepared["is_missing(x)"].to_list() == [1, 0]
    assert prepared["x"].to_list() == [0, 0]


def test_a_column_that_was_never_null_has_no_missing_column_and_takes_nulls_later() -> None:
    preparation = fitted(pl.DataFrame({"x": [1.0, 3.0, 8.0]}))
    assert (
        preparation.apply(pl.DataFrame({"x": [None, 3.0]})).to_dict(as_series=False)["x"][0]
        == preparation.apply(pl.DataFrame({"x": [3.0]}))["x"][0]
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "dtype", [pl.Float64, pl.Int64, pl.Boolean, pl.String, pl.Datetime("us", "UTC"), pl.Duration("us"), pl.Null], ids=str
)
def test_a_column_of_nulls_only_is_kept_and_says_nothing(dtype: pl.DataType, encoding: Encoding) -> None:
    frame = pl.DataFrame(
        {"x": [1.0, 2.0, 4.0], "empty": pl.Series([None] * 3, dtype=dtype), "at": pl.Series([START] * 3, dtype=pl.Datetime("us", "UTC"))}
    )
    prepared = fitted(frame, encoding).apply(frame)
    assert prepared.null_count().sum_horizontal().item() == 0
    assert prepared.select(pl.all().exclude("x").n_unique()).row(0) == (1,) * (prepared.width - 1)
    assert prepared.width > 1


def test_texts_become_codes_and_one_that_training_never_saw_is_0() -> None:
    preparation = fitted(pl.DataFrame({"country": ["UK", "FR", None, "UK"]}))
    assert preparation.apply(pl.DataFrame({"country": [None, "Mars", "FR", "UK"]}))["country"].to_list() == [3, 0, 1, 2]
    assert preparation.is_code("country")


def test_texts_never_missing_in_training_may_be_missing_later() -> None:
    for encoding in ENCODINGS:
        prepared = fitted(pl.DataFrame({"country": ["UK", "FR"]}), encoding).apply(
            pl.DataFrame({"country": [None, "UK"]}, schema={"country": pl.String})
        )
        assert prepared.null_count().sum_horizontal().item() == 0
        assert not any(value != value for row in prepared.rows() for value in row)


def test_one_hot_has_a_column_a_category_and_zeros_for_an_unseen_one() -> None:
    prepared = fitted(pl.DataFrame({"country": ["UK", "FR", None]}), "one_hot").apply(pl.DataFrame({"country": ["UK", "Mars", None]}))
    assert prepared.to_dict(as_series=False) == {"country(FR)": [0, 0, 0], "country(UK)": [1, 0, 0], "country(None)": [0, 0, 1]}


@pytest.mark.parametrize(("encoding", "width"), [("ordinal", 1), ("one_hot", 50)])
def test_a_thousand_categories_stay_few_columns_and_codes(encoding: Encoding, width: int) -> None:
    frame = pl.DataFrame({"product": [f"p{number}" for number in range(1_000)] * 2 + ["p7"] * 100})
    prepared = fitted(frame, encoding).apply(frame)
    assert prepared.width == width
    assert prepared.max().max_horizontal().item() <= 256


def test_a_boolean_and_a_duration_are_numbers() -> None:
    frame = pl.DataFrame({"flag": [True, False, None], "wait": [timedelta(seconds=1), timedelta(seconds=3), None]})
    prepared = fitted(frame).apply(frame)
    assert prepared["flag"][0] > prepared["flag"][1]
    assert prepared["wait"][0] < prepared["wait"][1]


def test_a_time_is_its_age_at_the_rows_own_time() -> None:
    frame = pl.DataFrame(
        {"seen": [START - timedelta(days=1), START - timedelta(days=3)], "at": [START, START]},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    preparation = fitted(frame)
    later = frame.with_columns(pl.all() + timedelta(days=1_000))
    assert preparation.reads_time
    assert preparation.apply(later).equals(preparation.apply(frame))
    assert preparation.apply(frame)["seen"].to_list() == [-1, 1]


def test_a_category_named_like_another_feature_makes_no_clash() -> None:
    frame = pl.DataFrame({"s": ["x_y", "z"], "s_x": ["y", "w"], "s_x_y": [1.0, None], "missingindicator_s_x_y": [1.0, 2.0]})
    preparation = fitted(frame, "one_hot")
    prepared = preparation.apply(frame)
    assert {column: preparation.feature_of(column) for column in prepared.columns} == {
        "s_x_y": "s_x_y",
        "missingindicator_s_x_y": "missingindicator_s_x_y",
        "is_missing(s_x_y)": "s_x_y",
        "s(x_y)": "s",
        "s(z)": "s",
        "s_x(y)": "s_x",
        "s_x(w)": "s_x",
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_row_is_prepared_by_itself(make_rows, encoding: Encoding) -> None:
    frame = make_rows(200)
    preparation = fit_preparation(frame, kinds_of(frame, FEATURES, "model 'm'"), "label_time", encoding)
    together = preparation.apply(frame)
    assert together.equals(pl.concat(preparation.apply(frame[row]) for row in range(200)))
    assert preparation.apply(frame.reverse()).equals(together.reverse())


def test_a_list_is_refused_with_its_name_and_type() -> None:
    with pytest.raises(ModelError, match=r"model 'm', feature 'last_three': its type is List\(Int64\).*Leave it out"):
        kinds_of(pl.DataFrame({"last_three": [[1, 2]]}), ["last_three"], "model 'm'")
