from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from platform_assets import metric
from platform_assets.declare.labels import Kind
from platform_assets.declare.metrics import KNOWN, STANDARD
from platform_assets.errors import ModelError
from platform_assets.models.metrics import FEWEST, Array, Evaluation, evaluate, gains, weighted

DRAW = np.random.default_rng(3)
ROWS = 500
TRUTH: dict[Kind, Array] = {
    "binary": (DRAW.random(ROWS) < 0.3).astype(np.int8),
    "numeric": DRAW.gamma(2.0, 10.0, ROWS),
    "multiclass": DRAW.integers(0, 3, ROWS),
}
PREDICTED: dict[Kind, Array] = {
    "binary": np.round(0.4 * TRUTH["binary"] + 0.6 * DRAW.random(ROWS), 2),  # with ties
    "numeric": TRUTH["numeric"] + DRAW.normal(0, 5, ROWS),
    "multiclass": DRAW.dirichlet([1, 1, 1], ROWS),
}
SCIKIT: dict[tuple[Kind, str], Callable[..., Any]] = {
    ("binary", "auc"): sklearn_metrics.roc_auc_score,
    ("binary", "average_precision"): sklearn_metrics.average_precision_score,
    ("binary", "log_loss"): sklearn_metrics.log_loss,
    ("binary", "brier"): sklearn_metrics.brier_score_loss,
    ("numeric", "mae"): sklearn_metrics.mean_absolute_error,
    ("numeric", "rmse"): sklearn_metrics.root_mean_squared_error,
    ("numeric", "r2"): sklearn_metrics.r2_score,
    ("multiclass", "macro_f1"): lambda t, p, sample_weight: sklearn_metrics.f1_score(
        t, p.argmax(axis=1), average="macro", sample_weight=sample_weight
    ),
    ("multiclass", "accuracy"): lambda t, p, sample_weight: sklearn_metrics.accuracy_score(
        t, p.argmax(axis=1), sample_weight=sample_weight
    ),
    ("multiclass", "log_loss"): sklearn_metrics.log_loss,
}


def binary(truth: list[int], probability: list[float]) -> Evaluation:
    return evaluate("binary", np.array(truth, dtype=np.int8), np.array(probability))


def test_every_metric_is_compared_with_scikit_learn() -> None:
    assert set(SCIKIT) == {(kind, one.name) for kind, metrics in STANDARD.items() for one in metrics}


@pytest.mark.parametrize(("kind", "name"), SCIKIT)
def test_metrics_are_those_of_scikit_learn_with_and_without_weights(kind: Kind, name: str) -> None:
    truth, predicted = TRUTH[kind], PREDICTED[kind]
    for weights in (np.ones(ROWS), DRAW.integers(0, 4, ROWS).astype(float)):
        ours = weighted(kind, KNOWN[name], truth, predicted)(weights)
        assert ours == pytest.approx(SCIKIT[kind, name](truth, predicted, sample_weight=weights), rel=1e-9)


def test_four_rows_by_hand() -> None:
    evaluation = binary([0, 1, 0, 1], [0.1, 0.4, 0.5, 0.8])
    assert evaluation.metrics["auc"] == 0.75  # 3 of the 4 pairs of a true and a false row stand in the right order
    assert evaluation.metrics["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert evaluation.metrics["brier"] == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)
    assert evaluation.metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.5, 0.8]).mean())
    assert evaluation.rows == 4
    about = evaluation.about
    assert (about["positives"], about["positive_share"], about["mean_predicted"]) == (2, 0.5, pytest.approx(0.45))
    odds, truth = np.log(np.array([1 / 9, 2 / 3, 1, 4])), np.array([0, 1, 0, 1])
    corrected = 1 / (1 + np.exp(-(about["calibration_slope"] * odds + about["calibration_intercept"])))
    assert (corrected.sum(), (corrected * odds).sum()) == pytest.approx((truth.sum(), (truth * odds).sum()), abs=1e-3)


