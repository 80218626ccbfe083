"""The version of a declaration: a hash of what it means, the same in every process and on every machine."""

import ast
import hashlib
import inspect
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from types import CodeType
from typing import Any

from platform_assets.declare.arguments import definition_of


def version_of(meaning: Any) -> str:
    """Twelve hex digits for plain data: dicts, sequences, strings, numbers, times.

    >>> version_of({"window": "7d"}) == version_of({"window": "7d"})
    True
    """
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no stable text")


def version_of_code(function: Callable[..., Any]) -> str:
    """A hash of a function's source, without comments, formatting and docstring. Functions that it calls are not included."""
    tree = definition_of(function)
    if tree is None:
        return version_of(_of_bytecode(inspect.unwrap(function).__code__))
    if not isinstance(tree, ast.FunctionDef):
        return version_of(ast.unparse(tree))
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    # unparse, not dump: Python 3.13 dumps a tree differently from 3.12.
    return version_of([ast.unparse(tree.args), *map(ast.unparse, body)])


def _of_bytecode(code: CodeType) -> list[Any]:
    constants = [
        _of_bytecode(c) if isinstance(c, CodeType) else sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c)
        for c in code.co_consts
    ]
    return [code.co_code.hex(), code.co_names, constants]
