"""Labels of a user's own on the real path: of a source with its arrivals, of a function, of files; and partitions of another length."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import FeatureService, TrainingSet, every, historical_features, labels_from, no_event, on_demand, outcome, sum
from platform_assets.declare.labels import GivenLabels
from platform_assets.errors import ComputeError
from platform_assets.steps.stale_tables import stale_training
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets_tests.steps.business import Business

FEBRUARY, MARCH = "2024-02-01", "2024-03-01"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Given(Business):
    """The tiny business, eight days from 25 February on, and training sets of labels that are given."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.service = FeatureService("served", [self.view])
        for number in range(8):
            self.sell(number, f"{number} ada {number + 1}", f"{number + 10} bob 5")
        self.make_range()

    def data(self, labels: GivenLabels, **options: Any) -> TrainingSet:
        return TrainingSet("given", features=options.pop("features", self.service), labels=labels, **options)

    def made(self, data: TrainingSet, *keys: str) -> pl.DataFrame:
        """The training set after these partitions were made."""
        for key in keys:
            make_training(data, number := data.partitions.index_of(key), number, self.run()).check()
        return self.lake.scan((data.name, "training")).sort("label_time", "user").collect()


def table(*rows: tuple[Any, ...], value: Any = pl.Float64) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"user": pl.String, "label_time": pl.Datetime("us", "UTC"), "value": value}, orient="row")


def test_labels_of_a_source_are_joined_as_of_their_event_times(tmp_path: Path) -> None:
    business = Given(tmp_path)
    data = business.data(labels_from(business.source, value="amount", horizon="1d", where="user = 'ada'"))
    rows = business.made(data, FEBRUARY, MARCH)
    assert rows.select("user", "label_time", "label").rows()[:2] == [
        ("ada", at("2024-02-25 10:00"), 1.0),
        ("ada", at("2024-02-26 10:00"), 2.0),
    ]
    assert [key.isoformat() for key in rows["partition"].to_list()] == [FEBRUARY] * 4 + [MARCH] * 4, "that of 29 February ends in March"
    joined = historical_features(business.service, rows.select("user", "label_time"), lake=business.lake).frame
    assert joined.equals(rows.select(joined.columns)), "the same features as for whoever asks at these times"
    assert not stale_training(data, *data_range(data), business.run())


def data_range(data: TrainingSet) -> tuple[int, int]:
    return data.partitions.index_of(FEBRUARY), data.partitions.index_of(MARCH)


def test_a_label_that_came_late_makes_the_partition_of_its_arrival_stale_and_is_counted_there(tmp_path: Path) -> None:
    business = Given(tmp_path)
    data = business.data(labels_from(business.source, value="amount", horizon="1d"))
    before = business.made(data, FEBRUARY, MARCH)
    business.sell(6, "6 ada 7", "16 bob 5", "77 eve 9 -5")  # on 2 March, of 26 February
    business.make_stale()
    assert list(stale_training(data, *data_range(data), business.run())) == [data.partitions.index_of(MARCH)]
    assert business.made(data, MARCH).equals(before)
    details = business.entries("given/training")[MARCH].details
    assert details["reasons"] == {"it came after the end of its partition": 1}
    assert details["examples"]["it came after the end of its partition"]["user"] == "eve"


def test_a_table_of_labels_is_read_anew_each_time(tmp_path: Path) -> None:
    business, then = Given(tmp_path), at("2024-02-27 06:30")
    rows = [("ada", then, 1.0), ("bob", then, None), ("zoe", at("2024-03-02"), 2.0)]

    def mine() -> pl.DataFrame:
        return table(*rows)

    data = business.data(labels_from(mine, value="value", type=float, horizon="0d"))
    found = business.made(data, FEBRUARY, MARCH)
    assert found.select("user", "label").rows() == [("ada", 1.0), ("zoe", 2.0)]
    assert found.filter(pl.col("user") == "zoe").select(business.service.features.keys()).row(0)[0] == 0, (
        "whom nobody knows has empty values"
    )
    assert business.entries("given/training")[FEBRUARY].details["reasons"] == {"value is missing": 1}
    rows[1] = ("bob", then, 7.0)
    assert business.made(data, FEBRUARY).height == 3


