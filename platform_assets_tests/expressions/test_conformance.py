"""Every case of what an expression means, on every back end."""

from pathlib import Path

import pytest

from platform_assets.expressions import parse
from platform_assets.expressions.functions import CASTS as CAN_BE_CAST
from platform_assets.expressions.functions import FUNCTIONS, OPERATORS, SIGNATURES
from platform_assets.expressions.tree import Call, Cast, Node, walk
from platform_assets_tests.expressions.back_ends import BACK_ENDS, same
from platform_assets_tests.expressions.cases import CHOICE, COLUMNS, LOGIC, NUMBERS, Case
from platform_assets_tests.expressions.cases_of_texts import CASTS, TEXTS, TIMES

CASES = [*LOGIC, *CHOICE, *NUMBERS, *TEXTS, *CASTS, *TIMES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.says)
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_back_end_gives_the_value_that_is_written_down(back_end: str, case: Case) -> None:
    expression = parse(case.sql, columns=COLUMNS, where=case.says)
    rows = case.inputs(expression.columns)
    values = BACK_ENDS[back_end](expression, COLUMNS, rows)
    assert expression.type == case.type
    assert len(values) == len(case.expected)
    wrong = [(row, value, right) for row, value, right in zip(case.rows, values, case.expected, strict=True) if not same(value, right)]
    assert wrong == []


def nodes() -> list[Node]:
    return [node for case in CASES for node in walk(parse(case.sql, columns=COLUMNS, where=case.says).tree)]


def test_every_function_and_operator_has_a_case() -> None:
    assert {node.name for node in nodes() if isinstance(node, Call)} == set(SIGNATURES)


def test_every_cast_has_a_case() -> None:
    casts = {(node.operand.type, node.type) for node in nodes() if isinstance(node, Cast)}
    assert casts == {(of, to) for of, targets in CAN_BE_CAST.items() for to in targets}


def test_every_function_and_operator_is_on_the_docs_page() -> None:
    page = (Path(__file__).parents[2] / "docs/concepts/expressions.md").read_text()
    unnamed = {"negative": "`-a`"}
    assert [name for name in FUNCTIONS if f"`{name}(" not in page] == []
    assert [name for name in OPERATORS if unnamed.get(name, name) not in page] == []
