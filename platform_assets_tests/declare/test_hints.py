"""What an error proposes to a person who has written something as another library writes it: the line to write instead."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from platform_assets import Entity, compute_features, count, historical_features, last_n, max, mean, online_features, quantile
from platform_assets.declare.durations import Age, positive
from platform_assets.errors import PlatformError
from platform_assets_tests.declare.shop import churned, every, service, spend

HINTS: dict[str, tuple[Callable[[], Any], str]] = {
    "labels fall inside days": (lambda: churned(spine=every("12h", active="14d")), "Write every('1d', ...)."),
    "labels fall inside days too": (lambda: churned(spine=every("36h", active="14d")), "Write every('2d', ...)."),
    "a window is counted": (lambda: count("7d"), "Write count().over('7d')."),
    "a window is a column": (lambda: max("7d"), "Write max(column).over('7d')."),
    "a window of a number of values": (lambda: last_n("7d", 3), "Write last_n(column, 3).over('7d')."),
    "a window of a share": (lambda: quantile("7d", 0.5), "Write quantile(column, 0.5).over('7d')."),
    "a star is averaged": (lambda: mean("*"), "Write mean('amount')."),
    "a duration in words": (lambda: positive("2 weeks", "x"), "Write '2w'."),
    "a duration in capitals": (lambda: positive("7D", "x"), "Write '7d'."),
    "a duration of Python": (lambda: positive(timedelta(hours=36), "x"), "Write '36h'."),
    "months": (lambda: positive("1mo", "x"), "Months and years vary in length: write days, such as '30d'. (m means minutes.)"),
    "months in short": (lambda: positive("3M", "x"), "write days, such as '90d'. (m means minutes.)"),
    "a window in brackets": (lambda: spend(count().over(["7d", "30d"])), "Remove the brackets: '7d', '30d'."),  # type: ignore[arg-type]
    "conditions as in C": (lambda: spend(count(where="gift && amount > 3").over("7d").named("n")), "; write 'and'."),
    "a comparison as an arrow": (lambda: spend(count(where="amount => 3").over("7d").named("n")), "; write '>='."),
    "is None": (lambda: spend(count(where="country is None").over("7d").named("n")), "write 'is null'"),
    "a name in capitals": (lambda: Entity("CustomerAccount", keys=["customer_id"]), "such as 'customer_account'."),
    "a key in capitals": (lambda: Entity("customer", keys=["Customer ID"]), "such as 'customer_id'."),
    "a column in capitals": (lambda: spend(max("Amount").over("7d")), "Did you mean 'amount'?"),
    "a service is computed": (lambda: compute_features(service(), [], at="2024-01-02"), "is not a view. Give it a feature view"),  # type: ignore[arg-type]
    "a view is read": (lambda: historical_features(spend(), []), "Write FeatureService('spend_features', [spend])."),  # type: ignore[arg-type]
    "a view is read online": (lambda: online_features(spend(), []), "Write FeatureService('spend_features', [spend])."),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("mistake", HINTS)
def test_the_error_says_what_to_write(mistake: str) -> None:
    declare, hint = HINTS[mistake]
    with pytest.raises(PlatformError) as error:
        declare()
    assert hint in str(error.value)


def test_an_age_is_read_in_words_and_is_still_a_length_of_time() -> None:
    age = Age.of(timedelta(days=233, hours=4))
    assert f"{age} {[age]}" == "233 days 4 hours [233 days 4 hours]"
    assert age == timedelta(days=233, hours=4)
    assert age - timedelta(hours=4) > timedelta(days=232)
