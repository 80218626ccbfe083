"""While nobody answers: events wait, a state goes on with its last value, and its age is shown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import AttributeView, Entity, FeatureService, historical_features, materialize, rest_api
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError
from platform_assets.steps.discovery import Memory, find_new_deliveries
from platform_assets.steps.run import Run
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.assets.shop import Shop, evaluations, failure
from platform_assets_tests.sources.rest.declared import DAY, Asked, Says, declared, notes, raw_entries, receive, serving, silver

DOWN = Says(b"maintenance", status=503)


def state(url: str, **options: Any) -> Source:
    source = {"kind": "state", "empty_after": "2h"}
    return declared(url, params={"day": "{day}"}, when_down="last_value", stale_after="2d", source=source, **options)


def rates(asked: Asked) -> Any:
    day = asked.params["day"]
    return [{"currency": "EUR", "at": f"{day}T09:00Z", "rate": float(day[-2:])}]


def until(day: int, hour: int = 3) -> dict[str, Any]:
    return {"now": datetime(2024, 3, day, hour, tzinfo=UTC), "first": DAY, "last": f"2024-03-{day - 1:02}"}


def test_events_wait_and_are_asked_for_again_ever_more_rarely(tmp_path: Path) -> None:
    with serving(lambda _: DOWN) as server:
        source = declared(server.url, source={"empty_after": "2h"})
        done = receive(source, tmp_path, datetime(2024, 3, 6, 20, tzinfo=UTC))
        assert "has not answered after 3 tries: it answered 503" in str(done.tables["rates/raw"].refused[DAY])
        assert raw_entries(tmp_path) == {}, "never closed as empty: something may have happened"
        memory, ready = Memory(), list[int]()
        lake = Lake(str(tmp_path / "lake"))
        for minute in range(0, 240, 2):
            now = datetime(2024, 3, 6, 20 + minute // 60, minute % 60, tzinfo=UTC)
            looked = find_new_deliveries(source, Run(id="t", lake=lake, ledger=Ledger(lake), now=now, module="t"), memory, 10)
            memory = looked.memory
            ready += [minute] if looked.ready else []
        assert ready == [0, 20, 40, 80, 160] or len(ready) <= 7, ready


def test_a_state_waits_at_first_and_then_goes_on_with_its_last_value(tmp_path: Path) -> None:
    with serving(rates) as server:
        source = state(server.url)
        receive(source, tmp_path, **until(6)).check()
        server.behaviour = lambda _: DOWN
        early = receive(source, tmp_path, **until(7, hour=1))
        assert "has not answered" in str(early.tables["rates/raw"].refused["2024-03-06"])
        receive(source, tmp_path, **until(7)).check()
        told = notes(tmp_path, "2024-03-06")
        assert (told["last value from"], told["age of the last value in hours"]) == (DAY, 24.0)
        assert "has not answered after 3 tries" in told["provider down"]
        server.behaviour = rates
        asked = len(server.asked)
        receive(source, tmp_path, **until(8)).check()
        assert len(server.asked) == asked + 1, "the day that was closed stays as it was known"

        view = AttributeView("rate_of", entity=Entity("currency", keys=["currency"]), source=source, attributes=["rate"])
        materialize(view, lake=tmp_path / "lake", **until(8)).check()
        labels = pl.DataFrame({"currency": ["EUR"] * 3, "label_time": [datetime(2024, 3, day, 12, tzinfo=UTC) for day in (6, 7, 8)]})
        frame = historical_features(FeatureService("s", [view]), labels, lake=tmp_path / "lake").frame
    assert frame["rate_of__rate"].to_list() == [5.0, 5.0, 7.0]
    assert [rate for _, rate in silver(tmp_path)] == [5.0, 7.0]


def test_a_state_that_never_had_a_value_says_so(tmp_path: Path) -> None:
    with serving(lambda _: DOWN) as server:
        receive(state(server.url, attempts=1), tmp_path, **until(6)).check()
    assert notes(tmp_path)["last value from"] == "none"


def test_what_is_wrong_with_the_request_is_not_taken_for_a_server_that_is_down(tmp_path: Path) -> None:
    with serving(lambda _: Says(b"", status=401)) as server, pytest.raises(Exception, match="answered 401"):
        receive(state(server.url), tmp_path, **until(6))
    assert raw_entries(tmp_path) == {}


def test_the_age_of_the_last_value_is_checked(tmp_path: Path) -> None:
    with serving(rates) as server:
        source = state(server.url, attempts=1)
        receive(source, tmp_path, **until(6)).check()
        server.behaviour = lambda _: DOWN
        result = Shop(tmp_path, source).run(DAY, "2024-03-08")
        assert result.success, failure(result)
    found = {e.partition: e for e in evaluations(result) if e.check_name == "age"}
    assert {day: (e.passed, e.metadata["age in hours"].value) for day, e in found.items()} == {
        "2024-03-05": (True, 0.0),
        "2024-03-06": (True, 24.0),
        "2024-03-07": (True, 48.0),
        "2024-03-08": (False, 72.0),
    }
    assert {e.severity.value for e in found.values()} == {"WARN"}
    assert found["2024-03-08"].metadata["last value from"].value == DAY


@pytest.mark.parametrize(
    ("options", "source", "says"),
    [
        ({"when_down": "last_value"}, {}, "when_down='last_value' and stale_after= belong together"),
        ({"stale_after": "2d"}, {}, "when_down='last_value' and stale_after= belong together"),
        ({"when_down": "last_value", "stale_after": "2d"}, {}, "events have no last value"),
        ({"when_down": "last_value", "stale_after": "2d"}, {"kind": "state"}, "such as empty_after='2h'"),
        ({"when_down": "gone"}, {}, "when_down"),
    ],
)
def test_what_going_on_needs_is_asked_for_when_the_module_loads(options: Any, source: Any, says: str) -> None:
    with pytest.raises(DeclarationError) as error:
        declared("https://api.example.com", source=source, **options)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "api.example.com"}, "is no URL of an API"),
        ({"pages": "cursor"}, "Write pages=offset_pages(limit=100)"),
        ({"rate": "5/s"}, "rate={'1s': 5, '1m': 100}"),
        ({"rate": {"1s": 0}}, "rate '1s'"),
        ({"attempts": 0}, "attempts"),
        ({"timeout": "0s"}, "timeout"),
        ({"not_found": "skip"}, "not_found"),
        ({"timeouts": "3s"}, "Did you mean 'timeout'?"),
    ],
)
def test_a_wrong_declaration_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError) as error:
        rest_api(**{"url": "https://api.example.com/v1", **options})
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"params": {"d": "{dya}"}}, "placeholder {dya}"), ({"again_after": ["1d"]}, "the API gives its present state")],
)
def test_a_wrong_declaration_of_a_source_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError) as error:
        declared("https://api.example.com", **options)
    assert says in str(error.value)
