"""Rows of an API: page by page, with the parameters of the partition, each value as it is written."""

from pathlib import Path
from typing import Any

import pytest

from platform_assets import cursor_pages, link_header_pages, offset_pages
from platform_assets_tests.sources.rest.declared import Asked, Says, notes, received, rows, silver

ALL = rows(*range(7))


def test_one_answer_is_received(tmp_path: Path) -> None:
    with received(lambda _: ALL, tmp_path) as server:
        assert silver(tmp_path) == [(f"C{n}", n / 4) for n in range(7)]
        assert [asked.path for asked in server.asked] == ["/rates"]
    assert notes(tmp_path)["calls"] == 1


def by_offset(asked: Asked) -> Any:
    start, limit = int(asked.params["offset"]), int(asked.params["limit"])
    return {"data": {"items": ALL[start : start + limit]}, "meta": {"total": len(ALL)}}


def by_number(asked: Asked) -> Any:
    page = int(asked.params["page"])
    return {"data": {"items": ALL[3 * page - 3 : 3 * page]}}


def at_most_two(asked: Asked) -> Any:
    start = int(asked.params["offset"])
    return {"data": {"items": ALL[start : start + 2]}}


def by_cursor(asked: Asked) -> Any:
    start = int(asked.params.get("cursor", "0"))
    return {"data": {"items": ALL[start : start + 3]}, "meta": {"next": start + 3 if start + 3 < len(ALL) else None}}


def by_address(asked: Asked) -> Any:
    start = int(asked.params.get("from", "0"))
    following = f"/rates?from={start + 3}&kind=spot" if start + 3 < len(ALL) else ""
    return {"data": {"items": ALL[start : start + 3]}, "meta": {"next": following}}


def by_link(asked: Asked) -> Any:
    start = int(asked.params.get("from", "0"))
    link = f'<http://{asked.headers["host"]}/rates?from={start + 3}>; rel="next", <http://elsewhere/>; rel="last"'
    return Says({"data": {"items": ALL[start : start + 3]}}, headers={"Link": link} if start + 3 < len(ALL) else {})


@pytest.mark.parametrize(
    ("behaviour", "pages", "calls"),
    [
        (by_offset, offset_pages(3), 4),
        (by_offset, offset_pages(3, total="meta.total"), 3),
        (by_number, offset_pages(3, parameter="page", counts="pages"), 4),
        (at_most_two, offset_pages(3), 5),
        (by_cursor, cursor_pages("meta.next"), 3),
        (by_address, cursor_pages("meta.next", parameter=None), 3),
        (by_link, link_header_pages(), 3),
    ],
)
def test_all_pages_are_received_once(tmp_path: Path, behaviour: Any, pages: Any, calls: int) -> None:
    with received(behaviour, tmp_path, rows="data.items", pages=pages) as server:
        assert silver(tmp_path) == [(f"C{n}", n / 4) for n in range(7)]
        assert len(server.asked) == calls == notes(tmp_path)["calls"]
