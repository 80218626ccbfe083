"""Under which name raw keeps a received column: Delta compares names without case, and some are the platform's own."""

from collections.abc import Iterable, Mapping, Sequence

from platform_assets.declare.names import RESERVED_COLUMNS

_LONGEST = 255


def kept_names(received: Sequence[str], declared: Iterable[str], kept: Iterable[str] = ()) -> dict[str, str]:
    """The name in raw of each received column, in their order.

    1. A declared column is the one of exactly that name, or else the only one that differs from it by case.
    2. Another one that raw has in some spelling keeps that spelling: `region` is `Region`, if that came first.
    3. One that would then be a second column of a name becomes `name_2`, one with a name of the platform's own `name_received`.
    4. A name that is empty becomes `unnamed`. Zero bytes are left out, and what is longer than 255 characters is cut.

    >>> kept_names(["ID", "region", "Origin", ""], declared=["id"], kept=["id", "Region"])
    {'ID': 'id', 'region': 'Region', 'Origin': 'Origin_received', '': 'unnamed'}
    >>> kept_names(["id", "ID"], declared=["id"])
    {'id': 'id', 'ID': 'ID_2'}
    """
    names = _declared(received, declared)
    taken = {name.lower() for name in (*names.values(), *declared)}
    spelled = {name.lower(): name for name in kept}
    # Those that are spelled as they are kept go first, and those that need another name last: it must be no other column's.
    order = sorted(received, key=lambda name: spelled.get(_plain(name).lower()) != name)
    for is_last in (False, True):
        for name in order:
            if name not in names and (is_last or (_plain(name) == name and name.lower() not in {*taken, *RESERVED_COLUMNS})):
                names[name] = _free(_plain(name), taken, spelled)
                taken.add(names[name].lower())
    return {name: names[name] for name in received}


def _declared(received: Sequence[str], declared: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in declared:
        alike = [name for name in received if name.lower() == column.lower()]
        if column in alike:
            found[column] = column
        elif len(alike) == 1:
            found[alike[0]] = column
    return found


def _free(name: str, taken: set[str], spelled: Mapping[str, str]) -> str:
    if name.lower() in RESERVED_COLUMNS:
        name += "_received"
    proposed, number = name, 1
    while proposed.lower() in taken or proposed.lower() in RESERVED_COLUMNS:
        number += 1
        proposed = f"{name}_{number}"
    return spelled.get(proposed.lower(), proposed)


def _plain(name: str) -> str:
    """A name that can be kept: of a zero byte Polars' process dies."""
    return name.replace("\x00", "")[:_LONGEST] or "unnamed"
