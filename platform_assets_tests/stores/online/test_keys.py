"""Keys: the same text for an entity on both paths, and another one for every other entity."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.errors import OnlineError
from platform_assets.expressions.types import POLARS, DataType
from platform_assets.stores.online.key_layout import entity_key, entity_keys
from platform_assets.stores.online.value_layout import ViewLayout
from platform_assets_tests.stores.online.test_value_layout import VALUES

# Few characters, among them those with a meaning, so that two texts are near each other.
NEAR_TEXTS = st.text(":\\{}é1 ", max_size=4)


def layout_of(*kinds: DataType) -> ViewLayout:
    return ViewLayout("spend", "0123456789ab", "card", tuple((f"k{place}", kind) for place, kind in enumerate(kinds)), (("f", "int", 0),))


def key_of(layout: ViewLayout, *values: Any) -> bytes | None:
    return entity_key(layout, "shop")({f"k{place}": value for place, value in enumerate(values)})


@given(st.lists(st.tuples(VALUES["int"], VALUES["str"], VALUES["date"], VALUES["datetime"], VALUES["bool"]), max_size=4))
def test_a_reader_makes_the_key_that_publishing_makes(rows: list[tuple[Any, ...]]) -> None:
    kinds: tuple[DataType, ...] = ("int", "str", "date", "datetime", "bool")
    layout = layout_of(*kinds)
    frame = pl.DataFrame(rows, schema={f"k{place}": POLARS[kind] for place, kind in enumerate(kinds)}, orient="row")
    assert [key.encode() for key in entity_keys(layout, frame, "shop")] == [key_of(layout, *row) for row in rows]


@given(st.tuples(NEAR_TEXTS, NEAR_TEXTS), st.tuples(NEAR_TEXTS, NEAR_TEXTS))
def test_two_entities_never_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    layout = layout_of("str", "str")
    assert (key_of(layout, *one) == key_of(layout, *other)) == (one == other)


def test_keys_can_be_read_by_people() -> None:
    assert key_of(layout_of("int"), 17850) == b"shop:{card:17850}"
    assert key_of(layout_of("str", "str"), "uk", "12:34") == b"shop:{card:uk:12\\:34}"
    assert key_of(layout_of("date"), date(1970, 1, 3)) == b"shop:{card:2}"
    assert key_of(layout_of("datetime"), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == b"shop:{card:1000000}"


def test_numpys_integers_are_integers() -> None:
    assert key_of(layout_of("int"), np.int32(5)) == b"shop:{card:5}"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "5"),
        ("int", True),
        ("int", 5.0),
        ("str", 5),
        ("date", datetime(2024, 1, 1)),
        ("datetime", datetime(2024, 1, 1)),
        ("bool", 1),
    ],
)
def test_a_key_of_another_type_is_refused_instead_of_finding_nobody(kind: DataType, value: Any) -> None:
    with pytest.raises(OnlineError, match=rf"spend: the key 'k0' is {kind}, but the request has .* Convert it first"):
        key_of(layout_of(kind), value)


def test_a_request_without_a_key_is_told_so() -> None:
    with pytest.raises(OnlineError, match=r"the request has no 'k0', a key of card. It has: customer"):
        entity_key(layout_of("int"), "shop")({"customer": 5})


def test_a_null_key_is_nobodys() -> None:
    assert key_of(layout_of("int"), None) is None
    assert key_of(layout_of("str", "int"), "uk", None) is None
    with pytest.raises(OnlineError, match="1 rows have no 'k0'"):
        entity_keys(layout_of("int"), pl.DataFrame({"k0": [None, 1]}), "shop")


def test_a_float_identifies_nothing() -> None:
    with pytest.raises(OnlineError, match="'k0' is a float"):
        entity_key(layout_of("float"), "shop")
    with pytest.raises(OnlineError, match="'k0' is a float"):
        entity_keys(layout_of("float"), pl.DataFrame({"k0": [1.5]}), "shop")


def test_a_text_that_is_no_unicode_finds_nobody() -> None:
    assert key_of(layout_of("str"), "\ud800") is not None
