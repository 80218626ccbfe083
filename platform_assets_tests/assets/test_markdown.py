"""What people read in Dagster: values cut to width, nothing that Markdown takes for its own, and no secrets."""

from datetime import UTC, datetime

import polars as pl

from platform_assets.assets.markdown import WIDEST, preview, said, table


def text(rows: pl.DataFrame) -> str:
    return str(preview(rows).value)


def test_a_preview_has_a_line_a_row_while_there_are_few_columns() -> None:
    at = datetime(2024, 3, 5, 10, tzinfo=UTC)
    rows = pl.DataFrame({"id": [12345, 2], "at": [at, None], "amount": [1234.5678, 0.1], "large": [True, False]})
    assert text(rows).splitlines() == [
        "|id|at|amount|large|",
        "|-|-|-:|-|",
        "|12345|2024-03-05 10:00:00|1,234.57|true|",
        "|2||0.1|false|",
    ]


def test_a_preview_of_many_columns_is_turned() -> None:
    rows = pl.DataFrame({f"column{number}": [number, number + 1] for number in range(12)})
    assert text(rows).splitlines()[:3] == ["|column|row 1|row 2|", "|-|-|-|", "|column0|0|1|"]


def test_a_long_value_is_cut_and_one_with_signs_of_markdown_does_not_break_the_table() -> None:
    assert len(said("x" * 500)) == WIDEST
    assert said("a|b *c* <img src=x>\nd") == r"a\|b \*c\* \<img src=x\> d"
    assert table(["a|b"], [["c|d"]]).count("\n") == 2


def test_what_is_named_like_a_secret_is_not_shown_and_nobodys_password_in_a_url() -> None:
    secrets = {"password": ["hunter2"], "api_key": ["hunter2"], "user_token": ["hunter2"], "Card_Number": ["hunter2"], "iban": ["hunter2"]}
    rows = pl.DataFrame({**secrets, "url": ["https://ada:hunter2@shop.example/x"], "tokenized": [7]})
    assert "hunter2" not in text(rows)
    assert "https://***@shop.example/x" in text(rows).replace("\\", "")
    assert "|7|" in text(rows)


def test_no_rows_are_said_to_be_none() -> None:
    assert text(pl.DataFrame(schema={"id": pl.Int64})) == "no rows"
