"""The files of one table, or of one model: in a folder, or in an object store.

Delta and Polars read and write tables by themselves. This is for what they do not do: look at sizes, list files, read log entries, set
damaged files aside, keep models.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from platform_assets.errors import LakeError

Mark = tuple[object, ...] | None
"""What tells whether a file is the same as before; None when it is not there. In a folder: inode, size, times of the last change of its
content and of the file itself; in an object store: the ETag, size and time of the last change."""


class Storage(ABC):
    """The files below a folder or URL. Paths are relative to it, and plain: not encoded as in a URL."""

    uri: str
    is_local: bool
    """Whether looking at a file costs nothing; in an object store each look is a request."""

    def path(self, path: str) -> str:
        """The file as Polars and people are given it."""
        return f"{self.uri}/{path}"

    @abstractmethod
    def below(self, folder: str) -> "Storage":
        """The files of a folder in it."""

    @abstractmethod
    def sizes(self, paths: Iterable[str]) -> dict[str, int | None]:
        """The size of each file in bytes; None where there is no such file."""

    @abstractmethod
    def files(self, folder: str = "") -> dict[str, int]:
        """The size of each file in a folder and below; none when there is no folder."""

    @abstractmethod
    def mark(self, path: str) -> Mark:
        """The mark of a file."""

    @abstractmethod
    def marks(self, folder: str, first: str = "") -> dict[str, Mark]:
        """The marks of the files directly in a folder whose paths are `first` or after it, in the order of their characters."""

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
        """The file, to be read here and there."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Writes a file, or replaces it. It is whole or not there, also after a power cut; writers at once do not mix."""

    @abstractmethod
    def create(self, path: str, content: bytes) -> bool:
        """Writes a file, whole, unless there is one of that name: False then. Of writers at once one writes it."""

    @abstractmethod
    def delete_folder(self, folder: str) -> None:
        """Deletes a folder and all that is in it. What a killed process leaves of a table's log can be opened, or is no log any more."""

    @abstractmethod
    def move(self, path: str, to: "Storage", name: str) -> None:
        """Moves a file to another place of the same lake; where another of that name is there, a number makes it another name.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def hide_credentials(self, text: str) -> str:
        """A text that may be shown, such as a library's error: without the credentials by which the files are reached."""
        return text

    def free_name(self, name: str) -> str:
        """The name, or with a number behind it, that no file has yet."""
        number, free = 1, name
        while self.sizes([free])[free] is not None:
            number += 1
            free = f"{name}.{number}"
        return free


def with_credentials_hidden(error: BaseException, storages: Iterable[Storage]) -> LakeError | None:
    """The error for a read or write that failed with a text in which credentials are; None when there are none in it."""
    said = shown = str(error)
    for storage in storages:
        shown = storage.hide_credentials(shown)
    return None if shown == said else LakeError(shown)
