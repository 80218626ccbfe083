"""A model predicts partition by partition, so its views have one unit; a training set, read label by label, may have several."""

import pytest

from platform_assets import FeatureView, count, model, weekly
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.shop import CUSTOMER, HOURLY, churn, orders, service, spend, training

RECENT = FeatureView("recent", entity=CUSTOMER, source=HOURLY, features=[count().over("1d")])
SLOW = FeatureView("slow", entity=CUSTOMER, source=orders(partitions=weekly("2024-01-01")), features=[count().over("4w")])


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ([spend(), RECENT], "spend has partitions of one day, recent has partitions of one hour"),
        ([SLOW, RECENT], "slow has partitions of one week, recent has partitions of one hour"),
    ],
)
def test_views_of_different_units_are_refused_by_a_model_and_not_by_its_training_set(views: list[FeatureView], said: str) -> None:
    mixed = training(features=service(*views))
    with pytest.raises(DeclarationError) as error:
        model(mixed)(churn().fit)
    assert str(error.value) == (
        f"model 'churn': predictions are made partition by partition, and {said}. Give it views of sources with the same partitions: "
        "hourly files can be read by day: read_csv('rides/{day}T*.csv')."
    )


def test_views_of_several_sources_with_one_unit_are_taken() -> None:
    other = FeatureView("other", entity=CUSTOMER, source=orders(data_delay="6h"), features=[count().over("1d")])
    assert model(training(features=service(spend(), other)))(churn().fit).name == "churn"
