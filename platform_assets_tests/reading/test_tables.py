"""Labels, rows and events as people have them: pandas, PyArrow, an Arrow stream, lazy frames; the same values, or a clear error."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from platform_assets import Entity, FeatureView, compute_features, count, daily, historical_features, source
from platform_assets import sum as sum_
from platform_assets.errors import ComputeError
from platform_assets.frames.tables import table_of, with_types
from platform_assets_tests.reading.shop import Shop, frame, label
from platform_assets_tests.steps.business import START

NOON = START + timedelta(days=4, hours=12)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


class Stream:
    """Nothing but an Arrow stream, as a DuckDB relation has."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def as_pandas_of_nanoseconds(labels: pl.DataFrame) -> pd.DataFrame:
    found = labels.to_pandas()
    return found.assign(label_time=found["label_time"].astype("datetime64[ns, Europe/Paris]"), user=found["user"].astype("category"))


KINDS: dict[str, Any] = {
    "lazy": pl.DataFrame.lazy,
    "pandas": pl.DataFrame.to_pandas,
    "pandas with other types": as_pandas_of_nanoseconds,
    "pandas on Arrow": lambda f: f.to_pandas(use_pyarrow_extension_array=True),
    "pandas with rows left out": lambda f: pd.concat([f.to_pandas().head(0), f.to_pandas()])[lambda d: d.index >= 0],
    "PyArrow": pl.DataFrame.to_arrow,
    "PyArrow with a dictionary": lambda f: f.with_columns(pl.col("user").cast(pl.Categorical)).to_arrow(),
    "an Arrow stream": Stream,
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind_get_the_same_features(shop: Shop, kind: str) -> None:
    labels = frame(shop.service, [label(user, NOON, basket=2.5, items=3) for user in ("ada", "bob", None, "cy")])
    wanted = historical_features(shop.service, labels, lake=shop.lake)
    found = historical_features(shop.service, KINDS[kind](labels), lake=shop.lake)
    assert isinstance(found.frame, pl.DataFrame)
    assert found.frame.select(*shop.service.features).equals(wanted.frame.select(*shop.service.features))
    assert found.null_keys == wanted.null_keys


def refused(given: Any) -> str:
    with pytest.raises(ComputeError) as error:
        table_of(given, "labels", ComputeError)
    return str(error.value)


def test_what_a_table_would_lose_is_an_error() -> None:
    indexed = pd.DataFrame({"user": ["ada"], "n": [1]}).set_index("user")
    assert refused(indexed) == "labels: 'user' is the index of the pandas DataFrame, not a column. Make it one: .reset_index()."
    twice = pd.DataFrame([[1, 2]], columns=["n", "n"])
    assert refused(twice) == "labels: two columns of the pandas DataFrame are named 'n'. Rename one of them."
    assert refused(pd.DataFrame([[1]])) == "labels: a column of the pandas DataFrame is named 0, which is not text. Rename it."
    mixed = pd.DataFrame({"key": ["a", 1]})
    assert (
        refused(mixed) == "labels: the column 'key' of the pandas DataFrame cannot be read: it holds int and str. Give all its values "
        "one type."
    )
    assert "two columns of the Table have the same name" in refused(pa.table([[1], [2]], names=["n", "n"]))
    for given in (None, 1, "ada", pl.Series([1]), pd.Series([1]), pa.chunked_array([[1]]), object()):
        assert refused(given).startswith(f"labels: a {type(given).__name__} is not a table. Give a Polars frame, a pandas DataFrame")


def test_missing_keys_of_pandas_are_missing_and_whole_floats_are_integers() -> None:
    given = pd.DataFrame(
        {"id": [1.0, float("nan")], "code": ["a", float("nan")], "width": pd.array([1, None], dtype="Int32"), "x": [1.5, 2]}
    )
    found = with_types(table_of(given, "labels", ComputeError), {"id": "int", "code": "str", "width": "int", "x": "int"})
    assert found.rows() == [(1, "a", 1, 1.5), (None, None, None, 2.0)]
    assert found.schema["x"] == pl.Float64, "a fraction is never cut off"
    assert with_types(pl.DataFrame({"id": [2**64 - 1]}, schema={"id": pl.UInt64}), {"id": "int"}).schema["id"] == pl.UInt64


def test_naive_times_of_pandas_are_refused_with_what_to_do(shop: Shop) -> None:
    labels = frame(shop.service, [label("ada", NOON)]).to_pandas()
    labels["label_time"] = labels["label_time"].dt.tz_localize(None)
    with pytest.raises(ComputeError, match=r"replace_time_zone\('UTC'\).*\(if its times are in UTC\)"):
        historical_features(shop.service, labels, lake=shop.lake)


@pytest.mark.parametrize("end", [2**63 - 1, -(2**63) + 1])
def test_times_at_the_ends_of_milliseconds_are_refused_without_a_panic(shop: Shop, end: int) -> None:
    labels = frame(shop.service, [label("ada", NOON)]).with_columns(
        label_time=pl.Series([end]).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    )
    with pytest.raises(ComputeError, match="label_time"):
        historical_features(shop.service, labels.to_arrow(), lake=shop.lake)


def test_events_of_any_kind_have_the_same_features(tmp_path: Path) -> None:
    class Sale:
        user: str
        at: datetime
        amount: float | None

    @source(schema=Sale, event_time="at", partitions=daily("2024-03-01"))
    def sales(arrival: object) -> None: ...

    view = FeatureView(
        "spend", entity=Entity("user", keys=["user"]), source=sales, features=[count().over("1d"), sum_("amount").over("1d")]
    )
    at = datetime(2024, 3, 1, 10, tzinfo=UTC)
    events = pl.DataFrame({"user": ["ada", "ada", "bob"], "at": [at] * 3, "amount": [1.5, None, 2.0]})
    wanted = compute_features(view, events, at="2024-03-02")
    for kind in (pl.DataFrame.lazy, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow, Stream):
        assert compute_features(view, kind(events), at="2024-03-02").equals(wanted)
