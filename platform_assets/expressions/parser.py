"""Parses SQL text into a checked tree. The only file that uses sqlglot; it maps sqlglot's constructs to ours."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from typing import cast as cast_type

from sqlglot import exp, parse_one, parser
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from platform_assets.errors import DeclarationError, unknown
from platform_assets.expressions.canonical import canonical
from platform_assets.expressions.check import NULL, Refused, call, cast, described, fit, list_of, membership
from platform_assets.expressions.functions import ALL, FUNCTIONS
from platform_assets.expressions.to_python import HIGHEST, LOWEST
from platform_assets.expressions.tree import Case, Column, Literal, Node
from platform_assets.expressions.types import ELEMENTS, DataType, FeatureType


class RowExpressions(Dialect):
    """SQL in which every function is a plain name with arguments: sqlglot would rewrite some into others, or into several."""

    class Parser(parser.Parser):
        FUNCTIONS: ClassVar[dict[str, Callable[..., Any]]] = {}
        FUNCTION_PARSERS: ClassVar = {"CAST": parser.Parser.FUNCTION_PARSERS["CAST"]}
        NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, Any]] = {}
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {"CASE": parser.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
        FUNC_TOKENS: ClassVar = {*parser.Parser.FUNC_TOKENS, TokenType.DIV}


_BINARY: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "div", exp.DPipe: "concat",
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.And: "and", exp.Or: "or",
}  # fmt: skip

_COMPARED = exp.EQ | exp.NEQ | exp.LT | exp.LTE | exp.GT | exp.GTE

_TYPES: dict[exp.DType, DataType] = {
    exp.DType.INT: "int", exp.DType.BIGINT: "int", exp.DType.FLOAT: "float", exp.DType.DOUBLE: "float", exp.DType.BOOLEAN: "bool",
    exp.DType.TEXT: "str", exp.DType.VARCHAR: "str", exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "datetime", exp.DType.TIMESTAMPTZ: "datetime",
}  # fmt: skip

_REFUSED: dict[type[exp.Expr], str] = {
    exp.Query: "a subquery reads other rows, and an expression is computed from one row",
    exp.In: "a subquery reads other rows, and an expression is computed from one row",
    exp.Like: "like takes one pattern",
    exp.Exists: "a subquery reads other rows, and an expression is computed from one row",
    exp.Window: "a window reads other rows, and an expression is computed from one row; windows belong to features: .over('7d')",
    exp.Block: "these are two statements; an expression is one",
    exp.ILike: "there is no ilike; write lower(...) like '...'",
    exp.Escape: "like has no escape character; use starts_with(...) or replace(...) if % or _ are meant literally",
    exp.Is: "only null may follow 'is': write 'is null'; write coalesce(..., false) for 'is true'",
    exp.NullSafeEQ: "there is no comparison that takes nulls for equal; write coalesce(...) on both sides",
    exp.NullSafeNEQ: "there is no comparison that takes nulls for equal; write coalesce(...) on both sides",
    exp.Interval: "there are no intervals; write hours_between(earlier, later) or days_between(earlier, later)",
    exp.Star: "a star means all columns, and an expression names the ones it reads",
}

_AGGREGATES = {
    "any_value", "approx_count_distinct", "array_agg", "avg", "bool_and", "bool_or", "count", "count_if", "first", "last", "listagg", "max",
    "mean", "median", "min", "mode", "percentile", "quantile", "std", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum",
    "var_pop", "var_samp", "variance",
}  # fmt: skip
_CHANGING = {
    "current_date", "current_time", "current_timestamp", "getdate", "localtime", "localtimestamp", "now", "rand", "random", "today", "uuid",
}  # fmt: skip


def parse_tree(sql: str, columns: Mapping[str, FeatureType], where: str) -> Node:
    """The checked tree of a text; DeclarationError if the text is invalid."""
    return _Walk(sql, columns, where).tree()


class _Walk:
    """Converts one text to a tree, with the context that every step needs."""

    def __init__(self, sql: str, columns: Mapping[str, FeatureType], where: str) -> None:
        self.sql, self.columns, self.where = sql, columns, where

    def tree(self) -> Node:
        try:
            tree = self.node(_parsed(self.sql))
            if tree is NULL:
                raise Refused("a bare null has no type; write cast(null as float)")
            canonical(tree)  # so that an expression nested too deeply for this is refused here
            return tree
        except Refused as error:
            ended = "" if str(error).endswith((".", "?")) else "."
            raise DeclarationError(f"{self.where}: {error}{ended} The expression is: {self.sql!r}") from None
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
                return NULL
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
                options = [self.node(option) for option in parsed.expressions]
                if any(option is NULL for option in options):
                    value = parsed.this.sql()
                    raise Refused(f"no value is equal to null, so it cannot be in a list; write '{value} in (...) or {value} is null'")
                return membership(self.node(parsed.this), options)
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
            sides = [self.node(parsed.this), self.node(parsed.expression)]
            if isinstance(parsed, _COMPARED) and any(side is NULL for side in sides):
                other = parsed.this if sides[1] is NULL else parsed.expression
                meant = "is not null" if isinstance(parsed, exp.NEQ) else "is null"
                raise Refused(f"a comparison with null is never true; write '{other.sql()} {meant}'")
            return call(_BINARY[type(parsed)], sides)
        reason = next((reason for kind, reason in _REFUSED.items() if isinstance(parsed, kind)), None)
        raise Refused(reason or f"{_shown(parsed)} is not allowed in an expression")

    def column(self, parsed: exp.Column) -> Node:
        name, identifier = parsed.name, parsed.this
        if isinstance(identifier, exp.Star):
            raise Refused(_REFUSED[exp.Star])
        if parsed.table:
            raise Refused(f"{parsed.table}.{name}: write columns without a table; an expression reads one row of one source")
        if name in self.columns:
            dtype = self.columns[name]
            if dtype in ELEMENTS:
                raise Refused(f"{name} is a {dtype}, and an expression is computed from single values; read the list as it is")
            return Column(name, cast_type(DataType, dtype))
        if name.lower() in _CHANGING:
            raise Refused(f"{name} changes from call to call, and a value must not; use a time column of the row")
        place = f"{self.where}: {self.sql!r}"
        if identifier.quoted and not any(character in name for character in " _"):
            place += f" (a string belongs in single quotes: '{name}')"
        for known in self.columns:
            if known.lower() == name.lower():
                raise DeclarationError(f"{place}: there is no column {name!r}. Did you mean {known!r}?")
        raise unknown(place, "column", name, self.columns)

    def case(self, parsed: exp.Case) -> Node:
        subject = None if parsed.this is None else self.node(parsed.this)
        conditions: list[Node] = []
        for branch in parsed.args["ifs"]:
            condition = self.node(branch.this)
            if subject is not None and condition is NULL:
                raise Refused(
                    f"no value is equal to null, so this branch is never taken; write 'case when {parsed.this.sql()} is null then'"
                )
            condition = condition if subject is None else call("=", [subject, condition])
            fitted = fit(condition, "bool")
            if fitted is None:
                raise Refused(f"{described(condition)}; 'when' must be followed by a condition, true or false")
            conditions.append(fitted)
        default = parsed.args.get("default")
        values = [*(self.node(branch.args["true"]) for branch in parsed.args["ifs"]), NULL if default is None else self.node(default)]
        if all(value is NULL for value in values):
            raise Refused("every value of this case is null, so it has no type; write cast(null as float)")
        for dtype in ALL:
            fitting = [fitted for value in values if (fitted := fit(value, dtype)) is not None]
            if len(fitting) == len(values):
                return Case(tuple(zip(conditions, fitting[:-1], strict=True)), fitting[-1], dtype)
        raise Refused(f"the values of a case have one type, and {list_of(values)}")

    def cast(self, parsed: exp.Cast) -> Node:
        dtype = _TYPES.get(parsed.to.this)
        if dtype is None or parsed.to.expressions or parsed.args.get("format"):
            raise Refused(f"there is no cast to {parsed.to.sql().lower()}; use int, float, text, bool, date or timestamp")
        return cast(self.node(parsed.this), dtype)

    def function(self, parsed: exp.Anonymous) -> Node:
        name = parsed.name.lower()
        if name in _AGGREGATES:
            instead = {"min": "least(a, b)", "max": "greatest(a, b)"}.get(name)
            hint = f"; for two values of a row use {instead}" if instead else ""
            raise Refused(
                f"{name} is an aggregation over rows, and an expression is computed from one row{hint}. "
                f"Aggregate in a feature: {name}('...').over('7d')"
            )
        if name in _CHANGING:
            raise Refused(f"{name}() changes from call to call, and a value must not; use a time column of the row")
        if name not in FUNCTIONS:
            raise unknown(f"{self.where}: {self.sql!r}", "function", name, FUNCTIONS)
        return call(name, [self.node(argument) for argument in parsed.expressions])


def _parsed(sql: str) -> exp.Expr:
    if not isinstance(sql, str) or not sql.strip():
        raise Refused("an expression must be a non-empty string of SQL")
    try:
        return parse_one(sql, read=RowExpressions, into=exp.Condition)
    except SqlglotError as error:
        first = re.match(r"\s*\(?\s*(\w+)", sql)
        if first and first[1].lower() in ("select", "with", "insert", "update", "delete", "create", "drop", "alter", "values"):
            raise Refused(f"{first[1].lower()} begins a statement; write only what would be between 'select' and 'from'") from None
        raise Refused(_place_of(error, sql)) from None


def _place_of(error: SqlglotError, sql: str) -> str:
    details = (getattr(error, "errors", None) or [{}])[0]
    found, before = details.get("highlight"), details.get("start_context")
    if found is None or before is None:
        return "it cannot be read as SQL; is a quote or a parenthesis not closed?"
    if sql.rstrip().endswith(f"{before}{found}".rstrip()):
        return f"it stops at {found!r}: something is missing or superfluous at the end"
    meant = {"&&": "; write 'and'", "||": "; write 'or', or concat(...) of texts", "=>": "; write '>='"}.get(found, "")
    return f"{found!r} cannot follow {before.strip()[-30:]!r}{meant}"


def _number(text: str) -> Literal:
    if re.fullmatch("-?[0-9]+", text):
        if len(text) > 20 or not LOWEST <= int(text) <= HIGHEST:
            raise Refused(f"{text} does not fit into an int of 64 bits; write {text}.0 for a float")
        return Literal(int(text), "int")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refused(f"{text} is not a number that a float can hold")
    return Literal(value, "float")


def _shown(parsed: exp.Expr) -> str:
    return repr(parsed.sql()) if parsed.sql() else type(parsed).__name__
