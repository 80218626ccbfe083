"""What a text that is not an expression is refused with: each message names the culprit, the place and the fix."""

import pytest

from platform_assets.errors import DeclarationError
from platform_assets.expressions import DataType, parse

COLUMNS: dict[str, DataType] = {
    "quantity": "int", "unit_price": "float", "country": "str", "Stock Code": "str", "gift": "bool", "day": "date",
    "ordered_at": "datetime",
}  # fmt: skip
WHERE = "source 'orders', rule 'price'"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("quantiy * 2", "'quantiy * 2': there is no column 'quantiy'. Did you mean 'quantity'?"),
        ("QUANTITY", "there is no column 'QUANTITY'. Did you mean 'quantity'?"),
        ('country = "UK"', "(a string belongs in single quotes: 'UK')"),
        ("orders.quantity", "write columns without a table"),
        ("lenght(country)", "there is no function 'lenght'. Did you mean 'length'?"),
        ("substring(country, 1)", "there is no function 'substring'. Did you mean 'substr'?"),
        ("country + quantity", "'country' is text, 'quantity' is int: there is no sum of text and int. It takes int and int, or"),
        ("lower(quantity)", "'quantity' is int: there is no lower of int. It takes text"),
        ("gift and 3", "'gift' is bool, 3 is int: there is no and of bool and int. It takes bool and bool"),
        ("unit_price % 2", "there is no % of float and int. It takes int and int"),
        ("gift < gift", "values of one type other than bool"),
        ("country = quantity", "there is no = of text and int. It takes values of one type; convert with cast(... as ...)"),
        ("ordered_at > '2024-03-05'", "a time is written timestamp '2024-03-05 14:30:00' or date '2024-03-05'"),
        ("ordered_at - ordered_at", "hours_between(earlier, later)"),
        ("hour(ordered_at, 'Europe/Lodnon')", "there is no time zone 'Europe/Lodnon'. Did you mean 'Europe/London'?"),
        ("hour(ordered_at, country)", "argument 2 of hour must be a literal, not country"),
        ("ordered_at + interval '1' day", "there are no intervals"),
        ("lower(country, country)", "lower takes text, not 2 arguments"),
        ("least()", "not 0 arguments"),
        ("coalesce(quantity, country)", "there is no coalesce of int and text"),
        ("case when quantity then 1 end", "'quantity' is int; 'when' must be followed by a condition"),
        ("case when gift then 1 else country end", "the values of a case have one type, and 1 is int, 'country' is text"),
        ("case when gift then null end", "every value of this case is null"),
        ("null", "a bare null has no type; write cast(null as float)"),
        ("country = null", "a comparison with null is never true; write 'country is null'"),
        ("not (null <> country)", "write 'country is not null'"),
        ("quantity > (null)", "a comparison with null is never true; write 'quantity is null'"),
        ("null = null", "a comparison with null is never true; write 'NULL is null'"),
        ("country in ('UK', null)", "it cannot be in a list; write 'country in (...) or country is null'"),
        ("country not in (null)", "it cannot be in a list"),
        ("case country when null then 1 end", "this branch is never taken; write 'case when country is null then'"),
        ("country like country", "argument 2 of like must be a literal, not country"),
        ("country like null", "argument 2 of like must be a literal"),
        ("round(unit_price, quantity)", "argument 2 of round must be a literal, not quantity"),
        ("round(unit_price, 16)", "round takes 0 to 15 digits, not 16"),
        ("quantity in ()", "in () needs at least one value"),
        ("cast(unit_price as text)", "'unit_price' is float, which has more than one spelling as text; round it"),
        ("cast(gift as date)", "'gift' is bool; it can be cast to int, float, text, not to date"),
        ("cast(quantity as decimal(9, 2))", "there is no cast to decimal(9, 2)"),
        ("cast('four' as int)", "'four' is not an int; write it as '42'"),
        ("day = date '2024-02-30'", "'2024-02-30' is not a date; write it as date '2024-03-05'"),
        ("9223372036854775808", "does not fit into an int of 64 bits"),
        ("1e999", "is not a number that a float can hold"),
        ("sum(quantity)", "sum is an aggregation over rows, and an expression is computed from one row. Aggregate in a feature"),
        ("max(quantity)", "for two values of a row use greatest(a, b)"),
        ("count(*) > 1", "count is an aggregation over rows"),
        ("sum(quantity) over (partition by country)", "a window reads other rows"),
        ("(select 1)", "a subquery reads other rows"),
        ("quantity in (select 1)", "a subquery reads other rows"),
        ("exists (select 1)", "a subquery reads other rows"),
        ("now() > ordered_at", "now() changes from call to call"),
        ("ordered_at < current_timestamp", "current_timestamp changes from call to call"),
        ("select quantity", "select begins a statement"),
        ("drop table orders", "drop begins a statement"),
        ("quantity; unit_price", "these are two statements"),
        ("quantity, unit_price", "',' cannot follow 'quantity'"),
        ("quantity as q", "'as' cannot follow 'quantity'"),
        ("quantity +", "it stops at '+'"),
        ("(quantity", "it stops at 'quantity'"),
        ("'open", "is a quote or a parenthesis not closed?"),
        ("", "an expression must be a non-empty string of SQL"),
        ("  -- nothing", "it cannot be read as SQL"),
        ("*", "a star means all columns"),
        ("country ilike 'u%'", "write lower(...) like '...'"),
        ("country like 'u!%' escape '!'", "like has no escape character"),
        ("country like any ('u%')", "like takes one pattern"),
        ("gift is true", "write coalesce(..., false)"),
        ("country is distinct from 'UK'", "takes nulls for equal"),
        ("quantity & 1", "'quantity & 1' is not allowed in an expression"),
        ("negative(quantity)", "there is no function 'negative'"),
        ('"+"(quantity, 1)', "there is no function '+'"),
        ("not " * 5000 + "gift", "nested this deeply"),
        ("(" * 5000 + "gift" + ")" * 5000, "nested this deeply"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_expression_is_refused_with_the_reason(sql: str, said: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(sql, columns=COLUMNS, where=WHERE)
    message = str(raised.value)
    assert message.startswith(f"{WHERE}: ")
    assert said in message
    assert sql[:40] in message.replace("\\'", "'")


def test_a_column_whose_name_needs_quotes_can_be_read() -> None:
    assert parse('"Stock Code"', columns=COLUMNS, where=WHERE).columns == ("Stock Code",)


@pytest.mark.parametrize("name", ["end", "date", "order", "left", "comment", "update", "year", "timestamp", "hour"])
def test_a_column_may_have_the_name_of_a_keyword_or_function(name: str) -> None:
    expression = parse(f"{name} = 'x'", columns={name: "str"}, where=WHERE)
    assert parse(expression.canonical, columns={name: "str"}, where=WHERE) == expression
