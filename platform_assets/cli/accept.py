"""Accepting a blocked partition, or taking that back, and making its silver."""

import getpass
import warnings

import dagster as dg

from platform_assets.cli.declared import declared, definitions_of, platform_of
from platform_assets.cli.running import materialize
from platform_assets.cli.surroundings import use_dagster_home
from platform_assets.declare.source import Source
from platform_assets.settings import load_settings
from platform_assets.steps.accept import accept, take_back
from platform_assets.steps.run import name_of
from platform_assets.steps.silver import quarantine_table, silver_table


def accept_partition(name: str, partition: str, module: str, *, by: str | None, why: str, undo: bool = False) -> str:
    """Records the decision, makes silver through Dagster, so that whatever waits hears of it, and says what became of the rows.

    undo: whether the decision is that an earlier one was wrong.
    """
    warnings.filterwarnings("ignore", module="dagster")
    source, definitions = declared(module, Source, "source", name), definitions_of(module)
    platform, index = platform_of(definitions), source.partitions.index_of(partition)
    decide = take_back if undo else accept
    decide(source, index, platform.run("accept"), by=by or getpass.getuser(), why=why)
    use_dagster_home(load_settings(), module)
    tables = (silver_table(source), quarantine_table(source))
    with dg.DagsterInstance.get() as instance:
        materialize(definitions, tables, source.partitions, index, index, instance)
    entry = platform.run("accept").ledger.entries(name_of(tables[0]))[partition]
    children = definitions.resolve_asset_graph().get(dg.AssetKey(list(tables[0]))).child_keys
    readers = ", ".join(sorted(key.to_user_string() for key in children))
    if undo:
        waiting = "its row waits" if entry.details["quarantined"] == 1 else f"its {entry.details['quarantined']:,} rows wait"
        return (
            f"{name_of(tables[0])} {partition}: blocked again, {waiting} in quarantine. What was made of it is blocked when it is made "
            f"the next time: {readers}."
        )
    accepted = "1 row accepted as it is" if entry.rows == 1 else f"{entry.rows:,} rows accepted as they are"
    return (
        f"{name_of(tables[0])} {partition}: {accepted}; {entry.details['quarantined']:,} stay in quarantine. "
        f"What waited for it can be made now: {readers}."
    )
