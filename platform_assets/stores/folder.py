"""Files in a local folder."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from platform_assets.stores.storage import Mark, Storage


class Folder(Storage):
    """The files below a folder."""

    is_local = True

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def below(self, folder: str) -> "Folder":
        return Folder(self.path(folder))

    def sizes(self, paths: Iterable[str]) -> dict[str, int | None]:
        return {path: _size(self.path(path)) for path in paths}

    def files(self, folder: str = "") -> dict[str, int]:
        found = (file for file in Path(self.uri, folder).rglob("*") if file.is_file())
        return {file.relative_to(self.uri).as_posix(): file.stat().st_size for file in found}

    def mark(self, path: str) -> Mark:
        try:
            found = os.stat(self.path(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def marks(self, folder: str, first: str = "") -> dict[str, Mark]:
        try:
            paths = [f"{folder}/{name}" for name in os.listdir(self.path(folder))]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return {path: mark for path in paths if path >= first and (mark := self.mark(path)) is not None}

    def folders(self) -> list[str]:
        root = Path(self.uri)
        return sorted(found.name for found in root.iterdir() if found.is_dir()) if root.is_dir() else []

    def read(self, path: str) -> bytes:
        return Path(self.path(path)).read_bytes()

    def open(self, path: str) -> IO[bytes]:
        return open(self.path(path), "rb")

    def write(self, path: str, content: bytes) -> None:
        with _draft(Path(self.path(path)), content) as (draft, target):
            os.replace(draft, target)

    def create(self, path: str, content: bytes) -> bool:
        try:
            with _draft(Path(self.path(path)), content) as (draft, target):
                os.link(draft, target)
        except FileExistsError:
            return False
        return True

    def delete_folder(self, folder: str) -> None:
        target = Path(self.path(folder))
        discarded = target.with_name(f".{target.name}.{uuid4().hex}")
        with suppress(FileNotFoundError):  # another run was faster
            os.replace(target, discarded)  # gone atomically: a log without its first entries could not be opened
            shutil.rmtree(discarded)

    def move(self, path: str, to: Storage, name: str) -> None:
        target = Path(to.path(to.free_name(name)))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.path(path), target)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _draft(target: Path, content: bytes) -> Iterator[tuple[Path, Path]]:
    """A file beside its target, whole and on disk, to be put in its place; then that is on disk, too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft, target
    finally:
        draft.unlink(missing_ok=True)
    _flush(target.parent)


def _flush(folder: Path) -> None:
    """Makes the directory entries of a folder durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
