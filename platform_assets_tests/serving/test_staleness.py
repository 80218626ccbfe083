"""How old a view is, and what a reader gets beyond what is allowed: declared by the view or the service, or asked for by the caller."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureService, FeatureView, count, daily, derive, hourly, online_features, source, weekly
from platform_assets.declare.freshness import overdue_after
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, OnlineError
from platform_assets.serving.plan import _KEPT, _PLANS, plan_of
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.online import make_online
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey

WATERMARK = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
USER = Entity("user", keys=["user"])


class Visit:
    user: int
    at: datetime


def visits_in(partitions: Partitions, **named: Any) -> Source:
    @source(schema=Visit, event_time="at", partitions=partitions, **named)
    def visits(arrival: Arrival) -> pl.DataFrame:
        """Visits."""
        return pl.DataFrame({"user": [1], "at": [datetime(2026, 3, 1, 10, tzinfo=UTC)]})

    return visits


VISITS = visits_in(daily("2026-03-01"))


def view_with(**named: Any) -> FeatureView:
    features = [count().over("7d"), derive("twice", "count_7d * 2")]
    return FeatureView("lately", entity=USER, source=VISITS, features=features, online=True, **named)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnlineClient]:
    """A store with one day: it is published as of the end of 1 March 2026."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    run, first, view = Run(lake, Ledger(lake), "test", WATERMARK), VISITS.partitions.first, view_with()
    makers: list[tuple[Any, Any]] = [(make_raw, VISITS), (make_silver, VISITS), (make_change_log, view)]
    for make, declared in makers:
        make(declared, first, first, run).check()
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        make_online(view, run, OnlineStore(server.url))
        yield OnlineClient(server.url)


def read(client: OnlineClient, service: FeatureService, age: timedelta, **asked: Any) -> Any:
    return online_features(service, [{"user": 1}, {"user": 2}], client, now=WATERMARK + age, **asked)


def test_by_default_a_view_is_stale_one_partition_after_the_next_one_was_due(client: OnlineClient) -> None:
    service = FeatureService("service", [view_with()])
    for age, stale in ((timedelta(0), ()), (2 * DAY, ()), (2 * DAY + HOUR, ("lately",)), (275 * DAY, ("lately",))):
        found = read(client, service, age)
        assert (found.stale, found.ages, found.watermarks) == (stale, {"lately": age}, {"lately": WATERMARK})
        assert found.rows == [{"lately__count_7d": 1, "lately__twice": 2}, {"lately__count_7d": 0, "lately__twice": 0}]
        assert (found.missing, found.incomplete) == ({"lately": (1,)}, {})


@pytest.mark.parametrize(
    ("declared", "due"),
    [
        (visits_in(daily("2026-03-01")), datetime(2026, 3, 4)),
        (visits_in(daily("2026-03-01"), data_delay="3h"), datetime(2026, 3, 4, 3)),
        (visits_in(daily("2026-03-01"), data_delay="3h", empty_after="6h"), datetime(2026, 3, 4, 6)),
        (visits_in(hourly("2026-03-01"), empty_after="30m"), datetime(2026, 3, 1, 3, 30)),
        (visits_in(weekly("2026-03-02")), datetime(2026, 3, 23)),
        (visits_in(daily("2026-03-01", end="2026-03-03")), datetime(2026, 3, 4)),
        (visits_in(daily("2026-03-01", end="2026-03-02")), None),
    ],
)
def test_when_the_next_partition_is_overdue(declared: Source, due: datetime | None) -> None:
    assert overdue_after(declared, declared.partitions.first) == (due and due.replace(tzinfo=UTC))


NOTHING: dict[str, str] = {}
LIMIT = {"max_staleness": "1d"}


@pytest.mark.parametrize(
    ("view", "service", "caller", "outcome"),
    [
        (NOTHING, NOTHING, NOTHING, "serve"),
        (LIMIT, NOTHING, NOTHING, "fail"),
        (NOTHING, LIMIT, NOTHING, "fail"),
        (NOTHING, NOTHING, LIMIT, "fail"),
        (LIMIT | {"when_stale": "null"}, NOTHING, NOTHING, "null"),
        (LIMIT | {"when_stale": "null"}, {"when_stale": "serve"}, NOTHING, "serve"),
        (LIMIT | {"when_stale": "null"}, {"when_stale": "serve"}, {"when_stale": "fail"}, "fail"),
        ({"when_stale": "null"}, LIMIT, NOTHING, "null"),
        ({"when_stale": "null"}, NOTHING, NOTHING, "null"),
        (LIMIT, {"max_staleness": "30d"}, NOTHING, "fresh"),
        ({"max_staleness": "30d"}, LIMIT, {"max_staleness": "30d"}, "fresh"),
        ({"max_staleness": "30d"}, {"max_staleness": "30d"}, LIMIT, "fail"),
    ],
)
def test_the_caller_counts_before_the_service_and_that_before_the_view(
    client: OnlineClient, view: Any, service: Any, caller: Any, outcome: str
) -> None:
    declared = FeatureService("service", [view_with(**view)], **service)
    if outcome == "fail":
        with pytest.raises(OnlineError, match=r"lately is 4 days old in the online store .*, the limit is .*lately/online"):
            read(client, declared, 4 * DAY, **caller)
        return
    found = read(client, declared, 4 * DAY, **caller)
    assert found.stale == (() if outcome == "fresh" else ("lately",))
    values = (None, None) if outcome == "null" else (1, 2)
    assert tuple(found.rows[0].values()) == values
    assert (found.valid_from[0]["lately"] is None) == (outcome == "null")


def test_services_that_differ_only_in_how_fresh_they_are_do_not_share_a_plan(client: OnlineClient) -> None:
    for limit, stale in (("1d", ("lately",)), ("30d", ()), ("1d", ("lately",))):
        service = FeatureService("service", [view_with()], max_staleness=limit, when_stale="serve")
        assert read(client, service, 4 * DAY).stale == stale
    assert view_with(**LIMIT).version == view_with().version, "how fresh it must be changes no value"


def test_plans_are_kept_for_a_bounded_number_of_services() -> None:
    for number in range(_KEPT + 10):
        plan_of(FeatureService(f"service{number}", [view_with()]))
    assert len(_PLANS) == _KEPT
    kept = FeatureService(f"service{_KEPT}", [view_with()])
    assert plan_of(kept) is plan_of(kept)


def test_what_cannot_be_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="feature view 'lately', max_staleness: 'soon' is not a duration"):
        view_with(max_staleness="soon")
    with pytest.raises(DeclarationError, match="max_staleness: '0d' is zero"):
        FeatureService("service", [view_with()], max_staleness="0d")
    with pytest.raises(DeclarationError, match=r"when_stale: .* no reaction to a stale view 'degrade'\. Choose from: fail, null, serve"):
        FeatureService("service", [view_with()], when_stale="degrade")  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match=r"apply to online values only\. Declare online=True as well"):
        FeatureView("offline", entity=USER, source=VISITS, features=[count().over("7d")], max_staleness="1d")
