"""The version of a declaration: a hash of what it means, the same in every process and on every machine."""

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any


def version_of(meaning: Any) -> str:
    """Twelve hex digits for plain data: dicts, sequences, texts, numbers, times.

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
    """A hash of a function's source that comments, formatting and the docstring do not change."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):  # typed into a prompt: there is no source to read
        return version_of(function.__code__.co_code.hex())
    if not isinstance(tree, ast.FunctionDef):
        return version_of(ast.dump(tree))
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    return version_of([ast.dump(tree.args), *map(ast.dump, body)])
