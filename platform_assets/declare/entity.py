"""An entity: what features describe, and the columns that identify it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform_assets.declare.arguments import assign, checked_arguments, names_of, texts_by_name
from platform_assets.declare.names import RESERVED_COLUMNS, check_description, check_name
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, unknown


@dataclass(frozen=True, init=False)
class Entity:
    """A customer, a card, a device.

    >>> customer = Entity("customer", keys=["customer_id"])
    """

    name: str
    keys: tuple[str, ...]
    description: str

    @checked_arguments("entity")
    def __init__(self, name: str, keys: Sequence[str], description: str = "") -> None:
        where = f"entity {name!r}"
        check_name(name, where)
        names = names_of(keys, f"{where}, keys", "keys=['customer_id']")
        if not names:
            raise DeclarationError(f"{where} has no keys. Name the columns that identify it: keys=['customer_id'].")
        for key in names:
            check_name(key, f"{where}, keys")
            if key in RESERVED_COLUMNS:
                raise DeclarationError(f"{where}, keys: {key!r} is a column that the platform adds to tables. Give the key another name.")
        assign(self, name=name, keys=names, description=check_description(description, where))


def key_columns(
    entity: Entity, source: Source, keys: Mapping[str, str] | None, where: str, *, online: bool = False
) -> tuple[tuple[str, str], ...]:
    """Each key of an entity with the source column that holds it: the one that `keys` names, else the column with the key's name.

    online: whether entities are looked up by these keys in the online store.

    Raises:
        DeclarationError: the source has no such column, or it cannot be used for lookups; it names the view, the source and the column.
    """
    example = f"keys={{{entity.keys[0]!r}: '...'}}"
    named = texts_by_name(keys, f"{where}, keys", example)
    for key, column in named.items():
        if key not in entity.keys:
            place = f"{where}, keys, entity {entity.name!r}"
            if column in entity.keys:
                raise DeclarationError(
                    f"{place}: {column!r} is the entity's key, and {key!r} the column of source {source.name!r}. "
                    f"Write the key first: keys={{{column!r}: {key!r}}}."
                )
            raise unknown(place, "key", key, entity.keys)
    found: dict[str, str] = {}
    for key in entity.keys:
        column = named.get(key, key)
        place = f"{where}, key of entity {entity.name!r}, source {source.name!r}"
        if column not in source.types:
            missing = unknown(place, "column", column, source.types)
            hint = "" if key in named else f" If the column has another name there, name it: keys={{{key!r}: '...'}}."
            raise DeclarationError(f"{missing}{hint}")
        if column in found.values():
            raise DeclarationError(f"{place}: {column!r} holds two keys of the entity. Name another column for {key!r}.")
        if online and source.types[column] == "float":
            raise DeclarationError(f"{place}: {column!r} is a float, which cannot be used for online lookups. Declare it as int or str.")
        found[key] = column
    return tuple(found.items())


def is_renamed(keys: Sequence[tuple[str, str]]) -> bool:
    """Whether a source's columns have different names than the entity's keys."""
    return any(key != column for key, column in keys)
