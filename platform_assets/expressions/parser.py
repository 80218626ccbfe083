"""SQL text to a checked tree. The only file that knows sqlglot, which parses; what is allowed and fits is decided here."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp, parser, parse_one
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType

from platform_assets.errors import DeclarationError, unknown
from platform_assets.expressions.canonical import canonical
from platform_assets.expressions.functions import ALL, CASTS, FUNCTIONS, SIGNATURES, WIDENS
from platform_assets.expressions.to_python import CASTS as PYTHON_CASTS
from platform_assets.expressions.to_python import HIGHEST, LOWEST
from platform_assets.expressions.tree import Call, Case, Cast, Column, Literal, Node
from platform_assets.expressions.types import SQL_NAMES, DataType


class RowExpressions(Dialect):
    """SQL in which every function is a plain name with arguments: sqlglot would turn some into others, or into several."""

    class Parser(parser.Parser):
        FUNCTIONS: dict[str, Callable[..., Any]] = {}  # noqa: RUF012
        FUNCTION_PARSERS = {"CAST": parser.Parser.FUNCTION_PARSERS["CAST"]}  # noqa: RUF012
        NO_PAREN_FUNCTIONS: dict[TokenType, Any] = {}  # noqa: RUF012
        NO_PAREN_FUNCTION_PARSERS = {"CASE": parser.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012
        FUNC_TOKENS = {*parser.Parser.FUNC_TOKENS, TokenType.DIV}  # noqa: RUF012


_BINARY: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "div", exp.DPipe: "concat",
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.And: "and", exp.Or: "or",
}  # fmt: skip

_TYPES: dict[exp.DType, DataType] = {
    exp.DType.INT: "int", exp.DType.BIGINT: "int", exp.DType.FLOAT: "float", exp.DType.DOUBLE: "float", exp.DType.BOOLEAN: "bool",
    exp.DType.TEXT: "str", exp.DType.VARCHAR: "str", exp.DType.DATE: "date", exp.DType.TIMESTAMP: "datetime", exp.DType.TIMESTAMPTZ: "datetime",
}  # fmt: skip

_REFUSED: dict[type[exp.Expr], str] = {
    exp.Query: "a subquery reads other rows, and an expression is computed from one row",
    exp.In: "a subquery reads other rows, and an expression is computed from one row",
    exp.Like: "like takes one pattern",
    exp.Exists: "a subquery reads other rows, and an expression is computed from one row",
    exp.Window: "a window reads other rows, and an expression is computed from one row; windows belong to features: .over('7d')",
    exp.Block: "these are two statements; an expression is one",
    exp.ILike: "there is no ilike; write lower(...) like '...'",
    exp.Escape: "like has no escape character; write starts_with(...) or replace(...) where % or _ are meant as they stand",
    exp.Is: "only null can follow 'is'; write coalesce(..., false) for 'is true'",
    exp.NullSafeEQ: "there is no comparison that takes nulls for equal; write coalesce(...) on both sides",
    exp.NullSafeNEQ: "there is no comparison that takes nulls for equal; write coalesce(...) on both sides",
    exp.Interval: "there are no intervals; write hours_between(earlier, later) or days_between(earlier, later)",
    exp.Star: "a star stands for all columns, and an expression names the ones it reads",
}

_AGGREGATES = frozenset(
    "any_value approx_count_distinct array_agg avg bool_and bool_or count count_if first last listagg max mean median min mode percentile "
    "quantile std stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance".split()
)
_CHANGING = frozenset("current_date current_time current_timestamp getdate localtime localtimestamp now rand random today uuid".split())

_SAME_FOR_INTS = {"ceil", "floor", "round"}

_NULL = Literal(None, "bool")
"""A null whose type its neighbours will tell; known by identity."""


def parse_tree(sql: str, columns: Mapping[str, DataType], where: str) -> Node:
    """The checked tree of a text; DeclarationError when it has none."""
    return _Check(sql, columns, where).tree()


class _Refused(Exception):
    """Why a text is no expression; becomes a DeclarationError with the place and the text."""


class _Check:
    """One text on its way to a tree: what every step of the walk needs to know of its surroundings."""

    def __init__(self, sql: str, columns: Mapping[str, DataType], where: str) -> None:
        self.sql, self.columns, self.where = sql, columns, where

    def tree(self) -> Node:
        try:
            tree = self.node(_parsed(self.sql))
            if tree is _NULL:
                raise _Refused("a bare null has no type; write cast(null as float)")
            canonical(tree)  # so that what is nested too deeply for this is refused here
            return tree
        except _Refused as error:
            raise DeclarationError(f"{self.where}: {error}. The expression is: {self.sql!r}") from None
        except RecursionError:
            raise DeclarationError(f"{self.where}: an expression nested this deeply cannot be read. It begins: {self.sql[:80]!r}") from None

    def node(self, parsed: exp.Expr) -> Node:
        match parsed:
            case exp.Paren():
                return self.node(parsed.this)
            case exp.Column():
                return self.column(parsed)
            case exp.Literal():
                return Literal(parsed.this, "str") if parsed.is_string else _number(parsed.this)
            case exp.Boolean():
                return Literal(bool(parsed.this), "bool")
            case exp.Null():
                return _NULL
            case exp.Neg():
                if isinstance(parsed.this, exp.Literal) and not parsed.this.is_string:
                    return _number(f"-{parsed.this.this}")
                return call("negative", [self.node(parsed.this)])
            case exp.Not():
                return call("not", [self.node(parsed.this)])
            case exp.Is() if isinstance(parsed.expression, exp.Null):
                return call("is null", [self.node(parsed.this)])
            case exp.Between() if not parsed.args.get("symmetric"):
                value, low, high = (self.node(parsed.args[name]) for name in ("this", "low", "high"))
                return call("and", [call(">=", [value, low]), call("<=", [value, high])])
            case exp.In() if not any(parsed.args.get(name) for name in ("query", "unnest", "field")):
                return _in(self.node(parsed.this), [self.node(option) for option in parsed.expressions])
            case exp.Like() if not isinstance(parsed.expression, exp.Any | exp.All):
                like = call("like", [self.node(parsed.this), self.node(parsed.expression)])
                return call("not", [like]) if parsed.args.get("negate") else like
            case exp.Case():
                return self.case(parsed)
            case exp.Cast():
                return self.cast(parsed)
            case exp.Anonymous():
                return self.function(parsed)
        if type(parsed) in _BINARY:
            return call(_BINARY[type(parsed)], [self.node(parsed.this), self.node(parsed.expression)])
        reason = next((reason for kind, reason in _REFUSED.items() if isinstance(parsed, kind)), None)
        raise _Refused(reason or f"{_shown(parsed)} is nothing that an expression may contain")

    def column(self, parsed: exp.Column) -> Node:
        name, identifier = parsed.name, parsed.this
        if isinstance(identifier, exp.Star):
            raise _Refused(_REFUSED[exp.Star])
        if parsed.table:
            raise _Refused(f"{parsed.table}.{name}: a column stands without its table; an expression reads one row of one source")
        if name in self.columns:
            return Column(name, self.columns[name])
        if name.lower() in _CHANGING:
            raise _Refused(f"{name} changes from call to call, and a value must not; use a time column of the row")
        place = f"{self.where}: {self.sql!r}"
        if identifier.quoted and not any(character in name for character in " _"):
            place += f" (a text stands in single quotes: '{name}')"
        for known in self.columns:
            if known.lower() == name.lower():
                raise DeclarationError(f"{place}: there is no column {name!r}. Did you mean {known!r}?")
        raise unknown(place, "column", name, self.columns)

    def case(self, parsed: exp.Case) -> Node:
        subject = None if parsed.this is None else self.node(parsed.this)
        conditions: list[Node] = []
        for branch in parsed.args["ifs"]:
            condition = self.node(branch.this)
            condition = condition if subject is None else call("=", [subject, condition])
            fitted = _fit(condition, "bool")
            if fitted is None:
                raise _Refused(f"{_described(condition)}; after 'when' stands a condition, true or false")
            conditions.append(fitted)
        default = parsed.args.get("default")
        values = [*(self.node(branch.args["true"]) for branch in parsed.args["ifs"]), _NULL if default is None else self.node(default)]
        if all(value is _NULL for value in values):
            raise _Refused("every value of this case is null, so it has no type; write cast(null as float)")
        for dtype in ALL:
            fitting = [fitted for value in values if (fitted := _fit(value, dtype)) is not None]
            if len(fitting) == len(values):
                return Case(tuple(zip(conditions, fitting[:-1], strict=True)), fitting[-1], dtype)
        raise _Refused(f"the values of a case have one type, and {_list_of(values)}")

    def cast(self, parsed: exp.Cast) -> Node:
        dtype = _TYPES.get(parsed.to.this)
        if dtype is None or parsed.to.expressions or parsed.args.get("format"):
            raise _Refused(f"there is no cast to {parsed.to.sql().lower()}; there is int, float, text, bool, date and timestamp")
        return cast(self.node(parsed.this), dtype)

    def function(self, parsed: exp.Anonymous) -> Node:
        name = parsed.name.lower()
        if name in _AGGREGATES:
            instead = {"min": "least(a, b)", "max": "greatest(a, b)"}.get(name)
            hint = f"; of two values of a row it is {instead}" if instead else ""
            raise _Refused(f"{name} is an aggregation over rows, and an expression is computed from one row{hint}. Aggregate in a feature: {name}('...').over('7d')")
        if name in _CHANGING:
            raise _Refused(f"{name}() changes from call to call, and a value must not; use a time column of the row")
        if name not in FUNCTIONS:
            raise unknown(f"{self.where}: {self.sql!r}", "function", name, FUNCTIONS)
        arguments = [self.node(argument) for argument in parsed.expressions]
        made = call(name, arguments)
        if name == "to_date":
            return cast(made.arguments[0], "date")
        return made.arguments[0] if name in _SAME_FOR_INTS and made.type == "int" else made


def _parsed(sql: str) -> exp.Expr:
    if not isinstance(sql, str) or not sql.strip():
        raise _Refused("an expression is a text of SQL that is not empty")
    try:
        return parse_one(sql, read=RowExpressions, into=exp.Condition)
    except SqlglotError as error:
        first = re.match(r"\s*\(?\s*(\w+)", sql)
        if first and first[1].lower() in ("select", "with", "insert", "update", "delete", "create", "drop", "alter", "values"):
            raise _Refused(f"{first[1].lower()} begins a statement; an expression has only what would stand between 'select' and 'from'") from None
        raise _Refused(_place_of(error, sql)) from None


def _place_of(error: SqlglotError, sql: str) -> str:
    details = (getattr(error, "errors", None) or [{}])[0]
    found, before = details.get("highlight"), details.get("start_context")
    if found is None or before is None:
        return "it cannot be read as SQL; is a quote or a parenthesis not closed?"
    if sql.rstrip().endswith(f"{before}{found}".rstrip()):
        return f"it breaks off at {found!r}: something is missing, or too much, at the end"
    return f"{found!r} cannot stand after {before.strip()[-30:]!r}"


def _number(text: str) -> Literal:
    if re.fullmatch("-?[0-9]+", text):
        if len(text) > 20 or not LOWEST <= int(text) <= HIGHEST:
            raise _Refused(f"{text} does not fit into an int of 64 bits; write {text}.0 for a float")
        return Literal(int(text), "int")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _Refused(f"{text} is no number that a float can hold")
    return Literal(value, "float")


def call(name: str, arguments: Sequence[Node]) -> Call:
    """A call of the first signature that the arguments fit."""
    for signature in SIGNATURES[name]:
        parameters = signature.parameters_for(len(arguments))
        if parameters is None:
            continue
        fitted = [fit for argument, dtype in zip(arguments, parameters, strict=True) if (fit := _fit(argument, dtype)) is not None]
        if len(fitted) < len(arguments):
            continue
        for position, argument in enumerate(fitted):
            if signature.is_literal(position) and not (isinstance(argument, Literal) and (argument.value is not None or name == "in")):
                raise _Refused(f"argument {position + 1} of {name} must be a literal, not {canonical(argument)}")
        if name == "round" and len(fitted) == 2 and not (isinstance(fitted[1], Literal) and fitted[1].value in range(16)):
            raise _Refused(f"round takes 0 to 15 digits, not {canonical(fitted[1])}")
        return Call(name, tuple(fitted), signature.result)
    raise _Refused(_misfit(name, arguments))


def _fit(node: Node, dtype: DataType) -> Node | None:
    """The node as this type, if it has it or widens to it."""
    if node is _NULL:
        return Literal(None, dtype)
    if node.type == dtype:
        return node
    return cast(node, dtype) if WIDENS.get(node.type) == dtype else None


def cast(node: Node, dtype: DataType) -> Node:
    """The node as another type. A literal becomes a literal, so what can never be read is refused at once."""
    if node is _NULL:
        return Literal(None, dtype)
    if node.type == dtype:
        return node
    if dtype not in CASTS[node.type]:
        if (node.type, dtype) == ("float", "str"):
            raise _Refused(f"{_described(node)}, which has no one text; round it and cast that to int first: cast(cast(... as int) as text)")
        raise _Refused(f"{_described(node)}; it can be cast to {', '.join(SQL_NAMES[t] for t in CASTS[node.type])}, not to {SQL_NAMES[dtype]}")
    if not isinstance(node, Literal) or node.value is None:
        return Cast(node, dtype) if not isinstance(node, Literal) else Literal(None, dtype)
    value = PYTHON_CASTS[node.type, dtype](node.value)
    if value is None:
        raise _Refused(f"{canonical(node)} is no {SQL_NAMES[dtype]}; write it as {_EXAMPLES[dtype]}")
    return Literal(value, dtype)


_EXAMPLES: dict[DataType, str] = {
    "int": "'42'", "float": "'4.2'", "bool": "'true'", "date": "date '2024-03-05'", "datetime": "timestamp '2024-03-05 14:30:00'", "str": "'text'",
}  # fmt: skip


def _in(value: Node, options: Sequence[Node]) -> Node:
    """One look-up if all options are literals, otherwise a chain of comparisons, which is what `in` means."""
    if not options:
        raise _Refused("in () has nothing to be in")
    if all(isinstance(option, Literal) for option in options) and not all(isinstance(o, Literal) and o.value is None for o in options):
        return call("in", [value, *options])
    first, *rest = [call("=", [value, option]) for option in options]
    for equal in rest:
        first = call("or", [first, equal])
    return first


def _misfit(name: str, arguments: Sequence[Node]) -> str:
    takes = list(dict.fromkeys(str(signature) for signature in SIGNATURES[name]))
    if len(takes) > 4:  # one for each type
        takes = ["values of one type" + ("" if any(signature.parameters[0] == "bool" for signature in SIGNATURES[name]) else " other than bool")]
    if not any(signature.parameters_for(len(arguments)) for signature in SIGNATURES[name]):
        return f"{name} takes {', or '.join(takes)}, not {len(arguments)} arguments"
    kinds = " and ".join("null" if argument is _NULL else SQL_NAMES[argument.type] for argument in arguments)
    what = {"+": "sum", "-": "difference", "*": "product", "/": "quotient"}.get(name, name)
    mend = "convert with cast(... as ...)"
    types = {argument.type for argument in arguments}
    if types & {"date", "datetime"}:
        mend = "a time is written timestamp '2024-03-05 14:30:00' or date '2024-03-05'"
    if types <= {"date", "datetime"}:
        mend = "between times there are hours_between(earlier, later) and days_between(earlier, later)"
    return f"{_list_of(arguments)}: there is no {what} of {kinds}. It takes {', or '.join(takes)}; {mend}"


def _list_of(nodes: Sequence[Node]) -> str:
    return ", ".join(_described(node) for node in nodes)


def _described(node: Node) -> str:
    if node is _NULL:
        return "null has any type"
    shown = repr(node.name) if isinstance(node, Column) else canonical(node)
    return f"{shown} is {SQL_NAMES[node.type]}"


def _shown(parsed: exp.Expr) -> str:
    return repr(parsed.sql()) if parsed.sql() else type(parsed).__name__
