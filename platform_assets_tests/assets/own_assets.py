"""Assets that people write themselves, for tests of their tables, and a run of them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from platform_assets import LakeIOManager
from platform_assets.stores.delta import Lake

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-09")
HOURS = dg.HourlyPartitionsDefinition("2024-01-01-00:00", end_date="2024-01-03-00:00")
REGIONS = dg.StaticPartitionsDefinition(["eu", "us", "it's"])
BOTH = dg.MultiPartitionsDefinition({"day": DAYS, "region": REGIONS})
RANGE = dg.BackfillPolicy.single_run()


def run(lake: Lake, assets: Sequence[Any], *keys: str, **more: Any) -> dg.ExecuteInProcessResult:
    """A run of these assets: without a key, of one partition, or of all from the first to the last."""
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]} if len(keys) > 1 else {}
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            assets,
            resources={"io_manager": LakeIOManager(lake_root=lake.root)},
            partition_key=keys[0] if len(keys) == 1 else None,
            tags=tags,
            instance=instance,
            **more,
        )


def days(context: dg.AssetExecutionContext) -> list[date]:
    return [date.fromisoformat(key) for key in context.partition_keys]


def sales(column: str = "partition", **frames: Any) -> Any:
    """An asset by day: as many rows as the day of the month."""

    @dg.asset(partitions_def=DAYS, backfill_policy=RANGE, metadata={"partition_column": column})
    def sales(context: dg.AssetExecutionContext) -> pl.DataFrame:
        """Sales."""
        return pl.DataFrame({column: [day for day in days(context) for _ in range(day.day)]}).with_columns(x=pl.lit(1.5), **frames)

    return sales


def returning(frame: Any, name: str, **more: Any) -> Any:
    """An asset without partitions that returns this."""

    @dg.asset(name=name, **more)
    def made() -> Any:
        return frame

    return made


def heights(lake: Lake, *table: str, by: str = "partition") -> dict[Any, int]:
    return dict(lake.scan((table[0], table[1])).group_by(by).len().sort(by).collect().iter_rows())


def day(number: int) -> date:
    return date(2024, 1, number)


def reader(wanted: Any, start: int, **metadata: Any) -> tuple[Any, list[Any]]:
    """An asset that reads this and so many days before, and what it was given."""
    given: list[Any] = []
    mapping = dg.TimeWindowPartitionMapping(start_offset=start, allow_nonexistent_upstream_partitions=True)

    @dg.asset(partitions_def=DAYS, ins={"sales": dg.AssetIn(partition_mapping=mapping, metadata=metadata or None)})
    def weekly(context: dg.AssetExecutionContext, sales: wanted) -> pl.DataFrame:
        given.append(sales)
        return pl.DataFrame({"n": [1]})

    return weekly, given
