"""An entity: what features are about, and the columns that identify one."""

from collections.abc import Sequence
from dataclasses import dataclass

from platform_assets.declare.names import check_name
from platform_assets.errors import DeclarationError


@dataclass(frozen=True, init=False)
class Entity:
    """A customer, a card, a device.

    >>> customer = Entity("customer", keys=["customer_id"])
    """

    name: str
    keys: tuple[str, ...]
    description: str

    def __init__(self, name: str, keys: Sequence[str], description: str = "") -> None:
        where = f"entity {name!r}"
        check_name(name, where)
        if isinstance(keys, str) or not keys or len(set(keys)) != len(keys):
            raise DeclarationError(f"{where}, keys: {keys!r} must be a list of one or more different columns, such as ['customer_id']")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "keys", tuple(keys))
        object.__setattr__(self, "description", description)
