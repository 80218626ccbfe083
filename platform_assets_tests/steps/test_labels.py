"""Labels on the real path, from deliveries to training sets, models and predictions: what a delay holds back, and where labels end."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import FeatureService, TrainingData, TrainingSet, daily, every, model, no_event
from platform_assets.steps.gold import gold_table
from platform_assets.steps.model import make_model, make_predictions
from platform_assets.steps.run import Done, Run
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets_tests.steps.business import Business

FEBRUARY, MARCH = "2024-02-01", "2024-03-01"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Labelled(Business):
    """The tiny business with labels: every day, of those who bought in the last two days, who does not buy within two days."""

    def __init__(self, home: Path, *, declared: Mapping[str, Any] | None = None, within: str = "2d", active: str = "2d") -> None:
        super().__init__(home, declared=declared)
        self.labels = no_event(self.source, within=within, spine=every("1d", active=active))
        self.training = TrainingSet("leaving", features=FeatureService("spending_only", [self.view]), labels=self.labels)

    def make_training(self, month: str) -> Done:
        number = self.training.partitions.index_of(month)
        return make_training(self.training, number, number, self.run())

    def times(self, month: str, user: str | None = None) -> list[str]:
        """The label times of a month, of one user or of all."""
        self.make_training(month).check()
        rows = self.lake.scan(("leaving", "training")).filter(pl.col("partition") == day(month).date())
        rows = rows.filter(pl.col("user") == user) if user else rows
        return [f"{at:%m-%d}" for at in rows.select(pl.col("label_time").unique().sort()).collect()["label_time"]]


@pytest.mark.parametrize(("delay", "known"), [("0h", ["02-26", "02-27"]), ("24h", ["02-27"]), ("25h", [])])
def test_an_entity_is_labelled_from_when_its_source_may_be_read(tmp_path: Path, delay: str, known: list[str]) -> None:
    """Ada's only sale is of the 25th: active at the 26th and 27th, if the 25th's rows may be read by then."""
    business = Labelled(tmp_path, declared={"data_delay": delay})
    business.sell(0, "1 ada 5")
    for number in range(1, 8):
        business.sell(number, f"{number + 1} bob 5")
    business.make_range()
    assert business.times(FEBRUARY, "ada") + [at for at in business.times(MARCH, "ada") if at < "03"] == known


def test_a_day_that_is_made_while_a_training_set_reads_is_not_taken_for_one_that_was_read(tmp_path: Path) -> None:
    """The versions are taken first: the ledger's word of a later one would let a month through that lacks the day's rows."""
    business = Labelled(tmp_path)
    for number in range(8):
        business.sell(number, f"{number} ada 5")
    business.make_range()
    run, month = business.run(), business.training.partitions.index_of(MARCH)

    class Busy(Lake):
        """Another run makes a day of gold again, blocked before, right after the versions were looked up."""

        def version(self, table: tuple[str, str]) -> int | None:
            found = super().version(table)
            if table == gold_table(business.view) and not made:
                made.append(business.make("gold", business.first + 4, business.first + 4))
            return found

    made: list[Any] = []
    entry = business.entries("spending/gold")[business.day(4)]
    run.ledger.record([replace(entry, status="blocked", details={**entry.details, "withdrawn": "for the test"})])
    busy = Run(Busy(business.lake.root), run.ledger, "busy", business.now)
    assert list(make_training(business.training, month, month, busy).refused) == [MARCH]
    assert made[0].entries, "the day was made meanwhile"
    assert not make_training(business.training, month, month, run).refused


def test_no_label_ends_after_its_source(tmp_path: Path) -> None:
    """What happens after the source's last partition, on 3 March, nobody will ever know: who did not buy there has not left."""
    business = Labelled(tmp_path)
    for number in range(8):
        business.sell(number, f"{number} ada 5")
    business.make_range()
    assert business.times(FEBRUARY) == ["02-26", "02-27"], "a label of the 28th ends in March"
    assert business.times(MARCH) == ["02-28", "02-29", "03-01"], "one of 2 March would end with the source, when nothing is to come"
    assert business.training.partitions.last == business.training.partitions.index_of(MARCH)


