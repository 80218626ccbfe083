"""A partition that is made again with the rows that it had makes nothing stale that was made of it."""

from pathlib import Path

import pytest

from platform_assets.declare.checkpoints import months_of
from platform_assets.steps.materialize import materialize
from platform_assets.stores.delta import Table
from platform_assets_tests.steps.business import Business
from platform_assets_tests.steps.pipeline import Pipeline, pipeline_with

SILVER: Table = ("sales", "silver")


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60")
    business.make_range()
    return business


def outdated(business: Business) -> dict[str, list[int]]:
    return {layer: [p - business.first for p in business.stale(layer)] for layer in ("silver", "gold", "report")}


NAMES = {
    "silver": "sales/silver",
    "gold": "spending/gold",
    "checkpoints": "history/checkpoints",
    "history": "history/gold",
    "training": "coming/training",
}
NOTHING = {"silver": [], "gold": [], "report": []}


def test_silver_of_the_same_rows_leaves_its_readers_up_to_date(business: Business) -> None:
    before = business.lake.version(SILVER)
    business.make("silver", business.first + 1, business.first + 3)
    business.make("silver", business.first + 3, business.first + 3)
    entry = business.entries("sales/silver")[business.day(3)]
    assert entry.delta_version == business.lake.version(SILVER) != before, "it was written: a run heals whatever was damaged"
    assert entry.rows_since == before
    assert outdated(business) == NOTHING


def test_a_change_after_it_is_noticed(business: Business) -> None:
    business.make("silver", business.first + 1, business.first + 3)
    business.sell(2, "20 ada 7", "21 bob 60")
    business.make("raw", business.first + 2, business.first + 2)
    business.make("silver", business.first + 1, business.first + 4)
    entries = [business.entries("sales/silver")[business.day(day)] for day in range(1, 5)]
    assert [entry.rows_since < entry.delta_version for entry in entries] == [True, False, True, True]
    assert outdated(business) == {"silver": [], "gold": [2, 3, 4, 5], "report": [2]}
    business.sell(2, "20 ada 1", "21 bob 60")
    business.make("raw", business.first + 2, business.first + 2)
    business.make("silver", business.first + 2, business.first + 4)
    assert outdated(business)["gold"] == [2, 3, 4, 5], "the rows before are compared with, not those of any time"


def test_rows_that_are_as_many_and_not_the_same_are_noticed(business: Business) -> None:
    table = business.lake.open(SILVER)
    table.update(updates={"amount": "2.0"}, predicate="amount = 1.0")
    business.make("silver", business.first + 2, business.first + 2)
    entry = business.entries("sales/silver")[business.day(2)]
    assert entry.rows_since == entry.delta_version


def test_a_day_whose_files_were_lost_is_healed_and_counts_as_changed(business: Business) -> None:
    path = next(file for file in business.lake.files(SILVER) if file.partition == business.day(2)).path
    (Path(business.lake.uri(SILVER)) / path).unlink()
    business.make("silver", business.first + 2, business.first + 2)
    assert business.lake.scan(SILVER).collect().height == 16
    entry = business.entries("sales/silver")[business.day(2)]
    assert entry.rows_since == entry.delta_version, "what was read of it before is not known"


def test_an_entry_that_was_recovered_from_its_commit_makes_readers_stale(business: Business) -> None:
    ledger = business.run().ledger
    business.make("silver", business.first + 2, business.first + 2)
    lost = business.entries("sales/silver")[business.day(2)]
    business.lake.open(("_platform", "ledger")).delete(f"\"table\" = 'sales/silver' AND delta_version = {lost.delta_version}")
    assert ledger.entries("sales/silver")[business.day(2)].rows_since == lost.delta_version
    assert outdated(business)["gold"] == [2, 3, 4, 5], "rather too many than too few"


@pytest.mark.slow  # trains a model
def test_no_model_is_trained_again_because_a_day_was_made_again(tmp_path: Path) -> None:
    pipeline: Pipeline = pipeline_with(tmp_path)
    declared = [pipeline.report, pipeline.history, pipeline.model]
    places = {"lake": pipeline.lake, "now": pipeline.now}
    materialize(*declared, **places)  # type: ignore[arg-type]
    months = {"training": pipeline.training.partitions, "checkpoints": months_of(pipeline.history)}
    for layer in ("silver", "gold", "checkpoints", "history", "training"):
        partitions = months.get(layer, pipeline.source.partitions)
        [*_, last] = sorted(pipeline.entries(NAMES[layer]))
        pipeline.make(layer, partitions.number(last), partitions.number(last))
        again = materialize(*declared, **places)  # type: ignore[arg-type]
        assert not any(outcome.made for outcome in again.tables.values()), layer
