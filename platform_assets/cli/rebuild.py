"""Filling the online store with a view anew."""

import importlib

from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.attributes import View
from platform_assets.errors import DeclarationError, unknown
from platform_assets.steps.online import rebuild_online


def rebuild_view(name: str, module: str) -> str:
    """Rebuilds the view that a module declares under this name, and says what was written."""
    try:
        declared = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise DeclarationError(
            f"there is no module {module!r} ({error}). Name the one that declares the view: --module your_module"
        ) from None
    views = {value.name: value for value in vars(declared).values() if isinstance(value, View)}
    if name not in views:
        raise unknown(f"module {module!r}", "view", name, views)
    platform = PlatformResource()
    published = rebuild_online(views[name], platform.run("rebuild"), platform.online())
    upto = "nothing may be read yet" if published.watermark is None else f"as of {published.watermark:%Y-%m-%d %H:%M} UTC"
    return f"{name}: {published.values:,} entities written, {upto}"
