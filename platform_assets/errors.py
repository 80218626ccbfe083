"""The kinds of errors that a user can meet: each says what is wrong, where, which value, and how to fix it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any


class PlatformError(Exception):
    """The root of all errors that the platform raises on purpose."""


class DeclarationError(PlatformError):
    """A declaration is invalid; raised while the module that declares it is loaded."""


class SettingsError(PlatformError):
    """A setting is missing or has an invalid value."""


class SourceError(PlatformError):
    """The data a source delivered cannot be read as a table with the declared columns."""


class LakeError(PlatformError):
    """A read or write of a Delta table is refused because it could lose or mix up rows."""


class NotReadyError(PlatformError):
    """A partition that a step reads is missing, blocked, or was made by another version of its declaration."""


class ProviderDownError(NotReadyError):
    """An API or a server from which a source is read gives no answer: it is asked again later.

    goes_on: whether the source declares to go on with its last value meanwhile.
    """

    def __init__(self, message: str, goes_on: bool = False) -> None:
        super().__init__(message)
        self.goes_on = goes_on


class MissingInputError(NotReadyError):
    """Partitions of a table that a step reads are missing, or were made by another version of the declaration.

    missing: which partitions, for which reader, and why. The messages of several readers are merged (steps/missing_inputs.py).
    """

    def __init__(self, message: str, missing: Any) -> None:
        super().__init__(message)
        self.missing = missing


class BlockedError(NotReadyError):
    """A partition of a table that a step reads is blocked.

    blocked: the part of the message after "needs": the partition, why it is blocked, and the fix.
    """

    def __init__(self, reader: str, blocked: str) -> None:
        super().__init__(f"{reader} needs {blocked}")
        self.reader, self.blocked = reader, blocked


class FailedError(NotReadyError):
    """A partition that a step reads is FAILED: its delivery could not be received."""


class DamagedError(LakeError, NotReadyError):
    """A partition no longer has the rows that were written: files or log entries of its table were lost, truncated or overwritten.

    found: the damage, partition by partition.
    """

    def __init__(self, message: str, found: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.found = tuple(found)


class ComputeError(PlatformError):
    """A value cannot be computed as declared, such as an integer sum beyond 64 bits."""


class EngineError(PlatformError):
    """An engine cannot be used on this machine, or it failed; the message says why, and what to install or set."""


class OnlineError(PlatformError):
    """The online store cannot be reached, or has no data for the request."""


class ModelError(PlatformError):
    """A model cannot be trained, saved, loaded or applied."""


class MissingExtraError(PlatformError, ImportError):
    """A library that only one capability needs is not installed."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Wraps imports of libraries that an extra of the package installs: a missing one is reported with the command that installs it.

    Raises:
        MissingExtraError: a library is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "platform_assets":
            raise
        raise MissingExtraError(f"this needs {error.name}, which is not installed: pip install 'platform-assets[{name}]'") from None


def is_failure(error: BaseException) -> bool:
    """Whether an exception is a failure of one operation, after which others can continue: any error, or a panic in a Rust library.

    A request to stop and running out of memory are not.

    >>> is_failure(KeyError("amount")), is_failure(KeyboardInterrupt()), is_failure(MemoryError())
    (True, False, False)
    """
    if isinstance(error, MemoryError):
        return False
    # Each library defines its own class of this name, and it does not derive from Exception.
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known name, or all of them.

    >>> suggestion("amuont", ["amount", "country"])
    "Did you mean 'amount'?"
    """
    names = sorted(known)
    close = [one for one in names if one.lower() == name.lower()] or get_close_matches(name, names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Choose from: {', '.join(names)}." if names else "There are none."


def unknown(where: str, what: str, name: str, known: Iterable[str]) -> DeclarationError:
    """The error for a name that is not declared, with the closest declared one."""
    return DeclarationError(f"{where}: there is no {what} {name!r}. {suggestion(name, known)}")
