"""From page to page: each is asked for, kept, and taken apart, until there is none after it."""

import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from platform_assets.errors import SourceError
from platform_assets.sources.rest.answers import Answer, KeptAnswers
from platform_assets.sources.rest.calls import Session, refusal, session
from platform_assets.sources.rest.page_rows import PageBody, Rows
from platform_assets.sources.rest.pages import Ask, Page
from platform_assets.sources.rest.terms import Spent, Terms, origin_of


def walk(terms: Terms, ask: Ask, kept: KeptAnswers, rows: Rows, spent: Spent) -> Iterator[tuple[int, PageBody]]:
    """The pages of a partition with their numbers.

    Raises:
        ProviderDownError: there is no answer.
        NotReadyError: no call is allowed now.
        SourceError: an answer is refused or no page; or the pages do not end.
    """
    with session(terms, spent) as calls:
        yield from _pages(terms, calls, terms.pages.first(ask), kept, rows)


def _pages(terms: Terms, calls: Session, ask: Ask, kept: KeptAnswers, rows: Rows) -> Iterator[tuple[int, PageBody]]:
    asked, before = {ask.key}, b""
    for number in range(1, terms.max_pages + 1):
        answer = calls.get(ask)
        kept.keep(answer)
        page = _page(terms, answer, number, rows)
        if page is None:
            return
        yield number, page
        digest = hashlib.sha256(answer.body).digest()
        if page.rows and digest == before:
            raise SourceError(
                f"{page.where}: it has the same rows as the page before, although {_differing(ask)} was asked for. "
                "The API does not know the parameter: correct pages=."
            )
        before = digest
        told = Page(len(page.rows), rows.received, page.value, answer.next_link, page.where)
        following = terms.pages.after(ask, told)
        if following is None:
            return
        ask = _at(following, ask, terms, page) if isinstance(following, str) else following
        if ask.key in asked:
            raise SourceError(f"{page.where}: the page after it is {_differing(ask)}, which has been read already: the pages never end.")
        asked.add(ask.key)
    raise SourceError(f"{terms.where}: after {terms.max_pages:,} pages there is a next one. If that is right, raise max_pages=.")


def _page(terms: Terms, answer: Answer, number: int, rows: Rows) -> PageBody | None:
    """The page; None where the answer says that there is none."""
    if answer.status == 204 or (answer.status == 404 and terms.not_found == "nothing" and number == 1):
        return None
    if answer.status != 200:
        raise SourceError(refusal(terms, answer))
    return rows.page(number, answer.body, answer.content_type, answer.charset)


def _at(address: str, ask: Ask, terms: Terms, page: PageBody) -> Ask:
    """The request for an address that a page names, without a secret that the API has put into it."""
    url = urljoin(ask.url, address)
    if origin_of(url) != terms.limits.api:
        raise SourceError(
            f"{page.where}: it names a next page on another server, {origin_of(url)}, and {terms.limits.api} was "
            "declared: the secret is not for others. If that server is right, declare its URL."
        )
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in terms.identity.parameters]
    return Ask(urlunsplit(parts._replace(query=urlencode(query), fragment="")), {})


def _differing(ask: Ask) -> str:
    """A request in few words."""
    return ", ".join(f"{name}={value}" for name, value in ask.params.items()) or ask.url
