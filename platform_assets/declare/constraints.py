"""Constraints in a schema class that we do not check: they are refused, so that nobody relies on them."""

import typing
from collections.abc import Iterator
from typing import Any

from platform_assets.errors import DeclarationError

_RANGES = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_LENGTHS = {"min_length": ">=", "max_length": "<="}
# Keys of pydantic's ConfigDict that restrict or change the values that a model accepts.
_SETTINGS = (
    "extra", "strict", "str_min_length", "str_max_length", "str_strip_whitespace", "str_to_lower", "str_to_upper", "allow_inf_nan",
    "coerce_numbers_to_str", "alias_generator",
)  # fmt: skip


def refuse_constraints(schema: type, where: str) -> None:
    """Refuses a pydantic model, attrs class, dataclass or annotation that declares more than types.

    Raises:
        DeclarationError: names every constraint of the schema, and suggests rules that check the same where possible.
    """
    if found := _by_column(schema):
        said = ", ".join(f"the column {column!r} by {' and '.join(map(repr, constraints))}" for column, constraints in found.items())
        alone = sum(map(len, found.values())) == 1
        raise DeclarationError(
            f"{where}, schema: {schema.__name__} constrains {said}, which {'is' if alone else 'are'} not checked: only the types of a "
            f"schema are read. {_advice(found)}, and remove the constraint{'' if alone else 's'}."
        )
    if renamed := _renamed(schema):
        raise DeclarationError(
            f"{where}, schema: {schema.__name__} gives columns other names ({', '.join(renamed)}), which are ignored. Rename the columns "
            f"where the "
            "rows are read, arrival.read_csv(..., rename={'received': 'column'}), and remove the aliases."
        )
    if settings := [f"{name}={value!r}" for name, value in _settings(schema).items()]:
        raise DeclarationError(
            f"{where}, schema: {schema.__name__} has model_config {', '.join(settings)}, which has no effect: only the types of a schema "
            "are read. Write rules={'name': 'SQL condition'}, or convert the values in the source's function, and remove the setting."
        )
    if checks := _checks(schema):
        raise DeclarationError(
            f"{where}, schema: {schema.__name__} has validators ({', '.join(checks)}), which do not run: only the types of a schema "
            "are read. Write them as rules={'name': 'SQL condition'}, and remove them here."
        )


def _advice(found: dict[str, list[Any]]) -> str:
    """The rules that check the same constraints: one for the range of a column, one for its length."""
    rules, others = [], 0
    for column, constraints in found.items():
        for name, value, signs in ((f"{column}_in_range", column, _RANGES), (f"{column}_length", f"length({column})", _LENGTHS)):
            conditions = [f"{value} {sign} {bound}" for constraint in constraints for sign, bound in _bounds(constraint, signs)]
            if conditions:
                rules.append(f"{name!r}: '{' and '.join(conditions)}'")
        others += sum(not any(_bounds(constraint, {**_RANGES, **_LENGTHS})) for constraint in constraints)
    if not rules:
        return f"Write {'it' if others == 1 else 'them'} as {'one of ' if others == 1 else ''}rules={{...}}"
    return f"Write rules={{{', '.join(rules)}}}" + (", the others as rules of their own" if others else "")


def _bounds(constraint: Any, signs: dict[str, str]) -> list[tuple[str, int | float]]:
    bounds = ((sign, getattr(constraint, name, None)) for name, sign in signs.items())
    return [(sign, bound) for sign, bound in bounds if isinstance(bound, int | float)]


def _by_column(schema: type) -> dict[str, list[Any]]:
    """Each column's constraints; one that is in both the annotation and pydantic's field counts once."""
    found: dict[str, list[Any]] = {}
    for column, constraint in _constraints(schema):
        if constraint not in found.setdefault(column, []):
            found[column].append(constraint)
    return {column: constraints for column, constraints in found.items() if constraints}


def _constraints(schema: type) -> Iterator[tuple[str, Any]]:
    for column, annotation in typing.get_type_hints(schema, include_extras=True).items():
        for part in (annotation, *typing.get_args(annotation)):
            for constraint in getattr(part, "__metadata__", ()):
                yield from ((column, single) for single in _single(constraint))
    for column, field in (getattr(schema, "__pydantic_fields__", None) or {}).items():
        yield from ((column, constraint) for constraint in field.metadata)
    for attribute in getattr(schema, "__attrs_attrs__", ()):
        if attribute.validator is not None:
            yield attribute.name, attribute.validator


def _single(constraint: Any) -> Iterator[Any]:
    """The single constraints of an annotation: a Field(...) or Interval(...) holds several; a string only describes the column."""
    if constraint is None or isinstance(constraint, str):
        return
    if hasattr(constraint, "annotation") and hasattr(constraint, "metadata"):  # pydantic's Field(...)
        yield from constraint.metadata
    elif hasattr(constraint, "__iter__"):  # a group of annotated_types
        yield from constraint
    else:
        yield constraint


def _renamed(schema: type) -> list[str]:
    fields = getattr(schema, "__pydantic_fields__", None) or {}
    return [f"{column}: {name}" for column, field in fields.items() if (name := field.validation_alias or field.alias)]


def _settings(schema: type) -> dict[str, Any]:
    config = getattr(schema, "model_config", None) if hasattr(schema, "__pydantic_fields__") else None
    told = {name: config[name] for name in _SETTINGS if config and config.get(name) not in (None, False, 0)}
    return {name: value for name, value in told.items() if (name, value) != ("extra", "ignore")}


def _checks(schema: type) -> list[str]:
    decorators = getattr(schema, "__pydantic_decorators__", None)
    kinds = ("validators", "field_validators", "root_validators", "model_validators")
    found = [name for kind in kinds for name in getattr(decorators, kind, {})]
    return found + [name for name in ("__post_init__", "__attrs_post_init__") if hasattr(schema, name)]
