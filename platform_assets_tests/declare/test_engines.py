"""Which engine computes a declaration: its own, that of what it reads, or that of the settings; no version depends on it."""

from datetime import datetime
from typing import get_args

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureService, FeatureView, GoldTable, TrainingSet, count, daily, every, no_event, source
from platform_assets.declare.engines import EngineName
from platform_assets.declare.source import Source
from platform_assets.engines.choice import Engines
from platform_assets.errors import DeclarationError
from platform_assets.settings import Settings, load_settings
from platform_assets.stores.delta import Lake


class Line:
    at: datetime
    customer: int


def sales(engine: EngineName | None = None) -> Source:
    @source(schema=Line, event_time="at", partitions=daily("2024-01-01"), engine=engine)
    def sales(arrival: Arrival) -> pl.LazyFrame | None:
        return arrival.read_csv("{day}.csv")

    return sales


CUSTOMER = Entity("customer", keys=["customer"])


def view(of: Source, engine: EngineName | None = None) -> FeatureView:
    return FeatureView("spending", entity=CUSTOMER, source=of, features=[count().over("7d")], engine=engine)


def training(of: FeatureView) -> TrainingSet:
    labels = no_event(of.source, within="30d", spine=every("7d", active="90d"))
    return TrainingSet("churn", features=FeatureService("churn", [of]), labels=labels)


def test_a_view_and_what_is_made_of_it_have_the_engine_of_the_source() -> None:
    declared = sales("polars")
    assert view(declared).engine == training(view(declared)).engine == "polars"
    assert GoldTable("by_day", source=declared, measures=[count().named("rows")]).engine == "polars"
    assert view(sales()).engine is training(view(sales())).engine is None


def test_versions_do_not_depend_on_the_engine() -> None:
    assert sales("polars").version == sales().version
    assert view(sales(), "polars").version == view(sales()).version
    assert training(view(sales(), "polars")).version == training(view(sales())).version


def test_an_engine_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(DeclarationError, match="polars"):
        view(sales(), "polar")  # type: ignore[arg-type]


def test_the_setting_knows_the_same_engines_as_declarations() -> None:
    assert get_args(Settings.model_fields["engine"].annotation) == get_args(EngineName)


def test_steps_of_a_run_share_an_engine_and_the_setting_is_the_default() -> None:
    engines, lake = Engines(), Lake("/nowhere")
    assert engines.of(None, lake) is engines.of("polars", lake)
    assert engines.of(None, lake).name == load_settings().engine
