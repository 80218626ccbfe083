"""Replaying rows of quarantine through Dagster, and making silver of the partition that received them."""

import getpass
import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from platform_assets.assets.replays import JOB, OP, function_of
from platform_assets.cli.environment import use_dagster_home
from platform_assets.cli.lookup import declared, definitions_of, platform_of
from platform_assets.cli.materialize import materialize
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, PlatformError
from platform_assets.settings import load_settings
from platform_assets.sources.receive import raw_table
from platform_assets.sources.replays import replayed
from platform_assets.steps.replay import Chosen, Outcome, Repair, chosen_of, export, repair_of, replay
from platform_assets.steps.run import Run, counted, name_of
from platform_assets.steps.silver import quarantine_table, silver_table
from platform_assets.steps.stale_tables import stale_silver


def replay_rows(
    name: str,
    partition: str | None,
    module: str,
    *,
    first: str,
    last: str,
    reasons: tuple[str, ...],
    where: str,
    values: tuple[str, ...],
    function: str,
    file: str,
    export_to: str,
    again: bool,
    by: str | None,
    why: str,
    dry_run: bool,
) -> str:
    """What was done, or with dry_run or export_to what would be, in words."""
    warnings.filterwarnings("ignore", module="dagster")
    source, definitions = declared(module, Source, "source", name), definitions_of(module)
    if partition and (first or last):
        raise DeclarationError("a PARTITION is named, and --from or --to: name the one or the others")
    first, last = partition or first, partition or last
    run = platform_of(definitions).run("replay")
    chosen = chosen_of(source, first, last, reasons, where, again)
    if export_to:
        return _exported(export(source, chosen, run, export_to), export_to, name)
    if not why:
        raise DeclarationError("say why the rows may be used: --why '...'. It is kept with the replay.")
    by = by or getpass.getuser()
    repair = repair_of(source, values, function_of(module, function), file)
    expected = replay(source, chosen, repair, run, by=by, why=why, dry_run=True)
    if dry_run:
        return _said(expected, "would be received", source)
    use_dagster_home(load_settings(), module)
    with dg.DagsterInstance.get() as instance:
        if expected.rows:
            asked = {"source": name, "why": why, "by": by, "first": first, "last": last, "reasons": list(reasons), "where": where}
            repairs = {"values": list(values), "function": function, "file": file, "again": again}
            _run_job(definitions, {**asked, **repairs}, instance)
        for partition_number in _to_judge(source, chosen, repair, expected, run):
            tables = silver_table(source), quarantine_table(source)
            materialize(definitions, tables, source.partitions, partition_number, partition_number, instance)
    return _said(expected, "received", source) + _became(source, expected, platform_of(definitions).run("replay"))


def _run_job(definitions: dg.Definitions, config: Mapping[str, Any], instance: dg.DagsterInstance) -> None:
    quiet = {"console": {"config": {"log_level": "CRITICAL"}}}
    given = {"ops": {OP: {"config": dict(config)}}, "loggers": quiet}
    result = definitions.resolve_job_def(JOB).execute_in_process(run_config=given, instance=instance, raise_on_error=False)
    if not result.success:
        errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
        causes = [str((error.cause or error).message) for error in errors if error]
        raise PlatformError(f"the replay failed: {causes[0] if causes else 'see the run in the UI'}")


def _to_judge(source: Source, chosen: Chosen, repair: Repair, expected: Outcome, run: Run) -> list[int]:
    """The partitions that received the rows, now or before a process died, if their silver is not up to date."""
    keepers = {source.partitions.number(key) for key in (expected.keeper, *expected.already) if key}
    return [number for number in sorted(keepers) if number in stale_silver(source, number, number, run)]


def _said(outcome: Outcome, done: str, source: Source) -> str:
    said = []
    if outcome.rows:
        of = ", ".join(f"{rows:,} of {key}" for key, rows in outcome.of.items())
        said.append(f"{counted(outcome.rows, 'row')} ({of}) {done} in {source.name}/raw {outcome.keeper}, as replay {outcome.id}.")
        if bad := outcome.rows - outcome.good:
            why = ", ".join(f"{reason}: {number:,}" for reason, number in outcome.reasons.most_common())
            said.append(f"Something still stands against {bad:,}, set aside again: {why}.")
    else:
        said.append("Nothing to replay.")
    for keeper, rows in outcome.already.items():
        said.append(f"{counted(rows, 'row')} replayed before, received in {keeper}.")
    if outcome.lines:
        said.append(f"{counted(outcome.lines, 'line')} no row can be read from: export, edit the file, and replay that (--export).")
    said += [f"Left out: {key} {why}." for key, why in outcome.left_out.items()]
    return "\n".join(said)


def _became(source: Source, outcome: Outcome, run: Run) -> str:
    entry = run.ledger.entries(name_of(silver_table(source))).get(outcome.keeper)
    if not outcome.rows or entry is None:
        return ""
    counts, status = entry.details, "open" if entry.status == "ok" else entry.status
    return (
        f"\n{name_of(silver_table(source))} {outcome.keeper} is {status}: of {counts['received']:,} rows received "
        f"{counts['accepted']:,} accepted, {counts['quarantined']:,} in quarantine, {counts['duplicates']:,} duplicates."
    )


def _exported(outcome: Outcome, file: str, name: str) -> str:
    return (
        f"{counted(outcome.rows, 'row')} in {file}. Edit values, leave out rows that are not meant, keep the column replay_of. A line "
        "that is no row becomes one when its values stand in the columns and `unparsed` is empty. Then: "
        f"platform-assets replay {name} --rows {file} --why '...'"
    )


def replays_of(source: Source, partition: str, run: Run) -> list[str]:
    """What was replayed of a partition's quarantine, and into it, for people."""
    found = []
    for one in replayed(run.ledger.entries(name_of(raw_table(source)))):
        said = one.said
        if partition not in (said["partition"], one.keeper):
            continue
        rows = counted(one.delivery.rows, "row")
        how = f", {'; '.join(said['repair'])}" if said["repair"] else ", as received"
        found.append(
            f"{rows} of {said['partition']} replayed in {one.keeper} by {said['by']} at {said['at']}{how}: {said['why']} ({said['id']})"
        )
    return found
