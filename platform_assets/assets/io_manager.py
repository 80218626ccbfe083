"""An I/O manager for users' own assets: their tables are in the platform's lake, with its safe writes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import dagster as dg
import polars as pl
from dagster import MultiPartitionKey, MultiPartitionsDefinition, TimeWindowPartitionsDefinition
from dagster._core.definitions.partitions.schedule_type import ScheduleType

from platform_assets.assets.lake_resource import LakeResource
from platform_assets.errors import LakeError, NotReadyError
from platform_assets.frames.tables import is_table, table_of
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.own_tables import Keys, Slice, Spans, is_own, partition_columns, read_table, without_files, write_table
from platform_assets.stores.tables import Span, Table, name_of

PARTITION = "partition"
"""The default partition column."""


class LakeIOManager(LakeResource, dg.ConfigurableIOManager):
    """Stores an asset's result as a Delta table in the platform's lake, and loads it, or a table of the platform, for downstream assets.

    An asset returns a Polars frame (lazy ones are computed batch by batch), a PyArrow table, a pandas frame, or anything with an Arrow
    stream. It receives a `pl.DataFrame`, `pl.LazyFrame`, `pyarrow.Table`, or a pandas `DataFrame`, according to its parameter's annotation.

    For a partitioned asset only the partitions of the run are replaced, in one commit; rows outside them are refused. The
    partition of a row is in a column: `metadata={"partition_column": "day"}`, by default `partition`; with two dimensions
    `{"partition_column": {"date": "day", "region": "region"}}`, by default their names. Days, weeks and months are dates, hours are times
    in UTC, names are strings. A run of one partition adds the column if a frame does not have it.

    `AssetIn(metadata={"columns": ["a", "b"]})` reads only these columns, `{"allow_missing_partitions": True}` treats partitions that were
    never materialized as empty.

    `storage=S3Config(...)` and `client=ClientConfig(timeout="30s")` of dagster-deltalake configure the access to the lake.

    Raises:
        LakeError: a row belongs to a partition that was not requested, or a column's type differs from the table's.
        NotReadyError: an input partition of the platform is missing or blocked.
    """

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        where = f"the asset {context.asset_key.to_user_string()}"
        if not is_table(obj):
            raise LakeError(
                f"{where} returned {_shown(obj)}, which is not a table. Return a Polars frame, a PyArrow table, or another object with an "
                "Arrow stream; an asset that stores its own data returns dg.MaterializeResult."
            )
        frame = obj if isinstance(obj, pl.LazyFrame) else table_of(obj, where, LakeError).lazy()
        part = None
        if context.has_asset_partitions:
            columns = _columns(context.definition_metadata, context.asset_partitions_def, where)
            part = slice_of(context.asset_partitions_def, context.asset_partition_keys, columns, where)
            frame = _with_partition(frame, part, context.asset_partition_keys, where)
        key = context.asset_key
        written = write_table(self.lake(), table_at(key), frame, part, context.run_id or "", key.to_user_string())
        context.add_output_metadata({"dagster/row_count": written.rows, "delta_version": written.version, "dagster/uri": written.uri})

    def load_input(self, context: dg.InputContext) -> Any:
        table, lake = table_at(context.asset_key), self.lake()
        part = None
        if context.has_asset_partitions:
            definition = context.asset_partitions_def
            keys = list(context.asset_partition_keys)
            if not is_own(lake, table):
                _check_ready(context, lake, table, keys)
            by = _columns(context.upstream_output.definition_metadata if context.upstream_output else {}, definition, name_of(table))
            if len(by) == 1 and len(there := partition_columns(lake, table)) == 1:
                by = dict.fromkeys(by, there[0])  # the platform's silver is partitioned by arrival
            part = slice_of(definition, keys, by, name_of(table))
            is_checked = _has_partitions(context) and not context.definition_metadata.get("allow_missing_partitions")
            if is_checked and is_own(lake, table):
                each = {key: slice_of(definition, [key], by, name_of(table)) for key in keys}
                _check_made(context, name_of(table), without_files(lake, table, each))
        rows = read_table(lake, table, part, context.definition_metadata.get("columns"))
        return _as(rows, context.dagster_type.typing_type, name_of(table))


def table_at(key: dg.AssetKey) -> Table:
    """The location of an asset's table in the lake: <lake>/a/b for the key [a, b], <lake>/a/table for [a], <lake>/a__b/c for [a, b, c]."""
    *before, last = key.path
    return ("__".join(before), last) if before else (last, "table")


def slice_of(definition: Any, keys: Sequence[str], columns: Mapping[str, str], where: str) -> Slice:
    """The partitions with these keys. columns: the column that holds each dimension.

    Raises:
        LakeError: the keys of two dimensions are not a full combination of values of each.
    """
    if not isinstance(definition, MultiPartitionsDefinition):
        [column] = columns.values()
        return Slice({column: _values(definition, keys)})
    by_dimension = {one.name: one.partitions_def for one in definition.partitions_defs}
    multi = [key if isinstance(key, MultiPartitionKey) else definition.get_partition_key_from_str(key) for key in keys]
    found = {name: list(dict.fromkeys(key.keys_by_dimension[name] for key in multi)) for name in by_dimension}
    every = set(product(*(found[name] for name in by_dimension)))
    if every != {tuple(key.keys_by_dimension[name] for name in by_dimension) for key in multi}:
        raise LakeError(
            f"{where}: {len(multi)} partitions of {' and '.join(by_dimension)} that are not a full combination of values of each. Request "
            "them in several runs, such as one per value of the second."
        )
    return Slice({columns[name]: _values(definition, found[name]) for name, definition in by_dimension.items()})


