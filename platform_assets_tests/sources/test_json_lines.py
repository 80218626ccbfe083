"""JSON lines: the rows and bad lines are those that Python's own parser finds, line by line."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from platform_assets import Arrival
from platform_assets.errors import NotReadyError, SourceError

DAY = "2024-03-05"


def arrival() -> Arrival:
    return Arrival("events", DAY, datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))


def read(content: bytes, folder: Path, name: str = f"{DAY}.jsonl", **options: Any) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """The rows as dicts without nulls, and the bad lines with the reason of each."""
    (folder / name).write_bytes(content)
    came = arrival()
    frames = came.read_json_lines(folder / name, **options)
    assert frames is not None
    rows = [{n: v for n, v in row.items() if v is not None} for frame in frames for row in frame.iter_rows(named=True)]
    return rows, {line.line: line.reason for line in came.unparsed}


class Written(str):
    """A number, as it is written."""


def pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def expected(line: bytes) -> dict[str, str] | None:
    """What Python's parser makes of a line: None if it is not a row."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        text = line.decode()
        found = json.loads(text, object_pairs_hook=lambda p: p, parse_int=Written, parse_float=Written, parse_constant=refuse)
        if not text.lstrip().startswith("{"):
            return None
        once = pairs_once(found)
        for text in (*once, *(value for value in once.values() if isinstance(value, str))):
            text.encode()  # a lone surrogate is not a text
    except ValueError:
        return None
    words: dict[Any, str] = {True: "true", False: "false"}
    return {name: words[value] if isinstance(value, bool) else str(value) for name, value in once.items() if value is not None}


PLAIN = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=8) | st.floats(allow_nan=True)
OBJECTS = st.dictionaries(st.text(max_size=5), PLAIN, max_size=5)
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,", ":  ")])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    written = json.dumps(draw(OBJECTS), separators=draw(SEPARATORS), ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    damage = draw(st.sampled_from(["none", "none", "none", "cut", "twice", "byte", "list"]))
    if damage == "cut":
        return written[: draw(st.integers(0, len(written)))]
    if damage == "twice":
        return written[:-1] + (b"," if len(written) > 2 else b"") + b'"a":1,"a":2}'
    if damage == "byte":
        at = draw(st.integers(0, len(written) - 1))
        return written[:at] + bytes([draw(st.integers(0, 255).filter(lambda b: b != 10))]) + written[at + 1 :]
    return b"[" + written + b"]" if damage == "list" else written


@given(st.lists(lines(), min_size=1, max_size=12))
@example([b'{"":null,"\\ud800 udc00":null}'])
@example([b'{"a":"\\ud800"}'])
def test_rows_and_bad_lines_are_those_of_pythons_parser(tmp_path_factory: pytest.TempPathFactory, written: list[bytes]) -> None:
    written = [b'{"first":"row"}', *written]  # without any row the file is refused
    rows, bad = read(b"\n".join(written) + b"\n", tmp_path_factory.mktemp("lines"))
    wanted = [expected(line.strip(b" \t\r")) for line in written]
    blank = [not line.strip(b" \t\r") for line in written]
    assert rows == [row for row in wanted if row is not None]
    assert sorted(bad) == [n for n, (row, is_blank) in enumerate(zip(wanted, blank, strict=True), 1) if row is None and not is_blank]


def test_values_are_kept_as_they_are_written(tmp_path: Path) -> None:
    line = rb'{"a": 1.10, "b": 1e3, "c": 12345678901234567890123, "d": true, "e": null, "f": "a\"b\u00e9", "g": {"x": [1, 2]}, "h": ""}'
    rows, bad = read(line, tmp_path)
    assert rows == [{"a": "1.10", "b": "1e3", "c": "12345678901234567890123", "d": "true", "f": 'a"bé', "g": '{"x": [1, 2]}', "h": ""}]
    assert bad == {}


