"""events and judged: small tables in, typed rows and what becomes of them out, with messages that name the row."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from platform_assets.errors import ComputeError
from platform_assets.testing import events, judged
from platform_assets_tests.declare.shop import ORDERS
from platform_assets_tests.testing.shop import HOURLY, SALES


def test_a_table_has_the_sources_columns_and_types() -> None:
    found = events(
        SALES,
        """
        user | at                        | amount | gift  | arrival
        -----|---------------------------|--------|-------|--------
        ada  | 2024-03-01 10:00          | 2      | true  |
             | 2024-03-01T12:30:00+02:00 | 1.5    | FALSE | 2024-03-02
        bob  | 2024-03-01                | 3
        """,
    )
    assert found.columns == ["sale_id", "user", "at", "amount", "gift", "arrival"]
    at = [datetime(2024, 3, 1, 10, 0, tzinfo=UTC), datetime(2024, 3, 1, 10, 30, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)]
    assert found.rows() == [
        (1, "ada", at[0], 2.0, True, None),
        (2, None, at[1], 1.5, False, date(2024, 3, 2)),
        (3, "bob", at[2], 3.0, None, None),
    ]
    assert found.schema["at"] == pl.Datetime("us", "UTC")


def test_a_table_may_be_framed_by_bars() -> None:
    found = events(SALES, "| user | at | amount |\n|---|---|---|\n| | 2024-03-01 | 1 |\n| bob | 2024-03-02 | |", gift=True)
    assert found.select("user", "amount", "gift").rows() == [(None, 1.0, True), ("bob", None, True)]


def test_only_a_line_below_the_header_is_left_out() -> None:
    found = events(SALES, "user | at | amount\n:--- | --- | ---:\n- | 2024-03-01 | 1\n | | ", gift=True)
    assert found.select("user", "amount").rows() == [("-", 1.0), (None, None)], "rows of empty values and of dashes are rows"


def test_an_empty_text_among_dicts_is_a_text() -> None:
    assert events(SALES, [{"user": "", "at": "2024-03-01", "amount": 1.0}])["user"].to_list() == [""]


def test_dicts_may_share_values_and_hours_arrive_in_hours() -> None:
    rows = [{"at": "2024-03-01 10:20", "arrival": "2024-03-01 11:00", "amount": 3}, {"at": datetime(2024, 3, 1, 11, tzinfo=UTC)}]
    found = events(HOURLY, rows, amount=1, user="ada", sale_id=7)
    assert found["amount"].to_list() == [3.0, 1.0]
    assert found["sale_id"].to_list() == [7, 7]
    assert found["arrival"].to_list() == [datetime(2024, 3, 1, 11, tzinfo=UTC), None]


def test_no_rows_are_a_table_of_none() -> None:
    assert events(SALES, []).schema["amount"] == pl.Float64
    assert events(SALES, "user | at | amount").height == 0


def test_dates_and_whole_numbers_are_read() -> None:
    row = {"order_id": "7", "customer_id": 1, "ordered_at": "2024-03-01", "shipped_on": "2024-03-02", "amount": "1", "quantity": "2"}
    assert events(ORDERS, [row, {**row, "shipped_on": date(2024, 3, 3)}])["shipped_on"].to_list() == [date(2024, 3, 2), date(2024, 3, 3)]


ROW = {"user": "ada", "at": "2024-03-01", "amount": 1.0}

WRONG: dict[str, tuple[Any, str]] = {
    "a column is misspelt": ([{**ROW, "usr": "ada"}], "the source has no column 'usr'. Did you mean 'user'?"),
    "a column is lacking": (
        [{"user": "ada", "at": "2024-03-01"}],
        "amount is missing. Add the column, or give all rows the same value: amount=...",
    ),
    "a number is a word": ([ROW, {**ROW, "amount": "much"}], "row 2: 'amount' is 'much', which is not a float."),
    "a number is true": ([{**ROW, "amount": True}], "row 1: 'amount' is True, which is not a float."),
    "a whole number is none": ([{**ROW, "sale_id": 1.5}], "row 1: 'sale_id' is 1.5, which is not an int."),
    "a truth value is a word": ([{**ROW, "gift": "maybe"}], "row 1: 'gift' is 'maybe', which is not a bool."),
    "a text is a number": ([{**ROW, "user": 7}], "row 1: 'user' is 7, which is not a str."),
    "a time is naive": (
        [{**ROW, "at": datetime(2024, 3, 1)}],
        "which is not a time with its zone, or a string such as '2024-03-05 14:30' (UTC).",
    ),
    "a time is a word": ([{**ROW, "at": "noon"}], "row 1: 'at' is 'noon', which is not a time with its zone"),
    "an arrival is a word": ([{**ROW, "arrival": "late"}], "row 1: 'arrival' is 'late', which is not a partition, such as '2024-03-05'."),
    "a line has too many values": ("user | at\nada | 2024-03-01 | 2", "row 1: it has 3 values for 2 columns: ada | 2024-03-01 | 2"),
    "the table is empty": ("\n\n", "the table is empty. Its first line names the columns, apart by '|'."),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_events_name_the_row_and_the_column(what: str) -> None:
    rows, message = WRONG[what]
    with pytest.raises(ComputeError) as error:
        events(SALES, rows)
    assert str(error.value).startswith("events of source 'sales'")
    assert message in str(error.value)


def test_rules_flags_and_duplicates_are_those_of_the_source() -> None:
    found = judged(
        SALES,
        events(
            SALES,
            """
            sale_id | at         | amount | arrival
            1       | 2024-03-01 | 60     |
            2       | 2024-03-01 | -1     |
            1       | 2024-03-01 | 60     | 2024-03-03
            1       | 2024-03-01 | 60     | 2024-03-06
            3       | 2024-03-05 | 1      | 2024-03-04
            """,
        ),
    )
    assert {number: row["large"] for number, row in found.accepted.items()} == {1: True, 4: True}, "the last copy came too late to be known"
    assert found.quarantined == {2: ["positive"], 5: ["in the future"]}
    assert found.duplicates == [3]
    assert found.accepted[1] == {
        "sale_id": 1,
        "user": None,
        "at": datetime(2024, 3, 1, tzinfo=UTC),
        "amount": 60.0,
        "gift": None,
        "large": True,
    }


def test_a_partition_of_bad_rows_only_is_told_row_by_row() -> None:
    found = judged(SALES, events(SALES, [{**ROW, "amount": -1}, {**ROW, "amount": 2}, {**ROW, "amount": -3}]))
    assert (list(found.accepted), found.quarantined) == ([2], {1: ["positive"], 3: ["positive"]})