def _columns(metadata: Mapping[str, Any] | None, definition: Any, where: str) -> dict[str, str]:
    """{dimension: the column that holds it}; a single dimension is named ''."""
    given = (metadata or {}).get("partition_column")
    given = getattr(given, "value", given)
    if not isinstance(definition, MultiPartitionsDefinition):
        if given is not None and not isinstance(given, str):
            raise LakeError(f"{where}: partition_column is {given!r}: write the name of one column, such as 'day'.")
        return {"": given or PARTITION}
    names = [one.name for one in definition.partitions_defs]
    if given is None:
        return {name: name for name in names}
    if not isinstance(given, Mapping) or set(given) != set(names):
        example = {name: name for name in names}
        raise LakeError(f"{where}: partition_column is {given!r}: give the column of each dimension, such as {example}.")
    return {name: str(given[name]) for name in names}


def _values(definition: Any, keys: Iterable[str]) -> Keys | Spans:
    if not isinstance(definition, TimeWindowPartitionsDefinition):
        return Keys(tuple(keys))
    windows = sorted({definition.time_window_for_partition_key(key) for key in keys}, key=lambda window: window.start)
    bounds = [(_value(definition, window.start), _value(definition, window.end)) for window in windows]
    merged: list[tuple[date, date]] = []
    for start, end in bounds:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return Spans(tuple(Span(start, end) for start, end in merged))


def _value(definition: TimeWindowPartitionsDefinition, at: datetime) -> date:
    """The stored value of the partition that starts then: the local date of a day, week or month; for shorter ones the time in UTC."""
    is_of_days = definition.schedule_type in (ScheduleType.DAILY, ScheduleType.WEEKLY, ScheduleType.MONTHLY)
    return at.date() if is_of_days and at.time() == datetime.min.time() else at.astimezone(UTC)


def _with_partition(frame: pl.LazyFrame, part: Slice, keys: Sequence[str], where: str) -> pl.LazyFrame:
    """The frame with missing partition columns added, if it can only belong to one partition."""
    missing = [column for column in part.columns if column not in frame.collect_schema()]
    if not missing:
        return frame
    if len(keys) > 1:
        raise LakeError(
            f"{where}: a run of {len(keys)} partitions needs a column with the partition of each row: there is no {missing[0]!r}."
            " Add it, or name another one with metadata={'partition_column': ...}."
        )
    of_one = {column: values.keys[0] if isinstance(values, Keys) else values.spans[0].start for column, values in part.columns.items()}
    return frame.with_columns(pl.lit(of_one[column], part.columns[column].type).alias(column) for column in missing)


def _check_made(context: dg.InputContext, where: str, without_files: Sequence[str]) -> None:
    """For users' own assets: checks that partitions without files were materialized, without rows."""
    if without_files:
        made = context.step_context.instance.get_materialized_partitions(context.asset_key)
        if missing := [key for key in without_files if key not in made]:
            raise NotReadyError(
                f"{where}: {_some(missing)} {'was' if len(missing) == 1 else 'were'} never materialized. Materialize {_it(missing)} "
                f"first, or treat "
                "them as empty: AssetIn(metadata={'allow_missing_partitions': True})."
            )


def _has_partitions(context: dg.InputContext) -> bool:
    """Whether the reading asset has partitions. If not, it reads all existing ones, and missing ones are not an error."""
    step = context.step_context
    return any(step.has_asset_partitions_for_output(output.name) for output in step.step.step_outputs)


def _check_ready(context: dg.InputContext, lake: Lake, table: Table, keys: Sequence[str]) -> None:
    """For a table of the platform: checks in the ledger that these partitions exist and may be read."""
    entries = Ledger(lake).entries(name_of(table))
    missing = [key for key in keys if key not in entries]
    blocked = [key for key in keys if key in entries and entries[key].status == "blocked"]
    if not _has_partitions(context):
        if blocked:
            context.log.warning(f"{name_of(table)}: {_some(blocked)} {_are(blocked)} blocked, and not read.")
        return
    if missing:
        raise NotReadyError(f"{name_of(table)}: {_some(missing)} {_are(missing)} missing. Materialize {_it(missing)} first.")
    if blocked:
        raise NotReadyError(
            f"{name_of(table)}: {_some(blocked)} {_are(blocked)} blocked, because too few rows were good. See "
            f"`platform-assets quarantine {table[0]} {blocked[0]}`; `platform-assets accept` accepts it as it is."
        )


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _are(keys: Sequence[str]) -> str:
    return "is" if len(keys) == 1 else "are"


def _it(keys: Sequence[str]) -> str:
    return "it" if len(keys) == 1 else "them"


def _as(rows: pl.LazyFrame, wanted: Any, where: str) -> Any:
    if wanted is pl.LazyFrame:
        return rows
    frame = rows.collect()
    if wanted in (pl.DataFrame, Any, None):
        return frame
    name = f"{getattr(wanted, '__module__', '')}.{getattr(wanted, '__qualname__', wanted)}"
    if name.startswith("pyarrow") and name.endswith(".Table"):
        return frame.to_arrow()
    if name.startswith("pandas") and name.endswith(".DataFrame"):
        return frame.to_pandas()
    raise LakeError(
        f"{where} cannot be read as {name}. Annotate the parameter as pl.DataFrame, pl.LazyFrame, pyarrow.Table or pandas.DataFrame."
    )


def _shown(given: Any) -> str:
    return "nothing" if given is None else f"a {type(given).__name__}"
