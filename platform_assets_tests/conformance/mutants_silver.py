"""Mistakes in parsing, and in telling duplicates."""

from platform_assets_tests.conformance.mutant import Mutant, mutants

SILVER = "engines/polars/silver.py"
RULES = "kernels/judge_rows.py"
DUPLICATES = "kernels/duplicates.py"
PARSE = "kernels/parse.py"
PICTURES = "kernels/pictures.py"
SNAPSHOT = "engines/polars/snapshot.py"
TIMESTAMPS = "kernels/timestamps.py"

SILVER_MUTANTS: list[Mutant] = [
    *mutants(
        "duplicate chains",
        ("the horizon is one partition shorter", DUPLICATES, "<= source.duplicates_within", "< source.duplicates_within"),
        (
            "the horizon is one partition longer",
            DUPLICATES,
            "<= source.duplicates_within",
            "<= source.duplicates_within + (source.duplicates_within > 0)",
        ),
        (
            "rows that break rules make duplicates",
            SILVER,
            "examine(self.source, raw, self.delivered, self.replayed)",
            "examine(__import__('dataclasses').replace(self.source, rules={}), raw, self.delivered, self.replayed)",
        ),
        (
            "a chain ends where a run begins",
            SILVER,
            "pl.concat([*horizon.good(before, rows.columns), rows])",
            "rows",
        ),
        (
            "a chain counts from its first row",
            DUPLICATES,
            "pl.col(INDEX) - pl.col(INDEX).shift(1) <=",
            "pl.col(INDEX) - pl.col(INDEX).first().over(source.unique_key) <=",
        ),
        (
            "the row number goes before the delivery",
            DUPLICATES,
            "*source.unique_key, *PLACE)",
            '*source.unique_key, "arrival", "row_number", "delivery")',
        ),
        ("the keys of the horizon are not looked at", DUPLICATES, "for chunk in earlier()]", "for chunk in ()]"),
        ("a bucket of keys is lost", DUPLICATES, "for bucket in range(buckets):", "for bucket in range(min(buckets, 1)):"),
        ("rows of different keys with one hash are copies", DUPLICATES, "pl.all_horizontal(*before, near)", "pl.all_horizontal(near)"),
        ("a changed copy is an exact one", DUPLICATES, "pl.all_horizontal(is_duplicate, *others)", "pl.all_horizontal(is_duplicate)"),
        ("chunks are numbered alike", SILVER, "pl.int_range(good.height, good.height + pl.len(),", "pl.int_range(pl.len(),"),
        ("a null makes a copy a changed one", DUPLICATES, ".eq_missing(pl.col(column).shift(1))", ".eq(pl.col(column).shift(1))"),
    ),
    *mutants(
        "parsing",
        ("of an hour that comes twice the later", TIMESTAMPS, 'ambiguous="earliest"', 'ambiguous="latest"'),
        ("an empty text is a value", PARSE, 'pl.when(value != "").then(value) if', "value if"),
        ("an empty text cannot be read", RULES, 'received.str.strip_chars()) != "")', 'received.str.strip_chars()) != "?")'),
        ("a line that is not a row has missing values", RULES, ".then(line).otherwise(reasons)", ".then(reasons).otherwise(reasons)"),
        ("NaN stays", PARSE, "pl.when(number.is_finite()).then(number)", "number"),
        ("duplicates count as accepted", SILVER, "counts.good[p] - copies.duplicates[p]", "counts.good[p]"),
    ),
    *mutants(
        "pictures",
        ("a picture looks one partition farther back", PICTURES, "<= source.duplicates_within", "<= source.duplicates_within + 1"),
        ("a blocked picture counts", PICTURES, "if received[partition] and partition not in blocked:", "if received[partition]:"),
        (
            "an empty partition is a picture",
            PICTURES,
            "if received[partition] and partition not in blocked:",
            "if partition not in blocked:",
        ),
        ("a key whose row is bad has gone", PICTURES, "keys = examined.bad_keys.with", "keys = examined.bad_keys.clear().with"),
        ("nothing ever goes", PICTURES, "keys.filter(index.is_in(list(after)))", "keys.clear()"),
        ("a null that stays null is news", PICTURES, 'eq_missing(pl.col(f"__had_{column}"))', 'eq(pl.col(f"__had_{column}"))'),
        ("of several rows of a key the last counts", PICTURES, "is_first_distinct()", "is_last_distinct()"),
        ("news is what the row before said of another key", PICTURES, 'on=["__before", *source.key]', 'on=["__before"]'),
        ("what is unchanged is written", PICTURES, "then(pl.lit(UNCHANGED, pl.Int32))", "then(pl.lit(WRITTEN, pl.Int32))"),
        (
            "copies count as accepted",
            SNAPSHOT,
            "counts.good[p] - copies.number(p, COPY, EXACT_COPY)",
            "counts.good[p] - copies.number(p, COPY)",
        ),
    ),
]
