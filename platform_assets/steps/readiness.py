"""What a step does not find, in words: how many partitions of which table, why they do not do, and one command that fixes it."""

from collections.abc import Iterable, Sequence

from platform_assets.declare.partitions import Partitions
from platform_assets.errors import NotReadyError
from platform_assets.stores.delta import Table
from platform_assets.stores.tables import name_of

_SHOWN = 3
MISSING = "missing"
YOUR_MODULE = "your_module"
"""Stands in a command where the module is not known."""


class MissingInputError(NotReadyError):
    """Partitions of a table that a reader needs: missing, or made by another version of the declaration."""

    def __init__(
        self, reader: str, table: Table, partitions: Partitions, why: str, lacking: Sequence[int], module: str = YOUR_MODULE
    ) -> None:
        """why: MISSING, or what follows "which was". module: for the command."""
        super().__init__(_message(reader, table, partitions, why, lacking, module))
        self.reader, self.table, self.partitions, self.why, self.lacking = reader, table, partitions, why, tuple(lacking)
        self.module = module


class BlockedError(NotReadyError):
    """A partition of a table that a reader needs is blocked."""

    def __init__(self, reader: str, blocked: str) -> None:
        """blocked: what follows "needs": the partition, why it is blocked, and what fixes it."""
        super().__init__(f"{reader} needs {blocked}")
        self.reader, self.blocked = reader, blocked


def reported_once(errors: Iterable[NotReadyError]) -> list[str]:
    """The messages for all partitions of a step that were refused; those that lack partitions of one table, or one blocked partition,
    are told as one."""
    groups: dict[object, list[NotReadyError]] = {}
    for error in errors:
        groups.setdefault(_alike(error), []).append(error)
    return [_together(group) for group in groups.values()]


def _alike(error: NotReadyError) -> object:
    if isinstance(error, MissingInputError):
        return error.table, error.why
    return error.blocked if isinstance(error, BlockedError) else str(error)


def _together(group: Sequence[NotReadyError]) -> str:
    waiting = [error for error in group if isinstance(error, BlockedError)]
    if len(waiting) > 1:
        return f"{_readers([error.reader for error in waiting])} needs {waiting[0].blocked}"
    lacking = [error for error in group if isinstance(error, MissingInputError)]
    if len(lacking) < 2:
        return str(group[0])
    one, union = lacking[0], sorted({index for error in lacking for index in error.lacking})
    reader = one.reader.partition(" ")[0]  # without the key: the readers' keys are told beside it
    return _message(reader, one.table, one.partitions, one.why, union, one.module)


def _readers(readers: Sequence[str]) -> str:
    """Partitions of one table, each told as 'spending/gold 2024-02-01'."""
    table, keys = readers[0].partition(" ")[0], [reader.partition(" ")[2] for reader in readers]
    return f"{table} {', '.join(keys)}" if len(keys) <= 5 else f"{table} ({len(keys)} partitions, {keys[0]} to {keys[-1]})"


def _message(reader: str, table: Table, partitions: Partitions, why: str, lacking: Sequence[int], module: str) -> str:
    again = "" if why == MISSING else " again"
    command = materialize_command(table, partitions, why, lacking, module)
    if len(lacking) == 1:
        verb = "is" if why == MISSING else "was"
        return f"{reader} needs {name_of(table)} {partitions.key(lacking[0])}, which {verb} {why}. Materialize it{again}: {command}"
    verb = "are" if why == MISSING else "were"
    return (
        f"{reader} needs {len(lacking)} partitions of {name_of(table)} that {verb} {why}: {_named(partitions, lacking)}. "
        f"Materialize them{again}: {command}"
    )


def _named(partitions: Partitions, indexes: Sequence[int]) -> str:
    first, last = partitions.key(indexes[0]), partitions.key(indexes[-1])
    if len(indexes) > 2 and indexes[-1] - indexes[0] == len(indexes) - 1:
        return f"{first} to {last}"
    shown = ", ".join(partitions.key(index) for index in indexes[:_SHOWN])
    return f"{shown} and {len(indexes) - _SHOWN} more up to {last}" if len(indexes) > _SHOWN else shown


def materialize_command(table: Table, partitions: Partitions, why: str, indexes: Sequence[int], module: str) -> str:
    """One for all of them. Those in between are made again, which changes no value."""
    # Silver that is missing often lacks its raw too; raw that is there already is looked at, and left as it is.
    layers = ("raw", "silver") if table[1] == "silver" and why == MISSING else (table[1],)
    selected = " or ".join(f'key:"{name_of((table[0], layer))}"' for layer in layers)
    first, last = partitions.key(indexes[0]), partitions.key(indexes[-1])
    asked = f"--partition {first}" if first == last else f"--partition-range {first}...{last}"
    return f"dagster asset materialize -m {module} --select '{selected}' {asked}"
