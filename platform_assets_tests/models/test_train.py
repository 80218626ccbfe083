import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import joblib
import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from platform_assets.declare.model import at_least, not_worse_than_baseline
from platform_assets.errors import ModelError
from platform_assets.models.boosting import lightgbm_classifier
from platform_assets.models.train import NotTrained, Trained, train
from platform_assets.models.training_data import Estimator, TrainingData

from .conftest import FEATURES, HORIZON

Rows = Callable[..., pl.DataFrame]
COLUMNS = {"name": "churn", "features": FEATURES, "target": "churned", "horizon": HORIZON}


def boosted(data: TrainingData) -> Estimator:
    return lightgbm_classifier(data, n_estimators=60, num_leaves=7)


def trained(frame: pl.DataFrame, fit: Callable[[TrainingData], Estimator] = boosted, **options: object) -> Trained:
    result = train(fit, frame, **{**COLUMNS, **options})
    assert isinstance(result, Trained), result
    return result


def pickled(result: Trained) -> str:
    file = io.BytesIO()
    joblib.dump(result.model, file)
    return hashlib.sha256(file.getvalue()).hexdigest()


def test_a_planted_signal_is_found_nearly_up_to_its_ceiling(make_rows: Rows) -> None:
    frame = make_rows(20_000)
    result = trained(frame)
    tested = frame.filter(pl.col("label_time") >= result.cut)
    ceiling = roc_auc_score(tested["churned"], tested["truth"])
    assert ceiling > 0.85
    assert ceiling - 0.03 < result.evaluation.metrics["auc"] <= ceiling + 0.01
    assert ceiling - 0.03 < result.baseline.metrics["auc"] <= ceiling + 0.01
    assert result.evaluation.metrics["average_precision"] > result.evaluation.about["positive_share"] + 0.2


def test_features_without_a_signal_get_an_auc_of_about_a_half(make_rows: Rows) -> None:
    result = trained(make_rows(20_000, signal=0.0))
    assert result.evaluation.metrics["auc"] == pytest.approx(0.5, abs=0.03)
    assert result.baseline.metrics["auc"] == pytest.approx(0.5, abs=0.03)


def test_the_function_sees_the_training_split_only(make_rows: Rows) -> None:
    frame, seen = make_rows(1_000), []

    def fit(data: TrainingData) -> Estimator:
        seen.append(data)
        return boosted(data)

    result = trained(frame, fit, seed=7)
    older = frame.filter(pl.col("label_time") + HORIZON <= result.cut)
    (data,) = seen
    assert data.label_times.equals(older["label_time"])
    assert data.target.equals(older["churned"].cast(pl.Int8))
    assert data.features.height == older.height == result.counts.train
    assert data.features.null_count().sum_horizontal().item() == 0
    assert data.categorical == ("country",)
    assert set(data.numeric) == {*FEATURES, "is_missing(spend)", "is_missing(unknown)"} - {"country"}
    assert data.seed == 7


def test_absurd_values_in_purged_and_test_rows_change_nothing_in_the_model(make_rows: Rows) -> None:
    frame = make_rows(1_000)
    result = trained(frame)
    later = pl.col("label_time") + HORIZON > result.cut
    absurd = frame.with_columns(
        pl.when(later).then(1e12).otherwise("spend").alias("spend"),
        pl.when(later).then(None).otherwise("visits").alias("visits"),
        pl.when(later).then(pl.lit("Mars")).otherwise("country").alias("country"),
        pl.when(later).then(-1.0).otherwise("unknown").alias("unknown"),
        pl.when(later).then(pl.col("label_time") + timedelta(days=9_999)).otherwise("first_seen").alias("first_seen"),
    )
    assert not absurd.equals(frame)
    again = trained(absurd)
    assert pickled(again) == pickled(result)
    assert again.evaluation != result.evaluation
    # And the comparison is able to tell: one training row changed, another model.
    changed = frame.with_columns(
        pl.when(pl.int_range(pl.len()) == frame["label_time"].arg_min()).then(1e12).otherwise("spend").alias("spend")
    )
    assert pickled(trained(changed)) != pickled(result)


def test_labels_after_the_cut_change_nothing_in_the_model(make_rows: Rows) -> None:
    frame = make_rows(1_000)
    result = trained(frame)
    flipped = frame.with_columns(churned=pl.col("churned") ^ (pl.col("label_time") + HORIZON > result.cut))
    assert pickled(trained(flipped)) == pickled(result)


