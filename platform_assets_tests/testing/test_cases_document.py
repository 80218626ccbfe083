"""YAML as plain data: plain words mean what they look like, and every message knows its line."""

import pytest

from platform_assets.errors import DeclarationError
from platform_assets.testing.cases.document import read_document, read_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("y", "y"),
        ("10:30", "10:30"),
        ("2024-03-01", "2024-03-01"),
        ("2024-03-01 10:00:00", "2024-03-01 10:00:00"),
        ("2024-03-01T10:00:00Z", "2024-03-01T10:00:00Z"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        (".nan", ".nan"),
        ("1e9", 1e9),
        ("1e-5", 1e-5),
        ("-.5", -0.5),
        ("7.", 7.0),
        ("007", 7),
        ("+3", 3),
        ("9223372036854775808", 2**63),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("'null'", "null"),
        ('"1"', "1"),
        ("[1, a, null, [2.5]]", [1, "a", None, [2.5]]),
        ("{count: , over: 7d}", {"count": None, "over": "7d"}),
        ("str | None", "str | None"),
    ],
)
def test_a_plain_word_means_what_it_looks_like(text: str, value: object) -> None:
    found = read_value(text)
    assert found == value
    assert type(found) is type(value)


def test_a_block_of_text_stays_as_it_stands() -> None:
    assert read_document("rows: |\n  a | b\n  1 | 2\n", "f").data == {"rows": "a | b\n1 | 2\n"}


def test_a_place_is_the_line_of_the_nearest_entry() -> None:
    document = read_document("a: 1\ncases:\n  - case: x\n    rows: []\n  - case: y\n", "f.yaml")
    assert document.place("a") == "f.yaml, line 1"
    assert document.place("cases", 0, "rows") == "f.yaml, line 4"
    assert document.place("cases", 0, "rows", 7, "b") == "f.yaml, line 4"
    assert document.place("cases", 1) == "f.yaml, line 5"
    assert document.place("b") == "f.yaml"


def test_an_alias_stands_for_what_it_names() -> None:
    assert read_document("a: &rows [1, 2]\nb: *rows\n", "f").data == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml, line 3: 'a' is listed twice"),
        ("a: &x [*x]\n", "f.yaml, line 1: an alias is inside the node it refers to"),
        ("a: *nobody\n", "f.yaml, line 1, column 4: found undefined alias"),
        ("? [1, 2]\n: 3\n", "f.yaml, line 1: a key is a word"),
        ("a: b: c\n", "f.yaml, line 1, column 5: mapping values are not allowed here. Put a string with ': ' or '#' in quotes."),
        ("a: [1\n", "f.yaml, line 2, column 1"),
        ("a: 1\n---\na: 2\n", "f.yaml, line 2, column 1: but found another document"),
        ("a: \x07\n", "f.yaml: unacceptable character"),
    ],
)
def test_what_is_no_document_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(DeclarationError) as error:
        read_document(text, "f.yaml")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_tag_makes_no_object() -> None:
    assert read_document("a: !!python/object/apply:os.getcwd []\n", "f").data == {"a": []}
