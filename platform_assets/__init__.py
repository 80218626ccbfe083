"""Declare sources, feature views, training sets and models once; get partitioned Dagster assets with the same values everywhere."""

from typing import TYPE_CHECKING, Any

from platform_assets.declare.entity import Entity as Entity
from platform_assets.declare.features import count as count
from platform_assets.declare.features import count_distinct as count_distinct
from platform_assets.declare.features import derive as derive
from platform_assets.declare.features import first as first
from platform_assets.declare.features import last as last
from platform_assets.declare.features import last_n as last_n
from platform_assets.declare.features import max as max
from platform_assets.declare.features import mean as mean
from platform_assets.declare.features import min as min
from platform_assets.declare.features import mode as mode
from platform_assets.declare.features import quantile as quantile
from platform_assets.declare.features import std as std
from platform_assets.declare.features import sum as sum
from platform_assets.declare.features import time_since_last as time_since_last
from platform_assets.declare.features import top_k as top_k
from platform_assets.declare.features import variance as variance
from platform_assets.declare.partitions import daily as daily
from platform_assets.declare.partitions import hourly as hourly
from platform_assets.declare.partitions import monthly as monthly
from platform_assets.declare.partitions import weekly as weekly
from platform_assets.declare.source import source as source
from platform_assets.declare.view import FeatureView as FeatureView

if TYPE_CHECKING:
    from platform_assets.assets.definitions import build_definitions as build_definitions
    from platform_assets.assets.io_manager import LakeIOManager as LakeIOManager
    from platform_assets.declare.attributes import AttributeView as AttributeView
    from platform_assets.declare.connector import source_from as source_from
    from platform_assets.declare.labels import any_event as any_event
    from platform_assets.declare.labels import every as every
    from platform_assets.declare.labels import labels_from as labels_from
    from platform_assets.declare.labels import no_event as no_event
    from platform_assets.declare.labels import outcome as outcome
    from platform_assets.declare.metrics import metric as metric
    from platform_assets.declare.model import at_least as at_least
    from platform_assets.declare.model import at_most as at_most
    from platform_assets.declare.model import better_than_baseline as better_than_baseline
    from platform_assets.declare.model import model as model
    from platform_assets.declare.model import not_worse_than_baseline as not_worse_than_baseline
    from platform_assets.declare.on_demand import on_demand as on_demand
    from platform_assets.declare.quality import allowed as allowed
    from platform_assets.declare.quality import drift as drift
    from platform_assets.declare.quality import duplicates as duplicates
    from platform_assets.declare.quality import fresh as fresh
    from platform_assets.declare.quality import holds as holds
    from platform_assets.declare.quality import in_range as in_range
    from platform_assets.declare.quality import matches as matches
    from platform_assets.declare.quality import null_share as null_share
    from platform_assets.declare.quality import outliers as outliers
    from platform_assets.declare.quality import refers_to as refers_to
    from platform_assets.declare.quality import unique as unique
    from platform_assets.declare.quality import volume as volume
    from platform_assets.declare.report import GoldTable as GoldTable
    from platform_assets.declare.training import FeatureService as FeatureService
    from platform_assets.declare.training import TrainingSet as TrainingSet
    from platform_assets.engines.polars.compute import compute_features as compute_features
    from platform_assets.kernels.single_event import validate as validate
    from platform_assets.models.training_data import Estimator as Estimator
    from platform_assets.models.training_data import Regressor as Regressor
    from platform_assets.models.training_data import Tested as Tested
    from platform_assets.models.training_data import TrainingData as TrainingData
    from platform_assets.reading.historical import historical_features as historical_features
    from platform_assets.serving.features import online_features as online_features
    from platform_assets.sources.arrival import Arrival as Arrival
    from platform_assets.sources.files import csv_files as csv_files
    from platform_assets.sources.files import json_lines_files as json_lines_files
    from platform_assets.sources.files import parquet_files as parquet_files
    from platform_assets.sources.postgres import postgres_query as postgres_query
    from platform_assets.sources.postgres import postgres_snapshot as postgres_snapshot
    from platform_assets.sources.postgres import postgres_table as postgres_table
    from platform_assets.sources.rest.api import rest_api as rest_api
    from platform_assets.sources.rest.pages import cursor_pages as cursor_pages
    from platform_assets.sources.rest.pages import link_header_pages as link_header_pages
    from platform_assets.sources.rest.pages import offset_pages as offset_pages
    from platform_assets.sources.rest.secret import api_key as api_key
    from platform_assets.sources.rest.secret import basic_auth as basic_auth
    from platform_assets.sources.rest.secret import bearer_token as bearer_token
    from platform_assets.steps.materialize import materialize as materialize

