"""The session that is running is used, unless values would be others in it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from platform_assets.engines.spark.session import event_log, session
from platform_assets.errors import EngineError
from platform_assets_tests.spark.session import spark


def test_a_session_is_made_once() -> None:
    assert spark() is session()


@pytest.mark.parametrize(("name", "other"), [("spark.sql.session.timeZone", "America/New_York"), ("spark.sql.ansi.enabled", "false")])
def test_a_session_in_which_values_would_be_others_is_refused(name: str, other: str) -> None:
    running = spark()
    right = running.conf.get(name)
    running.conf.set(name, other)
    try:
        with pytest.raises(EngineError, match=rf"has {name}={other}, but tables are written with {right}"):
            session()
    finally:
        running.conf.set(name, right)
    assert session() is running


def test_a_session_that_another_thread_has_started_is_the_one_of_the_process() -> None:
    with ThreadPoolExecutor(1) as pool:
        mine = spark()
        assert pool.submit(session).result() is mine
        assert pool.submit(event_log).result() is event_log() is not None
