"""The files of a table or model, in a folder or an object store.

Delta and Polars read and write tables themselves. This does the rest: checks sizes, lists files, reads log entries, sets
damaged files aside, stores models.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from platform_assets.errors import LakeError

Mark = tuple[object, ...] | None
"""Identifies the state of a file; None if it does not exist. In a folder: inode, size, times of the last change of its
content and of the file itself; in an object store: the ETag, size and time of the last change."""


class Storage(ABC):
    """The files below a folder or URL. Paths are relative to it and not URL-encoded."""

    uri: str
    is_local: bool
    """Whether checking a file is free; in an object store each check is a request."""

    def path(self, path: str) -> str:
        """The full path of a file, for Polars and for people."""
        return f"{self.uri}/{path}"

    @abstractmethod
    def below(self, folder: str) -> "Storage":
        """The files of a subfolder."""

    @abstractmethod
    def sizes(self, paths: Iterable[str]) -> dict[str, int | None]:
        """The size of each file in bytes; None if it does not exist."""

    @abstractmethod
    def files(self, folder: str = "") -> dict[str, int]:
        """The size of each file in and below a folder; empty if there is no such folder."""

    @abstractmethod
    def mark(self, path: str) -> Mark:
        """The mark of a file."""

    @abstractmethod
    def marks(self, folder: str, first: str = "") -> dict[str, Mark]:
        """The marks of the files directly in a folder whose paths sort at or after `first`."""

    @abstractmethod
    def folders(self) -> list[str]:
        """The names of the folders directly below."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """A file's content.

        Raises:
            FileNotFoundError: there is no such file.
        """

    @abstractmethod
    def open(self, path: str) -> Any:
        """The file, opened for random access."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Writes or replaces a file, atomically and durably; concurrent writers do not mix."""

    @abstractmethod
    def create(self, path: str, content: bytes) -> bool:
        """Writes a file, whole, unless there is one of that name: False then. Of writers at once one writes it."""

    @abstractmethod
    def delete_folder(self, folder: str) -> None:
        """Deletes a folder with its contents. If the process is killed, what is left of a table's log is valid, or no longer a log."""

    @abstractmethod
    def move(self, path: str, to: "Storage", name: str) -> None:
        """Moves a file to another location in the same lake; if the name is taken, a number is appended.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def hide_credentials(self, text: str) -> str:
        """A text that is safe to show, such as a library's error, without the credentials of this storage."""
        return text

    def free_name(self, name: str) -> str:
        """The name, with a number appended if it is taken."""
        number, free = 1, name
        while self.sizes([free])[free] is not None:
            number += 1
            free = f"{name}.{number}"
        return free


def with_credentials_hidden(error: BaseException, storages: Iterable[Storage]) -> LakeError | None:
    """The error for a failed read or write whose text contains credentials; None if it contains none."""
    said = shown = str(error)
    for storage in storages:
        shown = storage.hide_credentials(shown)
    return None if shown == said else LakeError(shown)
