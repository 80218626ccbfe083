"""Builds Dagster Definitions from declarations."""

import sys
import warnings
from collections.abc import Iterator

import dagster as dg

from platform_assets.assets.automation.alerts import alerts_sensor
from platform_assets.assets.automation.arrivals import arrivals_sensor
from platform_assets.assets.automation.conditions import conditions_sensor
from platform_assets.assets.automation.freshness import freshness
from platform_assets.assets.automation.stale import stale_sensor
from platform_assets.assets.checkpoints import checkpoints_asset
from platform_assets.assets.gold import attributes_asset, report_asset, view_asset
from platform_assets.assets.model import model_asset, predictions_asset, training_asset
from platform_assets.assets.online import online_asset
from platform_assets.assets.partitions import partitions_definition
from platform_assets.assets.replays import replay_job
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.source import raw_asset, silver_assets
from platform_assets.assets.spark_checks import skew_check
from platform_assets.declare.attributes import AttributeView
from platform_assets.declare.checkpoints import months_of
from platform_assets.declare.dependencies import Declaration, reached
from platform_assets.declare.model import Model
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.settings import load_settings
from platform_assets.steps.layers import Graph, layers_of, made_twice
from platform_assets.stores.delta import Table


def build_definitions(*declarations: Declaration, platform: PlatformResource | None = None) -> dg.Definitions:
    """Dagster assets for these declarations and everything they depend on: pass the ends of the chains, sources and views are found.

    The assets come with sensors, switched on: deliveries are received, and their readers materialized (docs/concepts/automation.md).

    Args:
        declarations: sources, feature views, attribute views, gold tables, services, training sets, models.
        platform: the location of the data. Default: the PLATFORM_ settings.

    Raises:
        DeclarationError: two declarations have the same asset.
    """
    found = reached(declarations, "build_definitions")
    graph = Graph(found)
    assets: list[dg.AssetsDefinition] = []
    with warnings.catch_warnings():
        # Dagster's beta and preview features used here are pinned and tested: users cannot do anything about the warnings.
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        for declaration in found:
            assets += [_with_freshness(asset, declaration) for asset in _assets(declaration, graph)]
        checks = [skew_check(table, definition) for one in found for table, definition in _on_spark(one)]
    sources, settings = [one for one in found if isinstance(one, Source)], load_settings()
    alerting = [alerts_sensor(sources)] if settings.alert_webhook or settings.alert_smtp else []
    owners: dict[dg.AssetKey, str] = {}
    for asset in assets:
        for key in asset.keys:
            if key in owners:
                raise made_twice((key.path[0], key.path[1]))
            owners[key] = key.path[0]
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[replay_job(sources)] if sources else [],
        sensors=[*map(arrivals_sensor, sources), conditions_sensor(assets), stale_sensor(graph), *alerting],
        resources={"platform": _with_module(platform or PlatformResource(), _caller())},
        executor=dg.in_process_executor,
    )


def _caller() -> str | None:
    """The module that calls build_definitions, which is the one Dagster loads: for commands in messages."""
    name = sys._getframe(2).f_globals.get("__name__")
    return name if isinstance(name, str) and name not in ("__main__", "builtins") else None


def _with_module(platform: PlatformResource, module: str | None) -> PlatformResource:
    """A copy of the resource: Dagster uses the arguments it was created with, not attributes set later."""
    given = {name: getattr(platform, name) for name in platform.model_fields_set}
    return platform if module is None or "module" in given else type(platform)(**given, module=module)


def _assets(declaration: Declaration, graph: Graph) -> list[dg.AssetsDefinition]:
    if isinstance(declaration, Source):
        return [raw_asset(declaration, graph), silver_assets(declaration, graph)]
    if isinstance(declaration, FeatureView) and declaration.accuracy == "temporal":
        return []  # temporal views have no table: their values are computed from silver
    if isinstance(declaration, FeatureView):
        kept = [checkpoints_asset(declaration, graph)] if declaration.lifetime else []
        return [*kept, view_asset(declaration, graph), *([online_asset(declaration)] if declaration.online else [])]
    if isinstance(declaration, AttributeView):
        return [attributes_asset(declaration, graph), *([online_asset(declaration)] if declaration.online else [])]
    if isinstance(declaration, GoldTable):
        return [report_asset(declaration, graph)]
    if isinstance(declaration, TrainingSet):
        return [training_asset(declaration, graph)]
    if isinstance(declaration, Model):
        return [model_asset(declaration, graph), predictions_asset(declaration, graph)]
    return []


def _on_spark(declaration: Declaration) -> Iterator[tuple[Table, dg.TimeWindowPartitionsDefinition]]:
    """The tables of a declaration that Spark computes, with their partitions."""
    if isinstance(declaration, FeatureService) or (declaration.engine or load_settings().engine) != "spark":
        return
    for layer in layers_of(declaration):
        if layer.tables[0][1] != "model":  # which is trained in this process
            yield layer.tables[0], partitions_definition(layer.partitions, from_their_beginning=layer.from_their_beginning)


def _with_freshness(asset: dg.AssetsDefinition, declaration: Declaration) -> dg.AssetsDefinition:
    """The asset with its freshness policy, unless its source has ended."""
    data = declaration.training_set if isinstance(declaration, Model) else declaration
    if isinstance(data, TrainingSet):
        if data.labels.source is None:
            return asset  # it is not declared when a table of labels grows
        is_of_days = next(iter(asset.keys)).path[-1] == "predictions"
        source, partitions = data.labels.source, data.features.views[0].source.partitions if is_of_days else data.partitions
    elif isinstance(data, Source):
        source, partitions = data, data.partitions
    else:
        assert not isinstance(data, FeatureService), "a service is not an asset"
        source, partitions = data.source, data.source.partitions
        if isinstance(data, FeatureView) and isinstance(asset.partitions_def, dg.MonthlyPartitionsDefinition):
            partitions = months_of(data)
    policy = freshness(source, partitions)
    return asset if policy is None else asset.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=policy))