def test_a_bad_line_is_kept_with_its_number_and_reason_and_the_others_are_read(tmp_path: Path) -> None:
    content = b'{"a":1}\n\n{"a":\n{"a":NaN}\n[1]\n{"a":1,"a":2}\n{"a":"\xff"}\n{"a": 2} \r\n'
    rows, bad = read(content, tmp_path)
    assert rows == [{"a": "1"}, {"a": "2"}]
    assert bad == {
        3: "Input data was truncated",
        4: "NaN is not JSON; have it written as null",
        5: "it is not an object",
        6: "the name 'a' stands twice in it",
        7: "byte 7 is not UTF-8",
    }


@pytest.mark.parametrize("line", ['{"\U00010000":  null,"a":1,"a":2}', '{"a":1,"b":2,"c":3,"d":4,"d":10}', '{"b": 1, "a":1,"a":22}'])
def test_a_name_that_stands_twice_is_found_whatever_the_length_of_the_others(tmp_path: Path, line: str) -> None:
    rows, bad = read(f'{{"first":1}}\n{line}\n'.encode(), tmp_path)
    assert rows == [{"first": "1"}]
    assert list(bad) == [2]


def test_names_within_objects_are_taken_out_by_rename(tmp_path: Path) -> None:
    content = b'{"user":{"id":7,"home":{"city":"Bonn"}}}\n{"user":null}\n{"other":1}\n{"user":"x"}\n{"user":{"id":null}}\n'
    rows, _ = read(content, tmp_path, rename={"user.id": "user_id", "user.home.city": "city"})
    assert [(row.get("user_id"), row.get("city")) for row in rows] == [
        ("7", "Bonn"),
        (None, None),
        (None, None),
        (None, None),
        (None, None),
    ]


def test_lines_may_have_other_names_and_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert read(b'{"a":1}\n{"b":2}\n{}', tmp_path) == ([{"a": "1"}, {"b": "2"}, {}], {})
    assert read(b"", tmp_path) == ([], {})
    assert read(b"\xef\xbb\xbf{}\n", tmp_path) == ([{}], {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'[\n{"a":1},\n{"a":2}\n]\n', "If it is one list of objects"),
        (b'{\n"a":1\n}\n', "If its objects are spread over several lines"),
        (b"a,b\n1,2\n", "none of its lines is a JSON object. Line 1 is 'a,b'"),
        (b'{"a":1}\n{"a":', "the file was cut off"),
        ('{"a":1}\n'.encode("utf-16"), "it is UTF-16. Say so: read_json_lines"),
        (gzip.compress(b'{"a":1}\n', mtime=0)[:-3], "unexpected end of file"),
        (b'{"a":1}\n', "rename= has the name 'b.c', which no line has"),
    ],
)
def test_a_file_that_is_no_json_lines_is_refused_with_the_fix(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=r"source 'events', partition 2024-03-05, file 2024-03-05.jsonl: ") as error:
        read(content, tmp_path, **({"rename": {"b.c": "c"}} if "rename" in says else {}))
    assert says in str(error.value)


def test_many_bad_lines_are_not_read_to_the_end(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none of its lines"):
        read(b"x\n" * 5_000_000, tmp_path)


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_compressed_files_and_lines_across_blocks_are_the_same(tmp_path: Path, packed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_assets.sources import json_lines

    monkeypatch.setattr(json_lines, "_AT_ONCE", 50)
    written = [{"n": n, "text": "é" * (n % 40)} for n in range(200)]
    content = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in written).encode()
    if packed == "gz":
        content = gzip.compress(content)
    else:
        import pyarrow as pa

        content = pa.compress(content, codec="zstd", asbytes=True)
    rows, bad = read(content, tmp_path, f"{DAY}.jsonl.{packed}")
    assert rows == [{"n": str(one["n"]), "text": one["text"]} for one in written]
    assert bad == {}


def test_a_file_that_grows_while_it_is_read_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / f"{DAY}.jsonl"
    file.write_bytes(b'{"a":1}\n')
    frames = arrival().read_json_lines(file)
    assert frames is not None
    assert next(frames).equals(pl.DataFrame({"a": ["1"]}))
    with file.open("ab") as more:
        more.write(b'{"a":2}\n')
    with pytest.raises(NotReadyError, match="it changed while it was read"):
        list(frames)
