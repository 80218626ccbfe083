"""compute_features gives the reference's values for any events, and the assertions of platform_assets.testing can fail."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets import AttributeView, Entity, FeatureView, compute_features, count, daily, source
from platform_assets.aggregations import Count
from platform_assets.declare.source import Source
from platform_assets.errors import ComputeError, SourceError
from platform_assets.kernels import features_at as from_silver
from platform_assets.testing import assert_engines_agree, assert_features, events
from platform_assets.testing.equality import Disagreement
from platform_assets_tests.testing.shop import HOURLY, SALES, sales, spending

START = datetime(2024, 3, 1, tzinfo=UTC)
TABLE = """
sale_id | user | at               | amount | arrival
1       | ada  | 2024-03-01 10:00 | 2      |
2       | ada  | 2024-03-02 10:00 | 60     |
3       | bob  | 2024-03-01 12:00 | 5      | 2024-03-03
"""


@st.composite
def any_events(draw: st.DrawFn, source: Source) -> pl.DataFrame:
    """Sales on edges and between, late ones, copies, some without a user; none of them breaks a rule."""
    step = source.partitions.step
    moments = st.integers(0, 24).map(lambda n: START + n * step / 4) | st.timedeltas(timedelta(0), 6 * step).map(lambda past: START + past)
    rows: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 12))):
        at = draw(moments)
        row = {
            "sale_id": draw(st.sampled_from([number, number, number, 0, 1])),
            "user": draw(st.sampled_from(["ada", "ada", "bob", None])),
            "at": at,
            "amount": draw(st.sampled_from([0.0, 0.5, 8.25, 60.0])),
            "arrival": at + draw(st.sampled_from([0, 0, 0, 1, 3])) * step,
        }
        rows.append(row)
    return events(source, rows)


@settings(max_examples=60)
@given(st.data())
def test_any_events_give_the_values_of_the_reference(data: st.DataObject) -> None:
    source, view = data.draw(st.sampled_from([(SALES, spending()), (HOURLY, spending(HOURLY, "2h", "90m"))]))
    some = data.draw(any_events(source))
    step = source.partitions.step
    at = data.draw(st.lists(st.integers(-1, 40).map(lambda n: START + n * step / 4), min_size=1, max_size=4))
    found = assert_engines_agree(view, some, at=at)
    assert found.columns == ["user", "at", *view.served]
    assert found["at"].to_list() == sorted(found["at"].to_list())
    assert set(found["at"]) <= set(at)


def test_updates_give_the_attributes_of_the_latest() -> None:
    class Member:
        user: str
        tariff: str | None
        at: datetime

    @source(schema=Member, kind="state", key=["user"], event_time="at", partitions=daily("2024-03-01"))
    def members(arrival: Any) -> None: ...

    view = AttributeView("member", entity=Entity("user", keys=["user"]), source=members, attributes=["tariff"])
    table = """
    user | tariff | at               | arrival
    ada  | basic  | 2024-03-01 10:00 |
    ada  | gold   | 2024-03-03 10:00 |
    ada  | late   | 2024-03-02 10:00 | 2024-03-04
    """
    found = assert_engines_agree(view, events(members, table), at=["2024-03-02", "2024-03-04", "2024-03-05"])
    assert found["tariff"].to_list() == ["basic", "gold", "gold"]


def test_a_table_of_events_gives_what_one_would_count_by_hand() -> None:
    found = compute_features(spending(), events(SALES, TABLE), at=["2024-03-02", date(2024, 3, 3), "2024-03-04T00:00:00+00:00"])
    expected = [
        ("ada", "2024-03-02", 1, 1, 2.0, 50400.0),
        ("ada", "2024-03-03", 1, 2, None, 50400.0),
        ("ada", "2024-03-04", 0, 2, None, None),
        ("bob", "2024-03-02", 0, 0, None, None),
        ("bob", "2024-03-03", 0, 0, None, None),
        ("bob", "2024-03-04", 0, 1, None, None),
    ]
    columns = ("user", "at", "count_1d", "count_3d", "small", "time_since_last_1d")
    assert_features(found, [dict(zip(columns, row, strict=True)) for row in expected])


def test_events_may_be_dicts_as_a_source_would_return_them() -> None:
    rows = [
        {"sale_id": "1", "user": "ada", "at": "2024-03-01T10:00:00Z", "amount": "2.5"},
        {"sale_id": "1", "user": "ada", "at": "2024-03-01T10:00:00Z", "amount": "2.5"},
    ]
    found = compute_features(spending(), rows, at=datetime(2024, 3, 2, tzinfo=UTC))
    assert found.select("user", "count_1d", "small").rows() == [("ada", 1, 2.5)], "the second is a duplicate"
    assert compute_features(spending(), events(SALES, []), at="2024-03-02").height == 0


GOOD = {"sale_id": 1, "user": "ada", "at": START, "amount": 1.0}

WRONG: dict[str, tuple[Any, Any, str]] = {
    "a column is not the source's": ([{**GOOD, "amuont": 1}], "2024-03-02", "the source has no column 'amuont'. Did you mean 'amount'?"),
    "a column is lacking": (
        [{"sale_id": 1, "user": "ada", "at": START}],
        "2024-03-02",
        "events of source 'sales': the column 'amount' is missing. Choose from: at, sale_id, user.",
    ),
    "a row breaks a rule": (
        [GOOD, {**GOOD, "sale_id": 2, "amount": -1.0}],
        "2024-03-02",
        "1 of 2 would be quarantined: row 2 (positive). Fix them or leave them out; platform_assets.testing",
    ),
    "a value is of another type": ([{**GOOD, "amount": "much"}], "2024-03-02", "would be quarantined: row 1 (amount: not float)."),
    "a row arrives before it happens": (
        [{**GOOD, "at": START + timedelta(days=2), "arrival": date(2024, 3, 1)}],
        "2024-03-02",
        "would be quarantined: row 1 (in the future).",
    ),
    "a row arrives before the first partition": (
        [{**GOOD, "at": START - timedelta(days=1)}],
        "2024-03-02",
        "row 1: it arrives in 2024-02-29, outside the source's partitions: they start with 2024-03-01.",
    ),
    "arrival is a text": ([{**GOOD, "arrival": "2024-03-01"}], "2024-03-02", "'arrival' is String, but must be a date, or for hours"),
    "events are one dict": (
        GOOD,
        "2024-03-02",
        "dict is not a table. Give a Polars frame, a pandas DataFrame, a PyArrow table, a Spark DataFrame, or another object",
    ),
    "a column has two types": ([GOOD, {**GOOD, "amount": [1]}], "2024-03-02", "the rows do not form a table: "),
    "a moment is naive": ([GOOD], START.replace(tzinfo=None), "at: datetime.datetime(2024, 3, 1, 0, 0) has no time zone."),
    "a moment is not a time": ([GOOD], ["yesterday"], "at: 'yesterday' is not a time. Write '2024-03-05' or '2024-03-05 14:30' (UTC)."),
    "a moment is a number": ([GOOD], [7], "at: 7 is not a time."),
    "there is no moment": ([GOOD], [], "at=[]: give a time, such as at='2024-03-05', or a list of times."),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_events_and_moments_say_what_is_wrong(what: str) -> None:
    given_events, at, message = WRONG[what]
    with pytest.raises(ComputeError) as error:
        compute_features(spending(), given_events, at=at)
    assert message in str(error.value)


def test_naive_times_are_refused_unless_the_source_names_their_time_zone() -> None:
    naive = [{**GOOD, "at": datetime(2024, 3, 1, 23, 30)}]
    with pytest.raises(SourceError, match="its times have no time zone"):
        compute_features(spending(), naive, at="2024-03-02")
    kyiv = spending(sales(timezone="Europe/Kyiv"))
    assert compute_features(kyiv, naive, at="2024-03-02")["time_since_last_1d"].to_list() == [2.5 * 3600]


def test_engines_that_differ_are_told_apart_by_entity_moment_and_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    # A mistake in the fast engine: it counts one too many.
    finalize = Count.finalize
    monkeypatch.setattr(Count, "finalize", lambda self, state, column: finalize(self, state, column) + 1)
    with pytest.raises(Disagreement, match=r"view 'spending', polars against the reference, .*'user': 'ada'.*count_1d is 2, expected 1"):
        assert_engines_agree(spending(), events(SALES, TABLE), at="2024-03-02")


def test_values_straight_from_silver_that_differ_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # A mistake on that way alone: it reads the snapshot after the one that may be read.
    tick = from_silver._tick
    monkeypatch.setattr(from_silver, "_tick", lambda view, time: tick(view, time) + 1)
    with pytest.raises(Disagreement, match=r"view 'spending', polars straight from silver against the reference, .*'user': 'ada'"):
        assert_engines_agree(spending(), events(SALES, TABLE), at="2024-03-02")


FOUND = compute_features(spending(), events(SALES, TABLE), at="2024-03-02")
ADA, BOB = {"user": "ada", "at": "2024-03-02", "count_1d": 1}, {"user": "bob", "at": "2024-03-02", "count_1d": 0}

DIFFERENT: dict[str, tuple[Any, str]] = {
    "a value": ([{**ADA, "count_1d": 2}, BOB], "count_1d is 1, expected 2"),
    "a type": ([{**ADA, "count_1d": 1.0}, BOB], "count_1d is 1, expected 1.0"),
    "a row that is missing": ([ADA, BOB, {**ADA, "user": "cy"}], r"missing \[\('cy', .*not expected \[\]"),
    "a row too many": ([ADA], r"missing \[\], not expected \[\('bob', "),
    "a column": ([{"user": "ada", "at": "2024-03-02", "count": 1}], "there is no column 'count' among user, at, count_1d"),
    "columns that differ": ([ADA, {**BOB, "small": None}], "Write dicts with the same columns"),
    "no moment": ([{"user": "ada", "count_1d": 1}], "Write dicts with the same columns, including the keys and 'at'"),
    "nothing expected": ([], "Write dicts with the same columns"),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_other_features_than_expected_fail(what: str) -> None:
    expected, message = DIFFERENT[what]
    with pytest.raises(Disagreement, match=message):
        assert_features(FOUND, expected)


def test_floats_are_compared_to_nine_digits() -> None:
    rows = [{"user": "ada", "at": "2024-03-02", "small": 2.0 + 1e-10}, {"user": "bob", "at": "2024-03-02", "small": None}]
    assert_features(FOUND, rows)
    with pytest.raises(Disagreement, match=r"small is 2\.0, expected 2\.0001"):
        assert_features(FOUND, [{**rows[0], "small": 2.0001}, rows[1]])


def test_a_feature_named_as_the_moments_are_is_refused() -> None:
    view = FeatureView("named", entity=Entity("user", keys=["user"]), source=SALES, features=[count().over("1d").named("at")])
    with pytest.raises(ComputeError, match="view 'named': it has a column 'at', which here holds the times"):
        compute_features(view, events(SALES, TABLE), at="2024-03-02")


def test_a_column_with_label_time_in_its_name_is_compared_like_others() -> None:
    view = FeatureView("named", entity=Entity("user", keys=["user"]), source=SALES, features=[count().over("1d").named("label_time_count")])
    assert assert_engines_agree(view, events(SALES, TABLE), at="2024-03-02")["label_time_count"].to_list() == [1, 0]
