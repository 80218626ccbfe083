"""Alerts: each trouble once in a period, by every channel, later if a server fails or hangs, and never a secret in the log."""

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.errors import SourceError
from platform_assets.settings import Settings
from platform_assets.steps import alert_channels
from platform_assets.steps.alert_channels import AlertError, channels_of
from platform_assets.steps.alerts import Told, alert, alerts_of, tell
from platform_assets.stores.delta import Lake
from platform_assets.stores.outbox import Alert, Outbox
from platform_assets_tests.steps.alert_servers import Taken, mail_server, webhook
from platform_assets_tests.steps.business import Business

NOW = datetime(2024, 3, 5, 6, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LOG = logging.getLogger("test.alerts")


@pytest.fixture
def hook() -> Iterator[Taken]:
    with webhook() as taken:
        yield taken


@pytest.fixture
def mail() -> Iterator[Taken]:
    with mail_server() as taken:
        yield taken


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def trouble(reason: str = "blocked", at: datetime = NOW) -> Alert:
    return alert("sales/silver", "2024-03-04", reason, f"sales/silver 2024-03-04 is {reason}: 40% were good", "ERROR", at)


def told(lake: Lake, now: datetime, configured: Settings, *alerts: Alert) -> Told:
    """One look, as a process of its own would have it."""
    return tell(alerts, channels_of(configured), Outbox(lake, DAY), now, LOG)


def test_what_the_ledger_says_is_blocked_medium_or_failed_is_an_alert(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake", declared={"empty_after": None})
    business.sell(0, "1 ada 1")
    business.sell(1, "2 ada 1", "3 ada 1", "4 ada 1", "5 ada -1")
    business.sell(2, "6 ada 1", "7 ada -1")
    business.deliveries[business.day(3)] = [{"sale_id": {"a": 1}, "user": "ada", "at": "x", "amount": "1"}]
    with pytest.raises(SourceError):
        business.make("raw", business.first, business.first + 3)
    business.make("silver", business.first, business.first + 2)
    start = datetime.now(UTC) - timedelta(hours=1)
    found = alerts_of([business.source], business.run(), start, NOW)
    assert [(one.what, one.partition, one.reason.partition(":")[0], one.severity) for one in found] == [
        ("sales/silver", business.day(1), "MEDIUM", "WARN"),
        ("sales/silver", business.day(2), "blocked", "ERROR"),
        ("sales/raw", business.day(3), "FAILED", "ERROR"),
    ]
    assert "50% of its 2 rows were good, 70% are required" in found[1].text
    assert alerts_of([business.source], business.run(), datetime.now(UTC) + MINUTE, NOW) == []
    business.sell(2, "6 ada 1", "7 ada 1")
    for layer in ("raw", "silver"):
        business.make(layer, business.first + 2, business.first + 2)
    assert business.day(2) not in {one.partition for one in alerts_of([business.source], business.run(), start, NOW)}


def test_an_alert_is_sent_once_in_a_period_by_every_channel(lake: Lake, hook: Taken, mail: Taken) -> None:
    configured = Settings(alert_webhook=hook.url, alert_smtp=mail.url, alert_emails="ops@example.org, ada@example.org")
    for minutes in (0, 1, 60, 60 * 23):
        told(lake, NOW + minutes * MINUTE, configured, trouble(at=NOW + minutes * MINUTE))
    assert len(hook.got) == len(mail.got) == 1
    assert {name: hook.got[0][name] for name in ("what", "partition", "reason", "severity")} == {
        "what": "sales/silver",
        "partition": "2024-03-04",
        "reason": "blocked",
        "severity": "ERROR",
    }
    assert hook.got[0]["text"] == "sales/silver 2024-03-04 is blocked: 40% were good"
    assert "Subject: [ERROR] sales/silver 2024-03-04: blocked" in mail.got[0]
    assert "To: ops@example.org, ada@example.org" in mail.got[0]
    told(lake, NOW + 60 * MINUTE, configured, trouble("MEDIUM: positive"))
    assert len(hook.got) == 2, "another reason is another alert"
    told(lake, NOW + DAY, configured, trouble(at=NOW + DAY))
    assert len(hook.got) == len(mail.got) == 3, "after the period it is said again"


@pytest.mark.parametrize("behaves", ["fails", "hangs", "drips", "redirects"])
def test_what_a_webhook_does_not_take_is_logged_and_sent_later(
    lake: Lake, hook: Taken, mail: Taken, behaves: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alert_channels, "SECONDS", 0.5)
    configured = Settings(alert_webhook=hook.url, alert_smtp=mail.url, alert_emails="ops@example.org")
    hook.behaves = behaves
    begun = time.monotonic()
    done = told(lake, NOW, configured, trouble(), trouble("MEDIUM: positive"))
    assert time.monotonic() - begun < 5
    assert (len(done.raised), done.sent, len(done.failed)) == (2, 2, 1), "e-mails are sent; a server that fails is asked once a look"
    assert "was not sent, and will be tried again: webhook at 127.0.0.1:" in caplog.text
    assert "s3cr3t" not in caplog.text
    hook.behaves = "ok"
    hook.ends.set()
    assert told(lake, NOW + 0.5 * MINUTE, configured).sent == 1, "the one that was not tried"
    assert told(lake, NOW + MINUTE, configured).sent == 1, "the other after a minute"
    assert sorted(one["reason"] for one in hook.got) == ["MEDIUM: positive", "blocked"]
    assert len(mail.got) == 2
    assert Outbox(lake, DAY).unsent(["webhook", "email"]) == 0


@pytest.mark.parametrize("behaves", ["fails", "hangs"])
def test_a_mail_server_that_fails_or_hangs_is_tried_again(lake: Lake, mail: Taken, behaves: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_channels, "SECONDS", 0.5)
    configured = Settings(alert_smtp=mail.url, alert_emails="ops@example.org")
    mail.behaves = behaves
    assert told(lake, NOW, configured, trouble()).failed
    mail.behaves = "ok"
    assert told(lake, NOW + MINUTE, configured).sent == 1


def test_a_server_that_is_not_there_is_waited_for_ever_longer(lake: Lake) -> None:
    configured = Settings(alert_webhook="http://127.0.0.1:9/nobody")
    tried = [minute for minute in range(40) if told(lake, NOW + minute * MINUTE, configured, *([trouble()] if not minute else [])).failed]
    assert tried == [0, 1, 3, 7, 15, 31]


def test_a_password_is_not_sent_without_tls_nor_shown(mail: Taken) -> None:
    url = mail.url.replace("smtp://", "smtp://ops:hunter%402@")
    with pytest.raises(AlertError, match="the server offers no TLS, so the password was not sent") as error:
        channels_of(Settings(alert_smtp=url, alert_emails="ops@example.org"))["email"](trouble())
    assert "hunter" not in str(error.value)
    assert mail.got == []
    assert "hunter" not in repr(Settings(alert_smtp=url))


def test_of_processes_that_send_at_once_one_does(lake: Lake, hook: Taken) -> None:
    configured, start = Settings(alert_webhook=hook.url), threading.Barrier(8)

    def process() -> None:
        start.wait()
        told(lake, NOW, configured, trouble(), trouble("MEDIUM: positive"))

    threads = [threading.Thread(target=process) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["reason"] for one in hook.got) == ["MEDIUM: positive", "blocked"]


def test_a_process_that_died_while_it_sent_is_followed_by_another(lake: Lake, hook: Taken) -> None:
    outbox = Outbox(lake, DAY)
    outbox.add(trouble(), NOW)
    (claimed,) = outbox.claim(["webhook"], NOW)  # and nothing more is heard of it
    configured = Settings(alert_webhook=hook.url)
    assert told(lake, NOW + 0.9 * MINUTE, configured).sent == 0
    assert told(lake, NOW + MINUTE, configured).sent == 1
    assert hook.got[0]["id"] == claimed.alert.id


def test_what_was_sent_long_ago_is_forgotten(lake: Lake, hook: Taken) -> None:
    configured, outbox = Settings(alert_webhook=hook.url), Outbox(lake, DAY)
    told(lake, NOW, configured, trouble())
    told(lake, NOW + 29 * DAY, configured)
    assert lake.storage(("_platform", "alerts")).files()
    told(lake, NOW + 31 * DAY, configured)
    assert lake.storage(("_platform", "alerts")).files() == {}
    assert outbox.add(trouble(at=NOW + 31 * DAY), NOW + 31 * DAY)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["raise", "fail", "send", "die"]), st.integers(0, 2), st.integers(0, 200)), max_size=25))
def test_any_order_of_raising_failing_and_dying_sends_each_alert_once(
    steps: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In the end each alert that was raised has been sent, none twice but where a process died after it was sent."""
    outbox, now = Outbox(Lake(str(tmp_path_factory.mktemp("outbox"))), DAY), NOW
    raised, sent = list[tuple[str, str]](), list[tuple[str, str]]()
    for what, reason, minutes in [*steps, *[("send", 0, 61)] * 3]:
        now += minutes * MINUTE
        if what == "raise":
            last = [at for of, at in raised if of == str(reason)]
            expected = not last or now >= datetime.fromisoformat(last[-1]) + DAY
            assert outbox.add(trouble(str(reason), at=now), now) == expected
            raised += [(str(reason), now.isoformat())] if expected else []
            continue
        for one in outbox.claim(["webhook"], now):
            if what == "send":
                sent.append((one.alert.reason, one.alert.at))
                outbox.sent(one, now)
            elif what == "die":
                break
    assert sorted(sent) == sorted(raised)
