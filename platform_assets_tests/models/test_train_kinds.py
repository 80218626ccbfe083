"""Numbers and classes are learnt as binary labels are; what a refit has seen, and what checks of one's own see."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from platform_assets.declare.metrics import metric
from platform_assets.declare.model import OwnCheck, at_most, better_than_baseline, not_worse_than_baseline
from platform_assets.errors import ModelError
from platform_assets.kernels.predictions import PROBABILITIES, of_classes
from platform_assets.models.artifact import Provenance, load, save
from platform_assets.models.boosting import lightgbm_classifier, lightgbm_regressor
from platform_assets.models.fitted import scores
from platform_assets.models.train import NotTrained, Trained, train
from platform_assets.models.training_data import Tested, TrainingData
from platform_assets.stores.location import storage_at

from .conftest import FEATURES, HORIZON

Rows = Callable[..., pl.DataFrame]
COLUMNS: dict[str, Any] = {"name": "m", "features": FEATURES, "target": "label", "horizon": HORIZON}


def spent(make_rows: Rows, rows: int = 1_500) -> pl.DataFrame:
    """A number with a planted signal: three times the visits, and 20 in one country; noise of deviation 2."""
    noise = np.random.default_rng(0).normal(0, 2, rows)
    country = pl.when(pl.col("country") == "FR").then(20).otherwise(0)
    return make_rows(rows).with_columns(label=pl.col("visits") * 3 + country + pl.Series(noise))


def regressed(frame: pl.DataFrame, fit: Callable[[TrainingData], Any] | None = None, **options: Any) -> Trained:
    made = fit or (lambda data: lightgbm_regressor(data, n_estimators=60, num_leaves=7))
    result = train(made, frame, **{**COLUMNS, "kind": "numeric", **options})
    assert isinstance(result, Trained), result
    return result


def test_a_planted_number_is_found_nearly_up_to_its_noise(make_rows: Rows) -> None:
    result = regressed(spent(make_rows), checks=[not_worse_than_baseline(), at_most("rmse", 3.5), better_than_baseline("mae")])
    assert 1.9 < result.evaluation.metrics["rmse"] < 3.5
    assert result.evaluation.metrics["r2"] > 0.8
    assert [check.name for check in result.checks] == ["not_worse_than_baseline", "rmse_at_most", "mae_better_than_baseline"]
    assert result.checks[1].message.startswith("rmse ") and "is within the bound, 3.5000" in result.checks[1].message
    assert not result.checks[2].required
    assert list(result.importance)[:2] in (["country", "visits"], ["visits", "country"])
    assert result.counts.train_positives is None


def test_the_ridge_baseline_stands_beside_it_and_is_no_better_than_itself(make_rows: Rows) -> None:
    from sklearn.linear_model import Ridge

    ridge = regressed(spent(make_rows, 800), lambda data: Ridge(alpha=1.0).fit(data.features, data.target), encoding="one_hot")
    assert ridge.evaluation.metrics == ridge.baseline.metrics
    assert {name: gain.verdict for name, gain in ridge.gains.items()} == dict.fromkeys(("mae", "rmse", "r2"), "unclear")


def test_numbers_that_are_none_and_labels_that_are_all_the_same(make_rows: Rows) -> None:
    frame = spent(make_rows, 400)
    with pytest.raises(ModelError, match=r"the label 'label' has the value inf\. Remove such labels"):
        regressed(frame.with_columns(label=pl.when(pl.int_range(pl.len()) == 3).then(float("inf")).otherwise("label")))
    with pytest.raises(ModelError, match=r"the label 'country' is of type String\. A numeric label is a number"):
        regressed(frame, target="country", features=["visits"])
    same = train(lambda data: 1, frame.with_columns(label=7.0), **COLUMNS, kind="numeric")
    assert isinstance(same, NotTrained)
    assert same.reason.endswith("rows of the training split have the label 7.0; different labels are required")


def test_a_regressor_that_gives_no_numbers_is_refused(make_rows: Rows) -> None:
    class Strange:
        def predict(self, features: pl.DataFrame) -> Any:
            return np.full(features.height, np.nan)

    with pytest.raises(ModelError, match="predict of its Strange returned infinities or NaN"):
        regressed(spent(make_rows, 400), lambda data: Strange())
    with pytest.raises(ModelError, match=r"which has no predict\. Return a fitted regressor"):
        regressed(spent(make_rows, 400), lambda data: None)


def classified(frame: pl.DataFrame, **options: Any) -> Trained:
    result = train(
        lambda data: lightgbm_classifier(data, n_estimators=30, num_leaves=7), frame, **{**COLUMNS, "kind": "multiclass", **options}
    )
    assert isinstance(result, Trained), result
    return result


def classes(make_rows: Rows, rows: int = 1_500) -> pl.DataFrame:
    """Three classes by the visits, one label of ten by chance."""
    chance = pl.Series(np.random.default_rng(0).random(rows) < 0.1)
    by_visits = pl.when(pl.col("visits") < 2).then(pl.lit("few")).when(pl.col("visits") < 4).then(pl.lit("some")).otherwise(pl.lit("many"))
    return make_rows(rows).with_columns(label=pl.when(chance).then(pl.lit("some")).otherwise(by_visits))


def test_classes_are_learnt_with_all_their_probabilities(make_rows: Rows, tmp_path: Path) -> None:
    frame = classes(make_rows)
    result = classified(frame)
    assert result.model.classes == ("few", "many", "some")
    assert result.evaluation.metrics["accuracy"] > 0.85
    assert np.trace(np.array(result.evaluation.confusion)) == round(result.evaluation.metrics["accuracy"] * result.counts.test)
    models = storage_at(str(tmp_path))
    loaded = load(models.below(save(result, models, Provenance({}, {}, ""))))
    scores = loaded.model.scores(frame)
    assert scores.shape == (frame.height, 3)
    assert scores.sum(axis=1) == pytest.approx(np.ones(frame.height))
    assert loaded.predict(frame).to_list() == [("few", "many", "some")[place] for place in scores.argmax(axis=1)]
    assert loaded.record.classes == ("few", "many", "some")
    assert loaded.predict(frame.clear()).dtype == pl.String


def test_classes_may_be_integers_and_one_that_training_never_saw_is_counted(make_rows: Rows) -> None:
    frame = classes(make_rows).with_columns(label=pl.col("label").replace_strict({"few": 1, "some": 2, "many": 3}))
    cut = classified(frame).cut
    strange = frame.with_columns(label=pl.when((pl.col("label_time") >= cut) & (pl.col("visits") == 5)).then(9).otherwise("label"))
    result = classified(strange)
    assert result.model.classes == (1, 2, 3)
    unknown = strange.filter(pl.col("label") == 9).height
    assert result.evaluation.about["rows_of_unknown_classes"] == unknown > 0
    assert result.model.predict(frame).dtype == pl.Int64


def test_a_refit_has_seen_all_labels_and_the_scores_are_of_the_model_before(make_rows: Rows) -> None:
    frame, seen = spent(make_rows, 600), []

    def fit(data: TrainingData) -> Any:
        seen.append(data.label_times)
        return lightgbm_regressor(data, n_estimators=10)

    judged = regressed(frame, fit)
    again = regressed(frame, fit, refit=True)
    assert (again.evaluation, again.baseline, again.gains, again.cut) == (judged.evaluation, judged.baseline, judged.gains, judged.cut)
    assert [len(times) for times in seen] == [judged.counts.train] * 2 + [frame.height]
    assert judged.outcomes_until <= judged.cut < again.seen_until == frame["label_time"].max()
    assert again.outcomes_until == again.judged_until == judged.judged_until
    assert not again.model.predict(frame).equals(judged.model.predict(frame))


def test_a_refit_changes_nothing_by_labels_that_are_not_known(make_rows: Rows) -> None:
    frame = spent(make_rows, 600).with_columns(label=pl.when(pl.col("customer_id") % 2 == 0).then("label"))
    result = regressed(frame, refit=True)
    assert result.seen_until == frame.drop_nulls("label")["label_time"].max()


def test_a_check_of_ones_own_sees_the_test_split_as_it_stands_in_the_training_set(make_rows: Rows) -> None:
    frame, given = spent(make_rows, 800), []

    @metric(higher_is_better=False)
    def largest_error(truth: Any, predicted: Any) -> float:
        return float(np.abs(truth - predicted).max())

    def look(tested: Tested) -> tuple[bool, str]:
        given.append(tested)
        return False, "not good enough"

    result = regressed(
        frame, checks=[OwnCheck("look", look), at_most(largest_error, 1_000)], metrics=[largest_error], entities=["customer_id"]
    )
    (tested,) = given
    assert tested.rows.equals(frame.filter(pl.col("label_time") >= result.cut))
    errors = (tested.predicted - tested.rows["label"]).abs()
    assert errors.mean() == pytest.approx(result.evaluation.metrics["mae"])
    assert errors.max() == pytest.approx(tested.metrics["largest_error"])
    assert (tested.baseline - tested.rows["label"]).abs().mean() == pytest.approx(tested.baseline_metrics["mae"])
    assert [(check.name, check.passed, check.message) for check in result.checks][:1] == [("look", False, "not good enough")]
    assert not result.passed
    assert result.gains["largest_error"].low is not None


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda tested: None, "check 'c' returned None: return whether it passes"),
        (lambda tested: (True, 7), r"check 'c' returned \(True, 7\): return whether it passes, optionally with an explanation"),
        (lambda tested: {}["no"], "check 'c' failed: KeyError: 'no'"),
    ],
)
def test_a_check_that_says_nothing_is_an_error(make_rows: Rows, check: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        regressed(spent(make_rows, 400), checks=[OwnCheck("c", check)])


def test_chosen_columns_are_all_that_boosting_reads(make_rows: Rows) -> None:
    frame = spent(make_rows, 600)
    result = regressed(frame, lambda data: lightgbm_regressor(data, columns=data.numeric, n_estimators=10))
    elsewhere = frame.with_columns(country=pl.lit("Mars"))
    assert result.model.predict(elsewhere).equals(result.model.predict(frame))
    assert result.importance["country"] == 0
    assert result.seen_until + timedelta(days=30) == result.outcomes_until


class Backwards:
    """An estimator whose probabilities stand in another order than the classes are sorted in; it says in which."""

    def __init__(self, *classes: Any) -> None:
        self.classes_ = np.array(classes)

    def predict_proba(self, frame: pl.DataFrame) -> Any:
        return np.tile(np.arange(1, len(self.classes_) + 1) / sum(range(len(self.classes_) + 1)), (frame.height, 1))


def test_probabilities_are_of_the_classes_that_the_estimator_names() -> None:
    rows = pl.DataFrame({"x": [1.0, 2.0]})
    assert scores(Backwards(True, False), rows, "binary", (), "m").tolist() == [1 / 3, 1 / 3]
    assert scores(Backwards(0, 1), rows, "binary", (), "m").tolist() == [2 / 3, 2 / 3]
    assert scores(Backwards(2, 0, 1), rows, "multiclass", ("a", "b", "c"), "m").tolist() == [[2 / 6, 3 / 6, 1 / 6]] * 2


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_probabilities_of_classes_are_those_of_each_row_by_name(rows: int) -> None:
    scores = np.random.default_rng(rows).random((rows, 3))
    wanted = [[{"class": name, "probability": p} for name, p in zip(("a", "2", "c"), row, strict=True)] for row in scores.tolist()]
    found = of_classes(scores, ["a", 2, "c"])
    assert (found.to_list(), found.dtype, found.name) == (wanted, PROBABILITIES, "probabilities")