_LATER = {
    "Arrival": "platform_assets.sources.arrival",
    "AttributeView": "platform_assets.declare.attributes",
    "Estimator": "platform_assets.models.training_data",
    "FeatureService": "platform_assets.declare.training",
    "GoldTable": "platform_assets.declare.report",
    "LakeIOManager": "platform_assets.assets.io_manager",
    "Regressor": "platform_assets.models.training_data",
    "Tested": "platform_assets.models.training_data",
    "TrainingData": "platform_assets.models.training_data",
    "TrainingSet": "platform_assets.declare.training",
    "allowed": "platform_assets.declare.quality",
    "any_event": "platform_assets.declare.labels",
    "api_key": "platform_assets.sources.rest.secret",
    "at_least": "platform_assets.declare.model",
    "at_most": "platform_assets.declare.model",
    "basic_auth": "platform_assets.sources.rest.secret",
    "bearer_token": "platform_assets.sources.rest.secret",
    "better_than_baseline": "platform_assets.declare.model",
    "build_definitions": "platform_assets.assets.definitions",
    "compute_features": "platform_assets.engines.polars.compute",
    "csv_files": "platform_assets.sources.files",
    "cursor_pages": "platform_assets.sources.rest.pages",
    "drift": "platform_assets.declare.quality",
    "duplicates": "platform_assets.declare.quality",
    "every": "platform_assets.declare.labels",
    "fresh": "platform_assets.declare.quality",
    "historical_features": "platform_assets.reading.historical",
    "holds": "platform_assets.declare.quality",
    "in_range": "platform_assets.declare.quality",
    "json_lines_files": "platform_assets.sources.files",
    "labels_from": "platform_assets.declare.labels",
    "link_header_pages": "platform_assets.sources.rest.pages",
    "matches": "platform_assets.declare.quality",
    "materialize": "platform_assets.steps.materialize",
    "metric": "platform_assets.declare.metrics",
    "model": "platform_assets.declare.model",
    "no_event": "platform_assets.declare.labels",
    "not_worse_than_baseline": "platform_assets.declare.model",
    "null_share": "platform_assets.declare.quality",
    "offset_pages": "platform_assets.sources.rest.pages",
    "on_demand": "platform_assets.declare.on_demand",
    "online_features": "platform_assets.serving.features",
    "outcome": "platform_assets.declare.labels",
    "outliers": "platform_assets.declare.quality",
    "parquet_files": "platform_assets.sources.files",
    "postgres_query": "platform_assets.sources.postgres",
    "postgres_snapshot": "platform_assets.sources.postgres",
    "postgres_table": "platform_assets.sources.postgres",
    "refers_to": "platform_assets.declare.quality",
    "rest_api": "platform_assets.sources.rest.api",
    "source_from": "platform_assets.declare.connector",
    "unique": "platform_assets.declare.quality",
    "validate": "platform_assets.kernels.single_event",
    "volume": "platform_assets.declare.quality",
}
"""Names imported on demand: they declare labels and models, or their modules load Dagster, Delta, Redis, NumPy or scikit-learn."""

__all__ = [
    "Arrival",
    "AttributeView",
    "Entity",
    "Estimator",
    "FeatureService",
    "FeatureView",
    "GoldTable",
    "LakeIOManager",
    "Regressor",
    "Tested",
    "TrainingData",
    "TrainingSet",
    "allowed",
    "any_event",
    "api_key",
    "at_least",
    "at_most",
    "basic_auth",
    "bearer_token",
    "better_than_baseline",
    "build_definitions",
    "compute_features",
    "count",
    "count_distinct",
    "csv_files",
    "cursor_pages",
    "daily",
    "derive",
    "drift",
    "duplicates",
    "every",
    "first",
    "fresh",
    "historical_features",
    "holds",
    "hourly",
    "in_range",
    "json_lines_files",
    "labels_from",
    "last",
    "last_n",
    "link_header_pages",
    "matches",
    "materialize",
    "max",
    "mean",
    "metric",
    "min",
    "mode",
    "model",
    "monthly",
    "no_event",
    "not_worse_than_baseline",
    "null_share",
    "offset_pages",
    "on_demand",
    "online_features",
    "outcome",
    "outliers",
    "parquet_files",
    "postgres_query",
    "postgres_snapshot",
    "postgres_table",
    "quantile",
    "refers_to",
    "rest_api",
    "source",
    "source_from",
    "std",
    "sum",
    "time_since_last",
    "top_k",
    "unique",
    "validate",
    "variance",
    "volume",
    "weekly",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'platform_assets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
