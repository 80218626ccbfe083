"""A connector of REST APIs: rows of JSON by HTTP, page by page, kept as they were answered before they are read."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from platform_assets.declare.arguments import checked_arguments, integer, list_of, one_of, shown, texts_by_name
from platform_assets.declare.durations import duration, positive
from platform_assets.declare.source import Source
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError, ProviderDownError, SourceError
from platform_assets.frames.spill import Spill, in_batches
from platform_assets.sources.arrival import NOT_READ, Arrival
from platform_assets.sources.path_patterns import filled, has_placeholder, placeholders
from platform_assets.sources.rest.limits import Limits
from platform_assets.sources.rest.page_rows import Reading, Rows
from platform_assets.sources.rest.pages import Ask, CursorPages, LinkHeaderPages, OffsetPages, OnePage
from platform_assets.sources.rest.secret import NOBODY, Credentials
from platform_assets.sources.rest.terms import NotFound, Retrying, Spent, Terms, origin_of

if TYPE_CHECKING:
    from platform_assets.sources.rest.answers import Answer, KeptAnswers

WhenDown = Literal["wait", "last_value"]
_READER = "rest_api"
_OF_ITS_TIME = ("start", "end", "start_unix", "end_unix", "last")
_SECRET_NAMES = re.compile(r"(?i)(api[-_]?key|appid|token|secret|passw|authorization|cookie|signature)")


@dataclass(frozen=True)
class RestApi:
    """An API whose rows are received. Made by `rest_api`."""

    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    reading: Reading
    pages: OnePage | OffsetPages | CursorPages | LinkHeaderPages
    auth: Credentials | None
    timeout: timedelta
    attempts: int
    first_wait: timedelta
    longest_wait: timedelta
    rate: Mapping[timedelta, int]
    calls_a_day: int | None
    cost_of_a_call: float | None
    cache: bool
    not_found: NotFound
    again_after: tuple[timedelta, ...]
    when_down: WhenDown
    stale_after: timedelta | None
    max_pages: int
    largest_answer: int

    reader = _READER
    keeps_answers = True

    @property
    def is_final(self) -> bool:
        return not self.again_after

    @property
    def version(self) -> str:
        reading = {name: value for name, value in vars(self.reading).items() if value}
        more = {"not_found": self.not_found} if self.not_found != "error" else {}
        return version_of({"api": self.url, "params": dict(self.params), "pages": repr(self.pages), **reading, **more})

    def check(self, where: str, source: Source) -> None:
        values = {**placeholders(source.partitions.key(source.partitions.first)), **dict.fromkeys(_OF_ITS_TIME, "")}
        for text in (self.url, *self.params.values(), *self.reading.added.values()):
            try:
                filled(text, values, f"{where}, {_READER}")
            except SourceError as error:
                raise DeclarationError(str(error).replace("the path", "the text")) from None
        if self.again_after and self.is_present:
            raise DeclarationError(
                f"{where}, {_READER}, again_after: neither url= nor params= has a placeholder, so the API gives its present state, "
                "which is not that of an earlier partition. Ask for one, params={'from': '{start}', 'to': '{end}'}, or leave it out."
            )

        if self.stale_after is not None and source.kind == "events":
            raise DeclarationError(
                f"{where}, {_READER}, when_down: events have no last value: what nobody has answered is still to be received. Leave it "
                "out, or declare kind='state' if the rows are updates of a state."
            )
        if self.stale_after is not None and source.empty_after is None:
            raise DeclarationError(
                f"{where}, {_READER}, when_down: say how long after a partition's end it is asked for again before the source goes on with "
                "its last value, such as empty_after='2h'."
            )

    @property
    def is_present(self) -> bool:
        """Whether it is not asked for a time: it gives its present state."""
        return not any(map(has_placeholder, (self.url, *self.params.values())))

    def look(self, arrival: Arrival) -> str | None:
        """Another text when the partition is to be asked for (again). No call is made."""
        return self._mark(arrival)

    def read(self, arrival: Arrival) -> Iterator[pl.DataFrame] | None:
        from platform_assets.sources.rest.answers import KeptAnswers

        where = f"source {arrival.source!r}, partition {arrival.partition}"
        values = _values(arrival)
        ask = Ask(filled(self.url, values, where), {name: filled(text, values, where) for name, text in self.params.items()})
        arrival.origins.append(self.url)
        arrival.mark = self._mark(arrival)
        kept = KeptAnswers(arrival.lake, arrival.source, arrival.partition)
        asked = hashlib.sha256(json.dumps([ask.key, repr(self.pages)]).encode()).hexdigest()[:16]
        bad = arrival.spill()
        rows = Rows(self._reading_of(values, where), where, bad)
        earlier = kept.newest(asked) if self.is_final else None
        # Only what an API of the present said then is right for this partition.
        if earlier is not None and (arrival.is_received or arrival.is_damaged or earlier[2] != self.version):
            arrival.notes["read from"] = f"the answers that were kept: {earlier[0]}"
            parts = self._kept_rows(kept.pages(*earlier[:2]), rows)
        elif arrival.is_received and self.is_final:
            return None
        elif self.is_present and arrival.now is not None and arrival.now >= arrival.end + (arrival.end - arrival.start):
            arrival.notes[NOT_READ] = "the API gives its present state, and the next partition has ended by now"
            return None
        else:
            parts = self._called_rows(arrival, where, ask, kept, rows, asked)
        return _checked(parts, rows, arrival, bad)

    def _kept_rows(self, answers: Iterator["Answer"], rows: Rows) -> Iterator[pl.DataFrame]:
        for number, answer in enumerate(answers, 1):
            if answer.status == 200:
                page = rows.page(number, answer.body, answer.content_type, answer.charset)
                yield from rows.frames(number, page.rows)

    def _called_rows(self, arrival: Arrival, where: str, ask: Ask, kept: "KeptAnswers", rows: Rows, asked: str) -> Iterator[pl.DataFrame]:
        """The rows, handed on when all answers are kept: what is wrong with a column can be corrected without another call."""
        from platform_assets.sources.rest.walk import walk

        spent, laid = Spent(), list[tuple[list[str], Spill]]()
        try:
            for number, page in walk(self._terms(arrival.source, where), ask, kept, rows, spent):
                for frame in rows.frames(number, page.rows):
                    if not laid or laid[-1][0] != frame.columns:
                        if laid:
                            laid[-1][1].flush()
                        laid.append((frame.columns, arrival.spill()))
                    laid[-1][1].add(frame)
            kept.complete(asked, self.version)
        except ProviderDownError as error:
            raise ProviderDownError(str(error), goes_on=self.when_down == "last_value") from None
        finally:
            arrival.notes |= self._notes(spent, kept)
        for _, frames in laid:
            yield from in_batches(frames.rows(), is_small=not frames.is_on_disk)

    def _notes(self, spent: Spent, kept: "KeptAnswers") -> dict[str, Any]:
        """What the calls have cost, for people."""
        notes: dict[str, Any] = {"calls": spent.calls, "calls tried again": spent.retries, "answers from the cache": spent.cached}
        notes["seconds of calls"] = round(spent.seconds, 3)
        if spent.why:
            notes["tried again because"] = ", ".join(dict.fromkeys(spent.why))
        if self.cost_of_a_call is not None:
            notes["cost of calls"] = round(spent.calls * self.cost_of_a_call, 6)
        if spent.today is not None:
            of = "" if self.calls_a_day is None else f" of {self.calls_a_day:,}"
            notes["calls of this day (UTC)"] = f"{spent.today:,}{of}"
        if kept.place is not None:
            notes["answers as they came"] = kept.place
        return notes

    def _mark(self, arrival: Arrival) -> str:
        """How often the partition is to have been asked for by now."""
        if arrival.now is None:
            return "asked"
        return f"asked {1 + sum(arrival.now >= arrival.end + after for after in self.again_after)}"

    def _reading_of(self, values: Mapping[str, str], where: str) -> Reading:
        one = self.reading
        added = {name: filled(text, values, where) for name, text in one.added.items()}
        return Reading(one.rows, one.one_row, one.rename, added, one.optional, one.encoding)

    def _terms(self, source: str, where: str) -> Terms:
        return Terms(
            where=where,
            headers=self.headers,
            credentials=self.auth,
            identity=NOBODY if self.auth is None else self.auth.read(where),
            limits=Limits(origin_of(self.url), self.rate, self.calls_a_day),
            retrying=Retrying(self.attempts, self.first_wait, self.longest_wait),
            timeout=self.timeout,
            largest=self.largest_answer,
            cache=f"answers_{source}" if self.cache else None,
            pages=self.pages,
            max_pages=self.max_pages,
            not_found=self.not_found,
        )


def _checked(parts: Iterator[pl.DataFrame], rows: Rows, arrival: Arrival, bad: Any) -> Iterator[pl.DataFrame]:
    yield from parts
    rows.check()
    arrival.notes["rows answered"] = rows.received
    arrival.unparsed.add(bad)


def _values(arrival: Arrival) -> dict[str, str]:
    start, end = arrival.start, arrival.end
    return {
        **placeholders(arrival.partition),
        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "start_unix": str(int(start.timestamp())),
        "end_unix": str(int(end.timestamp())),
        "last": f"{end - timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%fZ}",
    }


@checked_arguments("rest_api")
def rest_api(
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    rows: str = "",
    one_row: bool = False,
    rename: Mapping[str, str] | None = None,
    add: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
    encoding: str | None = None,
    pages: OffsetPages | CursorPages | LinkHeaderPages | None = None,
    auth: Credentials | None = None,
    timeout: str = "30s",
    attempts: int = 5,
    first_wait: str = "1s",
    longest_wait: str = "1m",
    rate: Mapping[str, int] | None = None,
    calls_a_day: int | None = None,
    cost_of_a_call: float | None = None,
    cache: bool = True,
    not_found: NotFound = "error",
    again_after: Sequence[str] = (),
    when_down: WhenDown = "wait",
    stale_after: str | None = None,
    max_pages: int = 10_000,
    largest_answer: int = 256 << 20,
) -> RestApi:
    """An API that answers with rows of JSON, asked once for each partition.

    Every value is received as it is written, as of JSON lines. Answers are kept in the lake before they are read, under
    <source>/responses/<partition>. An answer without rows means that nothing has arrived.

    Args:
        url: such as "https://api.example.com/v1/rates". It, the values of `params` and those of `add` may have {day}, {date}, {yyyy}, {mm},
            {dd}, {hour} for parts of the partition's key, {start} and {end} for its time (2024-03-05T00:00:00Z, end excluded),
            {start_unix} and {end_unix} for the same in seconds, {last} for its last microsecond. Without any of them in `url` and `params`
            it is taken for an API of its present state, which is not asked for a partition once the next one has ended.
        params: of the query. Secrets do not belong here.
        headers: more of them. Secrets do not belong here.
        rows: the names that lead to the list of rows, such as "data.items"; "": the answer is the list.
        one_row: what is there is the only row, and no list.
        rename: names of the rows to the schema's; "user.id" is the name `id` in the object `user`.
        add: columns of one value to add to each row, such as {"day": "{day}"}.
        optional: columns that all rows of a page may lack: they are null then. Others are missed with an error.
        encoding: of the answers; default what they say, else UTF-8.
        pages: offset_pages(...), cursor_pages(...) or link_header_pages(); default: all rows come in one answer.
        auth: bearer_token(env=...), basic_auth(user, env=...) or api_key(header=..., env=...).
        timeout: of connecting, and of each wait for more of an answer.
        attempts: how often a call is tried in all: no connection, no whole answer in time, 408, 425, 429, 5xx. No other status is.
        first_wait: before the second try, then twice as long each time, and up to as much again by chance.
        longest_wait: between two tries, also where Retry-After asks for it; beyond that the partition is asked for again later.
        rate: how many calls are made within a time, by all processes of this machine: {"1s": 5, "1m": 100}.
        calls_a_day: how many calls of this server are made in a day of UTC, by all processes of this machine.
        cost_of_a_call: in whatever currency; shown with each partition.
        cache: answers are kept under PLATFORM_HOME for as long as their headers allow, and asked for again only if changed.
        not_found: what 404 means: an "error", or that "nothing" has arrived.
        again_after: of an API that is asked for a time ({start}, {day}): how long after its end a partition is asked for again, such as
            ["1d", "7d"]. Without it a partition that has been received stays as it is.
        when_down: what a state does while nobody answers: "wait", or go on with its "last_value": empty_after= after its end a partition
            is closed without rows, so that readers have the value before.
        stale_after: with "last_value", the age of the value from which a check warns, such as "3d".
        max_pages: more of them are an error: they might never end.
        largest_answer: in bytes, unpacked; a larger one is an error.

    Raises:
        DeclarationError: naming what is wrong, and how it is written.

    >>> rates = rest_api("https://api.example.com/v1/rates", params={"from": "{start}"}, auth=bearer_token(env="RATES_TOKEN"))
    >>> rates.is_final
    True
    """
    if not isinstance(url, str) or not re.fullmatch(r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[^?#\s]*)?", url):
        raise DeclarationError(
            f"rest_api: {_without_secret(url)} is no URL of an API. Write rest_api('https://api.example.com/v1/rates', params={{...}}), "
            "without user, password and query."
        )
    if pages is not None and not isinstance(pages, OffsetPages | CursorPages | LinkHeaderPages):
        raise DeclarationError(f"rest_api, pages: {shown(pages)} is no way to page. Write pages=offset_pages(limit=100), or leave it out.")
    if auth is not None and not isinstance(auth, Credentials):
        raise DeclarationError("rest_api, auth: write auth=bearer_token(env='API_TOKEN'): the secret stands in a variable or a file.")
    one_of(not_found, ("error", "nothing"), "rest_api, not_found", "meaning of 404")
    one_of(when_down, ("wait", "last_value"), "rest_api, when_down", "way to go on")
    if (when_down == "last_value") != (stale_after is not None):
        raise DeclarationError(
            "rest_api: when_down='last_value' and stale_after= belong together: say from which age on a check warns: stale_after='3d'."
        )
    later = list_of(again_after, "rest_api, again_after", "again_after=['1d', '7d']")
    reading = Reading(
        rows,
        one_row,
        texts_by_name(rename, "rest_api, rename", "rename={'user.id': 'user_id'}"),
        texts_by_name(add, "rest_api, add", "add={'day': '{day}'}"),
        list_of(optional, "rest_api, optional", "optional=['discount']"),
        encoding,
    )
    return RestApi(
        url,
        _public(params, "params", "params={'from': '{start}'}", "api_key(query={!r}, env='API_KEY')"),
        _public(headers, "headers", "headers={'Accept-Language': 'en'}", "api_key(header={!r}, env='API_KEY')"),
        reading,
        OnePage() if pages is None else pages,
        auth,
        positive(timeout, "rest_api, timeout"),
        integer(attempts, "rest_api, attempts", least=1),
        duration(first_wait, "rest_api, first_wait"),
        duration(longest_wait, "rest_api, longest_wait"),
        _rate(rate),
        None if calls_a_day is None else integer(calls_a_day, "rest_api, calls_a_day", least=1),
        cost_of_a_call,
        cache,
        not_found,
        tuple(sorted(positive(after, "rest_api, again_after") for after in later)),
        when_down,
        None if stale_after is None else positive(stale_after, "rest_api, stale_after"),
        integer(max_pages, "rest_api, max_pages", least=1),
        integer(largest_answer, "rest_api, largest_answer", least=1),
    )


def _rate(rate: Any) -> dict[timedelta, int]:
    if rate is None:
        return {}
    if not isinstance(rate, Mapping) or not rate:
        raise DeclarationError(f"rest_api, rate: {shown(rate)} is no rate. Write the calls within a time: rate={{'1s': 5, '1m': 100}}.")
    return {positive(time, "rest_api, rate"): integer(calls, f"rest_api, rate {time!r}", least=1) for time, calls in rate.items()}


def _public(given: Any, what: str, example: str, instead: str) -> dict[str, str]:
    """Names and texts in which no secret stands."""
    found = texts_by_name(given, f"rest_api, {what}", example)
    for name in found:
        if _SECRET_NAMES.search(name):
            raise DeclarationError(
                f"rest_api, {what}: {name!r} looks like a secret, which would be kept with each answer. Declare it as auth="
                f"{instead.format(name)}."
            )
    return dict(found)


def _without_secret(url: object) -> str:
    from platform_assets.settings import without_secrets

    return shown(without_secrets(url)) if isinstance(url, str) else shown(url)