def test_knowing_nothing_gives_an_auc_of_a_half_and_an_average_precision_of_the_positive_share() -> None:
    draw = np.random.default_rng(0)
    evaluation = evaluate("binary", (draw.random(50_000) < 0.3).astype(np.int8), draw.random(50_000))
    assert evaluation.metrics["auc"] == pytest.approx(0.5, abs=0.01)
    assert evaluation.metrics["average_precision"] == pytest.approx(evaluation.about["positive_share"], abs=0.01)


def test_predictions_that_mean_what_they_say_lie_on_the_diagonal() -> None:
    draw = np.random.default_rng(0)
    probability = draw.random(100_000)
    evaluation = evaluate("binary", (draw.random(100_000) < probability).astype(np.int8), probability)
    assert len(evaluation.curves["calibration"]) == 10
    assert all(mean == pytest.approx(share, abs=0.02) for mean, share in evaluation.curves["calibration"])
    of_numbers = evaluate("numeric", probability * 50 + draw.normal(size=100_000), probability * 50)
    assert all(mean == pytest.approx(true, abs=0.1) for mean, true in of_numbers.curves["calibration"])


def test_the_precision_recall_curve_is_short_and_keeps_its_ends() -> None:
    draw = np.random.default_rng(0)
    evaluation = evaluate("binary", (draw.random(10_000) < 0.3).astype(np.int8), draw.random(10_000))
    curve = evaluation.curves["precision_recall"]
    recall = [point[0] for point in curve]
    assert len(recall) <= 100
    assert curve[0] == (1.0, evaluation.about["positive_share"])
    assert curve[-1] == (0.0, 1.0)
    assert recall == sorted(recall, reverse=True)


def test_certain_and_wrong_is_finite() -> None:
    evaluation = binary([0, 1], [1.0, 0.0])
    assert evaluation.metrics["auc"] == 0
    assert np.isfinite(evaluation.metrics["log_loss"])


def test_a_class_that_was_not_learnt_is_predicted_wrong_and_counted() -> None:
    evaluation = evaluate("multiclass", np.array([0, 1, -1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]))
    assert evaluation.metrics["accuracy"] == 0.5
    assert evaluation.confusion == ((1, 0), (1, 1), (1, 0)), "the last row is that of the class which was not learnt"
    assert evaluation.about["rows_of_unknown_classes"] == 1
    # F1: of the first class 2 / (1 + 3), of the second 2 / (2 + 1), of the third 0.
    assert evaluation.metrics["macro_f1"] == pytest.approx((0.5 + 2 / 3 + 0) / 3)


def test_a_difference_beyond_chance_is_told_from_one_that_is_not() -> None:
    truth, entities = TRUTH["numeric"], np.arange(ROWS)
    noise = np.random.default_rng(1).normal(0, 5, ROWS)
    found = gains("numeric", truth, truth + noise, truth + 3 * noise, entities, seed=0)
    assert {name: gain.verdict for name, gain in found.items()} == dict.fromkeys(("mae", "rmse", "r2"), "better")
    assert found["mae"].value == pytest.approx(2 * np.abs(noise).mean())
    assert found["mae"].low is not None and found["mae"].high is not None
    assert found["mae"].low < found["mae"].value < found["mae"].high
    back = gains("numeric", truth, truth + 3 * noise, truth + noise, entities, seed=0)
    assert back["rmse"].verdict == "worse"
    same = gains("numeric", truth, truth + noise, truth + np.random.default_rng(2).permutation(noise), entities, seed=0)
    assert same["mae"].verdict == "unclear"
    assert gains("numeric", truth, truth + noise, truth + 3 * noise, entities, seed=0) == found, "the same seed, the same interval"


def test_rows_of_one_entity_are_no_more_than_one_witness() -> None:
    """The same rows ten times over say nothing new: by entity the interval stays as wide, by row it would shrink."""
    truth, predicted = np.tile(TRUTH["binary"][:60], 10), np.tile(PREDICTED["binary"][:60], 10)
    other = np.full(600, 0.3)
    widths = {}
    for name, entities in (("entity", np.tile(np.arange(60), 10)), ("row", np.arange(600))):
        gain = gains("binary", truth, predicted, other, entities, seed=0)["brier"]
        assert gain.low is not None and gain.high is not None
        widths[name] = gain.high - gain.low
    assert widths["entity"] > 2.5 * widths["row"]


