import numpy as np
import pytest

from platform_assets.models.metrics import evaluate


def test_four_rows_by_hand() -> None:
    evaluation = evaluate(np.array([0, 1, 0, 1], dtype=np.int8), np.array([0.1, 0.4, 0.5, 0.8]))
    assert evaluation.auc == 0.75  # 3 of the 4 pairs of a true and a false row stand in the right order
    assert evaluation.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert evaluation.brier == pytest.approx((0.01 + 0.36 + 0.25 + 0.04) / 4)
    assert evaluation.log_loss == pytest.approx(-np.log([0.9, 0.4, 0.5, 0.8]).mean())
    assert (evaluation.rows, evaluation.positives, evaluation.positive_share) == (4, 2, 0.5)


def test_knowing_nothing_gives_an_auc_of_a_half_and_an_average_precision_of_the_positive_share() -> None:
    draw = np.random.default_rng(0)
    evaluation = evaluate((draw.random(50_000) < 0.3).astype(np.int8), draw.random(50_000))
    assert evaluation.auc == pytest.approx(0.5, abs=0.01)
    assert evaluation.average_precision == pytest.approx(evaluation.positive_share, abs=0.01)


def test_probabilities_that_mean_what_they_say_lie_on_the_diagonal() -> None:
    draw = np.random.default_rng(0)
    probability = draw.random(100_000)
    evaluation = evaluate((draw.random(100_000) < probability).astype(np.int8), probability)
    assert len(evaluation.calibration) == 10
    assert all(mean == pytest.approx(share, abs=0.02) for mean, share in evaluation.calibration)


def test_the_precision_recall_curve_is_short_and_keeps_its_ends() -> None:
    draw = np.random.default_rng(0)
    target = (draw.random(10_000) < 0.3).astype(np.int8)
    evaluation = evaluate(target, draw.random(10_000))
    recall = [point[0] for point in evaluation.precision_recall]
    assert len(recall) <= 100
    assert evaluation.precision_recall[0] == (1.0, evaluation.positive_share)
    assert evaluation.precision_recall[-1] == (0.0, 1.0)
    assert recall == sorted(recall, reverse=True)


def test_certain_and_wrong_is_finite() -> None:
    evaluation = evaluate(np.array([0, 1], dtype=np.int8), np.array([1.0, 0.0]))
    assert evaluation.auc == 0
    assert np.isfinite(evaluation.log_loss)