def test_the_counts_add_up_with_the_unlabelled_rows(make_rows: Rows) -> None:
    frame = make_rows(1_000).with_columns(churned=pl.when(pl.col("customer_id") % 10 != 0).then("churned"))
    result = trained(frame)
    counts, labelled = result.counts, frame.drop_nulls("churned")
    assert (counts.rows, counts.unlabelled) == (1_000, 100)
    assert counts.rows == counts.unlabelled + counts.train + counts.purged + counts.test
    assert counts.test == labelled.filter(pl.col("label_time") >= result.cut).height
    assert (
        counts.test_positives
        == result.evaluation.about["positives"]
        == labelled.filter(pl.col("label_time") >= result.cut)["churned"].sum()
    )
    assert counts.train_positives == labelled.filter(pl.col("label_time") + HORIZON <= result.cut)["churned"].sum()
    assert result.seen_until == labelled.filter(pl.col("label_time") + HORIZON <= result.cut)["label_time"].max()
    assert result.outcomes_until <= result.cut, "it has learnt nothing that happened after the cut"
    assert result.judged_until == labelled["label_time"].max() + HORIZON


def test_the_same_training_twice_gives_the_same_everything(make_rows: Rows) -> None:
    one, two = trained(make_rows(1_000), seed=3), trained(make_rows(1_000), seed=3)
    assert pickled(one) == pickled(two)
    assert replace(one, model=two.model) == two


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64, pl.UInt8])
def test_a_label_of_zeros_and_ones_is_as_good_as_a_boolean(make_rows: Rows, dtype: pl.DataType) -> None:
    frame = make_rows(1_000)
    assert pickled(trained(frame.cast({"churned": dtype}))) == pickled(trained(frame))


@pytest.mark.parametrize("encoding", ["ordinal", "one_hot"])
@pytest.mark.parametrize(
    "fit",
    [
        lambda data: LogisticRegression(max_iter=1_000).fit(data.features, data.target),
        lambda data: RandomForestClassifier(50, min_samples_leaf=20, random_state=data.seed).fit(data.features, data.target),
        boosted,
    ],
    ids=["logistic", "forest", "boosted"],
)
def test_any_classifier_serves(make_rows: Rows, fit: Callable[[TrainingData], Estimator], encoding: str) -> None:
    assert trained(make_rows(3_000), fit, encoding=encoding).evaluation.metrics["auc"] > 0.75


def test_the_importances_name_the_features_that_carry_the_signal(make_rows: Rows) -> None:
    lost = trained(make_rows(8_000)).importance
    assert set(lost) == set(FEATURES)
    assert next(iter(lost)) == "spend"
    assert lost["spend"] > 0.1
    assert lost["country"] > 0.03
    assert abs(lost["noise"]) < 0.01
    assert lost["unknown"] == 0


# Too little to learn from is a result.


def test_no_rows_are_not_trained(make_rows: Rows) -> None:
    result = train(boosted, make_rows(10).clear(), **COLUMNS)
    assert isinstance(result, NotTrained)
    assert result.cut is None
    assert result.reason == "0 of 0 rows are in the training split (0 purged, 0 unlabelled); 50 are required"


def test_a_history_shorter_than_the_horizon_is_not_trained(make_rows: Rows) -> None:
    result = train(boosted, make_rows(1_000, days=20), **COLUMNS)
    assert isinstance(result, NotTrained)
    assert (result.counts.train, result.counts.purged + result.counts.test) == (0, 1_000)
    assert "0 of 1,000 rows are in the training split" in result.reason


def test_few_tests_are_not_trained(make_rows: Rows) -> None:
    frame = make_rows(200)
    result = train(boosted, frame, **COLUMNS)
    assert isinstance(result, NotTrained)
    assert result.reason.startswith(f"{result.counts.test} of 200 rows are in the test split")
    assert isinstance(train(boosted, frame, **COLUMNS, minimum_rows=result.counts.test), Trained)


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("split", ["training", "test"])
def test_one_class_is_not_trained(make_rows: Rows, split: str, value: bool) -> None:
    frame = make_rows(1_000)
    cut = trained(frame).cut
    rows = pl.col("label_time") >= cut if split == "test" else pl.col("label_time") < cut
    result = train(boosted, frame.with_columns(churned=pl.when(rows).then(value).otherwise("churned")), **COLUMNS)
    assert isinstance(result, NotTrained)
    count = result.counts.test if split == "test" else result.counts.train
    assert result.reason == f"all {count} rows of the {split} split have the label {str(value).lower()}; both are required"


def test_labels_all_unknown_are_not_trained(make_rows: Rows) -> None:
    result = train(boosted, make_rows(100).with_columns(churned=None), **COLUMNS)
    assert isinstance(result, NotTrained)
    assert result.counts.unlabelled == 100


# Checks.


def test_checks_say_what_they_saw(make_rows: Rows) -> None:
    result = trained(
        make_rows(3_000), checks=[at_least("auc", 0.65), at_least("average_precision", 0.999), not_worse_than_baseline(tolerance=0.5)]
    )
    good, bad, baseline = result.checks
    assert (good.name, good.passed, good.value, good.bound) == ("auc_at_least", True, result.evaluation.metrics["auc"], 0.65)
    assert (bad.name, bad.passed, bad.value, bad.bound) == (
        "average_precision_at_least",
        False,
        result.evaluation.metrics["average_precision"],
        0.999,
    )
    rows, share = result.evaluation.rows, result.evaluation.about["positive_share"]
    assert bad.message == f"average_precision {bad.value:.4f} is below the bound, 0.9990, on {rows} test rows ({share:.1%} true)."
    assert (baseline.name, baseline.passed, baseline.bound) == ("not_worse_than_baseline", True, result.baseline.metrics["auc"] - 0.5)
    assert not result.passed


