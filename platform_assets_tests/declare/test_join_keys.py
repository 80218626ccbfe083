"""Keys of an entity that columns of other names hold: what is declared, what is refused, what a version says of it."""

from datetime import datetime
from typing import Any

import pytest

from platform_assets import Entity, FeatureService, FeatureView, TrainingSet, any_event, count, daily, every, last, source, sum
from platform_assets.declare.view import FeatureView as View
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.shop import CUSTOMER, Wrong, profile, refused, updates


class Ride:
    ride_id: int
    start_station: int
    end_station: int
    station_name: str
    price: float
    ended_at: datetime


@source(schema=Ride, event_time="ended_at", partitions=daily("2024-01-01"), key=["ride_id"])
def rides(arrival: Any) -> None: ...


STATION = Entity("station", keys=["station_id"])


def arrivals(**changed: Any) -> View:
    """Features of the station at which a ride ends."""
    arguments: dict[str, Any] = {
        "entity": STATION,
        "source": rides,
        "keys": {"station_id": "end_station"},
        "features": [count().over("1d"), last("start_station").over("7d").named("from_station")],
        "online": True,
    }
    return FeatureView("arrivals", **{**arguments, **changed})


def departures(**changed: Any) -> View:
    """Features of the station at which it begins."""
    arguments: dict[str, Any] = {"keys": {"station_id": "start_station"}, "features": [count().over("1d"), sum("price").over("1d")]}
    return FeatureView("departures", entity=STATION, source=rides, **{**arguments, **changed})


def training(**changed: Any) -> TrainingSet:
    """Labels of stations at which rides end."""
    arguments: dict[str, Any] = {"within": "1d", "spine": every("1d", active="7d"), "keys": {"station_id": "end_station"}}
    features = FeatureService("station_features", [arrivals(), departures()])
    return TrainingSet("busy", features=features, labels=any_event(rides, **{**arguments, **changed}))


def test_two_views_of_one_source_are_about_one_entity_through_different_columns() -> None:
    service = FeatureService("station_features", [arrivals(), departures()])
    assert service.keys == {"station_id": "int"}
    assert [view.key_columns for view in (arrivals(), departures())] == [{"station_id": "end_station"}, {"station_id": "start_station"}]
    assert training().key_columns == {"station_id": "end_station"}


def test_the_version_changes_with_the_column_and_not_when_the_key_s_own_name_is_written_out() -> None:
    versions = {arrivals(keys={"station_id": column}).version for column in ("end_station", "start_station")}
    assert len(versions) == 2
    named = Entity("station", keys=["end_station"])
    assert arrivals(entity=named, keys={"end_station": "end_station"}).version == arrivals(entity=named, keys=None).version
    assert training().version != training(keys={"station_id": "start_station"}).version


def test_an_attribute_view_says_by_which_column_its_source_is_keyed() -> None:
    member = Entity("member", keys=["member_id"])
    view = profile(entity=member, keys={"member_id": "customer_id"})
    assert view.key_types == {"member_id": "int"}
    assert view.version != profile(entity=member, keys={"member_id": "order_id"}, source=updates(key=["order_id"])).version


ARRIVALS = "feature view 'arrivals'"
PROFILE = "attribute view 'profile'"
WRONG: Wrong = {
    "the source has no column of the key's name": (
        lambda: arrivals(keys=None),
        f"{ARRIVALS}, key of entity 'station', source 'rides': there is no column 'station_id'. Did you mean 'station_name'? "
        "If the column has another name there, name it: keys={'station_id': '...'}.",
    ),
    "the column is misspelt": (
        lambda: arrivals(keys={"station_id": "endstation"}),
        f"{ARRIVALS}, key of entity 'station', source 'rides': there is no column 'endstation'. Did you mean 'end_station'?",
    ),
    "the key is misspelt": (
        lambda: arrivals(keys={"station": "end_station"}),
        f"{ARRIVALS}, keys, entity 'station': there is no key 'station'. Did you mean 'station_id'?",
    ),
    "key and column are exchanged": (
        lambda: arrivals(keys={"end_station": "station_id"}),
        f"{ARRIVALS}, keys, entity 'station': 'station_id' is the entity's key, and 'end_station' the column of source 'rides'. "
        "Write the key first: keys={'station_id': 'end_station'}.",
    ),
    "keys are a list": (
        lambda: arrivals(keys=["end_station"]),
        f"{ARRIVALS}, keys: ['end_station'] is not a dict. Write keys={{'station_id': '...'}}.",
    ),
    "one column holds two keys": (
        lambda: arrivals(entity=Entity("way", keys=["whence", "whither"]), keys={"whence": "end_station", "whither": "end_station"}),
        f"{ARRIVALS}, key of entity 'way', source 'rides': 'end_station' holds two keys of the entity. Name another column for 'whither'.",
    ),
    "a float is looked up online": (
        lambda: arrivals(keys={"station_id": "price"}),
        f"{ARRIVALS}, key of entity 'station', source 'rides': 'price' is a float, which cannot be used for online lookups.",
    ),
    "columns of one key differ in type": (
        lambda: FeatureService("stations", [arrivals(), departures(keys={"station_id": "station_name"})]),
        "feature service 'stations': the key 'station_id' is int in view 'arrivals' (source 'rides', column 'end_station') and text in "
        "view 'departures' (source 'rides', column 'station_name'). Give it one type in",
    ),
    "the labels' column is of another type": (
        lambda: training(keys={"station_id": "station_name"}),
        "training set 'busy', labels, key of entity 'station', source 'rides': 'station_name' is text, but the features need int.",
    ),
    "the labels' source has no column of the key's name": (
        lambda: training(keys=None),
        "training set 'busy', labels, key of entity 'station', source 'rides': there is no column 'station_id'.",
    ),
    "the labels' key is misspelt": (
        lambda: training(keys={"stationid": "end_station"}),
        "training set 'busy', labels, keys, entity 'station': there is no key 'stationid'. Did you mean 'station_id'?",
    ),
    "a feature has the key's name": (
        lambda: arrivals(features=[last("start_station").over("7d").named("station_id")]),
        f"{ARRIVALS}: the feature 'station_id' has the name of a column that the table already has.",
    ),
    "a state is of another column": (
        lambda: profile(entity=Entity("member", keys=["member_id"]), keys={"member_id": "order_id"}),
        f"{PROFILE}: entity 'member' has the keys ['member_id'], held by ['order_id'], source 'orders' is keyed by ['customer_id'].",
    ),
    "an attribute has the key's name": (
        lambda: profile(entity=Entity("member", keys=["country"]), keys={"country": "customer_id"}),
        f"{PROFILE}, attributes: 'country' is a column of source 'orders' and the name of a key of entity 'member', which 'customer_id' "
        "holds. Give the entity's key another name,",
    ),
    "an attribute is the column that holds the key": (
        lambda: profile(entity=Entity("member", keys=["member_id"]), keys={"member_id": "customer_id"}, attributes=["customer_id"]),
        f"{PROFILE}, attributes: 'customer_id' is a key, which every reader already has.",
    ),
    "a key has the name of a column of the platform": (
        lambda: Entity("day", keys=["partition"]),
        "entity 'day', keys: 'partition' is a column that the platform adds to tables.",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_keys_say_view_source_and_column(wrong: str) -> None:
    refused(*WRONG[wrong])


def test_a_key_of_the_same_name_needs_nothing() -> None:
    with pytest.raises(DeclarationError):
        arrivals(entity=CUSTOMER, keys=None)
    assert profile().key_columns == {"customer_id": "customer_id"}
