"""The files of one table in its storage: a local folder, or an object store as deltalake reaches it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


class Storage:
    """The files below a table's URI. Paths are relative to it, and plain: not encoded as in a URL."""

    def __init__(self, uri: str, options: Mapping[str, str] | None = None) -> None:
        self.uri = uri
        self._options = dict(options or {})

    @property
    def is_local(self) -> bool:
        """Whether looking at a file costs nothing; in an object store each look is a request."""
        return "://" not in self.uri

    def path(self, path: str) -> str:
        """The file as Polars and PyArrow are given it."""
        return f"{self.uri}/{path}"

    def sizes(self, paths: Iterable[str]) -> dict[str, int | None]:
        """The size of each file in bytes; None where there is no such file."""
        if self.is_local:
            return {path: _local_size(self.path(path)) for path in paths}
        from pyarrow.fs import FileType

        infos = self._handler().get_file_info(list(paths))
        return {info.path: None if info.type == FileType.NotFound else info.size for info in infos}

    def files(self, folder: str = "") -> dict[str, int]:
        """The size of each file in a folder and below; none when there is no folder."""
        if self.is_local:
            found = (file for file in Path(self.uri, folder).rglob("*") if file.is_file())
            return {file.relative_to(self.uri).as_posix(): file.stat().st_size for file in found}
        from pyarrow.fs import FileSelector, FileType

        infos = self._handler().get_file_info_selector(FileSelector(folder, recursive=True, allow_not_found=True))
        return {info.path.lstrip("/"): info.size for info in infos if info.type == FileType.File}

    def read(self, path: str) -> bytes:
        with self.open(path) as file:
            content: bytes = file.read()
        return content

    def open(self, path: str) -> Any:
        """The file, to be read here and there."""
        return open(self.path(path), "rb") if self.is_local else self._handler().open_input_file(path)

    def write(self, path: str, content: bytes) -> None:
        if self.is_local:
            target, draft = Path(self.path(path)), Path(self.path(f"{path}.draft"))
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(content)
            os.replace(draft, target)  # a file is whole or not there
            return
        with self._handler().open_output_stream(path) as file:
            file.write(content)

    def move(self, path: str, to: "Storage", name: str) -> None:
        """Moves a file; where another of that name is there, a number makes it another name."""
        taken, number, target = to.files(), 1, name
        while target in taken:
            number += 1
            target = f"{name}.{number}"
        if self.is_local and to.is_local:
            Path(to.path(target)).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.path(path), to.path(target))
            return
        to.write(target, self.read(path))
        self._handler().delete_file(path)

    def _handler(self) -> Any:
        from deltalake.fs import DeltaStorageHandler  # brings PyArrow, which loading definitions does not need

        return DeltaStorageHandler(self.uri, self._options)


def _local_size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
