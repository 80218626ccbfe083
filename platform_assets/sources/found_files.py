"""The files of one partition: in folders of this machine, or in an object store, from which each is copied here while it is read."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from platform_assets.errors import LakeError, NotReadyError, SourceError
from platform_assets.sources.path_patterns import Listing, filled, fixed_folder, fixed_prefix, matching, matching_names, placeholders


@dataclass(frozen=True)
class FoundFile:
    """A file that is there."""

    name: str
    size: int
    changed: datetime
    mark: str
    """Other text for another size or time of change, and in an object store for another content."""
    path: Path | None
    """On this machine; None in an object store."""
    url: str = ""

    @contextmanager
    def local(self, where: str) -> Iterator[Path]:
        """The file on this machine.

        Raises:
            NotReadyError: it changed while it was read: whatever writes it had not finished.
            SourceError: it cannot be copied from its object store.
        """
        if self.path is None:
            with tempfile.TemporaryDirectory(prefix="platform-assets-") as folder:
                yield _copied(self.url, Path(folder, self.name), where)
            return
        yield self.path
        try:
            now = mark_of(os.stat(self.path))
        except OSError:
            now = "gone"
        if now != self.mark:
            raise NotReadyError(
                f"{where}: it changed while it was read, so it was still being written. Nothing of the partition was kept; it is received "
                "when the file is complete. Write files under another name first, and rename them when they are complete."
            )


@dataclass
class FileFinder:
    """Finds files. One of these for many partitions lists each folder and each prefix of an object store once."""

    _listing: Listing = field(default_factory=Listing)
    _folders: dict[str, Path] = field(default_factory=dict)
    """By path the folder that has to be there, and is."""
    _objects: dict[tuple[str, str], dict[str, FoundFile]] = field(default_factory=dict)

    def find(self, path: str, partition: str, where: str) -> tuple[str, list[FoundFile]]:
        """What a path with placeholders stands for, and the files that are there, in the order of their names.

        Raises:
            SourceError: there is no folder in which they could be, the path has an unknown placeholder, or the store does not answer.
        """
        pattern = filled(path, placeholders(partition), where)
        if "://" in path:
            return pattern, self._in_object_store(path, pattern, where)
        pattern = os.path.abspath(pattern)
        folder = self._folders.get(path)
        if folder is None:
            folder = fixed_folder(Path(path))
        if path not in self._folders and not folder.is_dir():
            raise SourceError(
                f"{where}: there is no folder {os.path.abspath(folder)}, in which "
                f"{Path(path).relative_to(folder)} is looked for. Correct the path, or make the folder; "
                "a path that does not begin with / is looked for where the process was started."
            )
        self._folders[path] = folder
        return pattern, self.matching(pattern, where)

    def matching(self, pattern: str, where: str) -> list[FoundFile]:
        """The files that a pattern without placeholders finds, in the order of their names."""
        if "://" in pattern:
            return self._in_object_store(pattern, pattern, where)
        found = []
        for file in matching(pattern, self._listing):
            try:
                status = os.stat(file)
            except OSError as error:
                raise SourceError(f"{where}: a file cannot be read: {error}") from None
            if not stat.S_ISDIR(status.st_mode) or file == pattern:
                changed = datetime.fromtimestamp(status.st_mtime, UTC)
                found.append(FoundFile(os.path.basename(file), status.st_size, changed, mark_of(status), Path(file)))
        return found

    def _in_object_store(self, path: str, pattern: str, where: str) -> list[FoundFile]:
        bucket, prefix, _ = _parts_of(path)
        if (bucket, prefix) not in self._objects:
            from platform_assets.stores.object_store import Bucket

            try:
                marks = Bucket(bucket, {}, what="the files at").marks(prefix.rstrip("/"))
            except LakeError as error:
                raise SourceError(f"{where}: {error}") from None
            self._objects[bucket, prefix] = {name: _found_object(bucket, name, mark) for name, mark in marks.items() if mark is not None}
        objects = self._objects[bucket, prefix]
        return [objects[name] for name in matching_names(pattern.removeprefix(f"{bucket}/"), objects)]


def mark_of(status: os.stat_result) -> str:
    return f"{status.st_size}\t{status.st_mtime_ns}"


def _parts_of(path: str) -> tuple[str, str, str]:
    """The bucket of a URL, the folders in front of its first placeholder or pattern, and its name in the bucket."""
    scheme, _, rest = path.partition("://")
    bucket, _, name = rest.partition("/")
    return f"{scheme}://{bucket}", fixed_prefix(name), name


def _found_object(bucket: str, name: str, mark: tuple[object, ...]) -> FoundFile:
    tag, size, changed = mark
    assert isinstance(size, int) and isinstance(changed, datetime)
    return FoundFile(PurePosixPath(name).name, size, changed, f"{size}\t{tag}", None, f"{bucket}/{name}")


def _copied(url: str, to: Path, where: str) -> Path:
    from platform_assets.stores.object_store import Bucket

    bucket, _, name = _parts_of(url)
    try:
        with Bucket(bucket, {}, what="the files at").open(name) as remote, to.open("wb") as local:
            while block := remote.read(1 << 22):
                local.write(block)
    except (LakeError, FileNotFoundError) as error:
        raise SourceError(f"{where}: {error}") from None
    return to
