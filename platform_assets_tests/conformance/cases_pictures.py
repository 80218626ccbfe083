"""Snapshots (semantics.md 7): what a picture changes against the last one that counts."""

from typing import Any

from platform_assets.declare.source import Source
from platform_assets_tests.conformance.named import UNREAD, Judges, came, case, events, moment

AT = moment("2024-02-01 10:00")
"""A column like others: a picture has no event time."""


def pictures(**options: Any) -> Source:
    return events(**{"kind": "snapshot", "event_time": None, **options})


@case("a picture that says the same changes nothing; of several rows of a key the first counts")
def _() -> Judges:
    said = [("2024-03-01", 1.0), ("2024-03-02", 1.0), ("2024-03-03", 2.0), ("2024-03-03", 1.0)]
    rows = [came(day, amount=amount, at=AT) for day, amount in said]
    counts = {"2024-03-02": {"accepted": 0, "duplicates": 1}, "2024-03-03": {"accepted": 1, "duplicates": 1, "duplicates_exact": 0}}
    return Judges(rows, [1, 3], counts=counts, source=pictures())


@case("a key that is not in the picture any more has gone, and is new when it comes back as it was")
def _() -> Judges:
    keys = [("2024-03-01", 1), ("2024-03-01", 2), ("2024-03-02", 1), ("2024-03-03", 1), ("2024-03-03", 2)]
    rows = [came(day, id=key, at=AT) for day, key in keys]
    return Judges(rows, [1, 2, 5], counts={"2024-03-02": {"removed": 1}}, source=pictures(), gone=[("2024-03-02", 2)])


@case("a key whose row is bad has not gone; it goes when it is in no row of the next picture")
def _() -> Judges:
    rows = [
        came("2024-03-01", id=1, at=AT),
        came("2024-03-01", id=2, at=AT),
        came("2024-03-02", id=1, at=AT),
        came("2024-03-02", id=2, amount="much", means={"amount": UNREAD}, at=AT),
        came("2024-03-03", id=1, at=AT),
    ]
    return Judges(rows, [1, 2], {4: ["amount: not float"]}, source=pictures(), gone=[("2024-03-03", 4)])


@case("an empty partition is no picture; the one before it is looked for as far back as declared")
def _() -> Judges:
    rows = [came("2024-03-01", id=1, at=AT), came("2024-03-01", id=2, at=AT), came("2024-03-04", id=1, at=AT)]
    return Judges(rows, [1, 2], source=pictures(duplicates_within=3), gone=[("2024-03-04", 2)])


@case("one partition farther than that there is no picture before: all rows are news, and nothing has gone")
def _() -> Judges:
    rows = [came("2024-03-01", id=1, at=AT), came("2024-03-01", id=2, at=AT), came("2024-03-04", id=1, at=AT)]
    return Judges(rows, [1, 2, 3], source=pictures(duplicates_within=2))


@case("a blocked picture does not count: the next one is compared with the one before it")
def _() -> Judges:
    bad: dict[str, Any] = {"amount": "much", "means": {"amount": UNREAD}, "at": AT}
    rows = [
        came("2024-03-01", id=1, at=AT),
        came("2024-03-01", id=2, at=AT),
        came("2024-03-02", id=1, amount="5.0", means={"amount": 5.0}, at=AT),
        came("2024-03-02", id=3, **bad),
        came("2024-03-02", id=4, **bad),
        came("2024-03-03", id=1, at=AT),
    ]
    reasons = {3: ["blocked"], 4: ["amount: not float"], 5: ["amount: not float"]}
    source = pictures(accepted_share=0.5, duplicates_within=2)
    return Judges(rows, [1, 2], reasons, source=source, gone=[("2024-03-03", 2)])


@case("of several rows of a key in a picture one counts, for the share that is accepted too")
def _() -> Judges:
    bad: dict[str, Any] = {"amount": "much", "means": {"amount": UNREAD}, "at": AT}
    rows = [came("2024-03-01", amount=None, at=AT) for _ in range(3)] + [came("2024-03-01", id=2, **bad)]
    counts = {"2024-03-01": {"accepted": 0, "duplicates": 2, "accepted_share": 0.5, "tier": "LOW"}}
    return Judges(rows, [], {1: ["blocked"], 4: ["amount: not float"]}, counts, source=pictures(accepted_share=0.6))
