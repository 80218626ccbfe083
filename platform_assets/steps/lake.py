"""Which lake a person means."""

from os import PathLike

from platform_assets.settings import load_settings
from platform_assets.stores.delta import Lake

AnyLake = Lake | str | PathLike[str]


def lake_at(place: AnyLake | None) -> Lake:
    """The lake in a folder or at a URL; without a place, that of the PLATFORM_ settings."""
    if isinstance(place, Lake):
        return place
    return Lake(str(load_settings().lake_root if place is None else place))
