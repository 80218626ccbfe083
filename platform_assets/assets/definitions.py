"""From declarations to Dagster's Definitions."""

import warnings
from collections.abc import Iterator, Sequence

import dagster as dg

from platform_assets.assets.gold import report_asset, view_asset
from platform_assets.assets.model import model_asset, predictions_asset, training_asset
from platform_assets.assets.online import online_asset
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.source import raw_asset, silver_assets
from platform_assets.declare.model import Model
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.errors import DeclarationError

Declaration = Source | FeatureView | GoldTable | FeatureService | TrainingSet | Model


def build_definitions(*declarations: Declaration, platform: PlatformResource | None = None) -> dg.Definitions:
    """Everything that these declarations reach, as Dagster assets: name the ends of the chains, sources and views are found.

    Args:
        declarations: sources, feature views, gold tables, services, training sets, models.
        platform: where the data lie; default: as the PLATFORM_ settings say.

    Raises:
        DeclarationError: two declarations would make the same asset.
    """
    found = reached(declarations)
    assets: list[dg.AssetsDefinition] = []
    with warnings.catch_warnings():
        # What is beta or preview in Dagster and used here is pinned, and proven by tests: a user can do nothing about it.
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        for declaration in found:
            assets += _assets(declaration)
    owners: dict[dg.AssetKey, str] = {}
    for asset in assets:
        for key in asset.keys:
            if key in owners:
                raise DeclarationError(
                    f"two declarations are named {key.path[0]!r}, and both would make {key.to_user_string()}. Rename one."
                )
            owners[key] = key.path[0]
    return dg.Definitions(assets=assets, resources={"platform": platform or PlatformResource()}, executor=dg.in_process_executor)


def reached(declarations: Sequence[Declaration]) -> list[Declaration]:
    """The declarations and all that they are made of, each once, upstream first."""
    found: list[Declaration] = []
    for declaration in declarations:
        for one in _with_parents(declaration):
            if not any(one is other for other in found):
                found.append(one)
    return found


def _with_parents(declaration: Declaration) -> Iterator[Declaration]:
    if isinstance(declaration, FeatureView | GoldTable):
        yield declaration.source
    elif isinstance(declaration, FeatureService):
        for view in declaration.views:
            yield from _with_parents(view)
    elif isinstance(declaration, TrainingSet):
        yield declaration.labels.source
        yield from _with_parents(declaration.features)
    elif isinstance(declaration, Model):
        yield from _with_parents(declaration.training_set)
    elif not isinstance(declaration, Source):
        raise DeclarationError(
            f"{declaration!r} is no declaration. Pass sources, feature views, gold tables, services, training sets or models."
        )
    yield declaration


def _assets(declaration: Declaration) -> list[dg.AssetsDefinition]:
    if isinstance(declaration, Source):
        return [raw_asset(declaration), silver_assets(declaration)]
    if isinstance(declaration, FeatureView):
        return [view_asset(declaration), *([online_asset(declaration)] if declaration.online else [])]
    if isinstance(declaration, GoldTable):
        return [report_asset(declaration)]
    if isinstance(declaration, TrainingSet):
        return [training_asset(declaration)]
    if isinstance(declaration, Model):
        return [model_asset(declaration), predictions_asset(declaration)]
    return []
