"""Packed fields: what is packed in bulk is read back one by one."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.errors import OnlineError
from platform_assets.expressions.types import LISTS, POLARS, DataType, FeatureType
from platform_assets.stores.online.value_layout import ViewLayout, pack, tombstone, version_of_field

MOMENTS = st.datetimes(datetime(1600, 1, 1), datetime(2900, 1, 1)).map(lambda at: at.replace(tzinfo=UTC, fold=0))
SINGLE: dict[DataType, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(),
    "bool": st.booleans(),
    "datetime": MOMENTS,
    "date": st.dates(),
    "str": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
}
VALUES: dict[FeatureType, st.SearchStrategy[Any]] = {**SINGLE}
VALUES |= {LISTS[kind]: st.lists(values, max_size=4) for kind, values in SINGLE.items()}


def layout_of(kinds: Sequence[FeatureType], view: str = "spend") -> ViewLayout:
    features = tuple((f"f{place}", kind, None) for place, kind in enumerate(kinds))
    return ViewLayout(view, "0123456789ab", "customer", (("customer_id", "int"),), features)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[FeatureType], list[datetime], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=20))
    rows = draw(st.integers(0, 5))
    columns = [draw(st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows)) for kind in kinds]
    return kinds, draw(st.lists(MOMENTS, min_size=rows, max_size=rows)), columns


@given(tables(), st.integers(0, 2**53))
def test_what_is_packed_is_read_back(table: tuple[list[FeatureType], list[datetime], list[list[Any]]], version: int) -> None:
    kinds, times, columns = table
    layout = layout_of(kinds)
    data = {"valid_from": pl.Series(times, dtype=POLARS["datetime"])}
    data |= {f"f{place}": pl.Series(columns[place], dtype=POLARS[kind]) for place, kind in enumerate(kinds)}
    packed = pack(layout, pl.DataFrame(data), version).to_pylist()
    rows = [tuple(column[row] for column in columns) for row in range(len(times))]
    found = layout.unpack(packed)
    assert repr(found.rows) == repr(rows)  # NaN is NaN, True is not 1
    assert found.valid_from == times
    assert [version_of_field(field) for field in packed] == [version] * len(times)


def test_a_tombstone_has_a_version_and_no_values() -> None:
    assert layout_of(["int"]).unpack([tombstone(7)]) == ([(None,)], [None])
    assert version_of_field(tombstone(7)) == 7


@pytest.mark.parametrize("kinds", [["int", "float"], ["int", "str"], ["datetime", "float"]])
def test_entities_with_nulls_with_nothing_and_with_a_tombstone_are_read_beside_the_others(kinds: list[DataType]) -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    value: dict[DataType, list[Any]] = {"int": [1, 2, None], "float": [1.5, None, 2.5], "str": ["a", None, "é"], "datetime": [at, None, at]}
    features = tuple((f"f{place}", kind, -place) for place, kind in enumerate(kinds))
    layout = ViewLayout("spend", "0123456789ab", "customer", (("customer_id", "int"),), features)
    data = {"valid_from": [at] * 3} | {f"f{place}": value[kind] for place, kind in enumerate(kinds)}
    packed = pack(layout, pl.DataFrame(data, schema_overrides={"valid_from": POLARS["datetime"]}), 1).to_pylist()
    rows = list(zip(*(value[kind] for kind in kinds), strict=True))
    assert layout.unpack(packed) == (rows, [at] * 3)
    asked = [packed[1], None, packed[0], tombstone(3), packed[2]]
    assert layout.unpack(asked) == ([rows[1], (0, -1), rows[0], (0, -1), rows[2]], [at, None, at, None, at])
    assert layout.unpack([None]) == ([(0, -1)], [None])
    assert layout.unpack([]) == ([], [])


def test_lists_are_read_back_and_an_empty_one_is_no_tombstone() -> None:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    features = (("words", "list[str]", []), ("n", "int", 0), ("days", "list[date]", []))
    layout = ViewLayout("spend", "0123456789ab", "customer", (("customer_id", "int"),), features)
    words = [["🛒 é", "", "x"], [], None, [""]]
    days = [[date(1969, 12, 31)], [], [date(2024, 2, 29), date(1, 1, 1)], []]
    rows = pl.DataFrame(
        {"valid_from": [at] * 4, "words": words, "n": [1, 2, 3, None], "days": days},
        schema_overrides={"valid_from": POLARS["datetime"], "words": POLARS["list[str]"], "days": POLARS["list[date]"]},
    )
    packed = pack(layout, rows, 1).to_pylist()
    found = layout.unpack([*packed, tombstone(2), None])
    assert found.rows == [*zip(words, [1, 2, 3, None], days, strict=True), ([], 0, []), ([], 0, [])]
    assert found.valid_from == [at] * 4 + [None] * 2
    assert pack(layout, rows[1:3], 1).to_pylist() == packed[1:3]  # a slice of a larger frame


def test_who_changes_a_list_that_was_read_changes_nobody_elses() -> None:
    layout = ViewLayout("spend", "0123456789ab", "customer", (("customer_id", "int"),), (("words", "list[str]", []),))
    first, second = layout.unpack([None, None]).rows
    first[0].append("mine")
    assert second == ([],)
    assert layout.unpack([tombstone(1)]).rows == [([],)]


def test_a_list_with_a_null_is_refused() -> None:
    layout = ViewLayout("spend", "0123456789ab", "customer", (("customer_id", "int"),), (("words", "list[str]", []),))
    rows = pl.DataFrame({"valid_from": [datetime(2024, 3, 1, tzinfo=UTC)], "words": [["a", None]]})
    with pytest.raises(OnlineError, match="a list in 'words' has a null"):
        pack(layout, rows, 1)


def test_ten_numbers_in_two_views_take_two_fields_of_59_bytes() -> None:
    row = pl.DataFrame({"valid_from": [datetime(2024, 3, 1, tzinfo=UTC)], **{f"f{place}": [0.5] for place in range(5)}})
    assert len(pack(layout_of(["float"] * 5), row, 1)[0].as_py()) == 8 + 8 + 2 + 1 + 5 * 8


def test_values_of_another_layout_are_refused() -> None:
    row = pl.DataFrame({"valid_from": [datetime(2024, 3, 1, tzinfo=UTC)], "f0": [3]})
    field = pack(layout_of(["int"]), row, 1)[0].as_py()
    others_kinds: list[list[DataType]] = [["float"], ["datetime"], ["int"] * 2, ["bool"], ["str"]]  # as many bytes, more, fewer
    for others in others_kinds:
        with pytest.raises(OnlineError, match=r"spend: .* cannot be read as f0.*platform-assets rebuild spend"):
            layout_of(others).unpack([field])


def test_views_and_their_versions_have_fields_of_their_own() -> None:
    layouts = [ViewLayout(view, version, "c", (), ()) for view in ("spend", "visits") for version in ("0123456789ab", "0123456789ac")]
    assert len({layout.field for layout in layouts}) == 4
    assert {len(layout.field) for layout in layouts} == {8}


def test_bytes_are_as_documented() -> None:
    layout = layout_of(["int", "str", "bool", "date"])
    at = datetime(1970, 1, 1, 0, 0, 0, 5, tzinfo=UTC)
    row = pl.DataFrame({"valid_from": [at], "f0": [-2], "f1": ["é:"], "f2": pl.Series([None], dtype=pl.Boolean), "f3": [date(1970, 1, 3)]})
    field = pack(layout, row, 258)[0].as_py()
    assert field[:8].hex() == "0000000000000102"
    assert field[8:16].hex() == "0000000000000005"
    assert field[16:18] == layout.id.to_bytes(2, "big")
    assert field[18] == 0b0100
    assert field[19:].hex() == "fffffffffffffffe" + "00000003" + "00" + "00000002" + "é:".encode().hex()


def test_bytes_of_lists_are_as_documented() -> None:
    layout = layout_of(["list[int]", "list[str]", "list[bool]"])
    row = pl.DataFrame({"valid_from": [datetime(1970, 1, 1, tzinfo=UTC)], "f0": [[-2, 1]], "f1": [["é", "ab"]], "f2": [[True]]})
    slots, numbers = "00000002" + "00000002" + "00000001", "fffffffffffffffe" + "0000000000000001"
    texts = "00000002" + "00000002" + "éab".encode().hex()
    assert pack(layout, row, 0)[0].as_py()[19:].hex() == slots + numbers + texts + "01"
