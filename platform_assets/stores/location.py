"""What is at a place: a folder of this machine, or a part of an object store."""

import re
from collections.abc import Mapping
from pathlib import Path

from platform_assets.errors import LakeError
from platform_assets.stores.folder import Folder
from platform_assets.stores.storage import Storage

_UNREADABLE = set('%#?*=[]{}<>^|`\\"')
"""URLs, Hive's folders and file patterns mean something by these."""


def checked_root(root: str) -> str:
    """The folder or URL of a lake: a folder as an absolute path.

    Raises:
        LakeError: tables there could not be read again.
    """
    root = root.rstrip("/")
    if re.match(r"[a-z][a-z0-9]+:/[^/]", root):
        raise LakeError(f"the lake {root!r} is a URL from which pathlib has taken a slash. Give it as text, not as a Path.")
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

    options: of the object store, as Lake has them.
    """
    if "://" not in uri:
        return Folder(uri)
    from platform_assets.stores.object_store import Bucket

    return Bucket(uri, options or {})


def environment() -> tuple[tuple[str, str], ...]:
    """What the environment says of object stores: whoever looks with other credentials may see something else."""
    from platform_assets.stores.object_store import environment_of_stores

    return environment_of_stores()


def check_reached(root: str, options: Mapping[str, str] | None, *, again: bool = False) -> None:
    """Whether an object store can be reached, asked once for each lake in a process: Delta would take a missing bucket for a missing table,
    and go on trying for minutes where no server answers.

    again: ask once more, since something has failed.

    Raises:
        LakeError: it cannot; why, and which settings to look at.
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
    """Whether a lake in an object store keeps runs that write at once apart; asked once, when the first of them writes.

    Raises:
        LakeError: it does not.
    """
    if "://" in root:
        from platform_assets.stores.object_store import Bucket

        Bucket(root, options or {}).check_writers()
