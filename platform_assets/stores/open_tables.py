"""A cache of open tables, so that a table whose log has not changed is not opened again.

Opening a table reads each entry of its log since the last checkpoint: 11 CPU ms for 45 of them. Checking whether these files are the same
takes .1, and reading one more entry .4. In an object store, where each entry costs two requests, the check is one request: a list of these
files. A file is the same if its mark is; a table that was written by another process, damaged, repaired or recreated is
noticed at the next check.
"""

import copy
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from deltalake.exceptions import DeltaError, TableNotFoundError

from platform_assets.stores.delta_table import OpenTable
from platform_assets.stores.location import environment, storage_at
from platform_assets.stores.storage import Mark, Storage
from platform_assets.stores.transaction_log import HINT, LOG, entry_path

KEPT = 128
"""The number of tables; beyond it, the least recently used one is closed."""

_ENTRY, _CHECKPOINT = ".json", ".checkpoint.parquet"


@dataclass(frozen=True)
class LogFiles:
    """The files that determine a log's newest state: the last checkpoint and the entries after it."""

    storage: Storage
    version: int
    marks: Mapping[str, Mark]
    """Marks by path; None for `_last_checkpoint` if it is missing."""

    def are_unchanged(self) -> bool:
        """Whether the log is unchanged."""
        if not self.storage.is_local:  # one request
            return _needed(self.storage, min(self.marks)) == self.marks
        follows = self.storage.mark(entry_path(self.version + 1)) is not None
        return not follows and all(self.storage.mark(path) == then for path, then in self.marks.items())

    def are_continued(self) -> bool:
        """Whether the earlier entries are unchanged; new ones may follow."""
        entries = {path: then for path, then in self.marks.items() if path.endswith(_ENTRY)}
        if not self.storage.is_local:
            now = self.storage.marks(LOG, min(entries, default=""))
            return all(now.get(path) == then for path, then in entries.items())
        return all(self.storage.mark(path) == then for path, then in entries.items())


def log_files(storage: Storage) -> LogFiles | None:
    """The current files of a table's log; None if there are none."""
    marks = _needed(storage)
    version = max((int(path[-25:-5]) for path in marks if path.endswith(_ENTRY)), default=-1)
    return LogFiles(storage, version, marks) if len(marks) > 1 else None


def _needed(storage: Storage, first: str = "") -> dict[str, Mark]:
    """The marks of the files that determine the newest state, among those from a path on."""
    found = storage.marks(LOG, first)
    checkpoint = max((path for path in found if path.endswith(_CHECKPOINT)), default="")
    return {HINT: None} | {path: mark for path, mark in found.items() if path >= checkpoint[: len(LOG) + 21] and _is_of_a_version(path)}


def _is_of_a_version(path: str) -> bool:
    return path == HINT or path[len(LOG) + 1 : len(LOG) + 21].isdecimal()


@dataclass
class _Kept:
    """An open table. One thread at a time refreshes it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    files: LogFiles | None = None
    table: OpenTable | None = None
    given: weakref.ref[OpenTable] | None = None
    """The object given to readers. While a reader holds it, the state of `table` must not change."""


@dataclass(frozen=True)
class Taken:
    """A table that a writer holds exclusively."""

    table: OpenTable
    files: LogFiles | None
    """Its log when it was opened; None if others have used the table."""


Options = Mapping[str, str] | None
"""Storage options, as in Lake."""


class OpenTables:
    """Open tables in folders and object stores, each at its newest version."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, uri: str, version: int | None = None, options: Options = None) -> OpenTable:
        """A table at a version or at its newest one. Read-only: the object is shared. It stays at this version.

        Raises:
            TableNotFoundError: the table or this version of it does not exist.
            DeltaError: its log cannot be read.
        """
        kept = self._slot(uri, options)
        with kept.lock:
            is_newest = kept.table is not None and kept.files is not None and kept.files.are_unchanged()
            if not is_newest and version is None:
                self._look_again(uri, options, kept)
            if kept.table is not None and (version is None or (is_newest and version == kept.table.version())):
                return _given(kept)
        return _opened(uri, options, version)

    def take(self, uri: str, options: Options = None) -> Taken:
        """A table at its newest version, exclusively for a writer: deltalake updates the object to the version it writes.

        Raises the same errors as `open`.
        """
        kept = self._slot(uri, options)
        with kept.lock:
            if kept.table is None or kept.files is None or not kept.files.are_unchanged():
                self._look_again(uri, options, kept)
            if kept.table is None or kept.files is None or _readers(kept) is not None:
                return Taken(_opened(uri, options), None)
            taken = Taken(kept.table, kept.files)
            kept.table = kept.files = kept.given = None
            return taken

    def give_back(self, uri: str, taken: Taken, options: Options = None) -> None:
        """Returns a writer's table to the cache, unless someone else has written in the meantime."""
        if taken.files is None or not taken.files.are_continued():
            return
        kept, files = self._slot(uri, options), log_files(taken.files.storage)
        with kept.lock:
            if kept.table is None and files is not None and files.version == taken.table.version():
                taken.table.state = object()
                kept.table, kept.files, kept.given = taken.table, files, None

    def _slot(self, uri: str, options: Options) -> _Kept:
        key = uri, tuple(sorted((options or {}).items())), environment() if "://" in uri else ()
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return kept

    def _look_again(self, uri: str, options: Options, kept: _Kept) -> None:
        # Checked before it is opened: writes in between are noticed at the next check.
        before, table, is_read = kept.files, kept.table, _readers(kept) is not None
        kept.files = kept.table = kept.given = None
        files = log_files(storage_at(uri, options))
        if files is None:
            raise TableNotFoundError(f"there is no table {uri}")
        if table is not None and before is not None and not is_read and files.version > before.version and before.are_continued():
            try:
                table.update_incremental()
            except DeltaError:  # reopening it reports what is wrong
                table = _opened(uri, options)
        else:
            table = _opened(uri, options)
        table.state = object()
        kept.table, kept.files = table, files if table.version() == files.version else None


OPEN_TABLES = OpenTables()
"""The open tables of this process."""


def _opened(uri: str, options: Options, version: int | None = None) -> OpenTable:
    return OpenTable(uri, version, dict(options) if options else None)


def _readers(kept: _Kept) -> OpenTable | None:
    """The object that a table's readers hold; None if it has no readers."""
    return None if kept.given is None else kept.given()


def _given(kept: _Kept) -> OpenTable:
    given = _readers(kept)
    if given is None:
        assert kept.table is not None
        given = copy.copy(kept.table)
        kept.given = weakref.ref(given)
    return given
