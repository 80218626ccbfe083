"""Calls of an API: within its limits, tried again where that is worth it, answered from the cache where HTTP allows it.

From top to bottom: redirects (httpx), the cache (hishel), and `_Calls`, which sends. What is above the secret cannot keep it: it is added
below the cache, and to requests to the declared server alone.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from platform_assets.declare.durations import in_words
from platform_assets.errors import NotReadyError, ProviderDownError, SourceError, extra
from platform_assets.sources.rest.answers import Answer
from platform_assets.sources.rest.limits import Turns, folder
from platform_assets.sources.rest.pages import Ask
from platform_assets.sources.rest.terms import Spent, Terms, origin_of

with extra("rest"):
    import hishel
    import httpx
    import stamina
    from hishel.httpx import SyncCacheTransport

# At DEBUG it logs the headers of answers, in which an API may repeat the secret.
logging.getLogger("httpcore.http11").setLevel(logging.INFO)

WORTH_ANOTHER_TRY = (408, 425, 429)
"""Beside 500 to 599."""
_DRIPPING = 20
"""An answer may take so many times the timeout until its end: a server that sends a byte now and then never lets a read time out."""
_SHOWN = 200


class _RetryError(Exception):
    """An answer that is worth another try."""

    def __init__(self, status: int, wait: timedelta | None) -> None:
        super().__init__(f"it answered {status}")
        self.status, self.wait = status, wait


class Session:
    """Calls of one partition."""

    def __init__(self, terms: Terms, spent: Spent, client: httpx.Client) -> None:
        self._terms, self._spent, self._client = terms, spent, client

    def get(self, ask: Ask) -> Answer:
        """Asks, and gives what was answered, whatever its status.

        Raises:
            ProviderDownError: there is no answer, after all tries.
            NotReadyError: no call is allowed now.
            SourceError: the answer is too large, or redirects in a circle.
        """
        terms, asked_at, began = self._terms, datetime.now(UTC), time.monotonic()
        # httpx would take an empty mapping for the wish to drop the parameters that stand in the URL.
        request = self._client.build_request("GET", ask.url, params=dict(ask.params) or None)
        try:
            response = self._client.send(request)
        except _RetryError as error:
            raise self._down(f"{error}", error.wait) from None
        except httpx.TooManyRedirects:
            raise SourceError(f"{terms.where}: {self._shown(request.url)} redirects in a circle. Correct the URL.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise SourceError(f"{terms.where}: {self._shown(request.url)} redirects to no URL: {terms.identity.hide(str(error))}") from None
        except httpx.RequestError as error:
            raise self._down(terms.identity.hide(f"{type(error).__name__}: {error}".rstrip(": ")), None) from None
        is_cached = bool(response.extensions.get("hishel_from_cache"))
        self._spent.cached += is_cached
        return Answer(
            self._shown(request.url),
            response.status_code,
            response.headers.get("content-type", ""),
            response.charset_encoding,
            asked_at,
            round(time.monotonic() - began, 3),
            is_cached,
            response.links.get("next", {}).get("url"),
            response.content,
        )

    def _shown(self, url: httpx.URL) -> str:
        return self._terms.identity.hide(str(url))

    def _down(self, why: str, wait: timedelta | None) -> ProviderDownError:
        tries = f" after {self._terms.retrying.attempts} tries" if wait is None else ""
        later = f" It asks to wait {in_words(wait)}." if wait is not None else ""
        return ProviderDownError(
            f"{self._terms.where}: {self._terms.limits.api} has not answered{tries}: {why}.{later} It is asked again, ever more rarely."
        )


@contextmanager
def session(terms: Terms, spent: Spent) -> Iterator[Session]:
    """Calls that share connections."""
    with ExitStack() as open_things:
        turns = terms.limits.turns()
        if turns is not None:
            open_things.enter_context(closing(turns))
        transport: httpx.BaseTransport = _Calls(terms, spent, turns)
        if terms.cache is not None:
            storage = hishel.SyncSqliteStorage(database_path=folder() / f"{terms.cache}.sqlite")
            policy = hishel.SpecificationPolicy(cache_options=hishel.CacheOptions(shared=False))
            transport = SyncCacheTransport(transport, storage=storage, policy=policy)
        headers = {"accept": "application/json", **terms.headers}
        client = open_things.enter_context(httpx.Client(transport=transport, headers=headers, follow_redirects=True, max_redirects=5))
        yield Session(terms, spent, client)


class _Calls(httpx.BaseTransport):
    """Sends requests."""

    def __init__(self, terms: Terms, spent: Spent, turns: Turns | None) -> None:
        self._terms, self._spent, self._turns = terms, spent, turns
        self._sends = httpx.HTTPTransport(retries=0, trust_env=True)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        retrying = self._terms.retrying
        attempts = stamina.retry_context(
            on=self._wait,
            attempts=retrying.attempts,
            timeout=None,
            wait_initial=retrying.first_wait,
            wait_max=retrying.longest_wait,
            wait_jitter=retrying.first_wait,
        )
        for attempt in attempts:
            with attempt:
                if attempt.num > 1:
                    self._spent.retries += 1
                return self._once(request)
        raise AssertionError("unreachable")  # the last attempt raises

    def _wait(self, error: Exception) -> bool | float:
        """Whether a call is worth another try, and after how many seconds if the API says so."""
        if isinstance(error, _RetryError):
            self._spent.why.append(str(error))
            if error.wait is None:
                return True
            return error.wait.total_seconds() if error.wait <= self._terms.retrying.longest_wait else False
        # Of these nothing was answered, or not to its end; of others the request itself is wrong.
        is_cut = isinstance(error, httpx.TransportError | httpx.DecodingError)
        if is_cut and not isinstance(error, httpx.UnsupportedProtocol | httpx.ProxyError):
            self._spent.why.append(type(error).__name__)
            return True
        return False

    def _once(self, request: httpx.Request) -> httpx.Response:
        try:
            self._spent.today = self._terms.limits.count()
        except NotReadyError as error:
            raise NotReadyError(f"{self._terms.where}: {error}") from None
        if self._turns is not None:
            self._turns.wait()
        self._spent.calls += 1
        began = time.monotonic()
        try:
            with closing(self._sends.handle_request(self._with_secret(request))) as response:
                if response.status_code in WORTH_ANOTHER_TRY or response.status_code >= 500:
                    raise _RetryError(response.status_code, _retry_after(response.headers.get("retry-after")))
                return self._read(response, began)
        finally:
            self._spent.seconds += time.monotonic() - began

    def _with_secret(self, request: httpx.Request) -> httpx.Request:
        """The request as it is sent: with the secret, if it goes to the declared server."""
        url, headers = request.url, request.headers.copy()
        if origin_of(str(url)) == self._terms.limits.api:
            headers.update(self._terms.identity.headers)
            for name, value in self._terms.identity.parameters.items():
                url = url.copy_set_param(name, value)
        limit = self._terms.timeout.total_seconds()
        return httpx.Request(
            request.method, url, headers=headers, extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), limit)}
        )

    def _read(self, response: httpx.Response, began: float) -> httpx.Response:
        """The answer with its whole body, unpacked and without the secret, if the API repeats it."""
        limit, parts, size = self._terms.timeout.total_seconds() * _DRIPPING, list[bytes](), 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > self._terms.largest:
                raise SourceError(
                    f"{self._terms.where}: an answer has more than {self._terms.largest >> 20:,} MB. Ask for smaller pages, such as "
                    "pages=offset_pages(limit=1000), or raise largest_answer=."
                )
            if time.monotonic() - began > limit:
                raise httpx.ReadTimeout(f"the answer was not at its end after {limit:g} seconds")
        hide = self._terms.identity.hide_in
        body = hide(b"".join(parts))
        headers = [
            (name, hide(value))
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
        ]
        if not {"cache-control", "expires"} & {*response.headers}:
            # Without these HTTP lets a cache guess how long an answer holds. Ours asks.
            headers.append((b"cache-control", b"no-cache"))
        return httpx.Response(response.status_code, headers=headers, content=body)

    def close(self) -> None:
        self._sends.close()


def _retry_after(text: str | None) -> timedelta | None:
    """How long the API asks to wait: seconds, or until a time."""
    if not text:
        return None
    try:
        if text.strip().isdigit():
            return timedelta(seconds=int(text))
        until = parsedate_to_datetime(text)
        return max(until - datetime.now(UTC), timedelta(0))
    except (ValueError, OverflowError, TypeError):
        return None


def refusal(terms: Terms, answer: Answer) -> str:
    """What is said of a status that no other try would change."""
    began = f"{terms.where}: {answer.url} answered {answer.status}"
    if answer.status in (401, 403):
        if terms.credentials is None:
            return f"{began}: it wants to know who asks. Declare auth=, such as auth=bearer_token(env='API_TOKEN')."
        why = "is wrong or expired" if answer.status == 401 else "may not read this"
        return f"{began}: the secret in {terms.credentials.place} {why}. Set one that is valid{_said(answer)}"
    return f"{began}. Correct url= or params=, which no other try would{_said(answer)}"


def _said(answer: Answer) -> str:
    text = " ".join(answer.body[: 4 * _SHOWN].decode(errors="replace").split())
    return f". It says: {text[:_SHOWN]}" if text else "."
