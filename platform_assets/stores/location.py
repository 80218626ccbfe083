"""What is at a place: a folder of this machine, or a part of an object store."""

from collections.abc import Mapping

from platform_assets.stores.folder import Folder
from platform_assets.stores.storage import Storage


def storage_at(uri: str, options: Mapping[str, str] | None = None) -> Storage:
    """The files below a folder, or below a URL such as s3://bucket/lake/orders/silver.

    options: of the object store, as Lake has them.
    """
    if "://" not in uri:
        return Folder(uri)
    from platform_assets.stores.object_store import Bucket

    return Bucket(uri, options or {})


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