def test_draws_with_one_kind_of_label_are_left_out() -> None:
    truth = np.repeat([0, 1], FEWEST)
    found = gains("binary", truth, truth * 0.6 + 0.2, np.full(2 * FEWEST, 0.5), np.tile(np.arange(FEWEST), 2), seed=0)
    assert found["auc"].interval == "+0.500 to +0.500"


def test_a_metric_of_ones_own_stands_beside_the_others_and_has_an_interval() -> None:
    @metric(higher_is_better=True)
    def found_in_first_tenth(truth: Any, predicted: Any) -> float:
        first = predicted.argsort()[-len(predicted) // 10 :]
        return float(truth[first].sum() / truth.sum())

    truth, predicted = TRUTH["binary"], PREDICTED["binary"]
    evaluation = evaluate("binary", truth, predicted, [found_in_first_tenth])
    assert evaluation.metrics["found_in_first_tenth"] > 0.2
    gain = gains("binary", truth, predicted, DRAW.random(ROWS), np.arange(ROWS), 0, [found_in_first_tenth])["found_in_first_tenth"]
    assert gain.verdict == "better"


def test_a_metric_that_fails_or_is_no_number_is_named() -> None:
    @metric(higher_is_better=False)
    def wrong(truth: Any, predicted: Any) -> float:
        raise KeyError("gone")

    @metric(higher_is_better=False)
    def odd(truth: Any, predicted: Any) -> float:
        return float("nan")

    with pytest.raises(ModelError, match="metric 'wrong' failed on 500 rows: KeyError: 'gone'"):
        evaluate("binary", TRUTH["binary"], PREDICTED["binary"], [wrong])
    with pytest.raises(ModelError, match="metric 'odd' is nan on 500 test rows: a metric must be a finite number"):
        evaluate("binary", TRUTH["binary"], PREDICTED["binary"], [odd])


@pytest.mark.parametrize(("entities", "true"), [(1, 50), (FEWEST - 1, 50), (100, 1), (100, FEWEST - 1), (100, 100 - FEWEST + 1)])
def test_too_few_entities_or_labels_of_a_class_have_no_interval(entities: int, true: int) -> None:
    """Of two models that know nothing one was better in half of the trials with one entity, and in a third with one true label."""
    draw = np.random.default_rng(7)
    truth = np.zeros(100, np.int8)
    truth[:true] = 1
    found = gains("binary", truth, draw.random(100), draw.random(100), np.arange(100) % entities, 1)
    assert {(gain.verdict, gain.interval) for gain in found.values()} == {("unclear", "unknown")}


def test_models_that_know_nothing_are_rarely_said_to_be_better_than_each_other() -> None:
    draw, better = np.random.default_rng(11), 0
    for turn in range(60):
        truth = (np.arange(100) < FEWEST).astype(np.int8)
        found = gains("binary", truth, draw.random(100), draw.random(100), np.arange(100), turn)
        better += found["auc"].verdict == "better"
    assert better <= 7, "2.5% of 60 are 1.5; more than 7 would come by chance once in some thousand such tests"


def test_a_metric_of_ones_own_that_fails_on_some_draws_is_left_out_of_these() -> None:
    @metric(higher_is_better=True)
    def recall(truth: Any, predicted: Any) -> float:
        return float(((predicted > 0.5) & (truth == 1)).sum() / int((truth == 1).sum())) if (truth == 1).sum() else 1 / 0

    truth = (np.arange(400) < FEWEST).astype(np.int8)
    found = gains("binary", truth, PREDICTED["binary"][:400], PREDICTED["binary"][100:], np.arange(400) % 40, 1, [recall])
    assert found["recall"].low is not None
    with pytest.raises(ModelError, match="metric 'recall' failed on 2 rows: ZeroDivisionError"):
        weighted("binary", recall, np.zeros(2), np.zeros(2))(np.ones(2))
