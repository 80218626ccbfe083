"""The churn signal is known, and can be learnt in part."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from platform_assets.domains.retail.generate import (
    ACTIVE,
    HORIZON,
    Truths,
    churn_probability,
    draw_customers,
)
from platform_assets.domains.retail.shop.counting import expected_auc
from platform_assets_tests.domains.retail.naive_reader import Line, utc


@dataclass(frozen=True)
class Questions:
    """What was asked at one t: of whom, what came, what was known."""

    day: date
    customers: list[str]
    churned: np.ndarray
    features: np.ndarray
    probability: np.ndarray


@pytest.fixture(scope="module")
def questions(truths: Truths, accepted: list[Line]) -> list[Questions]:
    orders: dict[str, dict[str, tuple[datetime, date]]] = defaultdict(dict)
    for line in accepted:
        if line.customer and not line.is_cancelled:
            assert line.at is not None
            orders[line.customer][line.texts[0]] = (line.at, line.arrival)
    latent = draw_customers(truths.shop)
    index = {f"{customer}.0": number for number, customer in enumerate(latent["customer_id"])}
    asked = []
    for answer in truths.churn:
        t, customers, churned, features = utc(f"{answer.day} 00:00:00"), [], [], []
        for customer, times in orders.items():
            past = [event for event, arrival in times.values() if t - timedelta(days=ACTIVE) <= event < t and arrival < answer.day]
            if past:
                customers.append(customer)
                churned.append(not any(t < event <= t + timedelta(days=HORIZON) for event, _ in times.values()))
                recent = sum(event >= t - timedelta(days=30) for event in past)
                features.append((np.log1p((t - max(past)).days), np.log1p(recent)))
        known = churn_probability(truths.shop, latent, (answer.day - truths.shop.first_day).days)
        asked.append(Questions(answer.day, customers, np.array(churned), np.array(features), known[[index[each] for each in customers]]))
    return asked


def test_as_many_churn_as_the_truths_say(truths: Truths, questions: list[Questions]) -> None:
    counted = [(each.day, len(each.customers), int(each.churned.sum())) for each in questions]
    assert counted == [(each.day, each.active, each.churned) for each in truths.churn]
    assert len(counted) == 12


def test_the_known_probability_is_calibrated(questions: list[Questions]) -> None:
    probability, churned = (np.concatenate([getattr(each, name) for each in questions]) for name in ("probability", "churned"))
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & ((probability < low + 0.1) | (low > 0.89))
        assert inside.sum() > 100
        assert churned[inside].mean() == pytest.approx(probability[inside].mean(), abs=0.08)
    assert churned.mean() == pytest.approx(probability.mean(), abs=0.02)


def test_the_ceiling_is_what_the_known_probability_reaches(truths: Truths, questions: list[Questions]) -> None:
    probability, churned = (np.concatenate([getattr(each, name) for each in questions]) for name in ("probability", "churned"))
    assert 0.80 <= truths.bayes_auc <= 0.88
    assert roc_auc_score(churned, probability) == pytest.approx(truths.bayes_auc, abs=0.01)


@pytest.mark.parametrize("probability", [(0.5, 0.5, 0.5), (0.0, 1.0), (0.2, 0.2, 0.9, 0.9, 0.4), (0.3,)])
def test_the_ceiling_is_the_share_of_pairs_ranked_right(probability: tuple[float, ...]) -> None:
    right = weight = 0.0
    for i, churns in enumerate(probability):
        for j, stays in enumerate(probability):
            if i != j:
                pair = churns * (1 - stays)
                weight += pair
                right += pair * (1.0 if churns > stays else 0.5 if churns == stays else 0.0)
    assert expected_auc(np.array(probability)) == pytest.approx(right / weight if weight else 0.5, abs=1e-4)


def test_recency_and_frequency_learn_much_but_not_all_of_it(questions: list[Questions]) -> None:
    train = [each for each in questions if each.day < date(2025, 2, 12)]
    test = [each for each in questions if each.day >= date(2025, 3, 12)]
    model = LogisticRegression().fit(np.concatenate([each.features for each in train]), np.concatenate([each.churned for each in train]))
    churned = np.concatenate([each.churned for each in test])
    learnt = roc_auc_score(churned, model.predict_proba(np.concatenate([each.features for each in test]))[:, 1])
    ceiling = roc_auc_score(churned, np.concatenate([each.probability for each in test]))
    assert 0.70 <= learnt <= 0.80
    assert ceiling - learnt > 0.05


def test_more_or_fewer_orders_come_as_asked(truths: Truths, accepted: list[Line]) -> None:
    orders = {line.texts[0] for line in accepted if not line.is_cancelled and line.texts[2]}
    assert len(orders) / len(truths.orders) == pytest.approx(truths.shop.orders_per_day, rel=0.03)
