"""Resolves the lake that a user passes."""

from collections.abc import Mapping
from os import PathLike

from platform_assets.settings import load_settings
from platform_assets.stores.delta import Lake

AnyLake = Lake | str | PathLike[str]


def lake_at(place: AnyLake | None, options: Mapping[str, str] | None = None) -> Lake:
    """The lake in a folder or at a URL; by default, that of the PLATFORM_ settings.

    options: of the object store. Default: PLATFORM_LAKE_OPTIONS.
    """
    if isinstance(place, Lake):
        return place
    settings = load_settings()
    root = settings.lake_root if place is None else str(place)
    return Lake(root, options or (settings.storage_options if "://" in root else None))
