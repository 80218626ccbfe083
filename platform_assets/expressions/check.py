"""Type checks: every node is created here, with SQL's implicit casts made explicit and literals evaluated."""

from collections.abc import Sequence

from platform_assets.expressions.canonical import canonical
from platform_assets.expressions.functions import CASTS, SIGNATURES, TAKE_A_ZONE, WIDENS
from platform_assets.expressions.timezones import no_such_zone
from platform_assets.expressions.to_python import CASTS as PYTHON_CASTS
from platform_assets.expressions.to_python import to_python
from platform_assets.expressions.tree import Call, Cast, Column, Literal, Node
from platform_assets.expressions.types import SQL_NAMES, DataType

NULL = Literal(None, "bool")
"""A null whose type depends on its neighbours; recognized by identity."""

_SAME_FOR_INTS = {"ceil", "floor", "round"}


class Refused(Exception):
    """Why a text is not a valid expression; the parser adds the place and the text, and raises a DeclarationError."""


def call(name: str, arguments: Sequence[Node]) -> Node:
    """A call of the first signature that the arguments match; if all are literals, its value."""
    for signature in SIGNATURES[name]:
        parameters = signature.parameters_for(len(arguments))
        if parameters is None:
            continue
        fitted = [fitting for argument, dtype in zip(arguments, parameters, strict=True) if (fitting := fit(argument, dtype)) is not None]
        if len(fitted) < len(arguments):
            continue
        for position, argument in enumerate(fitted):
            if signature.is_literal(position) and not (isinstance(argument, Literal) and (argument.value is not None or name == "in")):
                raise Refused(f"argument {position + 1} of {name} must be a literal, not {canonical(argument)}")
        if name == "round" and len(fitted) == 2 and not (isinstance(fitted[1], Literal) and fitted[1].value in range(16)):
            raise Refused(f"round takes 0 to 15 digits, not {canonical(fitted[1])}")
        if name in TAKE_A_ZONE and len(fitted) == 2 and (reason := no_such_zone(_text_of(fitted[1]))):
            raise Refused(reason)
        if name == "to_date" and len(fitted) == 1:
            return cast(fitted[0], "date")
        if name in _SAME_FOR_INTS and signature.result == "int":
            return fitted[0]
        made = Call(name, tuple(fitted), signature.result)
        return Literal(to_python(made)({}), made.type) if all(isinstance(argument, Literal) for argument in fitted) else made
    raise Refused(_misfit(name, arguments))


def _text_of(node: Node) -> str:
    assert isinstance(node, Literal)
    return str(node.value)


def fit(node: Node, dtype: DataType) -> Node | None:
    """The node as this type, if it has the type or widens to it."""
    if node is NULL:
        return Literal(None, dtype)
    if node.type == dtype:
        return node
    return cast(node, dtype) if WIDENS.get(node.type) == dtype else None


def cast(node: Node, dtype: DataType) -> Node:
    """The node cast to another type. A literal stays a literal, so an invalid one is refused at once."""
    if node is NULL:
        return Literal(None, dtype)
    if node.type == dtype:
        return node
    if dtype not in CASTS[node.type]:
        if (node.type, dtype) == ("float", "str"):
            raise Refused(
                f"{described(node)}, which has more than one spelling as text; round it and cast it to int first: "
                "cast(cast(... as int) as text)"
            )
        raise Refused(
            f"{described(node)}; it can be cast to {', '.join(SQL_NAMES[t] for t in CASTS[node.type])}, not to {SQL_NAMES[dtype]}"
        )
    if not isinstance(node, Literal) or node.value is None:
        return Cast(node, dtype) if not isinstance(node, Literal) else Literal(None, dtype)
    value = PYTHON_CASTS[node.type, dtype](node.value)
    if value is None:
        raise Refused(f"{canonical(node)} is not {'an' if dtype == 'int' else 'a'} {SQL_NAMES[dtype]}; write it as {_EXAMPLES[dtype]}")
    return Literal(value, dtype)


_EXAMPLES: dict[DataType, str] = {
    "int": "'42'", "float": "'4.2'", "bool": "'true'", "date": "date '2024-03-05'", "str": "'text'",
    "datetime": "timestamp '2024-03-05 14:30:00'",
}  # fmt: skip


def membership(value: Node, options: Sequence[Node]) -> Node:
    """One lookup if all options are literals, otherwise a chain of comparisons, which is what `in` means."""
    if not options:
        raise Refused("in () needs at least one value")
    if all(isinstance(option, Literal) for option in options) and not all(isinstance(o, Literal) and o.value is None for o in options):
        return call("in", [value, *options])
    first, *rest = [call("=", [value, option]) for option in options]
    for equal in rest:
        first = call("or", [first, equal])
    return first


def _misfit(name: str, arguments: Sequence[Node]) -> str:
    takes = list(dict.fromkeys(str(signature) for signature in SIGNATURES[name]))
    if len(takes) > 4:  # one for each type
        takes = [
            "values of one type" + ("" if any(signature.parameters[0] == "bool" for signature in SIGNATURES[name]) else " other than bool")
        ]
    if not any(signature.parameters_for(len(arguments)) for signature in SIGNATURES[name]):
        return f"{name} takes {', or '.join(takes)}, not {len(arguments)} arguments"
    kinds = " and ".join("null" if argument is NULL else SQL_NAMES[argument.type] for argument in arguments)
    what = {"+": "sum", "-": "difference", "*": "product", "/": "quotient"}.get(name, name)
    fix = "convert with cast(... as ...)"
    types = {argument.type for argument in arguments}
    if types & {"date", "datetime"}:
        fix = "a time is written timestamp '2024-03-05 14:30:00' or date '2024-03-05'"
    if types <= {"date", "datetime"}:
        fix = "between times there are hours_between(earlier, later) and days_between(earlier, later)"
    return f"{list_of(arguments)}: there is no {what} of {kinds}. It takes {', or '.join(takes)}; {fix}"


def list_of(nodes: Sequence[Node]) -> str:
    return ", ".join(described(node) for node in nodes)


def described(node: Node) -> str:
    if node is NULL:
        return "null has any type"
    shown = repr(node.name) if isinstance(node, Column) else canonical(node)
    return f"{shown} is {SQL_NAMES[node.type]}"
