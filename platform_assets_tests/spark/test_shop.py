"""The shop of the demo on Spark by one setting: the tables of Polars; and one lake that both engines take turns on."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_assets import Estimator, TrainingData, at_least, materialize, model
from platform_assets.domains.retail.declarations import RETAIL, churn, churn_training
from platform_assets.domains.retail.generate import generate
from platform_assets.settings import load_settings
from platform_assets.stores.delta import Lake
from platform_assets_tests.spark.lakes import require_same_lake
from platform_assets_tests.spark.session import as_users_have_it

NOW = datetime(2025, 5, 2, tzinfo=UTC)
TURN = datetime(2025, 3, 20, 12, tzinfo=UTC)
"""When one engine follows the other: within a month of checkpoints, windows and a training set."""


@model(churn_training, checks=[at_least("auc", 0.0)], refit=True)
def leaving(train: TrainingData) -> Estimator:
    """In place of the shop's own model, which is not good enough to predict with so few orders."""
    from platform_assets.models.boosting import lightgbm_classifier

    return lightgbm_classifier(train, columns=train.numeric, n_estimators=10, num_leaves=4)


SHOP = (*(one for one in RETAIL if one is not churn), leaving)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of 120 days, and the tables that Polars makes of them."""
    home = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PLATFORM_HOME", str(home))
        generate(load_settings().retail_folder, days=120, customers=150, orders_per_day=10)
        materialize(*SHOP, lake=str(home / "polars"), now=NOW)
    return home


def made_by(engine: str, lake: Path, home: Path, now: datetime) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PLATFORM_HOME", str(home))
        environment.setenv("PLATFORM_ENGINE", engine)
        materialize(*SHOP, lake=str(lake), now=now)


@pytest.mark.parametrize("turns", [("spark", "polars"), ("polars", "spark")], ids=" then ".join)
def test_engines_take_turns_on_one_lake_and_make_the_tables_of_polars(turns: tuple[str, str], home: Path, tmp_path: Path) -> None:
    with as_users_have_it():
        made_by(turns[0], tmp_path, home, TURN)
        made_by(turns[1], tmp_path, home, NOW)
    rows = require_same_lake(Lake(str(home / "polars")), Lake(str(tmp_path)))
    assert [table for table, number in rows.items() if not number] == [], "a table without rows compares nothing"
