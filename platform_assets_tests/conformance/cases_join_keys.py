"""Keys that columns of other names hold (semantics.md 2 and 4): whose rows they are says the column, the features all others."""

from platform_assets import any_event, count, every, last, sum
from platform_assets_tests.conformance.named import Attributes, Moments, Reads, Snapshots, at, case, events
from platform_assets_tests.conformance.named_labels import Labelled

THERE = {"user": "category"}
"""A ride from a place, `user`, to another, `category`."""
RIDES = [
    at("2024-03-01 10:00", user="ada", category="bob", amount=1.0),
    at("2024-03-01 11:00", user="bob", category="ada", amount=2.0),
    at("2024-03-02 10:00", user="bob", category="ada", amount=4.0),
    at("2024-03-02 11:00", user="ada", category=None, amount=8.0),
]


@case("a view by another column has the rows whose column names the entity, under the entity's key")
def _() -> Snapshots:
    expected = {"2024-03-01": {"n": 1, "paid": 2.0}, "2024-03-02": {"n": 2, "paid": 6.0}, "2024-03-03": {"n": 1, "paid": 4.0}}
    expected["2024-03-04"] = {"n": 0, "paid": None, "is_empty": True}
    return Snapshots([count().over("2d").named("n"), sum("amount").over("2d").named("paid")], RIDES, expected, keys=THERE)


@case("a feature may read the column that holds the key, and the column that has the key's name")
def _() -> Reads:
    features = [last("user").over("2d").named("whence"), last("category").over("2d").named("whither")]
    return Reads(
        features,
        RIDES,
        [
            ("2024-03-03 00:00", {"whence": "bob", "whither": "ada"}),
            ("2024-03-03 00:00", {"user": "bob", "whence": "ada", "whither": "bob"}),
            ("2024-03-03 00:00", {"user": None, "whence": None, "whither": None}),
        ],
        keys=THERE,
    )


@case("a row whose column is null is about nobody, whatever the column of the key's name says")
def _() -> Reads:
    rows = [at("2024-03-01 10:00", user="ada", category=None), at("2024-03-01 11:00", user=None, category="ada")]
    return Reads([count().over("1d")], rows, [("2024-03-02 00:00", {"count_1d": 1})], keys=THERE)


@case("lifetimes by another column go on from checkpoints, ties in the order of the primary key")
def _() -> Snapshots:
    rows = [at("2024-03-01 10:00", user=user, category="ada", id=7 - n) for n, user in enumerate(("x", "y", "z"))]
    rows += [at("2024-03-03 10:00", user="w", category="ada"), at("2024-03-03 10:00", user="ada", category="w")]
    features = [last("user").over("lifetime").named("whence"), count().over("lifetime").named("n")]
    return Snapshots(features, rows, {"2024-03-01": {"whence": "x", "n": 3}, "2024-03-03": {"whence": "w", "n": 4}}, keys=THERE)


@case("at any moment a view by another column has the rows whose column names the entity")
def _() -> Moments:
    rows = [*RIDES, at("2024-03-02 12:00", user="nobody who is asked for", category="ada", amount=16.0)]
    asked = [("2024-03-03 00:00", {"amount_sum_1d": 20.0}), ("2024-03-02 00:00", {"user": "bob", "amount_sum_1d": 1.0})]
    return Moments([sum("amount").over("1d")], rows, asked, keys=THERE)


@case("attributes by another column are the latest update of the entity that it names")
def _() -> Attributes:
    state = events(kind="state", key=["category"])
    nothing = {"amount": None}
    asked = [("2024-03-02 00:00", {"amount": 2.0}), ("2024-03-03 00:00", {"amount": 4.0}), ("2024-03-03 00:00", {"user": "cy", **nothing})]
    rows = [*RIDES[:3], at("2024-03-02 09:00", user="ada", category="ada", amount=16.0)]
    return Attributes(["amount"], rows, asked, state, keys=THERE)


@case("labels by another column are of the entities that it names")
def _() -> Labelled:
    labels = any_event(events(), within="2d", spine=every("1d", active="1d"), keys=THERE)
    rows = [
        at("2024-03-10 10:00", user="bob", category="ada"),
        at("2024-03-11 10:00", user="ada", category="cy"),
        at("2024-03-12 10:00", user="cy", category="ada"),
    ]
    expected = {("ada", "2024-03-11 00:00"): True, ("cy", "2024-03-12 00:00"): False, ("ada", "2024-03-13 00:00"): False}
    return Labelled(labels, "2024-03-01", rows, expected)
