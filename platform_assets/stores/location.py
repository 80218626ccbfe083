"""Resolves a location: a local folder, or a prefix in an object store."""

import re
from collections.abc import Mapping
from pathlib import Path

from platform_assets.errors import LakeError
from platform_assets.stores.folder import Folder
from platform_assets.stores.storage import Storage

_UNREADABLE = set('%#?*=[]{}<>^|`\\"')
"""Characters with a special meaning in URLs, Hive partition folders or file patterns."""


def checked_root(root: str) -> str:
    """The checked folder or URL of a lake; a folder becomes an absolute path.

    Raises:
        LakeError: tables there could not be read again.
    """
    root = root.rstrip("/")
    if re.match(r"[a-z][a-z0-9]+:/[^/]", root):
        raise LakeError(f"the lake {root!r} is a URL that lost a slash in pathlib. Pass it as a string, not as a Path.")
    if "://" not in root:
        root = str(Path(root).absolute())
    bad = sorted(character for character in set(root) if character in _UNREADABLE)
    if bad:
        raise LakeError(
            f"the lake {root!r} could not be read again: its path has {' '.join(bad)}. Choose another PLATFORM_HOME or PLATFORM_LAKE."
        )
    return root


def storage_at(uri: str, options: Mapping[str, str] | None = None) -> Storage:
    """The files below a folder, or below a URL such as s3://bucket/lake/orders/silver.

    options: of the object store, as in Lake.
    """
    if "://" not in uri:
        return Folder(uri)
    from platform_assets.stores.object_store import Bucket

    return Bucket(uri, options or {})


def environment() -> tuple[tuple[str, str], ...]:
    """The environment's settings for object stores: other credentials may see something else."""
    from platform_assets.stores.object_store import environment_of_stores

    return environment_of_stores()


def check_reached(root: str, options: Mapping[str, str] | None, *, again: bool = False) -> None:
    """Checks that an object store can be reached, once per lake and process: Delta would mistake a missing bucket for a missing table,
    and retry for minutes if no server answers.

    again: check again, because something has failed.

    Raises:
        LakeError: it cannot; it says why, and which settings to check.
    """
    if "://" not in root:
        return
    from platform_assets.stores.object_store import Bucket
    from platform_assets.stores.object_store import check_reached as check_once

    if again:
        Bucket(root, options or {}).check()
    else:
        check_once(root, options or {})


def check_writers(root: str, options: Mapping[str, str] | None) -> None:
    """Checks that a lake in an object store is safe for concurrent writers, once, before the first write.

    Raises:
        LakeError: it is not.
    """
    if "://" in root:
        from platform_assets.stores.object_store import Bucket

        Bucket(root, options or {}).check_writers()
