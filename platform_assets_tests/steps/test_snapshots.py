"""Snapshots through tables: what a picture changes, what has gone, pictures that do not count, and whatever reads the state."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import (
    AttributeView,
    Entity,
    FeatureService,
    FeatureView,
    GoldTable,
    any_event,
    count,
    daily,
    every,
    historical_features,
    labels_from,
    materialize,
    source,
)
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, NotReadyError, SourceError
from platform_assets.steps.accept import accept, take_back
from platform_assets.steps.replay import Chosen, Repair, replay
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

NOW = datetime(2024, 3, 20, tzinfo=UTC)
SECOND = daily("2024-03-01").index_of("2024-03-02")
Picture = list[tuple[str, str, str | None]] | None


class Product:
    code: str
    price: float
    category: str | None


def products_of(pictures: dict[str, Picture], **more: Any) -> Source:
    @source(**{"schema": Product, "kind": "snapshot", "key": ["code"], "partitions": daily("2024-03-01"), "empty_after": "1h", **more})
    def products(arrival: Any) -> pl.DataFrame | None:
        """All products, as of each day."""
        rows = pictures.get(arrival.partition)
        return None if rows is None else pl.DataFrame(rows, schema=["code", "price", "category"], orient="row")

    return products


def view_of(products: Source) -> AttributeView:
    product = Entity("product", keys=["code"])
    return AttributeView("product_profile", entity=product, source=products, attributes=["price", "category"])


def silver(folder: Path) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(folder / "products" / "silver")).sort("arrival", "code")
    return rows.select(pl.col("arrival").dt.day(), "code", "price", "category", "is_removed").rows()


def details(folder: Path, key: str) -> dict[str, Any]:
    return dict(Ledger(Lake(str(folder))).entries("products/silver")[key].details)


PICTURES: dict[str, Picture] = {
    "2024-03-01": [("a", "1", "x"), ("b", "2", "x"), ("c", "3", None)],
    "2024-03-02": [("a", "1", "x"), ("b", "2.5", "x"), ("d", "4", "y"), ("d", "5", "y")],
    "2024-03-03": None,
    "2024-03-04": [("a", "1", None), ("c", "3", None)],
}


def test_silver_has_what_a_picture_changes_and_what_has_gone(tmp_path: Path) -> None:
    products = products_of(PICTURES, duplicates_within=2)
    materialize(products, lake=tmp_path, now=NOW, last="2024-03-04").check()
    assert silver(tmp_path) == [
        (1, "a", 1.0, "x", False),
        (1, "b", 2.0, "x", False),
        (1, "c", 3.0, None, False),
        (2, "b", 2.5, "x", False),
        (2, "c", None, None, True),
        (2, "d", 4.0, "y", False),
        (4, "a", 1.0, None, False),
        (4, "b", None, None, True),
        (4, "c", 3.0, None, False),
        (4, "d", None, None, True),
    ]
    said = details(tmp_path, "2024-03-02")
    wanted = {"received": 4, "accepted": 2, "duplicates": 2, "duplicates_exact": 1, "unchanged": 1, "removed": 1}
    assert {name: said[name] for name in wanted} == wanted
    assert [details(tmp_path, f"2024-03-0{day}")["compared_with"] for day in (1, 2, 3, 4)] == [None, "2024-03-01", None, "2024-03-02"]


def test_a_picture_is_compared_no_farther_back_than_declared(tmp_path: Path) -> None:
    products = products_of(PICTURES)
    materialize(products, lake=tmp_path, now=NOW, last="2024-03-04").check()
    assert [row[1:] for row in silver(tmp_path) if row[0] == 4] == [("a", 1.0, None, False), ("c", 3.0, None, False)]
    assert details(tmp_path, "2024-03-04")["compared_with"] is None


def test_the_state_at_any_time_is_that_of_the_last_picture(tmp_path: Path) -> None:
    products = products_of(PICTURES, duplicates_within=2)
    view = view_of(products)
    materialize(view, lake=tmp_path, now=NOW, last="2024-03-04").check()
    asked = [(code, datetime(2024, 3, day, tzinfo=UTC)) for code in "abcd" for day in (1, 2, 3, 4, 5)]
    labels = pl.DataFrame(asked, schema=["code", "label_time"], orient="row")
    service = FeatureService("served", [view])
    found = historical_features(service, labels, lake=tmp_path).frame["product_profile__price"].to_list()
    assert found == [None, 1.0, 1.0, 1.0, 1.0, None, 2.0, 2.5, 2.5, None, None, 3.0, None, None, 3.0, None, None, 4.0, 4.0, None]
    assert historical_features(service, labels, lake=tmp_path, features_from="silver").frame["product_profile__price"].to_list() == found


def test_a_key_whose_row_is_bad_has_not_gone_and_keeps_its_values(tmp_path: Path) -> None:
    pictures: dict[str, Picture] = {
        "2024-03-01": [("a", "1", "x"), ("b", "2", "x"), ("c", "3", "x")],
        "2024-03-02": [("a", "1", "x"), ("b", "-2", "x"), ("c", "3", "x")],
        "2024-03-03": [("a", "1", "x"), ("c", "3", "x")],
    }
    products = products_of(pictures, rules={"price": "price >= 0"}, accepted_share=0.5)
    materialize(products, lake=tmp_path, now=NOW, last="2024-03-03").check()
    assert [row for row in silver(tmp_path) if row[0] > 1] == [(3, "b", None, None, True)]


def test_a_blocked_picture_does_not_count_until_it_is_accepted(tmp_path: Path) -> None:
    pictures: dict[str, Picture] = {
        "2024-03-01": [("a", "1", "x"), ("b", "2", "x")],
        "2024-03-02": [("a", "1.5", "x"), ("b", "-2", "x"), ("c", "-3", "x")],
        "2024-03-03": [("a", "1", "x"), ("b", "2", "x")],
    }
    products = products_of(pictures, rules={"price": "price >= 0"}, duplicates_within=2)
    materialize(products, lake=tmp_path, now=NOW, last="2024-03-03")
    assert [row for row in silver(tmp_path) if row[0] > 1] == []
    assert details(tmp_path, "2024-03-03")["compared_with"] == "2024-03-01"
    lake = Lake(str(tmp_path))
    run = Run(id="accept", lake=lake, ledger=Ledger(lake), now=NOW, module="tests")
    accept(products, SECOND, run, by="ann", why="known")
    materialize(products, lake=tmp_path, now=NOW, last="2024-03-03").check()
    from platform_assets.steps.silver import make_silver

    make_silver(products, SECOND, SECOND + 1, run)
    assert [row for row in silver(tmp_path) if row[0] > 1] == [
        (2, "a", 1.5, "x", False),
        (3, "a", 1.0, "x", False),
        (3, "b", 2.0, "x", False),
        (3, "c", None, None, True),
    ]
    take_back(products, SECOND, run, by="ann", why="not known")
    make_silver(products, SECOND, SECOND + 1, run)
    assert [row for row in silver(tmp_path) if row[0] > 1] == []


def test_a_restated_picture_makes_the_next_one_stale(tmp_path: Path) -> None:
    pictures: dict[str, Picture] = {"2024-03-01": [("a", "1", "x")], "2024-03-02": [("a", "1", "x")], "2024-03-03": [("a", "1", "x")]}
    products = products_of(pictures)
    materialize(products, lake=tmp_path, now=NOW, last="2024-03-03").check()
    pictures["2024-03-01"] = [("a", "9", "x")]
    done = materialize(products, lake=tmp_path, now=NOW, last="2024-03-03")
    assert list(done.tables["products/silver"].made) == ["2024-03-01", "2024-03-02"]
    assert silver(tmp_path) == [(1, "a", 9.0, "x", False), (2, "a", 1.0, "x", False)]


@pytest.mark.slow
def test_pictures_are_made_in_any_order(tmp_path: Path) -> None:
    products = products_of(PICTURES, duplicates_within=2)
    materialize(products, lake=tmp_path / "once", now=NOW, last="2024-03-04").check()
    from platform_assets.steps.raw import make_raw
    from platform_assets.steps.silver import make_silver

    lake = Lake(str(tmp_path / "backwards"))
    run = Run(id="test", lake=lake, ledger=Ledger(lake), now=NOW, module="tests")
    make_raw(products, SECOND - 1, SECOND + 2, run)
    for partition in (2, 0, -1, 1):
        make_silver(products, SECOND + partition, SECOND + partition, run)
    assert silver(tmp_path / "backwards") == silver(tmp_path / "once")


@pytest.mark.slow
def test_many_keys_are_compared_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_assets.engines.polars import silver as polars_silver

    monkeypatch.setattr(polars_silver, "ROWS_AT_ONCE", 50)
    pictures: dict[str, Picture] = {
        "2024-03-01": [(f"p{n}", str(n), "x") for n in range(1000)],
        "2024-03-02": [(f"p{n}", str(n + (n % 10 == 0)), "x") for n in range(5, 1005)],
    }
    materialize(products_of(pictures), lake=tmp_path, now=NOW, last="2024-03-02").check()
    said = details(tmp_path, "2024-03-02")
    assert (said["accepted"], said["unchanged"], said["removed"]) == (104, 896, 5)


def test_a_delivery_may_not_have_the_platforms_column(tmp_path: Path) -> None:
    @source(schema=Product, kind="snapshot", key=["code"], partitions=daily("2024-03-01"))
    def products(arrival: Any) -> pl.DataFrame:
        return pl.DataFrame({"code": ["a"], "price": [1.0], "category": ["x"], "as_of": ["2024-03-01"]})

    with pytest.raises(SourceError, match="it has a column 'as_of', which the platform adds to a snapshot"):
        materialize(products, lake=tmp_path, now=NOW, last="2024-03-01")


def test_a_snapshot_cannot_be_replayed(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    run = Run(id="test", lake=lake, ledger=Ledger(lake), now=NOW, module="tests")
    with pytest.raises(NotReadyError, match=r"products is a snapshot: .* Correct the picture"):
        replay(products_of({}), Chosen(), Repair(), run, by="ann", why="because")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"event_time": "at"}, "event_time: a snapshot says what is so at the end of its partition"),
        ({"key": []}, r"kind: a snapshot needs key=\[...\]"),
        ({"duplicates_within": 0}, "duplicates_within: a snapshot is compared with the one before it"),
        ({"deliveries": "arrives_now"}, "deliveries: a second delivery of a snapshot restates its partition"),
        ({"kind": "events"}, "is missing the argument 'event_time'"),
    ],
)
def test_what_a_snapshot_is_not_is_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        products_of({}, **more)


def test_who_reads_events_refuses_a_snapshot() -> None:
    products, entity = products_of({}), Entity("product", keys=["code"])
    for declare in (
        lambda: FeatureView("v", entity=entity, source=products, features=[count().over("1d")]),
        lambda: GoldTable("g", source=products, by=["category"], measures=[count().named("n")]),
        lambda: any_event(products, within="7d", spine=every("7d", active="30d")),
        lambda: labels_from(products, value="price", horizon="7d"),
    ):
        with pytest.raises(DeclarationError, match="'products' is a snapshot, whose rows in silver are differences"):
            declare()
