"""Messages about missing inputs: how many partitions of which table, why they cannot be read, and one command that fixes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from platform_assets.declare.partitions import Partitions
from platform_assets.errors import BlockedError, MissingInputError, NotReadyError
from platform_assets.stores.delta import Table
from platform_assets.stores.tables import name_of

_SHOWN = 3
MISSING = "missing"
YOUR_MODULE = "your_module"
"""A placeholder in commands if the module is not known."""


@dataclass(frozen=True)
class MissingInput:
    """Partitions of a table that a reader needs: missing, or made by another version of the declaration."""

    reader: str
    table: Table
    partitions: Partitions
    why: str
    """MISSING, or the text after "which was"."""
    indexes: tuple[int, ...]
    module: str = YOUR_MODULE
    """The module, for the command."""

    def __str__(self) -> str:
        again = "" if self.why == MISSING else " again"
        command = materialize_command(self.table, self.partitions, self.why, self.indexes, self.module)
        needs = f"{self.reader} needs"
        if len(self.indexes) == 1:
            verb = "is" if self.why == MISSING else "was"
            key = self.partitions.key(self.indexes[0])
            return f"{needs} {name_of(self.table)} {key}, which {verb} {self.why}. Materialize it{again}: {command}"
        verb = "are" if self.why == MISSING else "were"
        return (
            f"{needs} {len(self.indexes)} partitions of {name_of(self.table)} that {verb} {self.why}: "
            f"{_named(self.partitions, self.indexes)}. Materialize them{again}: {command}"
        )


def reported_once(errors: Iterable[NotReadyError]) -> list[str]:
    """The messages for all refused partitions of a step: one for those that need missing partitions of the same table, or the same
    blocked partition."""
    groups: dict[object, list[NotReadyError]] = {}
    for error in errors:
        groups.setdefault(_alike(error), []).append(error)
    return [_together(group) for group in groups.values()]


def _alike(error: NotReadyError) -> object:
    if isinstance(error, MissingInputError):
        return error.missing.table, error.missing.why
    return error.blocked if isinstance(error, BlockedError) else str(error)


def _together(group: Sequence[NotReadyError]) -> str:
    waiting = [error for error in group if isinstance(error, BlockedError)]
    if len(waiting) > 1:
        return f"{_readers([error.reader for error in waiting])} needs {waiting[0].blocked}"
    missing: list[MissingInput] = [error.missing for error in group if isinstance(error, MissingInputError)]
    if len(missing) < 2:
        return str(group[0])
    union = tuple(sorted({index for one in missing for index in one.indexes}))
    reader = missing[0].reader.partition(" ")[0]  # without the key: the readers' keys are listed with it
    return str(replace(missing[0], reader=reader, indexes=union))


def _readers(readers: Sequence[str]) -> str:
    """Partitions of one table, each given as 'spending/gold 2024-02-01'."""
    table, keys = readers[0].partition(" ")[0], [reader.partition(" ")[2] for reader in readers]
    return f"{table} {', '.join(keys)}" if len(keys) <= 5 else f"{table} ({len(keys)} partitions, {keys[0]} to {keys[-1]})"


def _named(partitions: Partitions, indexes: Sequence[int]) -> str:
    first, last = partitions.key(indexes[0]), partitions.key(indexes[-1])
    if len(indexes) > 2 and indexes[-1] - indexes[0] == len(indexes) - 1:
        return f"{first} to {last}"
    shown = ", ".join(partitions.key(index) for index in indexes[:_SHOWN])
    return f"{shown} and {len(indexes) - _SHOWN} more up to {last}" if len(indexes) > _SHOWN else shown


def materialize_command(table: Table, partitions: Partitions, why: str, indexes: Sequence[int], module: str) -> str:
    """One command for all of them. Partitions in between are rematerialized, which changes no values."""
    # If silver is missing, its raw often is, too; existing raw is only checked and not changed.
    layers = ("raw", "silver") if table[1] == "silver" and why == MISSING else (table[1],)
    selected = " or ".join(f'key:"{name_of((table[0], layer))}"' for layer in layers)
    first, last = partitions.key(indexes[0]), partitions.key(indexes[-1])
    asked = f"--partition {first}" if first == last else f"--partition-range {first}...{last}"
    return f"dagster asset materialize -m {module} --select '{selected}' {asked}"
