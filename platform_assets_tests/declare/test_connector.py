"""A source that is declared with a connector takes what a source that is declared by a function takes."""

import inspect
from typing import get_type_hints

from platform_assets import source
from platform_assets.declare.connector import SourceOptions


def test_the_options_are_the_arguments_of_the_decorator() -> None:
    declared = inspect.signature(inspect.unwrap(source)).parameters
    assert list(get_type_hints(SourceOptions)) == list(declared)
