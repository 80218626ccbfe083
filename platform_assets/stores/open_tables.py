"""Tables that this process keeps open, so that one whose log has not changed is not opened again.

Opening a table reads each entry of its log since the last checkpoint: 11 CPU ms for 45 of them. Looking whether these files are the same
takes .1, and reading one more entry .4. A file of the log is the same when its inode, size and times are; a table that another process
has written, that was damaged, repaired, or removed and made anew is noticed at the next look. Tables in an object store are not kept:
there each look is a request.
"""

import copy
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from deltalake.exceptions import DeltaError, TableNotFoundError

from platform_assets.stores.delta_table import OpenTable
from platform_assets.stores.transaction_log import HINT, LOG, entry_path

KEPT = 128
"""So many tables; of more the one that was asked for longest ago is given up."""

Mark = tuple[int, int, int, int] | None
"""What tells whether a file is the same: inode, size, times of the last change of its content and of the file. None: it is not there."""

_ENTRY, _CHECKPOINT = ".json", ".checkpoint.parquet"


def mark(path: str) -> Mark:
    """The mark of a file."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(frozen=True)
class _LogFiles:
    """The files of a log that its newest state follows from: the last checkpoint, the entries after it, and that no more follows."""

    uri: str
    version: int
    marks: Mapping[str, Mark]

    def are_unchanged(self) -> bool:
        return mark(f"{self.uri}/{entry_path(self.version + 1)}") is None and all(mark(path) == then for path, then in self.marks.items())

    def are_continued(self) -> bool:
        """Whether more entries may follow, but those that were there are the same."""
        return all(mark(path) == then for path, then in self.marks.items() if path.endswith(_ENTRY))


@dataclass
class _Kept:
    """A table that is kept open. One thread at a time looks at it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    files: _LogFiles | None = None
    table: OpenTable | None = None
    given: weakref.ref[OpenTable] | None = None
    """What its readers have. While one of them has it, the state of `table` must stay what it is."""


@dataclass(frozen=True)
class Taken:
    """A table that a writer has alone."""

    table: OpenTable
    files: _LogFiles | None
    """Its log when it was opened; None when others have had the table."""


class OpenTables:
    """Tables in folders of this machine. Kept open is each at its newest version."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, uri: str, version: int | None = None) -> OpenTable:
        """A table at a version or at its newest, for reading only: others have it, too. It stays at this version.

        Raises:
            TableNotFoundError: there is no table, or not this version of it.
            DeltaError: its log cannot be read.
        """
        kept = self._slot(uri)
        with kept.lock:
            is_newest = kept.table is not None and kept.files is not None and kept.files.are_unchanged()
            if not is_newest and version is None:
                self._look_again(uri, kept)
            if kept.table is not None and (version is None or (is_newest and version == kept.table.version())):
                return _given(kept)
        return OpenTable(uri, version)

    def take(self, uri: str) -> Taken:
        """A table at its newest version for a writer alone: deltalake brings the object that it writes with to the version written.

        Raises: as `open`.
        """
        kept = self._slot(uri)
        with kept.lock:
            if kept.table is None or kept.files is None or not kept.files.are_unchanged():
                self._look_again(uri, kept)
            if kept.table is None or kept.files is None or _readers(kept) is not None:
                return Taken(OpenTable(uri), None)
            taken = Taken(kept.table, kept.files)
            kept.table = kept.files = kept.given = None
            return taken

    def give_back(self, uri: str, taken: Taken) -> None:
        """Keeps a table that its writer has no longer, if nobody else has written meanwhile."""
        kept, files = self._slot(uri), _log_files(uri)
        with kept.lock:
            is_known = taken.files is not None and taken.files.are_continued() and files.version == taken.table.version()
            if kept.table is None and is_known:
                taken.table.state = object()
                kept.table, kept.files, kept.given = taken.table, files, None

    def _slot(self, uri: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(uri, _Kept())
            self._kept.move_to_end(uri)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return kept

    def _look_again(self, uri: str, kept: _Kept) -> None:
        # Looked at before it is opened: what is written in between is noticed at the next look.
        before, table, is_read = kept.files, kept.table, _readers(kept) is not None
        kept.files = kept.table = kept.given = None
        files = _log_files(uri)
        if not files.marks:
            raise TableNotFoundError(f"there is no table {uri}")
        if table is not None and before is not None and not is_read and files.version > before.version and before.are_continued():
            try:
                table.update_incremental()
            except DeltaError:  # opening it anew says what is wrong
                table = OpenTable(uri)
        else:
            table = OpenTable(uri)
        table.state = object()
        kept.table, kept.files = table, files if table.version() == files.version else None


OPEN_TABLES = OpenTables()
"""Those of this process."""


def _readers(kept: _Kept) -> OpenTable | None:
    """What the readers of a table have; None when it has none."""
    return None if kept.given is None else kept.given()


def _given(kept: _Kept) -> OpenTable:
    given = _readers(kept)
    if given is None:
        assert kept.table is not None
        given = copy.copy(kept.table)
        kept.given = weakref.ref(given)
    return given


def _log_files(uri: str) -> _LogFiles:
    folder = f"{uri}/{LOG}"
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return _LogFiles(uri, -1, {})
    checkpoint = max((name for name in names if name.endswith(_CHECKPOINT)), default="")
    needed = [name for name in names if name >= checkpoint[:20] and name[:20].isdecimal()]
    version = max((int(name[:20]) for name in needed if name[20:] == _ENTRY), default=-1)
    return _LogFiles(uri, version, {path: mark(path) for path in [f"{uri}/{HINT}", *(f"{folder}/{name}" for name in needed)]})
