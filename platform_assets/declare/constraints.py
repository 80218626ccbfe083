"""Constraints of a schema's class that we would not check: they are refused, so that no one relies on them."""

import typing
from collections.abc import Iterator
from typing import Any

from platform_assets.errors import DeclarationError

_OPERATORS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def refuse_constraints(schema: type, where: str) -> None:
    """Refuses a pydantic model, attrs class, dataclass or annotation that promises more than types.

    Raises:
        DeclarationError: with the rule that checks the same, where there is one.
    """
    for column, constraint in _constraints(schema):
        conditions = [
            f"{column} {sign} {bound}"
            for name, sign in _OPERATORS.items()
            if isinstance(bound := getattr(constraint, name, None), int | float)
        ]
        advice = f"Write rules={{'{column}_in_range': '{' and '.join(conditions)}'}}" if conditions else "Write it as one of rules={...}"
        raise DeclarationError(
            f"{where}, schema: {schema.__name__} constrains the column {column!r} by {constraint!r}, which is not checked: only the types "
            f"of a schema are read. {advice}, and take the constraint out."
        )
    if checks := _checks(schema):
        raise DeclarationError(
            f"{where}, schema: {schema.__name__} has checks of its own ({', '.join(checks)}), which do not run: of a schema only the types "
            "are read. Write them as rules={'name': 'SQL condition'}, and take them out."
        )


def _constraints(schema: type) -> Iterator[tuple[str, Any]]:
    for column, annotation in typing.get_type_hints(schema, include_extras=True).items():
        for part in (annotation, *typing.get_args(annotation)):
            for constraint in getattr(part, "__metadata__", ()):
                if not isinstance(constraint, str):  # a text beside a type describes it
                    yield column, constraint
    for column, field in (getattr(schema, "__pydantic_fields__", None) or {}).items():
        for constraint in field.metadata:
            yield column, constraint
    for attribute in getattr(schema, "__attrs_attrs__", ()):
        if attribute.validator is not None:
            yield attribute.name, attribute.validator


def _checks(schema: type) -> list[str]:
    decorators = getattr(schema, "__pydantic_decorators__", None)
    kinds = ("validators", "field_validators", "root_validators", "model_validators")
    found = [name for kind in kinds for name in getattr(decorators, kind, {})]
    return found + [name for name in ("__post_init__", "__attrs_post_init__") if hasattr(schema, name)]