def test_a_month_in_which_no_label_can_end_is_empty_before_anything_was_received(tmp_path: Path) -> None:
    business = Labelled(tmp_path, within="7d")
    entry = business.make_training(FEBRUARY).entries[FEBRUARY]
    assert (entry.rows, entry.status, entry.details["label_times"]) == (0, "ok", 0)
    assert business.lake.scan(("leaving", "training")).collect_schema().names() == [
        "user",
        "label_time",
        "label",
        *business.training.features.features,
        "partition",
    ]
    refused = business.make_training(MARCH).refused[MARCH]
    assert str(refused).startswith("leaving/training 2024-03-01 needs 8 partitions of sales/silver that are missing: 2024-02-25 to")


@pytest.mark.parametrize(("delay", "first"), [("24h", "2024-03-02"), ("25h", "2024-03-03")])
def test_a_model_predicts_from_when_its_last_month_could_be_read(tmp_path: Path, delay: str, first: str) -> None:
    """February's labels are known when its last day may be read: a model of them knows nothing of the days that it predicts."""
    declared = {"partitions": daily("2024-02-01", end="2024-03-04"), "data_delay": delay, "accepted_share": 0}
    business = Labelled(tmp_path, declared=declared, active="5d")
    for number in range(32):
        key = business.source.partitions.key(business.first + number)
        business.deliveries[key] = [
            {"sale_id": f"{number * 100 + user}", "user": f"u{user}", "at": f"{key}T10:00:00Z", "amount": f"{user}"}
            for user in range(40)
            if (number * 7 + user * 3) % 11 < 3
        ]
    business.last = business.source.partitions.last or business.first

    @model(business.training)
    def leaving(train: TrainingData) -> Any:
        from platform_assets.models.baseline import logistic_baseline

        return logistic_baseline(train.features, train.target, train.seed)

    business.make_range()
    business.make_training(FEBRUARY).check()
    months = business.training.partitions
    trained = make_model(leaving, months.index_of(FEBRUARY), months.index_of(FEBRUARY), business.run()).entries[FEBRUARY]
    assert trained.status == "ok", trained.details
    assert trained.details["predicts_from"] == (day("2024-03-01") + timedelta(hours=int(delay.removesuffix("h")))).isoformat()
    days = business.source.partitions
    predicted = make_predictions(leaving, days.index_of("2024-02-28"), days.index_of("2024-03-03"), business.run())
    predicted.check()
    with_model = [key for key, entry in predicted.entries.items() if entry.status == "ok"]
    assert with_model == [key for key in predicted.entries if key >= first]
    assert all(predicted.entries[key].rows > 0 for key in with_model)
    assert {entry.status for key, entry in predicted.entries.items() if key < first} == {"no model"}


def test_days_of_which_nothing_came_are_counted_since_labels_take_them_for_days_without_an_event(tmp_path: Path) -> None:
    business = Labelled(tmp_path)  # the 26th of February and the 1st of March are empty
    for number in (0, 2, 3, 4, 6, 7):
        business.sell(number, f"{number} ada 5")
    business.make_range()
    february, march = (business.make_training(month).entries[month].details for month in (FEBRUARY, MARCH))
    assert february["empty_partitions"] == {"source": "sales", "number": 1, "of": 5, "first": ["2024-02-26"]}
    assert march["empty_partitions"] == {"source": "sales", "number": 1, "of": 5, "first": ["2024-03-01"]}
    whole = Labelled(tmp_path / "whole")
    for number in range(8):
        whole.sell(number, f"{number} ada 5")
    whole.make_range()
    assert all("empty_partitions" not in whole.make_training(month).entries[month].details for month in (FEBRUARY, MARCH))
