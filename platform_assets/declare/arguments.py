"""Checks of declarations' arguments: a misspelt, missing or invalid argument raises a DeclarationError that says how to fix it."""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from platform_assets.errors import DeclarationError, unknown

P = ParamSpec("P")
R = TypeVar("R")


def checked_arguments(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: a call with the wrong arguments raises a DeclarationError. what: the start of its message, such as "sum"."""

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            signature = _signature(function)
            try:
                signature.bind(*args, **kwargs)
            except TypeError:
                raise _misfit(what, signature, args, kwargs) from None
            return function(*args, **kwargs)

        return call

    return wrap


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Computed on the first call: thirty signatures would be a sixth of the package's import time."""
    return inspect.signature(function)


def _misfit(what: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> DeclarationError:
    is_constructor = next(iter(signature.parameters), None) == "self"
    args = args[1:] if is_constructor else args
    parameters = [parameter for name, parameter in signature.parameters.items() if name != "self"]
    if is_constructor:
        first = args[0] if args else kwargs.get("name")
        where = f"{what} {first!r}" if isinstance(first, str) else what
    else:
        where = f"{what}({args[0]!r})" if args and isinstance(args[0], str) else what
    names = [parameter.name for parameter in parameters]
    for name in kwargs:
        if name not in names:
            return unknown(where, "argument", name, names)
    unnamed = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    if len(args) > len(unnamed):
        allowed = f"only {' and '.join(unnamed)} may be positional" if unnamed else "all arguments are keyword-only"
        return DeclarationError(f"{where}: {allowed}. Write the others as name=value: {', '.join(n for n in names if n not in unnamed)}.")
    twice = [name for name in unnamed[: len(args)] if name in kwargs]
    if twice:
        return DeclarationError(f"{where}: the argument {twice[0]!r} is given twice, as a positional and as a keyword argument.")
    given = {*unnamed[: len(args)], *kwargs}
    lacking = [parameter.name for parameter in parameters if parameter.default is parameter.empty and parameter.name not in given]
    return DeclarationError(f"{where} is missing the argument {lacking[0]!r}. Write {lacking[0]}=...")


def assign(declaration: Any, **values: Any) -> None:
    """Sets the attributes of a frozen dataclass that has its own __init__ to check its arguments."""
    for attribute, value in values.items():
        object.__setattr__(declaration, attribute, value)


def shown(value: Any) -> str:
    """A value as messages show it: a declaration or function by name, anything else in at most 80 characters."""
    name = getattr(value, "name", None)
    if isinstance(name, str) and type(value).__module__.startswith("platform_assets."):
        return f"{type(value).__name__}({name!r})"
    if inspect.isfunction(value):
        return f"the function {value.__name__}()"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def list_of(value: Any, where: str, example: str) -> tuple[Any, ...]:
    """The items of a list or tuple. A set is refused: its order differs between processes."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise DeclarationError(f"{where}: {shown(value)} is not a list. Write {example}.")
    return tuple(value)


def names_of(value: Any, where: str, example: str) -> tuple[str, ...]:
    """The items of a list of strings without duplicates."""
    names = list_of(value, where, example)
    for name in names:
        if not isinstance(name, str):
            raise DeclarationError(f"{where}: {shown(name)} is not a string. Write {example}.")
        if names.count(name) > 1:
            raise DeclarationError(f"{where}: {name!r} is listed twice. Leave one out.")
    return names


def texts_by_name(value: Any, where: str, example: str) -> dict[str, str]:
    """The entries of a mapping of strings to strings; an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DeclarationError(f"{where}: {shown(value)} is not a dict. Write {example}.")
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise DeclarationError(f"{where}: {shown(key)}: {shown(text)} are not both strings. Write {example}.")
    return dict(value)


def one_of(value: Any, known: Sequence[str], where: str, what: str) -> None:
    """Refuses a value that is not one of the known words."""
    if not isinstance(value, str):
        raise DeclarationError(f"{where}: {shown(value)} is not a {what}. Choose from: {', '.join(known)}.")
    if value not in known:
        raise unknown(where, what, value, known)


def text(value: Any, where: str, example: str) -> str:
    """A text."""
    if not isinstance(value, str):
        raise DeclarationError(f"{where}: {shown(value)} is not a string. Write {example}.")
    return value


def boolean(value: Any, where: str) -> bool:
    """True or False, not merely a truthy or falsy value."""
    if not isinstance(value, bool):
        raise DeclarationError(f"{where}: {shown(value)} is neither True nor False.")
    return value


def share(value: Any, where: str) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        is_percentage = isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= 100
        fix = f" Write {value / 100:g}." if is_percentage else ""
        raise DeclarationError(f"{where}: {shown(value)} is not a number from 0 to 1.{fix}")
    return float(value)


def integer(value: Any, where: str, least: int | None = None) -> int:
    """An integer that is not below the least."""
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        bound = "" if least is None else f" of {least} or more, such as {least + 1}."
        raise DeclarationError(f"{where}: {shown(value)} is not a whole number{bound}")
    return value


def takes_one_argument(function: Any, where: str, example: str) -> None:
    """Refuses a function that cannot be called with one argument."""
    takes_arguments(function, 1, where, example)


def takes_arguments(function: Any, number: int, where: str, example: str) -> None:
    """Refuses a function that cannot be called with this many arguments."""
    try:
        inspect.signature(function).bind(*[None] * number)
    except (TypeError, ValueError):
        words = {1: "one argument", 2: "two arguments"}.get(number, f"{number} arguments")
        raise DeclarationError(f"{where}: it must be a function of {words}. Write {example}.") from None


def returns_something(function: Any, where: str, what: str) -> None:
    """Refuses a function whose body never returns a value. A function without a body or source code may be a stub and is accepted."""
    try:
        # The function itself, not the one it wraps; and not its code object, for which inspect searches the files of all modules (20 ms).
        itself = FunctionType(function.__code__, function.__globals__, closure=function.__closure__)
    except (AttributeError, TypeError):
        return
    tree = definition_of(itself)
    if not isinstance(tree, ast.FunctionDef) or all(isinstance(part, ast.Pass | ast.Raise) or _is_constant(part) for part in tree.body):
        return
    if not any(
        (isinstance(part, ast.Return) and part.value is not None) or isinstance(part, ast.Yield | ast.YieldFrom) for part in _own(tree)
    ):
        raise DeclarationError(f"{where}: its function returns nothing. End it with return and {what}.")


def definition_of(function: Callable[..., Any]) -> ast.stmt | None:
    """The statement that defines a function; None if its source code is not available, as for code typed at a prompt."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None and code.co_filename in _MANY_SOURCES:
        return None
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return None


_MANY_SOURCES = ("<string>", "<stdin>")
"""The file name of code that is run from a string. From Python 3.13 on, `python -c` returns its own source for all of them."""


def _is_constant(statement: ast.stmt) -> bool:
    """A docstring or `...`."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _own(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of nested functions and classes."""
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)
