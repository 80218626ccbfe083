"""Cases: what is compared, on which engines, and what is said of one that fails or cannot be read."""

from pathlib import Path
from typing import Any

import pytest

from platform_assets.errors import DeclarationError
from platform_assets.testing.cases import ENGINES, Outcome, read_cases, run_case

FILE = """
columns: {user: str, at: datetime, amount: float | None}
event_time: at
entity: user
rows: |
  user | at               | amount
  ada  | 2024-03-01 10:00 | 1
  ada  | 2024-03-01 11:00 | 2
"""


def read(folder: Path, cases: str, before: str = FILE) -> list[Any]:
    path = folder / "some.yaml"
    path.write_text(f"{before}cases:\n{cases}")
    return read_cases(path)


def outcome(folder: Path, case: str, engine: str = "polars", before: str = FILE) -> Outcome:
    (found,) = read(folder, case, before)
    return run_case(found, engine)


def refused(folder: Path, case: str, before: str = FILE) -> str:
    with pytest.raises(DeclarationError) as error:
        read(folder, case, before)
    return str(error.value).removeprefix(f"{folder}/")


PASSES = """
  - case: both amounts
    features: [{sum: amount, over: 1d}]
    expected: [{user: ada, at: 2024-03-02, amount_sum_1d: 3}]
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_case_passes_whose_values_are_those_expected(tmp_path: Path, engine: str) -> None:
    assert outcome(tmp_path, PASSES, engine) == Outcome(*read(tmp_path, PASSES), engine, "passed")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_value_that_differs_is_told_with_its_row_beside_the_one_found(tmp_path: Path, engine: str) -> None:
    found = outcome(tmp_path, PASSES.replace("amount_sum_1d: 3", "amount_sum_1d: 4"), engine)
    assert found.status == "failed"
    assert [(d.row["user"], d.what, d.expected, d.found) for d in found.differences] == [("ada", "amount_sum_1d", 4.0, 3.0)]


@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_features_that_a_row_names_are_compared(tmp_path: Path, engine: str) -> None:
    case = """
  - case: two features
    features: [{sum: amount, over: 1d}, {count: , over: 1d}]
    expected: [{user: ada, at: 2024-03-02, count_1d: 2}, {user: ada, at: 2024-03-03, amount_sum_1d: null}]
"""
    assert outcome(tmp_path, case, engine).status == "passed"


def test_in_a_table_an_empty_cell_is_null_and_compared(tmp_path: Path) -> None:
    case = PASSES.replace(
        "[{user: ada, at: 2024-03-02, amount_sum_1d: 3}]", "|\n      user | at | amount_sum_1d\n      ada | 2024-03-02 |\n"
    )
    found = outcome(tmp_path, case)
    assert [(d.expected, d.found) for d in found.differences] == [(None, 3.0)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_list_is_expected_member_by_member(tmp_path: Path, engine: str) -> None:
    case = """
  - case: the newest first
    features: [{last_n: amount, n: 2, over: 1d, named: latest}]
    expected: |
      user | at         | latest
      ada  | 2024-03-02 | [2, 1.0]
      ada  | 2024-03-03 | []
