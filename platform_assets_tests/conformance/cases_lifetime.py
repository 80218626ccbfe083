"""Windows without a start, from the beginning and from checkpoints."""

from platform_assets import count, count_distinct, first, last, max, mean, min, mode, std, sum, time_since_last
from platform_assets_tests.conformance.named import Snapshots, at, case, events, moment


@case("a lifetime never ends: a row is written when one enters, and no expiry row")
def _() -> Snapshots:
    rows = [
        at("2024-03-01 06:00", amount=1.0),
        at("2024-03-05 06:00", amount=2.0),
        at("2024-03-05 07:00"),
        at("2024-03-20 06:00", amount=4.0),
    ]
    expected = {
        "2024-03-01": {"count_lifetime": 1, "amount_sum_lifetime": 1.0},
        "2024-03-05": {"count_lifetime": 3, "amount_sum_lifetime": 3.0},
        "2024-03-20": {"count_lifetime": 4, "amount_sum_lifetime": 7.0},
    }
    return Snapshots([count().over("lifetime"), sum("amount").over("lifetime")], rows, expected)


@case("beside a lifetime other windows end, and nothing is empty")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00")]
    expected = {"2024-03-01": {"count_lifetime": 1, "count_1d": 1}, "2024-03-02": {"count_lifetime": 1, "count_1d": 0}}
    return Snapshots([count().over("1d", "lifetime")], rows, expected)


@case("a row that a checkpoint keeps is in other windows once")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", amount=1.0), at("2024-03-02 06:00", amount=2.0)]
    expected = {
        "2024-03-01": {"amount_first_lifetime": 1.0, "amount_sum_2d": 1.0},
        "2024-03-02": {"amount_first_lifetime": 1.0, "amount_sum_2d": 3.0},
        "2024-03-03": {"amount_first_lifetime": 1.0, "amount_sum_2d": 2.0},
        "2024-03-04": {"amount_first_lifetime": 1.0, "amount_sum_2d": None},
    }
    return Snapshots([first("amount").over("lifetime"), sum("amount").over("2d")], rows, expected)


@case("a row on the end of a lifetime is outside of it, of one closed right it is inside")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00"), at("2024-03-02 00:00")]
    closed = [count(closed=closed).over("lifetime").named(f"n_{closed}") for closed in ("left", "right", "both", "none")]  # type: ignore[arg-type]
    expected = {
        "2024-03-01": {"n_left": 1, "n_right": 1, "n_both": 1, "n_none": 1},
        "2024-03-02": {"n_left": 2, "n_right": 2, "n_both": 2, "n_none": 2},
    }
    return Snapshots(closed, rows, expected)


@case("with an offset a row that has arrived waits, whichever checkpoints are made meanwhile")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", amount=1.0), at("2024-03-02 12:00", arrives="2024-03-03", amount=2.0)]
    expected = {"2024-03-03": 1.0, "2024-03-05": 3.0}
    return Snapshots(sum("amount", offset="60h").over("lifetime").named("late"), rows, expected)


@case("a row that enters the day after a checkpoint is not in it, though another one of the entity entered on its day")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", amount=1.0), at("2024-03-01 18:00", amount=2.0)]
    expected = {"2024-03-03": 1.0, "2024-03-04": 3.0}
    return Snapshots(sum("amount", offset="60h").over("lifetime").named("late"), rows, expected)


@case("each entity goes on from its own state in a checkpoint, whoever else is in it")
def _() -> Snapshots:
    others = [at("2024-03-01 05:00", user=user, amount=100.0 * number) for number, user in enumerate(("aaa", "bob", "zoë"), start=1)]
    later = [at("2024-03-04 05:00", user=user, amount=1000.0) for user in ("aaa", "zoë")]
    rows = [*others, at("2024-03-01 06:00", amount=1.0), *later, at("2024-03-04 06:00", amount=2.0), at("2024-03-06 06:00", amount=4.0)]
    return Snapshots(sum("amount").over("lifetime"), rows, {"2024-03-01": 1.0, "2024-03-04": 3.0, "2024-03-06": 7.0})


