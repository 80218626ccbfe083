"""Views at any moment: their tiles, and what a declaration of them cannot say."""

from datetime import timedelta
from typing import Any

import pytest

from platform_assets import FeatureView, count, sum
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.shop import CUSTOMER, ORDERS


def moments(*features: Any, **options: Any) -> FeatureView:
    return FeatureView("moments", entity=CUSTOMER, source=ORDERS, features=list(features), **{"accuracy": "temporal", **options})


def test_the_tile_is_the_largest_that_is_at_most_a_tenth_of_the_window() -> None:
    lengths = ("50s", "299s", "300s", "49m", "50m", "9h", "10h", "239h", "240h", "365d")
    tiles = [feature.window.tile for feature in moments(count().over(*lengths)).stored]
    seconds, minutes, hours, days = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    assert tiles == [5 * seconds, 5 * seconds, 30 * seconds, 30 * seconds, 5 * minutes, 5 * minutes, hours, hours, days, days]


def test_a_declared_tile_is_that_of_all_windows() -> None:
    assert {feature.window.tile for feature in moments(count().over("10s", "7d"), tile="2s").stored} == {timedelta(seconds=2)}


def test_a_snapshot_has_no_tile_and_its_version_is_as_it_was_before_there_was_another_accuracy() -> None:
    view = moments(count().over("7d"), accuracy="snapshot")
    assert [feature.window.tile for feature in view.stored] == [None]
    assert view.version == FeatureView("moments", entity=CUSTOMER, source=ORDERS, features=[count().over("7d")]).version
    assert len({view.version, moments(count().over("7d")).version, moments(count().over("7d"), tile="30m").version}) == 3


WRONG: dict[str, tuple[dict[str, Any], Any, str]] = {
    "another word": ({"accuracy": "exact"}, count().over("7d"), "feature view 'moments', accuracy: there is no accuracy 'exact'"),
    "a tile of a snapshot": ({"accuracy": "snapshot", "tile": "1h"}, count().over("7d"), "tile: windows of snapshots are not rounded"),
    "closed": ({}, count(closed="both").over("7d").named("n"), "feature 'n': closed='both' is for snapshots"),
    "a window without a tile": ({}, count().over("49s"), "its window of 49s is so short that no tile is a tenth of it. Declare tile='1s'"),
    "a tile longer than the window": (
        {"tile": "1h"},
        count().over("30m"),
        "its window of 30m is shorter than its tile. Leave tile='1h' out, or",
    ),
    "a tile of nothing": ({"tile": "0s"}, count().over("30m"), "tile: '0s' is zero"),
    "a lifetime": ({}, count().over("lifetime"), "a lifetime window needs checkpoints, which belong to snapshots"),
    "online": (
        {"online": True},
        count().over("7d"),
        "online: serving temporal values online needs a stream, and there are no streams",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_says_what_is_wrong(what: str) -> None:
    options, feature, message = WRONG[what]
    with pytest.raises(DeclarationError) as error:
        moments(feature, sum("quantity").over("7d"), **options)
    assert message in str(error.value)
