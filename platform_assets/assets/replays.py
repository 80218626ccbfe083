"""The job replay_quarantine: rows of quarantine repaired and received again, from Dagster's Launchpad or the command line."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.data_versions import TAG, data_versions
from platform_assets.assets.materialization_events import facts
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, unknown
from platform_assets.sources.receive import raw_table
from platform_assets.steps.missing_inputs import YOUR_MODULE
from platform_assets.steps.replay import Outcome, chosen_of, repair_of, replay
from platform_assets.steps.run import Done, Run

JOB, OP = "replay_quarantine", "replay_rows"


class ReplayConfig(dg.Config):
    """Which rows of a source's quarantine are received again, and how they are repaired."""

    source: str = Field(description="The source, such as orders.")
    why: str = Field(description="Why; kept with the replay.")
    by: str = Field(description="Who decides; kept with the replay.")
    first: str = Field(
        default="", description="The first partition whose rows are meant, such as 2024-03-05; without it from the beginning."
    )
    last: str = Field(default="", description="The last one, which is included; without it up to the newest.")
    reasons: list[str] = Field(default=[], description="Only rows with one of these reasons, or with one about one of these columns.")
    where: str = Field(default="", description="Only rows for which this SQL condition is true: invoice = '536365'.")
    values: list[str] = Field(default=[], description="What columns are set to: country = 'United Kingdom'.")
    function: str = Field(default="", description="A function of the module that repairs rows; gets and gives a Polars frame.")
    file: str = Field(default="", description="A file of rows that were exported and edited by hand.")
    again: bool = Field(default=False, description="Also rows that were replayed already.")


def replay_job(sources: Sequence[Source]) -> dg.JobDefinition:
    """The job for all sources. Silver of the partition that receives the rows is made as after any delivery."""
    named = {source.name: source for source in sources}

    @dg.op(name=OP, description="Receives rows of quarantine again, repaired, in the newest partition of raw.")
    def replay_rows(context: dg.OpExecutionContext, config: ReplayConfig, platform: PlatformResource) -> Mapping[str, Any]:
        if config.source not in named:
            raise unknown(JOB, "source", config.source, named)
        source, run = named[config.source], platform.run(context.run_id)
        chosen = chosen_of(source, config.first, config.last, config.reasons, config.where, config.again)
        repair = repair_of(source, config.values, function_of(run.module, config.function), config.file)
        outcome = replay(source, chosen, repair, run, by=config.by, why=config.why)
        _tell(context, source, outcome, run)
        said = {"id": outcome.id, "received in": outcome.keeper, "rows": outcome.rows, "good": outcome.good}
        context.add_output_metadata(
            {**said, "of": dict(outcome.of), "replayed before": dict(outcome.already), "left out": outcome.left_out}
        )
        return {"keeper": outcome.keeper, "rows": outcome.rows}

    @dg.job(name=JOB, description="Rows of quarantine, repaired, as a delivery of their own: platform-assets replay --help")
    def replay_quarantine() -> None:
        replay_rows()

    return replay_quarantine


def function_of(module: str, name: str) -> Callable[[Any], Any] | None:
    """A function of the module that Dagster loads, or of another one: "repairs.swapped"; None where no name is given."""
    if not name:
        return None
    of, _, called = name.rpartition(".")
    if not of and module == YOUR_MODULE:
        raise DeclarationError(f"which module has the function {name!r}? Write 'your_module.{name}'.")
    try:
        found = getattr(importlib.import_module(of or module), called, None)
    except ModuleNotFoundError as error:
        raise DeclarationError(f"there is no module {of or module!r} ({error}), in which the function {called!r} would be") from None
    if not callable(found):
        raise DeclarationError(f"module {of or module!r} has no function {called!r}, which gets and gives a Polars frame")
    return found


def _tell(context: dg.OpExecutionContext, source: Source, outcome: Outcome, run: Run) -> None:
    """Dagster hears of the partition that was written, so that what reads it is made."""
    if outcome.entry is None:
        context.log.info("Nothing was received: all of these rows were replayed before, or there are none.")
        return
    table, entry = raw_table(source), outcome.entry
    identity = run.lake.identity(table)
    versions = data_versions(context.instance, key_of(table), {entry.partition: entry}, {}, identity)
    metadata = {**facts(entry, Done(), run.lake.uri(table), 0), "replayed rows": outcome.rows, "replay": outcome.id}
    event = dg.AssetMaterialization(key_of(table), partition=entry.partition, metadata=metadata, tags={TAG: versions[entry.partition]})
    context.log_event(event)
