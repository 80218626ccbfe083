"""The generated customers are as the truths say."""

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from platform_assets import Arrival
from platform_assets.domains.retail.declarations import customers
from platform_assets.domains.retail.generate import CUSTOMER_COLUMNS, SEGMENTS, UPDATE_REASONS, Truths
from platform_assets_tests.domains.retail.naive_reader import local_day, rows, utc


def update_reason(texts: tuple[str, ...]) -> str | None:
    customer, segment, signup, time = texts
    if not customer or not time:
        return "time is missing" if customer else "customer is missing"
    if not time[:1].isdigit():
        return "time is no time"
    if not signup[:1].isdigit():
        return "signup is no date"
    if date.fromisoformat(signup) > utc(time).date():
        return "signup is after the update"
    return "segment is unknown" if segment not in ("", *SEGMENTS) else None


def test_the_updates_are_as_many_of_each_kind_as_the_truths_say_and_leave_each_customer_where_they_say(
    folder: Path, truths: Truths
) -> None:
    latest: dict[str, tuple[str, str]] = {}
    for day in truths.customers:
        received = list(rows(folder / "customers" / f"{day.day}.csv", CUSTOMER_COLUMNS))
        accepted = [texts for texts in received if update_reason(texts) is None]
        known, late = dict(latest), Counter((day.day - local_day(utc(time))).days for *_, time in accepted)
        for customer, segment, _, time in accepted:
            if time >= latest.get(customer, ("", ""))[0]:
                latest[customer] = (time, segment)
        counted = replace(
            day,
            received=len(received),
            accepted=len(accepted),
            quarantined=dict(Counter(reason for texts in received if (reason := update_reason(texts)))),
            exact_copies=len(accepted) - len(set(accepted)),
            outdated=sum(time < known.get(customer, ("", ""))[0] for customer, _, _, time in accepted),
            late={days: count for days, count in late.items() if days},
            segments=dict(Counter(segment for _, segment in latest.values())),
        )
        assert counted == day


def test_every_kind_of_dirt_is_there(truths: Truths) -> None:
    reasons = Counter(reason for day in truths.customers for reason in day.quarantined)
    assert set(reasons) == set(UPDATE_REASONS)
    assert sum(day.exact_copies for day in truths.customers) > 20
    assert sum(day.outdated for day in truths.customers) > 50
    assert {1, 2, 3, 4} <= {days for day in truths.customers for days in day.late}
    assert min(day.accepted / day.received for day in truths.customers) > 0.7, "no day is blocked"


def test_a_customer_signs_up_once(folder: Path, truths: Truths) -> None:
    signups: dict[str, set[str]] = {}
    for day in truths.customers:
        for texts in rows(folder / "customers" / f"{day.day}.csv", CUSTOMER_COLUMNS):
            if update_reason(texts) is None:
                signups.setdefault(texts[0], set()).add(texts[2])
    assert {len(days) for days in signups.values()} == {1}
    assert truths.customers[-1].segments == dict(sorted(truths.customers[-1].segments.items()))
    assert len(signups) == sum(truths.customers[-1].segments.values()) > 2000


def test_a_real_shops_files_have_no_customers_and_that_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_RETAIL_FILES", str(tmp_path))
    day, start = customers.partitions.key(customers.partitions.first), customers.partitions.start
    assert customers.read(Arrival("customers", day, start, start)) is None
