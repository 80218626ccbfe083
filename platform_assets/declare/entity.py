"""An entity: what features are about, and the columns that identify one."""

from collections.abc import Sequence
from dataclasses import dataclass

from platform_assets.declare.arguments import assign, checked_arguments, names_of
from platform_assets.declare.names import check_description, check_name
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError


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
            raise DeclarationError(f"{where} has no keys. Write the columns that identify one: keys=['customer_id'].")
        for key in names:
            check_name(key, f"{where}, keys")
        assign(self, name=name, keys=names, description=check_description(description, where))


def check_keys(entity: Entity, source: Source, where: str, *, online: bool) -> None:
    """Refuses an entity whose keys the source of a view has not, or by which nothing can be looked up online."""
    for key in entity.keys:
        place = f"{where}, key of entity {entity.name!r}, source {source.name!r}"
        source.require(key, place)
        if online and source.types[key] == "float":
            raise DeclarationError(f"{place}: {key!r} is a float, by which nothing can be looked up online. Declare it int or str.")
