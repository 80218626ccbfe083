"""What Delta keeps exactly is converted, what it would change is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from platform_assets.errors import LakeError
from platform_assets_tests.stores.tables import TABLE, lake_in, replace, rows, span

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def written(folder: Path, values: pl.Series) -> tuple[Any, pl.DataType]:
    lake = lake_in(folder)
    replace(lake, rows([1], y=values), span(1))
    read = lake.scan(TABLE).collect()["y"]
    return read[0], read.dtype


@pytest.mark.parametrize(
    ("values", "value", "dtype"),
    [
        (pl.Series([255], dtype=pl.UInt8), 255, pl.Int16()),
        (pl.Series([2**16 - 1], dtype=pl.UInt16), 2**16 - 1, pl.Int32()),
        (pl.Series([2**32 - 1], dtype=pl.UInt32), 2**32 - 1, pl.Int64()),
        (pl.Series([2**63 - 1], dtype=pl.UInt64), 2**63 - 1, pl.Int64()),
        (pl.Series(["a"], dtype=pl.Categorical), "a", pl.String()),
        (pl.Series(["a"], dtype=pl.Enum(["a", "b"])), "a", pl.String()),
        (pl.Series([NOON]).dt.cast_time_unit("ns"), NOON, pl.Datetime("us", "UTC")),
        (pl.Series([NOON]).dt.cast_time_unit("ms"), NOON, pl.Datetime("us", "UTC")),
        (pl.Series([NOON.astimezone(ZoneInfo("Asia/Tokyo"))]), NOON, pl.Datetime("us", "UTC")),
        (pl.Series([[1, None]], dtype=pl.List(pl.UInt32)), pl.Series([1, None], dtype=pl.Int64), pl.List(pl.Int64())),
        (pl.Series([{"a": 200}], dtype=pl.Struct({"a": pl.UInt8})), {"a": 200}, pl.Struct({"a": pl.Int16()})),
    ],
    ids=["u8", "u16", "u32", "u64", "categorical", "enum", "ns", "ms", "Tokyo", "list", "struct"],
)
def test_a_type_that_delta_has_not_becomes_one_that_holds_every_value(
    tmp_path: Path, values: pl.Series, value: object, dtype: pl.DataType
) -> None:
    found, type_found = written(tmp_path, values)
    assert type_found == dtype
    assert found.to_list() == value.to_list() if isinstance(value, pl.Series) else found == value


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (pl.Series([datetime(2024, 1, 1)]), "a time without a time zone is ambiguous"),
        (pl.Series([[datetime(2024, 1, 1)]]), "a time without a time zone is ambiguous"),
        (pl.Series([None]), "a column of only nulls has no type"),
        (pl.Series([timedelta(1)]), "Delta has no Duration"),
        (pl.Series([NOON.time()]), "Delta has no Time"),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), "does not fit"),
        (pl.Series([1], dtype=pl.Int64).cast(pl.Datetime("ns", "UTC")), "finer than a microsecond"),
    ],
    ids=["naive", "naive in a list", "null", "duration", "time", "u64 beyond", "a nanosecond"],
)
def test_what_delta_would_change_is_refused(tmp_path: Path, values: pl.Series, says: str) -> None:
    with pytest.raises(LakeError, match=f"orders/silver: .*{says}"):
        written(tmp_path, values)


def test_nothing_but_nulls_fits_a_column_that_is_there(tmp_path: Path) -> None:
    lake = lake_in(tmp_path)
    replace(lake, rows([1], y=["a"]), span(1))
    replace(lake, rows([2], y=[None]), span(2))
    assert lake.scan(TABLE).sort("partition").collect()["y"].to_list() == ["a", None]
