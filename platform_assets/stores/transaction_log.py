"""Checks a table's transaction log file by file for damage, in terms of the Delta protocol.

delta-rs reads an empty entry, or one truncated after a line, as a commit of fewer files. Every commit begins with commitInfo, which
counts the files that the following lines add and remove, so truncation is visible in the entry itself.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deltalake.exceptions import TableNotFoundError

from platform_assets.errors import LakeError, is_failure
from platform_assets.stores.location import check_reached, storage_at
from platform_assets.stores.storage import Storage, with_credentials_hidden
from platform_assets.stores.tables import Table, name_of

LOG = "_delta_log"
HINT = f"{LOG}/_last_checkpoint"

_ENTRY = re.compile(r"_delta_log/(\d{20})\.json")
_CHECKPOINT = re.compile(r"_delta_log/(\d{20})\.checkpoint(?:\.[^/]+)?\.parquet")


@dataclass(frozen=True)
class LogFault:
    """A damaged or missing file of a log."""

    path: str
    what: str
    """The fault, as it follows the file's name: "is empty"."""
    version: int | None = None
    """The version of an entry or a checkpoint."""

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


def entry_path(version: int) -> str:
    return f"{LOG}/{version:020d}.json"


def entries_of_log(files: Mapping[str, int]) -> dict[int, str]:
    """The entries among the files of a table, by version."""
    return {int(found[1]): path for path in sorted(files) if (found := _ENTRY.fullmatch(path))}


def checkpoints_of_log(files: Mapping[str, int]) -> dict[int, list[str]]:
    """The checkpoint files among the files of a table, by version."""
    found: dict[int, list[str]] = {}
    for path in sorted(files):
        if matched := _CHECKPOINT.fullmatch(path):
            found.setdefault(int(matched[1]), []).append(path)
    return found


def log_faults(storage: Storage, known_upto: int = -1) -> list[LogFault]:
    """The damaged files of a table's log.

    known_upto: the last version known to have been written; a log that ends before it has lost its last entries.
    """
    files = storage.files(LOG)
    entries, faults = entries_of_log(files), list[LogFault]()
    checkpoints, good = checkpoints_of_log(files), list[int]()
    for version, parts in checkpoints.items():
        broken = [LogFault(part, why, version) for part in parts if (why := _why_no_parquet(storage, part, files[part]))]
        faults += broken
        if not broken:
            good.append(version)
    faults += _hint_faults(storage, files, checkpoints)
    # Entries before a checkpoint may have been cleaned up.
    begin = 0 if 0 in entries or not good else min(max(good) + 1, min(entries, default=0))
    for version in range(begin, max([*entries, *good, known_upto], default=-1) + 1):
        if version in entries:
            if why := entry_fault(storage.read(entries[version]), version):
                faults.append(LogFault(entries[version], why, version))
        elif not any(checkpoint >= version for checkpoint in good):
            faults.append(LogFault(entry_path(version), "is missing", version))
    return faults


def entry_fault(content: bytes, version: int) -> str | None:
    """The fault in a log entry; None if it is intact."""
    if not content.strip():
        return "is empty"
    try:
        actions = [json.loads(line) for line in content.decode().splitlines() if line]
    except ValueError:
        return "is truncated or overwritten: it is not JSON"
    if not all(isinstance(action, dict) for action in actions):
        return "is overwritten: a line is not a JSON object"
    if version == 0 and not all(any(name in action for action in actions) for name in ("protocol", "metaData")):
        return "is truncated: it does not describe the table"
    info: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    metrics = info.get("operationMetrics") or {}
    for kind, metric in (("add", "num_added_files"), ("remove", "num_removed_files")):
        there, counted = sum(kind in action for action in actions), metrics.get(metric)
        if isinstance(counted, int) and there < counted:
            return f"is truncated: it has {there} of the {counted} files that it should {kind}"
    return None


def unreadable_log(table: Table, storage: Storage, error: BaseException | None = None) -> LakeError | None:
    """The error for a table whose log cannot be opened, naming the damaged file; None if the log's files are intact."""
    faults = log_faults(storage)
    if not faults:
        return None
    more = f" and {len(faults) - 1} more files" if len(faults) > 1 else ""
    return LakeError(
        f"{name_of(table)}: its transaction log cannot be read: {faults[0]}{more} in {storage.uri}. Nothing was read or written. "
        f"Restore the file from a backup, or repair the table from what is left: platform-assets verify {name_of(table)} --repair"
    )


@contextmanager
def opening(table: Table, root: str, options: Mapping[str, str] | None) -> Iterator[None]:
    """Wraps the opening of a table: explains failures of the object store and damaged log files."""
    check_reached(root, options)
    try:
        yield
    except TableNotFoundError:
        raise
    except BaseException as error:
        if is_failure(error):
            check_reached(root, options, again=True)
            storage = storage_at("/".join((root, *table)), options)
            if named := unreadable_log(table, storage) or with_credentials_hidden(error, [storage]):
                raise named from None
        raise


def _hint_faults(storage: Storage, files: Mapping[str, int], checkpoints: Mapping[int, list[str]]) -> list[LogFault]:
    if HINT not in files:
        return []
    try:
        version = int(json.loads(storage.read(HINT))["version"])
    except (ValueError, KeyError, TypeError):
        return [LogFault(HINT, "is truncated or overwritten: it names no version")]  # deltalake then looks for checkpoints itself
    return [] if version in checkpoints else [LogFault(HINT, f"names a checkpoint of version {version}, which is missing")]


def _why_no_parquet(storage: Storage, path: str, size: int) -> str | None:
    import io

    import pyarrow.parquet as pq

    if not size:
        return "is empty"
    try:
        pq.ParquetFile(io.BytesIO(storage.read(path))).read()
    except Exception as error:
        return f"is truncated or overwritten: {first_line(error)}"
    return None


def first_line(error: BaseException) -> str:
    """The first line of an error, without its backtrace."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