@pytest.mark.parametrize("file", ["labels.parquet", "labels.csv", "labels"])
def test_labels_come_from_files_with_the_keys_under_another_name(tmp_path: Path, file: str) -> None:
    business = Given(tmp_path)
    mine = table(("ada", at("2024-02-27"), 3), value=pl.Int64).rename({"user": "who"})
    path = tmp_path / file
    if file.endswith("csv"):
        mine.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%z")
    elif file.endswith("parquet"):
        mine.write_parquet(path)
    else:
        mine.write_delta(str(path))
    data = business.data(labels_from(path, value="value", type=int, horizon="0d", keys={"user": "who"}))
    assert business.made(data, FEBRUARY).select("user", "label").rows() == [("ada", 3)]


def test_labels_bring_what_on_demand_features_read_of_a_request(tmp_path: Path) -> None:
    business = Given(tmp_path)
    served = FeatureService("asked", [business.view], on_demand=[on_demand("doubled", "basket * 2.0", request={"basket": float})])

    def mine() -> pl.DataFrame:
        return table(("ada", at("2024-02-27"), 3.0)).with_columns(basket=pl.lit(4.0))

    data = business.data(labels_from(mine, value="value", type=float, horizon="0d"), features=served)
    assert business.made(data, FEBRUARY).select("basket", "doubled", "label").rows() == [(4.0, 8.0, 3.0)]


def broken() -> pl.DataFrame:
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (broken, "training set 'given': the labels of broken cannot be read: OSError: the disk is gone"),
        (
            lambda: pl.scan_csv("/nowhere/labels.csv"),
            "training set 'given': the labels of <lambda> cannot be read: FileNotFoundError: ",
        ),
        (lambda: [1], "training set 'given': the labels of <lambda>: a list is not a table."),
        (lambda: table().drop("value"), "training set 'given': the labels of <lambda> have no column 'value'."),
        (
            lambda: table(("ada", at("2024-02-27"), "3"), value=pl.String),
            "training set 'given': the labels of <lambda>' 'value' is String, but must be Float64. Convert it: pl.col('value').cast(",
        ),
        (
            lambda: table(("ada", at("2024-02-27"), 1.0)).with_columns(pl.col("label_time").dt.replace_time_zone(None)),
            "training set 'given': the labels of <lambda>' 'label_time' is Datetime(time_unit='us', time_zone=None), but must be Datetime",
        ),
    ],
)
def test_a_table_that_has_no_labels_is_an_error_that_says_how_to_mend_it(tmp_path: Path, read: Any, says: str) -> None:
    business = Business(tmp_path)
    data = TrainingSet(
        "given", features=FeatureService("served", [business.view]), labels=labels_from(read, value="value", type=float, horizon="0d")
    )
    with pytest.raises(ComputeError) as error:
        make_training(data, *data_range(data), business.run())
    assert str(error.value).startswith(says)


def test_a_training_set_by_weeks_that_was_by_months_is_as_one_that_never_was(tmp_path: Path) -> None:
    """The keys do not correspond, and another label's type makes it a table beside the old one: the months are not waited for."""
    business = Given(tmp_path / "a")
    spine = every("1d", active="2d")
    by_month = TrainingSet("mine", features=business.service, labels=no_event(business.source, within="1d", spine=spine))
    spent = outcome(business.source, sum("amount", default=0.0).within("1d"), spine=spine)
    by_week = TrainingSet("mine", features=business.service, labels=spent, period="week")
    weeks = ["2024-02-19", "2024-02-26"]
    business.made(by_month, FEBRUARY, MARCH)
    changed = business.made(by_week, *weeks)
    other = Given(tmp_path / "b")
    assert changed.equals(other.made(by_week, *weeks).select(changed.columns))
    entries = business.entries("mine/training")
    assert {key: entry.status for key, entry in entries.items()} == {
        **dict.fromkeys(weeks, "ok"),
        **dict.fromkeys((FEBRUARY, MARCH), "blocked"),
    }
    assert Lake(business.lake.root).version(("mine", "training")) is not None
