"""Which sizes of partitions may be mixed: the table of docs/concepts/partitions.md, case by case."""

from datetime import datetime
from typing import Any, Literal

import pytest

from platform_assets import (
    Arrival,
    Entity,
    Estimator,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingData,
    TrainingSet,
    count,
    daily,
    every,
    hourly,
    model,
    monthly,
    no_event,
    source,
    weekly,
)
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError


class Visit:
    user: str
    at: datetime


Size = Literal["hour", "day", "week"]
SIZES: tuple[Size, ...] = ("hour", "day", "week")
PARTITIONS = {"hour": hourly("2024-03-04T00"), "day": daily("2024-03-04"), "week": weekly("2024-03-04")}
STEPS = {"hour": "1d", "day": "1d", "week": "7d"}
USER = Entity("user", keys=["user"])


def visits(size: Size, name: str, **declared: Any) -> Source:
    def read(arrival: Arrival) -> None:
        """Visits."""

    read.__name__ = name
    return source(**{"schema": Visit, "event_time": "at", "partitions": PARTITIONS[size], **declared})(read)


def view(size: Size, name: str, **declared: Any) -> FeatureView:
    return FeatureView(name, entity=USER, source=visits(size, f"{name}_of", **declared), features=[count().over("14d", "lifetime")])


def training(labels: Size, period: Literal["day", "week", "month"], *views: FeatureView, step: str | None = None) -> TrainingSet:
    leaving = no_event(visits(labels, "labelled"), within="14d", spine=every(step or STEPS[labels], active="28d"))
    return TrainingSet("leaving", features=FeatureService("habits", list(views)), labels=leaving, period=period)


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("features", SIZES)
@pytest.mark.parametrize("labels", SIZES)
def test_labels_and_views_are_mixed_at_will_and_a_period_is_no_shorter_than_labels_arrive(
    labels: Size, features: Size, period: Literal["day", "week", "month"]
) -> None:
    if labels == "week" and period == "day":
        with pytest.raises(
            DeclarationError,
            match=r"period: the labels' source has weekly partitions, and a day is shorter\. Write "
            r"period='week'",
        ):
            training(labels, period, view(features, "habit"))
        return
    assert training(labels, period, view(features, "habit")).partitions.unit == period


def test_a_spine_has_a_number_of_the_sources_partitions() -> None:
    with pytest.raises(DeclarationError, match="week"):
        training("week", "week", view("week", "habit"), step="1d")


@pytest.mark.parametrize(("one", "other"), [("hour", "day"), ("day", "week"), ("hour", "week")])
def test_views_of_one_model_have_one_size_and_those_of_a_service_any(one: Size, other: Size) -> None:
    data = training("hour", "week", view(one, "first"), view(other, "second"))
    assert len(data.features.features) == 4
    with pytest.raises(
        DeclarationError, match=f"first has partitions of one {one}, second has partitions of one {other}. Give it views of sources with"
    ):

        @model(data)
        def leaving(train: TrainingData) -> Estimator:
            """Who leaves."""
            raise NotImplementedError


def test_zones_are_mixed_in_a_service_and_not_in_a_training_set() -> None:
    local, utc = view("day", "local", timezone="Europe/London"), view("day", "utc")
    assert len(FeatureService("both", [local, utc]).views) == 2
    with pytest.raises(DeclarationError, match="Dagster maps partitions within one zone only"):
        training("day", "month", local)
    assert training("hour", "day", view("day", "days", timezone="Europe/London", partitions=daily("2024-03-04", timezone="UTC")))


def test_a_report_has_its_sources_size() -> None:
    for size in SIZES:
        assert GoldTable("visitors", source=visits(size, "visited"), measures=[count().named("visits")]).event_partitions.unit == size


def test_a_source_does_not_arrive_in_months() -> None:
    with pytest.raises(
        DeclarationError, match=r"not in months\. A file of a month arrives on the day of its export: write daily\(\.\.\.\)"
    ):
        visits("day", "monthly_visits", partitions=monthly("2024-03-01"))
