"""Publishes all of a view to the online store again."""

from platform_assets.cli.lookup import declared, definitions_of, platform_of
from platform_assets.declare.attributes import AttributeView
from platform_assets.declare.view import FeatureView
from platform_assets.steps.online import make_online, rebuild_online


def rebuild_view(name: str, module: str, *, missing: bool = False) -> str:
    """Rebuilds the view that a module declares under this name, or publishes its missing entities; returns a summary."""
    view = declared(module, (FeatureView, AttributeView), "view", name)
    platform = platform_of(definitions_of(module))
    run, store = platform.run("rebuild"), platform.online()
    published = make_online(view, run, store, everything=True) if missing else rebuild_online(view, run, store)
    upto = "nothing may be read yet" if published.watermark is None else f"as of {published.watermark:%Y-%m-%d %H:%M} UTC"
    return f"{name}: {published.values:,} entities written, {upto}"