def test_a_model_that_guesses_is_worse_than_the_baseline(make_rows: Rows) -> None:
    class Guess:
        def predict_proba(self, features: pl.DataFrame) -> np.ndarray:
            return np.full((features.height, 2), 0.5)

    result = trained(make_rows(1_000), lambda data: Guess(), checks=[not_worse_than_baseline()])
    assert result.evaluation.metrics["auc"] == 0.5
    assert not result.passed
    assert "auc 0.5000 is below the baseline" in result.checks[0].message


def test_the_baseline_itself_is_not_worse_than_the_baseline(make_rows: Rows) -> None:
    result = trained(
        make_rows(1_000),
        lambda data: LogisticRegression(max_iter=1_000, random_state=data.seed).fit(data.features, data.target),
        encoding="one_hot",
        checks=[not_worse_than_baseline(), not_worse_than_baseline("average_precision")],
    )
    assert [check.name for check in result.checks] == ["not_worse_than_baseline", "average_precision_not_worse_than_baseline"]
    assert result.passed


def test_without_checks_a_model_passes(make_rows: Rows) -> None:
    assert trained(make_rows(1_000)).passed


# Wrong declarations are errors.


@pytest.mark.parametrize("name", ["churned", "Churned", "outcomes__churned", "label_time", "labels__label_time", "LabelTime"])
def test_a_feature_named_like_the_answer_is_refused(make_rows: Rows, name: str) -> None:
    frame = make_rows(1_000)
    if name not in frame.columns:
        frame = frame.with_columns(pl.col("spend").alias(name))
    with pytest.raises(ModelError, match=f"model 'churn': feature '{name}' has the name of the label.*Leave it out"):
        train(boosted, frame, **{**COLUMNS, "features": ["spend", name]})


def test_a_feature_whose_name_only_begins_like_the_label_is_welcome(make_rows: Rows) -> None:
    frame = make_rows(1_000).with_columns(churned_neighbours=pl.col("visits"))
    assert trained(frame, features=["spend", "churned_neighbours"])


def test_a_missing_feature_is_named_with_the_nearest(make_rows: Rows) -> None:
    with pytest.raises(ModelError, match=r"model 'churn': the training set has no column 'spent'\. Did you mean 'spend'\?"):
        train(boosted, make_rows(100), **{**COLUMNS, "features": ["spent"]})


def test_no_features_and_the_same_feature_twice_are_refused(make_rows: Rows) -> None:
    with pytest.raises(ModelError, match="no features"):
        train(boosted, make_rows(100), **{**COLUMNS, "features": []})
    with pytest.raises(ModelError, match="'spend' is listed more than once"):
        train(boosted, make_rows(100), **{**COLUMNS, "features": ["spend", "spend"]})


@pytest.mark.parametrize(("label", "message"), [(pl.col("visits"), "has the value"), (pl.col("country"), "is of type String")])
def test_a_label_that_is_not_binary_is_refused(make_rows: Rows, label: pl.Expr, message: str) -> None:
    with pytest.raises(ModelError, match=f"the label 'churned' {message}.*Make it Boolean, or 0 and 1"):
        train(boosted, make_rows(100).with_columns(churned=label), **COLUMNS)


def test_a_function_that_fails_is_named_with_its_error(make_rows: Rows) -> None:
    with pytest.raises(ModelError, match=r"model 'churn': its function failed on .* training rows: ZeroDivisionError") as raised:
        trained(make_rows(1_000), lambda data: 1 / 0)  # type: ignore[arg-type, return-value]
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_function_that_returns_no_classifier_is_refused(make_rows: Rows) -> None:
    with pytest.raises(ModelError, match="returned None, which has no predict_proba"):
        trained(make_rows(1_000), lambda data: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda rows: np.full(rows, 0.5), "returned an array of shape"),
        (lambda rows: np.full((rows, 2), np.nan), "outside 0 to 1, or NaN"),
        (lambda rows: np.full((rows, 2), 1.5), "outside 0 to 1, or NaN"),
        (lambda rows: {}["no"], "predict_proba of its Strange failed: KeyError"),
    ],
)
def test_an_estimator_that_gives_no_probabilities_is_refused(make_rows: Rows, answer: Callable[[int], object], message: str) -> None:
    class Strange:
        def predict_proba(self, features: pl.DataFrame) -> object:
            return answer(features.height)

    with pytest.raises(ModelError, match=message):
        trained(make_rows(1_000), lambda data: Strange())
