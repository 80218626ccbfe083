"""Whatever an API does wrong: rows that are right, or an error that says what is wrong, and raw as before."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from platform_assets import cursor_pages, link_header_pages, offset_pages
from platform_assets.errors import SourceError
from platform_assets_tests.sources.rest.declared import (
    DAY,
    Asked,
    Says,
    declared,
    notes,
    quarantined,
    raw_entries,
    receive,
    received,
    rows,
    serving,
    silver,
)

ROWS = rows(1, 2)
RIGHT = [("C1", 0.25), ("C2", 0.5)]


def first(*answers: Any) -> Callable[[Asked], Any]:
    """Answers one after the other, then rows."""
    return lambda asked: answers[asked.number - 1] if asked.number <= len(answers) else ROWS


@pytest.mark.parametrize(
    ("answers", "because"),
    [
        ([Says(b"oops", status=500)], "it answered 500"),
        ([Says(b"", status=503), Says(b"", status=502)], "it answered 503, it answered 502"),
        ([Says(b"", status=408)], "it answered 408"),
        ([Says(b"", status=425)], "it answered 425"),
        ([Says(b"slow down", status=429)], "it answered 429"),
        ([Says(ROWS, after=1.5)], "ReadTimeout"),
        ([Says(ROWS, cut_at=20)], "ReadError|RemoteProtocolError"),
        ([Says(ROWS, cut_at=0)], "ReadError|RemoteProtocolError"),
        ([Says(ROWS, headers={"Content-Encoding": "gzip"})], "DecodingError"),
    ],
    ids=["500", "503 and 502", "408", "425", "429", "late", "reset in the body", "reset before it", "no gzip"],
)
def test_what_another_try_may_change_is_tried_again(tmp_path: Path, answers: list[Says], because: str) -> None:
    with received(first(*answers), tmp_path) as server:
        assert silver(tmp_path) == RIGHT
        assert len(server.asked) == len(answers) + 1
    assert notes(tmp_path)["calls tried again"] == len(answers)
    assert re.fullmatch(because, notes(tmp_path)["tried again because"])


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 410, 422])
def test_what_no_other_try_changes_is_asked_for_once(tmp_path: Path, status: int) -> None:
    with serving(lambda _: Says(b"no such day", status=status)) as server:
        with pytest.raises(SourceError, match=rf"partition {DAY}: {server.url}/rates answered {status}\. Correct .* It says: no such day"):
            receive(declared(server.url), tmp_path)
        assert len(server.asked) == 1
    assert raw_entries(tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(tmp_path: Path, form: str) -> None:
    def busy(asked: Asked) -> Any:
        if asked.number > 1:
            return ROWS
        # A date has no fractions of a second: this one is between one and two seconds from now.
        after = "1" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return Says(b"", status=429, headers={"Retry-After": after})

    with received(busy, tmp_path) as server:
        begun, again = (asked.at for asked in server.asked)
        assert again - begun > 0.9
    assert silver(tmp_path) == RIGHT


def test_a_long_retry_after_lets_the_partition_wait_and_not_the_process(tmp_path: Path) -> None:
    with serving(lambda _: Says(b"", status=429, headers={"Retry-After": "7200"})) as server:
        began = time.monotonic()
        done = receive(declared(server.url), tmp_path)
        assert time.monotonic() - began < 60 and len(server.asked) == 1
    assert "it answered 429. It asks to wait 2 hours. It is asked again" in str(done.tables["rates/raw"].refused[DAY])


@pytest.mark.parametrize("nonsense", ["soon", "-5", "99999999999999999999999999", ""])
def test_a_retry_after_that_makes_no_sense_is_not_waited_for(tmp_path: Path, nonsense: str) -> None:
    with serving(first(Says(b"", status=503, headers={"Retry-After": nonsense}))) as server:
        receive(declared(server.url), tmp_path).check()
        assert len(server.asked) == 2


@pytest.mark.slow
def test_an_answer_that_drips_is_not_waited_for_without_end(tmp_path: Path) -> None:
    source_with = {"timeout": "1s", "attempts": 1}
    with serving(lambda _: Says(ROWS, drip=0.7)) as server:
        done = receive(declared(server.url, **source_with), tmp_path)
    assert "ReadTimeout: the answer was not at its end after 20 seconds" in str(done.tables["rates/raw"].refused[DAY])


def nobody() -> str:
    """The address of a server that is no longer there."""
    with serving(lambda _: ROWS) as server:
        return server.url


def test_nobody_answers(tmp_path: Path) -> None:
    url = nobody()
    done = receive(declared(url), tmp_path)
    assert f"{url} has not answered after 3 tries: ConnectError" in str(done.tables["rates/raw"].refused[DAY])
    assert raw_entries(tmp_path) == {}


PAGE = b"<!doctype html><html><title>Log in</title>"


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (Says(b'[{"currency": "C1", "at": "2024-0'), "page 1: the answer is cut off: 33 bytes, and its JSON does not end"),
        (Says(PAGE, content_type="text/html"), "page 1: the answer is HTML, not JSON: '<!doctype html><html><title>Log in</title>'"),
        (Says(PAGE), "page 1: the answer is HTML, not JSON"),
        (Says(b""), "page 1: the answer is empty"),
        (Says(b"  \n"), "page 1: the answer is empty"),
        (Says(b"currency,at\nC1,2024", content_type="text/csv"), "the answer is no JSON (text/csv): "),
        (Says(b"NaN"), "the answer is no JSON"),
        (Says(b'[{"a": 1}] [{"a": 2}]'), "the answer is no JSON"),
        (Says({"data": ROWS}), "rows='' is no list, it begins with '{\"data\""),
        (Says({"data": ROWS}), "Its names are: data. Correct rows=. If it is itself the only row, declare one_row=True."),
        (Says(b'"none"'), "rows='' is no list, it begins with '\"none\"'"),
        (Says([1, "x", None]), "none of its 3 rows is an object. The first is '1': it is not an object"),
        (Says(b'[{"currency": "Z\xfcrich"}]'), "page 1: the answer is not utf-8: byte 17, b'\\xfc' in "),
        (Says(b"[]", content_type="application/json; charset=klingon"), "there is no encoding 'klingon'"),
        (Says([{"currency": "C1", "when": "2024-03-05T09:00Z", "rate": 1}]), "the schema declares 'at', there is no such column"),
    ],
)
def test_what_is_no_page_of_rows_is_refused(tmp_path: Path, says: Says, message: str) -> None:
    with serving(lambda _: says) as server:
        with pytest.raises(SourceError, match=r"source 'rates', partition 2024-03-05") as error:
            receive(declared(server.url), tmp_path)
        assert message in str(error.value)
        assert len(server.asked) == 1, "no other try would change it"
    assert raw_entries(tmp_path) == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"data": {"rows": ROWS}}, "rows='data.items' leads nowhere. The names at 'data' are: rows."),
        ({"error": "quota"}, "rows='data.items' leads nowhere. The names in the answer are: error."),
        ({"data": ROWS}, "rows='data.items' leads nowhere. There is no object at 'data', it begins with"),
        ({"data": {"items": None}}, "rows='data.items' is no list, it begins with 'null'"),
        ({"data": {"items": {"C1": 2}}}, "rows='data.items' is no list"),
    ],
)
def test_rows_that_are_not_where_they_are_declared_are_refused(tmp_path: Path, body: Any, message: str) -> None:
    with serving(lambda _: body) as server, pytest.raises(SourceError) as error:
        receive(declared(server.url, rows="data.items"), tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "says",
    [
        Says(ROWS, content_type="text/plain"),
        Says(ROWS, content_type=None),
        Says(ROWS, content_type="text/html"),
        Says(ROWS, gzip=True),
        Says(b"\xef\xbb\xbf" + Says(ROWS).content),
        Says(Says(ROWS).content.decode().encode("utf-16"), content_type="application/json; charset=utf-16"),
    ],
    ids=["text/plain", "no type", "text/html", "gzip", "with a mark", "utf-16"],
)
def test_json_is_read_however_it_is_sent(tmp_path: Path, says: Says) -> None:
    with received(lambda _: says, tmp_path):
        assert silver(tmp_path) == RIGHT


def test_another_encoding_is_declared(tmp_path: Path) -> None:
    body = b'[{"currency": "Z\xfcrich", "at": "2024-03-05T09:00Z", "rate": 1}]'
    with received(lambda _: Says(body), tmp_path, encoding="latin-1"):
        assert silver(tmp_path) == [("Zürich", 1.0)]


def test_values_are_kept_as_they_are_written(tmp_path: Path) -> None:
    body = (
        b'[{"currency": "C1", "at": "2024-03-05T09:00Z", "rate": "1.10"}, {"currency": "C2", "at": "2024-03-05T09:00Z", "rate": 1.10},'
        b' {"currency": 12345678901234567890, "at": "2024-03-05T09:00Z", "rate": 1e2}, {"currency": "C4", "at": "2024-03-05T09:00Z"}]'
    )
    with received(lambda _: Says(body), tmp_path):
        assert silver(tmp_path) == [("C1", 1.1), ("C2", 1.1), ("12345678901234567890", 100.0), ("C4", None)]


def test_a_bad_row_is_quarantined_as_it_came(tmp_path: Path) -> None:
    body = (
        b'[{"currency": "C1", "at": "2024-03-05T09:00Z", "rate": 0.25}, 17,'
        b' {"currency": "C3", "at": "2024-03-05T09:00Z", "rate": 1, "rate": 2}, {"currency": "C4", "at": "yesterday", "rate": 1}]'
    )
    with received(lambda _: Says(body), tmp_path, source={"accepted_share": 0.1}):
        assert silver(tmp_path) == [("C1", 0.25)]
    aside = {row[0]: row[1:] for row in quarantined(tmp_path).select("unparsed", "unparsed_line", "reasons").iter_rows()}
    assert aside.pop("17") == (2, ["not parsed: it is not an object"])
    twice = '{"currency": "C3", "at": "2024-03-05T09:00Z", "rate": 1, "rate": 2}'
    assert aside.pop(twice) == (3, ["not parsed: the name 'rate' stands twice in it"])
    assert aside == {None: (None, ["at: not datetime"])}


def paged(*pages: list[Any]) -> Callable[[Asked], Any]:
    """Pages whose cursor is their number."""

    def answer(asked: Asked) -> Any:
        number = int(asked.params.get("cursor", "0"))
        return {"items": pages[number], "next": number + 1 if number + 1 < len(pages) else None}

    return answer


BY_CURSOR: dict[str, Any] = {"rows": "items", "pages": cursor_pages("next")}


def test_a_schema_that_changes_on_page_2_is_refused_with_the_page_before_it(tmp_path: Path) -> None:
    changed = [{"currency": "C2", "at": "2024-03-05T09:00Z", "value": 1}]
    message = r"the schema declares 'rate', there is no such column.*optional=\['rate'\]"
    with serving(paged(rows(1), changed)) as server, pytest.raises(SourceError, match=message):
        receive(declared(server.url, **BY_CURSOR), tmp_path)
    assert raw_entries(tmp_path) == {}


def test_a_column_that_a_page_may_lack_is_declared(tmp_path: Path) -> None:
    lacking = [{"currency": "C2", "at": "2024-03-05T09:00Z", "more": [1, {"a": 2}]}]
    with received(paged(rows(1), lacking), tmp_path, optional=["rate"], **BY_CURSOR):
        assert silver(tmp_path) == [("C1", 0.25), ("C2", None)]
    assert raw_entries(tmp_path)[DAY].details["columns_not_declared"] == ["more"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("behaviour", "pages", "message"),
    [
        (lambda _: {"items": ROWS, "next": "abc"}, cursor_pages("next"), "page 2: it has the same rows as the page before"),
        (lambda a: {"items": rows(a.number), "next": "abc"}, cursor_pages("next"), "the page after it is cursor=abc, which has"),
        (lambda a: {"items": rows(a.number), "next": f"/x?n={a.number % 3}"}, cursor_pages("next", parameter=None), "never end"),
        (lambda _: {"items": ROWS}, offset_pages(2), "although limit=2, offset=2 was asked for"),
        (lambda _: {"items": ROWS}, offset_pages(2, parameter="page", counts="pages"), "The API does not know the parameter"),
        (lambda a: {"items": rows(a.number), "next": a.number}, cursor_pages("next"), "after 20 pages there is a next one"),
        (lambda a: {"items": rows(a.number)}, offset_pages(1), "after 20 pages there is a next one"),
        (lambda a: {"items": ROWS if a.number == 1 else [], "n": 9}, offset_pages(2, total="n"), "its n is 9, and the pages ended after 2"),
        (lambda _: {"items": ROWS, "n": "many"}, offset_pages(1, total="n"), "total='n') is to be the number of all rows, and is 'many'"),
        (lambda _: Says({"items": ROWS}, headers={"Link": '<http://localhost:1/x>; rel="next"'}), link_header_pages(), "on another server"),
    ],
)
def test_pages_that_cannot_be_right_are_refused(tmp_path: Path, behaviour: Any, pages: Any, message: str) -> None:
    with serving(behaviour) as server:
        with pytest.raises(SourceError) as error:
            receive(declared(server.url, rows="items", pages=pages, max_pages=20), tmp_path)
        assert message in str(error.value)
        assert len(server.asked) <= 20
    assert raw_entries(tmp_path) == {}


def test_a_failure_on_the_last_page_keeps_none_of_the_pages(tmp_path: Path) -> None:
    def fails(asked: Asked) -> Any:
        return Says(b"", status=500) if asked.params.get("cursor") == "2" else paged(rows(1), rows(2), rows(3))(asked)

    with serving(fails) as server:
        source = declared(server.url, **BY_CURSOR)
        done = receive(source, tmp_path)
        assert "has not answered after 3 tries: it answered 500" in str(done.tables["rates/raw"].refused[DAY])
        assert raw_entries(tmp_path) == {}
        server.behaviour = paged(rows(1), rows(2), rows(3))
        receive(source, tmp_path).check()
    assert [currency for currency, _ in silver(tmp_path)] == ["C1", "C2", "C3"]


@pytest.mark.slow
def test_a_huge_answer_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    # Packed it is small: what counts is what it would be in memory.
    bomb = Says(b'[{"currency": "' + b"C" * (64 << 20) + b'"}]', gzip=True)
    with serving(lambda _: bomb) as server, pytest.raises(SourceError, match=r"an answer has more than 8 MB.*raise largest_answer="):
        receive(declared(server.url, largest_answer=8 << 20), tmp_path)


def test_redirects_are_followed_and_a_circle_is_an_error(tmp_path: Path) -> None:
    def moved(asked: Asked) -> Any:
        return Says(b"", status=302, headers={"Location": "/v2/rates"}) if asked.path == "/rates" else ROWS

    with received(moved, tmp_path) as server:
        assert silver(tmp_path) == RIGHT
        assert [asked.path for asked in server.asked] == ["/rates", "/v2/rates"]
        assert notes(tmp_path)["calls"] == 2
    circle = Says(b"", status=302, headers={"Location": "/rates"})
    with serving(lambda _: circle) as server, pytest.raises(SourceError, match="redirects in a circle"):
        receive(declared(server.url), tmp_path / "circle")


@pytest.mark.parametrize("says", [Says([]), Says(b"", status=204)])
def test_an_answer_without_rows_means_that_nothing_has_arrived_yet(tmp_path: Path, says: Says) -> None:
    with serving(lambda _: says) as server:
        source = declared(server.url, source={"empty_after": "3h"})
        done = receive(source, tmp_path)
        assert "nothing has arrived. From 2024-03-06 03:00 UTC on" in str(done.tables["rates/raw"].refused[DAY])
        server.behaviour = lambda _: ROWS
        receive(source, tmp_path).check()
    assert silver(tmp_path) == RIGHT


def test_what_404_means_is_declared(tmp_path: Path) -> None:
    with serving(lambda _: Says(b"", status=404)) as server:
        source = declared(server.url, not_found="nothing", source={"empty_after": "30m"})
        receive(source, tmp_path).check()
    assert raw_entries(tmp_path)[DAY].rows == 0
