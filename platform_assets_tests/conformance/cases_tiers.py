"""Tiers of silver (semantics.md 7): which share of rows makes a partition HIGH or MEDIUM."""

from platform_assets_tests.conformance.named import Judges, came, case, events


@case("a partition is MEDIUM when a rule is broken by more of its rows than is tolerated, of all that were received")
def _() -> Judges:
    days = {"2024-03-01": 1, "2024-03-02": 2, "2024-03-03": 0}
    rows = [came(day, id=int(day[-2:]) * 10 + n, quantity=0 if n < bad else 1) for day, bad in days.items() for n in range(4)]
    source = events(accepted_share=0.1, rules={"quantity": "quantity <> 0"}, tolerates={"quantity": 0.25})
    tiers = {"2024-03-01": "HIGH", "2024-03-02": "MEDIUM", "2024-03-03": "HIGH"}
    bad = {1: ["quantity"], 5: ["quantity"], 6: ["quantity"]}
    return Judges(rows, [2, 3, 4, 7, 8, 9, 10, 11, 12], bad, {day: {"tier": tier} for day, tier in tiers.items()}, source=source)


@case("values that are missing or cannot be read make a partition MEDIUM, too, by what is tolerated of all reasons")
def _() -> Judges:
    rows = [came("2024-03-01", id=n, **({"at": None} if n == 1 else {})) for n in range(1, 5)]
    rows += [came("2024-03-02", id=n, **({"at": None} if n < 7 else {})) for n in range(5, 9)]
    source = events(accepted_share=0.1, tolerates=0.25)
    bad = {row: ["at: missing"] for row in (1, 5, 6)}
    counts = {"2024-03-01": {"tier": "HIGH"}, "2024-03-02": {"tier": "MEDIUM"}}
    return Judges(rows, [2, 3, 4, 7, 8], bad, counts, source=source)


@case("of values in the schema one row in a hundred is tolerated where rules have shares of their own")
def _() -> Judges:
    rows = [came("2024-03-01", id=n, **({"at": None} if n == 1 else {})) for n in range(1, 101)]
    rows += [came("2024-03-02", id=n, **({"at": None} if n == 101 else {})) for n in range(101, 200)]
    source = events(rules={"quantity": "quantity <> 0"}, tolerates={"quantity": 0.5})
    good = [n for n in range(1, 200) if n not in (1, 101)]
    counts = {"2024-03-01": {"tier": "HIGH"}, "2024-03-02": {"tier": "MEDIUM"}}
    return Judges(rows, good, {row: ["at: missing"] for row in (1, 101)}, counts, source=source)
