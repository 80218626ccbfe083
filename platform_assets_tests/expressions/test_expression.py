"""What an Expression is beside its values: data that can be compared, kept and sent, and that does not load sqlglot."""

import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest

from platform_assets.errors import ComputeError
from platform_assets.expressions import DataType, Expression, parse

COLUMNS: dict[str, DataType] = {
    "quantity": "int",
    "unit_price": "float",
    "country": "str",
    "invoice": "str",
    "ordered_at": "datetime",
    "day": "date",
}


def parsed(sql: str) -> Expression:
    return parse(sql, columns=COLUMNS, where="test")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("quantity*2+1", "  ((quantity * 2)) +\n 1"),
        ("country IS NOT NULL AND invoice NOT LIKE 'C%'", "not (country is null) and not invoice like 'C%'"),
        ("CASE WHEN quantity>0 THEN LOWER(country) END", "case when quantity > 0 then lower(country) else null end"),
        ("quantity != 1", "quantity <> 1 -- not one"),
        ("quantity between 1 and 3", "quantity >= 1 and quantity <= 3"),
        ("case quantity when 1 then 'a' end", "case when quantity = 1 then 'a' end"),
        ("country || invoice", "concat(country, invoice)"),
        ("quantity > 60 * 60", "quantity > 3600"),
        ('"quantity"', "quantity"),
        ("unit_price > 2", "unit_price > 2.0"),
        ("ordered_at > date '2024-03-05'", "ordered_at > timestamp '2024-03-05T00:00:00Z'"),
        ("to_date(country)", "cast(country as date)"),
    ],
)
def test_the_same_meaning_is_the_same_expression(one: str, other: str) -> None:
    assert parsed(one) == parsed(other)
    assert hash(parsed(one)) == hash(parsed(other))
    assert parsed(one).canonical == parsed(other).canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("quantity - 1", "1 - quantity"),
        ("quantity * (quantity + 1)", "quantity * quantity + 1"),
        ("country = 'UK'", "country = 'uk'"),
        ("country like 'C%'", "country like 'C_'"),
        ("quantity = 1", "cast(quantity as float) = 1"),
        ("quantity - (1 - quantity)", "quantity - 1 - quantity"),
    ],
)
def test_another_meaning_is_another_expression(one: str, other: str) -> None:
    assert parsed(one) != parsed(other)
    assert parsed(one).canonical != parsed(other).canonical


def test_the_type_of_a_column_is_part_of_the_meaning() -> None:
    as_int, as_float = (parse("x / 2", columns={"x": dtype}, where="test") for dtype in ("int", "float"))
    assert as_int.canonical == "cast(x as float) / 2.0"
    assert as_float.canonical == "x / 2.0"


def test_an_expression_tells_what_it_reads() -> None:
    expression = parsed("case when quantity > 0 then unit_price * quantity end")
    assert (expression.type, expression.columns) == ("float", ("quantity", "unit_price"))
    assert parsed("1 + 1").columns == ()


def test_an_expression_survives_a_pickle() -> None:
    expression = parsed("quantity in (1, cast(null as int)) or ordered_at < timestamp '2024-03-05 00:00:00'")
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    row = {"quantity": 2, "ordered_at": datetime(2024, 3, 4, tzinfo=UTC)}
    assert again.closure()(row) is True


def test_the_representation_is_the_same_in_every_process() -> None:
    program = """
from platform_assets.expressions import parse
e = parse("quantity in (1, 2) and country in ('a', 'b')", columns={"quantity": "int", "country": "str"}, where="w")
print(repr(e), e.canonical, e.columns)
"""
    printed = {
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert printed.pop().startswith("Expression(\"quantity in (1, 2) and country in ('a', 'b')\", type='bool') (quantity in (1, 2)) and ")


def test_importing_expressions_does_not_load_sqlglot() -> None:
    program = "import sys, platform_assets.expressions; print('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_pickled_expression_computes_without_sqlglot() -> None:
    program = f"""
import pickle, sys
expression = pickle.loads({pickle.dumps(parsed("quantity * unit_price"))!r})
print(expression.closure()({{"quantity": 2, "unit_price": 1.5}}), expression.polars() is not None, "sqlglot" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "3.0 True False\n"


def test_a_timestamp_of_another_zone_is_brought_to_utc() -> None:
    hour = parsed("hour(ordered_at)").closure()
    assert hour({"ordered_at": datetime(2024, 3, 5, 1, tzinfo=timezone(timedelta(hours=2)))}) == 23


def test_a_timestamp_without_a_zone_is_refused() -> None:
    with pytest.raises(ComputeError, match="column 'ordered_at': 2024-03-05 01:00:00 has no time zone"):
        parsed("hour(ordered_at)").closure()({"ordered_at": datetime(2024, 3, 5, 1)})


def test_an_int_of_a_request_may_stand_for_a_float() -> None:
    value = parsed("unit_price + 1").closure()({"unit_price": 2})
    assert (value, type(value)) == (3.0, float)


def test_a_predicate_filters_a_frame_without_a_column() -> None:
    frame = pl.DataFrame({"quantity": [1, 2]})
    assert frame.filter(parsed("1 = 1").polars()).height == 2
    assert frame.filter(parsed("quantity > 1").polars()).height == 1


def test_a_date_is_read_as_it_stands() -> None:
    assert parsed("day").closure()({"day": date(2024, 3, 5)}) == date(2024, 3, 5)


def test_polars_divides_by_a_constant_as_by_a_column() -> None:
    # Polars multiplies by the reciprocal instead: 1 in 4 quotients would differ in the last digit.
    values = [k * 0.37 for k in range(1, 2000)]
    frame = pl.DataFrame({"unit_price": values})
    assert frame.select(parsed("unit_price / 0.7").polars()).to_series().to_list() == [v / 0.7 for v in values]
    assert frame.select(pl.col("unit_price") / 0.7).to_series().to_list() != [v / 0.7 for v in values]


def test_a_divisor_that_happens_to_be_the_same_in_every_row_is_no_constant() -> None:
    values = [k * 0.37 for k in range(1, 2000)]
    frame = pl.DataFrame({"unit_price": values, "quantity": [1] * len(values)})
    quotients = frame.select(parsed("unit_price / case when quantity > 0 then 115.0 end").polars()).to_series().to_list()
    assert quotients == [v / 115.0 for v in values]


def test_powers_differ_in_the_last_digit_at_most() -> None:
    # For a constant exponent, and for a part of a frame that has one row, Polars multiplies instead of calling pow().
    expression = parsed("power(unit_price, 3)")
    values = [k * 0.37 for k in range(1, 500)]
    powers = pl.DataFrame({"unit_price": values}).select(expression.polars()).to_series().to_list()
    assert powers == pytest.approx([expression.closure()({"unit_price": v}) for v in values], rel=1e-15, abs=0)
