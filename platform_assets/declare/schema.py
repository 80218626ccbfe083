"""The columns of a source, from the annotations of a class."""

import typing
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any

from platform_assets.declare.arguments import shown
from platform_assets.declare.constraints import refuse_constraints
from platform_assets.declare.names import RESERVED_COLUMNS, check_name
from platform_assets.errors import DeclarationError
from platform_assets.expressions.types import PYTHON, DataType


@dataclass(frozen=True)
class SourceColumn:
    """A column of a schema: its type, and whether it may be null."""

    type: DataType
    nullable: bool


def columns_of(schema: type, where: str) -> dict[str, SourceColumn]:
    """The columns that a class declares.

    Raises:
        DeclarationError: it has none, or one with a type that is not allowed.
    """
    try:
        annotations = typing.get_type_hints(schema)
    except TypeError:
        raise DeclarationError(
            f"{where}, schema: {shown(schema)} is not a class with annotated columns. Write them as 'price: float'."
        ) from None
    except (NameError, AttributeError, SyntaxError) as error:
        raise DeclarationError(f"{where}, schema: its annotations cannot be read: {error}") from None
    if not annotations:
        raise DeclarationError(
            f"{where}, schema: {getattr(schema, '__name__', schema)!r} has no annotated columns. Write them as 'price: float'."
        )
    refuse_constraints(schema, where)
    return {name: _column(name, annotation, where) for name, annotation in annotations.items()}


def _column(name: str, annotation: Any, where: str) -> SourceColumn:
    check_name(name, f"{where}, schema")
    if name in RESERVED_COLUMNS:
        raise DeclarationError(f"{where}, schema: {name!r} is a column that the platform adds itself, choose another name")
    members = (
        typing.get_args(annotation) if isinstance(annotation, UnionType) or typing.get_origin(annotation) is typing.Union else (annotation,)
    )
    kinds = [member for member in members if member is not NoneType]
    if len(kinds) != 1 or not isinstance(kinds[0], type) or kinds[0] not in PYTHON:
        wanted = ", ".join(kind.__name__ for kind in PYTHON)
        raise DeclarationError(
            f"{where}, schema: the column {name!r} is {_spelled(annotation)}. "
            f"A column is one of {wanted}, with '| None' where it may be missing."
        )
    return SourceColumn(PYTHON[kinds[0]], nullable=len(members) > 1)


def _spelled(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else shown(annotation)
