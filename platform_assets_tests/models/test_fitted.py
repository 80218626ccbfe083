from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest

from platform_assets.errors import ModelError
from platform_assets.models.boosting import lightgbm_classifier
from platform_assets.models.fitted import FittedModel
from platform_assets.models.train import Trained, train

from .conftest import FEATURES, HORIZON, labelled_rows

FRAME = labelled_rows(1_000)


@pytest.fixture(scope="module")
def model() -> FittedModel:
    result = train(
        lambda data: lightgbm_classifier(data, n_estimators=20), FRAME, name="churn", features=FEATURES, target="churned", horizon=HORIZON
    )
    assert isinstance(result, Trained)
    return result.model


def test_a_probability_for_each_row_in_the_order_given(model: FittedModel) -> None:
    probability = model.predict(FRAME)
    assert probability.name == "probability"
    assert probability.dtype == pl.Float64
    assert probability.is_between(0, 1).all()
    assert model.predict(FRAME.reverse()).equals(probability.reverse())
    assert [model.predict(FRAME[row]).item() for row in range(20)] == probability[:20].to_list()


def test_columns_are_found_by_name_and_others_ignored(model: FittedModel) -> None:
    shuffled = FRAME.select(reversed(FRAME.columns)).drop("churned", "truth", "customer_id").with_columns(more=1)
    assert model.predict(shuffled).equals(model.predict(FRAME))


def test_no_rows_give_no_probabilities(model: FittedModel) -> None:
    assert model.predict(FRAME.clear()).equals(pl.Series("probability", dtype=pl.Float64))


def test_a_missing_column_is_named_with_the_nearest(model: FittedModel) -> None:
    with pytest.raises(
        ModelError,
        match=r"model 'churn' was trained on 'spend', which the frame to predict does not have\. Did you mean "
        r"'spent'\?",
    ):
        model.predict(FRAME.rename({"spend": "spent"}))


def test_all_missing_columns_are_named(model: FittedModel) -> None:
    with pytest.raises(ModelError, match="'visits', 'country'"):
        model.predict(FRAME.drop("visits", "country"))


def test_the_rows_own_time_is_needed_for_a_feature_that_is_a_time(model: FittedModel) -> None:
    assert model.columns == (*FEATURES, "label_time")
    with pytest.raises(ModelError, match="'label_time'"):
        model.predict(FRAME.drop("label_time"))
    with pytest.raises(ModelError, match="column 'label_time': a row to predict needs its time, but there are nulls"):
        model.predict(FRAME.with_columns(label_time=pl.lit(None, dtype=pl.Datetime("us", "UTC"))))


def test_a_model_that_reads_no_time_needs_none() -> None:
    result = train(
        lambda data: lightgbm_classifier(data, n_estimators=5), FRAME, name="m", features=["spend"], target="churned", horizon=HORIZON
    )
    assert isinstance(result, Trained)
    assert len(result.model.predict(FRAME.select("spend"))) == 1_000


@pytest.mark.parametrize(
    ("column", "change", "kinds"),
    [
        ("spend", pl.col("spend").cast(pl.String), "it was a number in training, but is String"),
        ("country", pl.lit(1), "it was a text in training, but is Int32"),
        ("is_member", pl.col("is_member").cast(pl.Int8), "it was a boolean in training, but is Int8"),
        ("first_seen", pl.col("first_seen").dt.replace_time_zone(None), "it was a time in training, but is Datetime"),
        ("since_last", pl.lit(timedelta(days=1)).dt.total_seconds(), "it was a duration in training, but is Int64"),
    ],
)
def test_a_column_of_another_kind_is_named_with_both(model: FittedModel, column: str, change: pl.Expr, kinds: str) -> None:
    with pytest.raises(ModelError, match=f"model 'churn', column '{column}': {kinds}.*Cast it, or train the model again"):
        model.predict(FRAME.with_columns(change.alias(column)))


def test_a_number_of_another_width_and_a_text_of_another_encoding_change_nothing(model: FittedModel) -> None:
    other = FRAME.cast({"visits": pl.Int16, "country": pl.Categorical})
    assert model.predict(other).equals(model.predict(FRAME))


@pytest.mark.parametrize("column", FEATURES)
def test_a_feature_that_is_null_everywhere_still_predicts(model: FittedModel, column: str) -> None:
    nulls: Callable[[pl.DataType], pl.DataFrame] = lambda dtype: FRAME.with_columns(pl.lit(None, dtype=dtype).alias(column))  # noqa: E731
    probability = model.predict(nulls(FRAME.schema[column]))
    assert probability.is_not_nan().all()
    assert model.predict(nulls(pl.Null())).equals(probability)


def test_a_text_that_training_never_saw_still_predicts(model: FittedModel) -> None:
    assert model.predict(FRAME.with_columns(country=pl.lit("Mars"))).is_between(0, 1).all()


def test_a_feature_that_was_null_everywhere_in_training_may_have_values_later(model: FittedModel) -> None:
    assert model.predict(FRAME.with_columns(unknown=pl.lit(5.0))).equals(model.predict(FRAME))
