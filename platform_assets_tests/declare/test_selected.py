"""A service that has some of a view's features: what it reads and answers, what is refused, and whose change changes its version."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platform_assets import FeatureService, TrainingSet, build_definitions, count, derive, on_demand, sum, time_since_last
from platform_assets.declare.view import FeatureView as View
from platform_assets.serving.plan import plan_of
from platform_assets.stores.online.value_layout import Values
from platform_assets_tests.declare.shop import Wrong, churned, profile, refused, spend

SHARE = derive("share", "amount_sum_1d / amount_sum_7d")


def spending(*more: Any) -> View:
    """A view with features that others are made of."""
    return spend(count().over("1d", "7d"), sum("amount").over("1d", "7d"), time_since_last().over("7d"), SHARE, *more)


def checkout(view: View, *names: str, **changed: Any) -> FeatureService:
    """A service of some features."""
    return FeatureService("checkout", [view.select(*names)], **changed)


def test_a_service_has_the_selected_features_in_the_view_s_order() -> None:
    service = FeatureService("checkout", [spending().select("share", "count_7d"), profile().select("gift")])
    assert service.features == {"spend__count_7d": "int", "spend__share": "float", "profile__gift": "bool"}
    assert [view.name for view in service.views] == ["spend", "profile"]


def test_derived_and_on_demand_features_find_what_they_are_made_of() -> None:
    per_order = on_demand("per_order", "amount_sum_7d / count_7d")
    service = checkout(spending(), "share", on_demand=[per_order])
    assert list(service.features) == ["spend__share", "per_order"]
    assert [part.names for part in service.computed] == [("count_7d", "amount_sum_7d", "share")]
    read = spending().only(["share"])
    assert [feature.name for feature in read.stored] == ["amount_sum_1d", "amount_sum_7d"]


def test_online_of_what_the_store_has_only_the_selected_values_are_answered() -> None:
    now = datetime(2024, 3, 8, tzinfo=UTC)
    row = (1, 2, 10.0, 40.0, now - timedelta(minutes=1))  # as the view's stored features lie
    found = {"spend": Values([row, (0, 0, None, None, None)], [None, None])}
    expected: list[tuple[tuple[str, ...], list[dict[str, Any]]]] = [
        (("count_7d",), [{"spend__count_7d": 2}, {"spend__count_7d": 0}]),
        (("share",), [{"spend__share": 0.25}, {"spend__share": None}]),
        (("count_1d", "time_since_last_7d"), [{"spend__count_1d": 1, "spend__time_since_last_7d": 60.0}, {"spend__count_1d": 0}]),
    ]
    for names, answers in expected:
        got = plan_of(checkout(spending(), *names)).rows(found, None, now)
        assert got == [{"spend__time_since_last_7d": None, **one} if "time_since_last_7d" in names else one for one in answers]
    per_order = on_demand("per_order", "amount_sum_7d / count_7d")
    assert plan_of(checkout(spending(), "count_1d", on_demand=[per_order])).rows(found, None, now) == [
        {"spend__count_1d": 1, "per_order": 20.0},
        {"spend__count_1d": 0, "per_order": None},
    ]


def test_the_version_of_a_service_and_its_training_set_changes_only_with_what_is_selected() -> None:
    def versions(view: View, *names: str) -> tuple[str, str]:
        service = FeatureService("checkout", [view.select(*names) if names else view])
        return service.version, TrainingSet("churn", features=service, labels=churned()).version

    one_more = spending(count().over("30d"))
    assert one_more.version != spending().version
    assert versions(one_more, "count_7d", "share") == versions(spending(), "share", "count_7d")
    assert versions(one_more) != versions(spending())
    assert len({versions(spending(), *names) for names in (("count_7d",), ("count_1d",), ("count_1d", "count_7d"), ("share",))}) == 4
    other_share = spend(count().over("7d"), sum("amount").over("1d", "7d"), derive("share", "amount_sum_1d / amount_sum_7d + 1"))
    assert versions(other_share, "count_7d") == versions(spending(), "count_7d")
    assert versions(other_share, "share") != versions(spending(), "share")
    other_input = spend(sum("amount", default=0.0).over("1d"), sum("amount").over("7d"), SHARE)
    assert versions(other_input, "share") != versions(spending(), "share"), "what the share is made of is another"


def test_the_version_of_what_an_on_demand_feature_reads_counts_too() -> None:
    feature = on_demand("per_order", "amount_sum_7d / coalesce(count_1d, 1)")
    other_input = spend(count().over("1d"), sum("amount", default=0.0).over("7d"))
    same_input = spend(count().over("1d"), sum("amount").over("7d"))
    found = [checkout(view, "count_1d", on_demand=[feature]).version for view in (spending(), same_input, other_input)]
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_all_features_selected_are_the_view() -> None:
    view = spending()
    assert checkout(view, *view.served).version == FeatureService("checkout", [view]).version


def test_what_is_read_online_is_of_the_view_as_it_is() -> None:
    """A service whose version stays still reads another field when the view's is another."""
    services = [checkout(view, "count_7d") for view in (spending(), spending(count().over("30d")))]
    assert services[0].version == services[1].version
    assert [plan_of(service).layouts[0].version for service in services] == [service.views[0].version for service in services]


SELECT = "view 'spend', select"
WRONG: Wrong = {
    "a name is misspelt": (lambda: spending().select("count7d"), f"{SELECT}: there is no feature 'count7d'. Did you mean 'count_7d'?"),
    "a name is written as it is read": (
        lambda: spending().select("spend__count_7d"),
        f"{SELECT}: 'spend__count_7d' is its full name. Write 'count_7d'.",
    ),
    "a name is listed twice": (lambda: spending().select("share", "share"), f"{SELECT}: 'share' is listed twice. Leave one out."),
    "nothing is selected": (
        lambda: spending().select(),
        f"{SELECT}: no features are named. Write spend.select('count_1d', 'count_7d'), or pass the view itself for all of them.",
    ),
    "a list is selected": (
        lambda: spending().select(["count_7d"]),  # type: ignore[arg-type]
        f"{SELECT}: ['count_7d'] is not a feature name. Write spend.select('count_1d', 'count_7d').",
    ),
    "an attribute is misspelt": (
        lambda: profile().select("contry"),
        "view 'profile', select: there is no feature 'contry'. Did you mean 'country'?",
    ),
    "a view is there twice": (
        lambda: FeatureService("s", [spending().select("share"), spending()]),
        "feature service 's', views: two are named 'spend'.",
    ),
    "it is given to build_definitions": (
        lambda: build_definitions(spending().select("share")),  # type: ignore[arg-type]
        "spend.select(...) has no tables of its own. Pass the view: spend.",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_selection_says_what_is_wrong(wrong: str) -> None:
    refused(*WRONG[wrong])


def test_a_training_set_of_a_selection_has_no_other_features() -> None:
    data = TrainingSet("churn", features=checkout(spending(), "share"), labels=churned())
    assert list(data.features.features) == ["spend__share"]