@case("ties with a row before the checkpoint are broken by primary key, by arrival where keys are equal")
def _() -> Snapshots:
    rows = [
        at("2024-03-01 12:00", id=2, category="second"),
        at("2024-03-01 12:00", arrives="2024-03-03", id=1, category="first"),
        at("2024-03-01 12:00", arrives="2024-03-05", id=3, category="third"),
        at("2024-03-01 12:00", arrives="2024-03-07", id=3, category="again"),
        at("2024-03-01 12:00", arrives="2024-03-09", id=1, category="no longer first"),
    ]
    expected = {
        "2024-03-01": {"category_first_lifetime": "second", "category_last_lifetime": "second"},
        "2024-03-03": {"category_first_lifetime": "first", "category_last_lifetime": "second"},
        "2024-03-05": {"category_first_lifetime": "first", "category_last_lifetime": "third"},
        "2024-03-07": {"category_first_lifetime": "first", "category_last_lifetime": "again"},
        "2024-03-09": {"category_first_lifetime": "first", "category_last_lifetime": "again"},
    }
    return Snapshots(
        [first("category").over("lifetime"), last("category").over("lifetime")], rows, expected, events(key=["id"], duplicates_within=1)
    )


def _texts(lowest: str, highest: str, often: str, different: int) -> dict[str, object]:
    names = (f"category_{name}_lifetime" for name in ("min", "max", "mode", "count_distinct"))
    return dict(zip(names, (lowest, highest, often, different), strict=True))


@case("texts that come after the checkpoint stand before those in it, and between them")
def _() -> Snapshots:
    rows = [
        at("2024-03-01 06:00", category="m"),
        at("2024-03-01 07:00", category="m"),
        at("2024-03-01 08:00", category="x"),
        at("2024-03-04 06:00", category="a"),
        at("2024-03-04 07:00", category="p"),
        at("2024-03-04 08:00", category="p"),
        at("2024-03-06 08:00", category="x"),
        at("2024-03-06 08:00", category="x"),
    ]
    expected = {
        "2024-03-01": _texts("m", "x", "m", 2),
        "2024-03-04": _texts("a", "x", "m", 4),
        "2024-03-06": _texts("a", "x", "x", 4),
    }
    return Snapshots([make("category").over("lifetime") for make in (min, max, mode, count_distinct)], rows, expected)


@case("a deviation near 1e9 and a mean keep their digits through checkpoints")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", amount=1e9), at("2024-03-02 06:00", amount=1e9 + 1), at("2024-03-03 06:00", amount=1e9 + 2)]
    expected = {
        "2024-03-01": {"amount_std_lifetime": None, "amount_mean_lifetime": 1e9},
        "2024-03-02": {"amount_std_lifetime": 0.5**0.5, "amount_mean_lifetime": 1e9 + 0.5},
        "2024-03-03": {"amount_std_lifetime": 1.0, "amount_mean_lifetime": 1e9 + 1},
    }
    return Snapshots([std("amount").over("lifetime"), mean("amount").over("lifetime")], rows, expected)


@case("what a condition leaves out changes a lifetime's snapshot, not its values")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", quantity=1), at("2024-03-02 06:00", quantity=-1), at("2024-03-04 06:00", quantity=5)]
    features = [
        sum("quantity", where="quantity > 0").over("lifetime").named("total"),
        time_since_last(where="quantity > 0").over("lifetime").named("since"),
    ]
    expected = {
        "2024-03-01": {"total": 1, "since": moment("2024-03-01 06:00")},
        "2024-03-02": {"total": 1, "since": moment("2024-03-01 06:00")},
        "2024-03-04": {"total": 6, "since": moment("2024-03-04 06:00")},
    }
    return Snapshots(features, rows, expected)


@case("a lifetime without a value is null, and has its row")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00"), at("2024-03-03 06:00", amount=2.0)]
    return Snapshots(min("amount").over("lifetime"), rows, {"2024-03-01": None, "2024-03-03": 2.0})
