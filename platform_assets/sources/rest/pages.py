"""How an API gives its rows in pages: what is asked for first, and what after a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from platform_assets.declare.arguments import checked_arguments, integer, one_of, shown
from platform_assets.errors import DeclarationError, SourceError

PageCounts = Literal["rows", "pages"]


@dataclass(frozen=True)
class Ask:
    """One request: the address and its parameters, without secrets."""

    url: str
    params: Mapping[str, str]

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for the same request."""
        return self.url, *sorted(self.params.items())

    def having(self, **params: str) -> "Ask":
        return replace(self, params={**self.params, **params})


@dataclass(frozen=True)
class Page:
    """What a page says of itself."""

    rows: int
    received: int
    """The rows of this page and those before."""
    value: Callable[[str], str | None]
    """The text of the value at a path of names, such as "meta.next"; None where there is none, or null."""
    next_link: str | None
    """Of the header Link."""
    where: str


class Pages(Protocol):
    """A way to page."""

    def first(self, ask: Ask) -> Ask:
        """What is asked for first."""

    def after(self, ask: Ask, page: Page) -> Ask | str | None:
        """What is asked for after a page: a request, the address of one, or None after the last page."""


@dataclass(frozen=True)
class OnePage:
    """All rows come in one answer."""

    def first(self, ask: Ask) -> Ask:
        return ask

    def after(self, ask: Ask, page: Page) -> Ask | str | None:
        return None


@dataclass(frozen=True)
class OffsetPages:
    """Made by `offset_pages`."""

    limit: int
    parameter: str
    limit_parameter: str | None
    counts: PageCounts
    start: int
    total: str | None

    def first(self, ask: Ask) -> Ask:
        limit = {} if self.limit_parameter is None else {self.limit_parameter: str(self.limit)}
        return ask.having(**limit, **{self.parameter: str(self.start)})

    def after(self, ask: Ask, page: Page) -> Ask | str | None:
        total = None if self.total is None else _number(page, self.total)
        if not page.rows:
            if total is not None and page.received < total:
                raise SourceError(
                    f"{page.where}: its {self.total} is {total:,}, and the pages ended after {page.received:,} rows: some are missing. "
                    "Nothing of the partition is kept."
                )
            return None
        if total is not None and page.received >= total:
            return None
        # By what came, not by what was asked for: an API may give less than the limit.
        step = page.rows if self.counts == "rows" else 1
        return ask.having(**{self.parameter: str(int(ask.params[self.parameter]) + step)})


@dataclass(frozen=True)
class CursorPages:
    """Made by `cursor_pages`."""

    next: str
    parameter: str | None

    def first(self, ask: Ask) -> Ask:
        return ask

    def after(self, ask: Ask, page: Page) -> Ask | str | None:
        cursor = page.value(self.next)
        if cursor in (None, "", "false"):
            return None
        assert cursor is not None
        if self.parameter is None or cursor.startswith(("http://", "https://")):
            return cursor
        return ask.having(**{self.parameter: cursor})


@dataclass(frozen=True)
class LinkHeaderPages:
    """Made by `link_header_pages`."""

    def first(self, ask: Ask) -> Ask:
        return ask

    def after(self, ask: Ask, page: Page) -> Ask | str | None:
        return page.next_link


def _number(page: Page, path: str) -> int:
    text = page.value(path)
    try:
        return int(text or "")
    except ValueError:
        raise SourceError(
            f"{page.where}: offset_pages(total={path!r}) is to be the number of all rows, and is {shown(text)}. Correct the path, or leave "
            "total= out: then the pages end with an empty one."
        ) from None


@checked_arguments("offset_pages")
def offset_pages(
    limit: int = 100,
    *,
    parameter: str = "offset",
    limit_parameter: str | None = "limit",
    counts: PageCounts = "rows",
    start: int | None = None,
    total: str | None = None,
) -> OffsetPages:
    """Pages by the number of rows to skip, or by their own number. They end with the first empty page, or when there are all `total` rows.

    Args:
        limit: the rows of a page that are asked for. An API may give fewer; what is skipped next follows from what it gave.
        parameter: the name of the parameter: "offset", "skip", or "page".
        limit_parameter: the name of the one for the limit; None: none is sent.
        counts: what `parameter` counts: "rows", or "pages".
        start: its first value; default 0 for rows, 1 for pages.
        total: where the answer has the number of all rows, such as "meta.total": saves the call for the empty page, and shows a loss.

    >>> offset_pages(500, parameter="page", limit_parameter="per_page", counts="pages").start
    1
    """
    one_of(counts, ("rows", "pages"), "offset_pages, counts", "way to count")
    for name, text in {"parameter": parameter, "limit_parameter": limit_parameter, "total": total}.items():
        _text(text, f"offset_pages, {name}", is_needed=name == "parameter")
    first = (0 if counts == "rows" else 1) if start is None else integer(start, "offset_pages, start", least=0)
    return OffsetPages(integer(limit, "offset_pages, limit", least=1), parameter, limit_parameter, counts, first, total)


@checked_arguments("cursor_pages")
def cursor_pages(next: str, *, parameter: str | None = "cursor") -> CursorPages:
    """Pages of which each names the next. They end where it names none.

    Args:
        next: where the answer has it, such as "meta.next_cursor": a cursor, or a whole URL.
        parameter: the name of the parameter that the cursor is sent in; None if it is a URL, or the path of one.

    >>> cursor_pages("meta.next", parameter="after").parameter
    'after'
    """
    _text(next, "cursor_pages, next", is_needed=True)
    _text(parameter, "cursor_pages, parameter")
    return CursorPages(next, parameter)


@checked_arguments("link_header_pages")
def link_header_pages() -> LinkHeaderPages:
    """Pages that name the next in the header `Link: <...>; rel="next"`, as GitHub's API does. They end where there is none.

    >>> link_header_pages()
    LinkHeaderPages()
    """
    return LinkHeaderPages()


def _text(text: object, where: str, is_needed: bool = False) -> None:
    if (text is None and is_needed) or (text is not None and (not isinstance(text, str) or not text)):
        raise DeclarationError(f"{where}: {shown(text)} is no name. Write it as the API's documentation does.")
