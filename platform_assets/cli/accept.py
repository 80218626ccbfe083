"""Accepts a blocked partition, or revokes that, and rematerializes its silver."""

import getpass
import warnings
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from platform_assets.assets.resource import PlatformResource
from platform_assets.cli.environment import use_dagster_home
from platform_assets.cli.lookup import declared, definitions_of, graph_of, platform_of
from platform_assets.cli.materialize import materialize
from platform_assets.declare.attributes import AttributeView
from platform_assets.declare.source import Source
from platform_assets.settings import load_settings
from platform_assets.steps.accept import accept, take_back
from platform_assets.steps.invalidation import withdraw_readers
from platform_assets.steps.run import name_of
from platform_assets.steps.silver import quarantine_table, silver_table
from platform_assets.stores.tables import Table


def accept_partition(name: str, partition: str, module: str, *, by: str | None, why: str, undo: bool = False) -> str:
    """Records the decision, materializes silver through Dagster, so that its readers are triggered, and describes the result.

    undo: revokes an earlier acceptance: everything computed from the partition is then blocked at once.
    """
    warnings.filterwarnings("ignore", module="dagster")
    source, definitions = declared(module, Source, "source", name), definitions_of(module)
    platform, index = platform_of(definitions), source.partitions.index_of(partition)
    decide = take_back if undo else accept
    decide(source, index, platform.run("accept"), by=by or getpass.getuser(), why=why)
    use_dagster_home(load_settings(), module)
    tables = (silver_table(source), quarantine_table(source))
    with dg.DagsterInstance.get() as instance:
        materialize(definitions, tables, source.partitions, index, _last_that_follows(source, index, platform), instance)
    entry = platform.run("accept").ledger.entries(name_of(tables[0]))[partition]
    children = definitions.resolve_asset_graph().get(dg.AssetKey(list(tables[0]))).child_keys
    said = f"{name_of(tables[0])} {partition}:"
    if undo:
        waiting = "its row is" if entry.details["quarantined"] == 1 else f"its {entry.details['quarantined']:,} rows are"
        declarations = graph_of(definitions).declarations
        withdrawn = withdraw_readers(source, declarations, platform.run("accept --undo"))
        return f"{said} blocked again, {waiting} in quarantine. {_told(withdrawn)}{_left(declarations, children)}"
    readers = ", ".join(sorted(key.to_user_string() for key in children))
    accepted = "1 row accepted as it is" if entry.rows == 1 else f"{entry.rows:,} rows accepted as they are"
    left = f"{entry.details['quarantined']:,} stay in quarantine"
    return f"{said} {accepted}; {left}. Tables that waited for it can now be materialized: {readers}."


def _last_that_follows(source: Source, partition: int, platform: PlatformResource) -> int:
    """The last partition of silver whose rows depend on whether this one is blocked: pictures are compared with the last that counts."""
    if source.kind != "snapshot":
        return partition
    made = {source.partitions.number(key) for key in platform.run("accept").ledger.entries(name_of(silver_table(source)))}
    return max((p for p in range(partition, partition + source.duplicates_within + 1) if p in made), default=partition)


def _told(withdrawn: Mapping[Table, Sequence[str]]) -> str:
    """
    >>> _told({("spend", "gold"): ["2024-03-01", "2024-03-02"], ("churn", "training"): ["2024-03-01"]})
    'Also blocked until it is fixed and they are rematerialized: spend/gold 2024-03-01 to 2024-03-02, churn/training 2024-03-01.'
    """
    if not withdrawn:
        return "No other partition that can be blocked was computed from it."
    keys = {name_of(table): keys for table, keys in withdrawn.items()}
    shown = [f"{name} {found[0]}" if len(found) == 1 else f"{name} {found[0]} to {found[-1]}" for name, found in keys.items()]
    return f"Also blocked until it is fixed and they are rematerialized: {', '.join(shown)}."


def _left(declarations: Sequence[object], children: Iterable[dg.AssetKey]) -> str:
    """Readers that were not blocked: attribute views, and users' own assets."""
    attributes = {one.name for one in declarations if isinstance(one, AttributeView)}
    names = {getattr(one, "name", "") for one in declarations}
    stale = sorted(key.to_user_string() for key in children if key.path[0] in attributes)
    others = sorted(key.to_user_string() for key in children if key.path[0] not in names)
    said = f" Rematerialize {', '.join(stale)}: without its rows, readers get the last good values." if stale else ""
    return said + (f" Not blocked, because they do not come from build_definitions: {', '.join(others)}." if others else "")
