"""Probabilities that are too sure, or of another time, are corrected by entities that the model was not fitted to; never by test rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from platform_assets.errors import ModelError
from platform_assets.models.artifact import Provenance, load, read_record, save
from platform_assets.models.calibration import FOLDS, Calibration
from platform_assets.models.metrics import FEWEST, evaluate
from platform_assets.models.train import NotTrained, Trained, train
from platform_assets.models.training_data import Estimator, TrainingData
from platform_assets.stores.location import storage_at

from .conftest import FEATURES, HORIZON

Rows = Callable[..., pl.DataFrame]


@dataclass
class TooSure:
    """A model whose log odds are three times what they should be, and too low by one."""

    right: Any

    def predict_proba(self, features: pl.DataFrame) -> Any:
        odds = 3 * self.right.decision_function(features) - 1
        true = 1 / (1 + np.exp(-odds))
        return np.column_stack([1 - true, true])


def too_sure(data: TrainingData) -> Estimator:
    return TooSure(LogisticRegression().fit(data.features, data.target))


def of_customers(frame: pl.DataFrame, each: int = 4) -> pl.DataFrame:
    """The rows, some of each customer."""
    return frame.with_columns(customer_id=pl.col("customer_id") // each).sort("label_time", "customer_id")


def trained(frame: pl.DataFrame, fit: Callable[[TrainingData], Any] = too_sure, **options: Any) -> Trained:
    result = asked(frame, fit, **options)
    assert isinstance(result, Trained), result
    return result


def asked(frame: pl.DataFrame, fit: Callable[[TrainingData], Any] = too_sure, **options: Any) -> Trained | NotTrained:
    given: dict[str, Any] = {"entities": ["customer_id"], "calibrate": True, **options}
    return train(fit, frame, name="churn", features=FEATURES, target="churned", horizon=HORIZON, **given)


def test_a_model_that_is_too_sure_says_what_comes_true(make_rows: Rows) -> None:
    frame = of_customers(make_rows(16_000))
    before, after = trained(frame, calibrate=False), trained(frame)
    assert before.evaluation.about["calibration_slope"] == pytest.approx(0.33, abs=0.05)
    assert after.evaluation.about["calibration_slope"] == pytest.approx(1, abs=0.15)
    assert after.evaluation.about["mean_predicted"] == pytest.approx(after.evaluation.about["positive_share"], abs=0.035)
    assert after.evaluation.metrics["auc"] == before.evaluation.metrics["auc"], "it ranks as before"
    assert after.evaluation.metrics["log_loss"] < before.evaluation.metrics["log_loss"] - 0.1
    assert (after.baseline, after.counts) == (before.baseline, before.counts)


def test_what_has_become_more_frequent_is_predicted_more_often(make_rows: Rows) -> None:
    frame = make_rows(8_000)
    times = frame["label_time"].dt.timestamp("us")
    share = ((times - times.min()) / (times.max() - times.min())).to_numpy()  # type: ignore[operator]
    more = frame["churned"] | pl.Series(np.random.default_rng(1).random(frame.height) < 0.4 * share)
    frame = of_customers(frame.with_columns(churned=more))

    def regression(data: TrainingData) -> Estimator:
        return LogisticRegression().fit(data.features, data.target)

    before, after = (trained(frame, regression, calibrate=one).evaluation.about for one in (False, True))
    assert before["mean_predicted"] < after["mean_predicted"] < after["positive_share"]


def test_each_entity_is_predicted_by_models_that_have_not_seen_it(make_rows: Rows) -> None:
    frame, seen = of_customers(make_rows(2_000)), list[set[float]]()

    def fit(data: TrainingData) -> Estimator:
        seen.append(set(data.features["noise"].round(6)))
        return too_sure(data)

    result = trained(frame, fit)
    learnt = frame.filter(pl.col("label_time") + HORIZON <= result.cut)
    assert len(seen) == 1 + FOLDS
    assert len(seen[0]) == learnt.height == result.counts.train
    assert sum(learnt.height - len(one) for one in seen[1:]) == learnt.height, "each row is held out once"
    calibration = result.model.calibration
    assert calibration is not None
    assert 0.15 < calibration.rows / learnt.height < 0.3, "the newest fifth, with all labels of the first of its times"


def test_groups_have_whole_entities(make_rows: Rows) -> None:
    frame = of_customers(make_rows(2_000)).with_columns(spend=pl.col("customer_id").cast(pl.Float64))
    seen = list[set[float]]()

    def fit(data: TrainingData) -> Estimator:
        seen.append(set(data.features["spend"].round(9)))
        return too_sure(data)

    result = trained(frame, fit)
    customers = frame.filter(pl.col("label_time") + HORIZON <= result.cut)["customer_id"].n_unique()
    assert len(seen[0]) == customers
    assert sum(customers - len(one) for one in seen[1:]) == customers, "a customer is absent from one fit, with all rows"


def test_absurd_test_and_purged_rows_change_no_probability(make_rows: Rows) -> None:
    frame = of_customers(make_rows(2_000))
    result = trained(frame)
    later = pl.col("label_time") + HORIZON > result.cut
    absurd = frame.with_columns(
        pl.when(later).then(~pl.col("churned")).otherwise("churned").alias("churned"),
        pl.when(later).then(1e9).otherwise("spend").alias("spend"),
    )
    assert trained(absurd).model.calibration == result.model.calibration


def test_a_refit_is_calibrated_by_the_newest_of_all_labels(make_rows: Rows) -> None:
    frame = of_customers(make_rows(2_000))
    once, again = trained(frame), trained(frame, refit=True)
    assert once.evaluation == again.evaluation, "the scores are of the model before"
    assert once.model.calibration is not None and again.model.calibration is not None
    assert again.model.calibration.rows > once.model.calibration.rows
    assert again.model.calibration.slope == pytest.approx(0.33, abs=0.1)


def test_with_few_entities_there_is_no_calibration_and_no_model(make_rows: Rows) -> None:
    frame = make_rows(2_000).with_columns(customer_id=pl.col("customer_id") % (FEWEST - 1)).sort("label_time", "customer_id")
    result = asked(frame)
    assert isinstance(result, NotTrained)
    needed = "calibrate=True needs 10 entities with each label at the newest label times of the training split"
    assert result.reason == f"{needed}: the rarer label has {FEWEST - 1}"
    assert isinstance(asked(frame, calibrate=False), Trained)


def test_the_same_rows_give_the_same_calibration(make_rows: Rows) -> None:
    frame = of_customers(make_rows(2_000))
    assert trained(frame, seed=3).model.calibration == trained(frame, seed=3).model.calibration


def test_a_function_that_fails_on_a_group_is_named(make_rows: Rows) -> None:
    frame, calls = of_customers(make_rows(2_000)), list[int]()

    def fit(data: TrainingData) -> Estimator:
        calls.append(data.features.height)
        if len(calls) == 3:
            raise ValueError("too few")
        return too_sure(data)

    with pytest.raises(ModelError, match=r"model 'churn': its function failed on [\d,]+ training rows: ValueError: too few"):
        trained(frame, fit)


def test_certainties_are_corrected_and_stay_probabilities() -> None:
    corrected = Calibration(0.5, 0.2, 100).apply(np.array([0.0, 0.3, 0.5, 1.0]))
    assert ((corrected > 0) & (corrected < 1)).all()
    assert (np.diff(corrected) > 0).all()
    assert Calibration(1.0, 0.0, 100).apply(np.array([0.3, 0.5])) == pytest.approx([0.3, 0.5])


def test_slope_and_intercept_say_how_far_log_odds_are_off() -> None:
    draw = np.random.default_rng(4)
    odds = draw.normal(0, 2, 40_000)
    truth = (draw.random(odds.size) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    for times, more in ((1.0, 0.0), (2.0, 0.0), (1.0, 1.0), (0.5, -1.0)):
        about = evaluate("binary", truth, 1 / (1 + np.exp(-(times * odds + more)))).about
        assert about["calibration_slope"] == pytest.approx(1 / times, rel=0.05)
        assert about["calibration_intercept"] == pytest.approx(-more / times, abs=0.1)
    assert evaluate("binary", truth, np.full(truth.size, 0.3)).about["calibration_slope"] == pytest.approx(0, abs=0.05)


def test_a_saved_model_predicts_calibrated_and_its_record_says_how(make_rows: Rows, tmp_path: Path) -> None:
    frame = of_customers(make_rows(2_000))
    result = trained(frame)
    models = storage_at(str(tmp_path))
    folder = models.below(save(result, models, Provenance({}, {}, "")))
    assert read_record(folder).calibration == result.model.calibration
    assert load(folder).predict(frame).equals(result.model.predict(frame))
    uncorrected = replace(result.model, calibration=None)
    assert not uncorrected.predict(frame).equals(result.model.predict(frame))