"""
    assert outcome(tmp_path, case, engine).status == "passed"
    found = outcome(tmp_path, case.replace("[2, 1.0]", "[1, 2]"), engine)
    assert [(d.expected, d.found) for d in found.differences] == [([1.0, 2.0], [2.0, 1.0])]
    assert outcome(tmp_path, case.replace("[2, 1.0]", "[2]"), engine).status == "failed"
    told = outcome(tmp_path, case.replace("[2, 1.0]", "[x]"), engine).message
    assert told.endswith("expected, row 1: 'latest' is '[x]', which is not a list of float, such as [1, 2].")
    assert "which is not a list of float" in outcome(tmp_path, case.replace("[2, 1.0]", "2"), engine).message


def test_floats_agree_to_a_billionth_unless_the_case_says_another_tolerance(tmp_path: Path) -> None:
    near = PASSES.replace("amount_sum_1d: 3", "amount_sum_1d: 3.000001")
    assert outcome(tmp_path, near).status == "failed"
    assert outcome(tmp_path, PASSES.replace("amount_sum_1d: 3", "amount_sum_1d: 3.000000001")).status == "passed"
    assert outcome(tmp_path, near, before=f"{FILE}tolerance: 1e-6\n").status == "passed"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_is_expected_by_a_part_of_its_text(tmp_path: Path, engine: str) -> None:
    case = "  - case: a\n    features: [{sum: amuont, over: 1d}]\n    error: Did you mean 'amount'?\n"
    assert outcome(tmp_path, case, engine).status == "passed"
    found = outcome(tmp_path, case.replace("'amount'", "'user'"), engine)
    assert found.status == "failed"
    assert "there is no column 'amuont'. Did you mean 'amount'?; expected \"Did you mean 'user'?\"" in found.message


def test_an_error_is_looked_for_in_the_message_not_in_the_title(tmp_path: Path) -> None:
    case = "  - case: beyond 64 bits\n    features: [{sum: amuont, over: 1d}]\n    error: beyond 64 bits\n"
    assert outcome(tmp_path, case).status == "failed"


def test_an_error_that_does_not_come_is_told(tmp_path: Path) -> None:
    found = outcome(tmp_path, "  - case: a\n    features: [{sum: amount, over: 1d}]\n    at: 2024-03-02\n    error: beyond\n")
    assert (found.status, found.message) == (
        "failed",
        f"{tmp_path}/some.yaml, line 13, case 'a': there was no error; expected 'beyond'",
    )


def test_what_the_declarations_refuse_is_told_with_file_line_case_and_place(tmp_path: Path) -> None:
    case = "  - case: a\n    features: [{count: , over: 7 days}]\n    expected: [{user: ada, at: 2024-03-02}]\n"
    found = outcome(tmp_path, case)
    assert found.status == "failed"
    assert found.message.startswith(
        f"{tmp_path}/some.yaml, line 11, case 'a': feature view 'view', count().over: '7 days' is not a duration."
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_are_quarantined_are_expected_by_number_and_reason(tmp_path: Path, engine: str) -> None:
    before = f"{FILE}rules: {{small: amount < 2}}\nfeatures: [{{count: , over: 1d}}]\n"
    case = "  - case: a\n    expected: [{user: ada, at: 2024-03-02, count_1d: 1}]\n"
    assert outcome(tmp_path, f"{case}    quarantined: {{2: [small]}}\n", engine, before).status == "passed"
    (told,) = outcome(tmp_path, case, engine, before).differences
    assert (told.what, told.expected, told.found) == ("quarantined", {}, {2: ["small"]})


@pytest.mark.parametrize("engine", ENGINES)
def test_without_rows_everybody_has_the_empty_values(tmp_path: Path, engine: str) -> None:
    assert outcome(tmp_path, PASSES.replace("sum_1d: 3", "sum_1d: null") + "    rows: []\n", engine).status == "passed"


def test_a_cases_own_word_takes_the_place_of_the_files(tmp_path: Path) -> None:
    before = f"{FILE}at: 2024-03-02\nfeatures: [{{count: , over: 1d}}]\n"
    own = "  - case: own\n    at: 2024-03-03\n    expected: [{user: ada, count_1d: 0}]\n"
    shared = "  - case: the file's\n    expected: [{user: ada, count_1d: 2}]\n"
    assert [run_case(case, "polars").status for case in read(tmp_path, own + shared, before)] == ["passed", "passed"]


def test_a_case_of_attributes_may_stand_in_a_file_of_features(tmp_path: Path) -> None:
    before = f"{FILE}features: [{{count: , over: 1d}}]\n"
    case = "  - case: a\n    kind: state\n    key: user\n    attributes: [amount]\n    expected: [{user: ada, at: 2024-03-02, amount: 2}]\n"
    assert [outcome(tmp_path, case, engine, before).status for engine in ENGINES] == ["passed"] * 3


def test_what_cannot_be_expressed_is_not_run_and_says_why(tmp_path: Path) -> None:
    found = outcome(tmp_path, "  - case: a\n    cannot: >\n      Windows of rows\n      there are not.\n")
    assert (found.status, found.message) == ("cannot", "Windows of rows there are not.")


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("  - case: a\n    expected: []\n    feature: []\n", "line 12, case 'a': there is no word 'feature'. Did you mean 'features'?"),
        ("  - case: a\n", "line 10, case 'a': it needs either expected: (rows) or error:"),
        ("  - case: a\n    error: x\n    expected: []\n", "it needs either expected: (rows) or error:"),
        ("  - case: a\n    error:\n", "line 11, case 'a', error: None is not a part of a message."),
        ("  - case: a\n    cannot:\n", "line 11, case 'a', cannot: None is not a reason."),
        ("  - title: a\n", "line 10: a case begins with its title"),
        ("  - case: a\n    cannot: x\n  - case: a\n    cannot: x\n", "line 12, case 'a': another case has the same title"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_the_line(tmp_path: Path, case: str, says: str) -> None:
    assert says in refused(tmp_path, case)


@pytest.mark.parametrize("word", ["columns", "event_time", "entity", "features"])
def test_a_word_that_neither_the_case_nor_the_file_says_is_told_with_an_example(tmp_path: Path, word: str) -> None:
    before = "".join(line for line in FILE.splitlines(keepends=True) if not line.startswith(f"{word}:"))
    case = "".join(line for line in PASSES.splitlines(keepends=True) if not line.strip().startswith(f"{word}:"))
    assert f"case 'both amounts': neither it nor the file has '{word}'. Write {word}: " in refused(tmp_path, case, before)


def test_an_unknown_word_of_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    assert refused(tmp_path, PASSES, f"{FILE}colums: {{}}\n") == "some.yaml, line 9: there is no word 'colums'. Did you mean 'columns'?"


@pytest.mark.parametrize("text", ["", "[]", "cases: {}", "a: 1"])
def test_a_file_without_cases_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "none.yaml").write_text(text)
    with pytest.raises(DeclarationError, match=r"none\.yaml: there are no cases"):
        read_cases(tmp_path / "none.yaml")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeclarationError, match="data: the file cannot be read"):
        read_cases(tmp_path / "data")


@pytest.mark.parametrize(
    ("word", "value", "says"),
    [
        ("columns", "{user: string}", "line 2, case 'both amounts', columns, user: there is no type 'string'. Did you mean 'str'?"),
        ("columns", "[]", "columns: [] are not columns."),
        ("partitions", "dayly", "there is no kind of partition 'dayly'. Did you mean 'daily'?"),
        ("tolerance", "1.5", "tolerance: 1.5 is not a relative tolerance"),
        ("rows", "[1]", "rows: [1] are not rows"),
        ("entity", "usr", "there is no column 'usr'. Did you mean 'user'?"),
        ("event_time", "amount", "event_time: 'amount' is float, it must be a timestamp"),
        ("rows", "[{user: ada, at: noon}]", "row 1: 'at' is 'noon', which is not a time"),
        ("features", "[{summ: amount, over: 1d}]", "there is no aggregation 'summ'. Did you mean 'sum'?"),
        ("features", "[{sum: amount, over: 1d, clsoed: both}]", "there is no argument 'clsoed'. Did you mean 'closed'?"),
        ("features", "[{derive: x, sql: '1', over: 1d}]", "a derived feature has no 'over'"),
        ("features", "[{sum: amount, over: 1d, named: at}]", "'at' is the time of reading"),
        ("features", "{sum: amount}", "is not a list"),
        ("features", "[sum]", "'sum' is not a feature"),
        ("expected", "[]", "expected: there are no rows."),
        ("expected", "[{at: 2024-03-02}]", "expected, row 1: it has no 'user', a key of the entity"),
        ("expected", "[{user: ada}]", "expected, row 1: the time is missing"),
        ("expected", "[{user: ada, at: noon}]", "expected, row 1, at: 'noon' is not a time"),
        ("expected", "[{user: ada, at: 2024-03-02, sum_1d: 1}]", "there is no key or feature 'sum_1d'. Did you mean 'amount_sum_1d'?"),
        ("expected", "[{user: ada, at: 2024-03-02, amount_sum_1d: x}]", "'amount_sum_1d' is 'x', which is not a float"),
        ("quarantined", "[1]", "quarantined: [1] names no rows"),
    ],
)
def test_a_word_with_a_wrong_value_fails_the_case_and_says_how_to_mend_it(tmp_path: Path, word: str, value: str, says: str) -> None:
    own = [line for line in PASSES.splitlines() if not line.strip().startswith(f"{word}:")]
    case, before = "\n".join([*own, ""]), FILE
    if word in ("columns", "event_time", "entity"):
        before = "\n".join(f"{word}: {value}" if line.startswith(f"{word}:") else line for line in FILE.splitlines()) + "\n"
    else:
        case += f"    {word}: {value}\n"
    found = outcome(tmp_path, case, before=before)
    assert found.status == "failed"
    assert says in found.message
    assert found.message.startswith(f"{tmp_path}/some.yaml, line ")
