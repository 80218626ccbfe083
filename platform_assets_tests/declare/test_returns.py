"""A function that forgets its return is found when its module loads: its source would be empty for ever, its model never fitted."""

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from platform_assets import daily, model, source
from platform_assets.errors import DeclarationError
from platform_assets_tests.declare.shop import training


class Sale:
    at: datetime


declared_source = source(schema=Sale, event_time="at", partitions=daily("2024-01-01"))


def forgets(arrival: Any) -> Any:
    """Sales of the shop."""
    arrival.read_csv("{day}.csv")


def returns_nothing_early(arrival: Any) -> Any:
    if arrival:
        return


def returns_inside_another_function(arrival: Any) -> Any:
    def inner() -> int:
        return 1

    print(inner(), (lambda: 2)())


def fetches(arrival: Any) -> Any:
    return arrival.read_csv("{day}.csv")


@functools.wraps(fetches, assigned=())
def wraps_one_that_returns(arrival: Any) -> Any:
    print(arrival)


@pytest.mark.parametrize("function", [forgets, returns_nothing_early, returns_inside_another_function, wraps_one_that_returns])
def test_a_function_that_never_returns_a_value_is_refused(function: Callable[[Any], Any]) -> None:
    name = function.__name__
    with pytest.raises(DeclarationError) as error:
        declared_source(function)
    expected = f"source '{name}': its function returns nothing. End it with return and a frame, or None when nothing has arrived."
    assert str(error.value) == expected
    with pytest.raises(DeclarationError, match=f"model '{name}': its function returns nothing. End it with return and the fitted"):
        model(training())(function)


def stub(arrival: Any) -> Any: ...


def documented(arrival: Any) -> Any:
    """Sales of the shop."""


def not_yet(arrival: Any) -> Any:
    raise NotImplementedError


def returns_in_a_branch(arrival: Any) -> Any:
    for value in arrival:
        with value:
            return value
    return None


@functools.wraps(forgets)
def wrapped(arrival: Any) -> Any:
    return forgets(arrival)


@pytest.mark.parametrize("function", [stub, documented, not_yet, returns_in_a_branch, wrapped])
def test_a_stub_and_whatever_returns_something_are_taken(function: Callable[[Any], Any]) -> None:
    assert declared_source(function).name == function.__name__


def test_a_function_without_a_source_text_is_taken() -> None:
    namespace: dict[str, Any] = {}
    exec("def typed(arrival):\n    print(arrival)", namespace)
    assert declared_source(namespace["typed"]).name == "typed"


def test_a_function_that_knows_names_around_it_is_looked_at_as_well() -> None:
    path = "{day}.csv"

    def forgotten(arrival: Any) -> Any:
        arrival.read_csv(path)

    def read(arrival: Any) -> Any:
        return arrival.read_csv(path)

    assert declared_source(read).name == "read"
    with pytest.raises(DeclarationError, match="source 'forgotten': its function returns nothing"):
        declared_source(forgotten)
