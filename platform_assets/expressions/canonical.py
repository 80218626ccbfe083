"""A checked expression as SQL in canonical form: equal texts have the same meaning, so versions are computed from them.

Parsing the text gives the same tree. Every operation is in parentheses, except the outermost.
"""

import re
from datetime import date, datetime

from platform_assets.expressions.functions import OPERATORS
from platform_assets.expressions.tree import Call, Case, Cast, Column, Literal, Node
from platform_assets.expressions.types import SQL_NAMES

_PLAIN = re.compile("[a-z_][a-z0-9_]*")
_RESERVED = {
    "and", "between", "case", "cast", "div", "else", "end", "in", "is", "like", "not", "null", "or", "then", "when", "true", "false",
}  # fmt: skip


def canonical(tree: Node) -> str:
    """The text of a tree.

    >>> canonical(Call("negative", (Column("price", "int"),), "int"))
    '-price'
    """
    text = _text(tree)
    return text[1:-1] if isinstance(tree, Call) and tree.name in OPERATORS else text


def _text(node: Node) -> str:
    match node:
        case Column(name=name):
            return _identifier(name)
        case Literal():
            return _literal(node)
        case Cast(operand=operand, type=dtype):
            return f"cast({canonical(operand)} as {SQL_NAMES[dtype]})"
        case Case(branches=branches, otherwise=otherwise):
            whens = " ".join(f"when {_text(condition)} then {_text(value)}" for condition, value in branches)
            return f"case {whens} else {_text(otherwise)} end"
        case Call(name="negative", arguments=(x,)):
            return f"(-{' ' if _text(x).startswith('-') else ''}{_text(x)})"  # two dashes would start a comment
        case Call(name="not", arguments=(x,)):
            return f"(not {_text(x)})"
        case Call(name="is null", arguments=(x,)):
            return f"({_text(x)} is null)"
        case Call(name="in", arguments=(x, *options)):
            return f"({_text(x)} in ({', '.join(map(_text, options))}))"
        case Call(name=name, arguments=(x, y)) if name in OPERATORS:
            return f"({_text(x)} {name} {_text(y)})"
        case Call(name=name, arguments=arguments):
            return f"{name}({', '.join(map(canonical, arguments))})"


def _identifier(name: str) -> str:
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def _literal(literal: Literal) -> str:
    match literal.value:
        case None:
            return f"cast(null as {SQL_NAMES[literal.type]})"
        case bool(value):
            return str(value).lower()
        case str(value):
            return "'" + value.replace("'", "''") + "'"
        case datetime() as value:
            return f"timestamp '{value.replace(tzinfo=None).isoformat(' ')}'"
        case date() as value:
            return f"date '{value.isoformat()}'"
        case value:
            return repr(value)
