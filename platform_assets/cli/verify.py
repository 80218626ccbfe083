"""Checks for damaged storage: the lake, the models' files, and the online store compared with gold."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from rich.console import Console

from platform_assets.assets.resource import PlatformResource
from platform_assets.cli.lookup import definitions_of, graph_of, platform_of
from platform_assets.declare.attributes import AttributeView
from platform_assets.declare.view import FeatureView
from platform_assets.errors import DamagedError, LakeError, ModelError, PlatformError, suggestion
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import LOST, Ledger
from platform_assets.stores.repair import repair_table
from platform_assets.stores.tables import Table, name_of
from platform_assets.stores.verify import Finding, Told, check_table, tables_of

FINE, WRONG, UNKNOWN = 0, 1, 2
"""Exit codes."""


def run_verify(names: Sequence[str], module: str | None, *, deep: bool, repair: bool, as_json: bool) -> int:
    """Prints the problems, repairs them on request, and returns the exit code."""
    shown = Console(highlight=False, soft_wrap=True)
    quiet = Console(stderr=True, highlight=False, soft_wrap=True)
    platform = platform_of(definitions_of(module)) if module else PlatformResource()
    try:
        with quiet.status("looking") as status:
            found, done = verified(names, module, platform, deep=deep, repair=repair, told=status.update)
    except PlatformError as error:
        quiet.print(f"error: {error}", style="red", markup=False)
        return UNKNOWN
    if as_json:
        print(json.dumps({"findings": [asdict(one) for one in found], "repaired": done}, indent=2))
    else:
        for said in done:
            shown.print(f"repaired: {said}", markup=False)
        for one in found:
            shown.print(str(one), markup=False)
        if not found and not done:
            shown.print("Nothing is damaged.")
    return WRONG if found else FINE


def verified(
    names: Sequence[str], module: str | None, platform: PlatformResource, *, deep: bool, repair: bool, told: Told
) -> tuple[list[Finding], list[str]]:
    """The problems and the repairs done: of these tables, or of all tables and the online store."""
    lake = platform.lake()
    done: list[str] = []
    if repair:  # the ledger comes first, because all others need its entries
        for table in _chosen(lake, names):
            done += repair_table(lake, table, deep=deep, told=told)
        done += _repaired_models(lake, names)
    found = [one for table in _chosen(lake, names) for one in check_table(lake, table, deep=deep, told=told)]
    found += [Finding(table, what, "--repair marks the model to be trained again", key) for table, key, what in _models(lake, names)]
    if module:
        for one, said in _online(module, platform, names, repair=repair, told=told):
            found += [one] if one else []
            done += [said] if said else []
    return found, done


def _chosen(lake: Lake, names: Sequence[str]) -> list[Table]:
    tables = {name_of(table): table for table in tables_of(lake)}
    if unknown := [name for name in names if name not in tables and not name.endswith("/online")]:
        raise LakeError(f"there is no table {unknown[0]!r} in {lake.root}. {suggestion(unknown[0], tables)}")
    return [tables[name] for name in names if name in tables] if names else list(tables.values())


def _models(lake: Lake, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The models with damaged files: table, month, and the damage."""
    from platform_assets.models.artifact import read_record

    for table in _chosen(lake, names):
        if table[1] != "model":
            continue
        try:
            entries = Ledger(lake).entries(name_of(table))
        except LakeError:
            continue  # already reported for the table
        for key, entry in entries.items():
            if "artifact" in entry.details and not entry.damage:
                try:
                    read_record(lake.models.below(entry.details["artifact"]))
                except ModelError as error:
                    yield name_of(table), key, str(error)


def _repaired_models(lake: Lake, names: Sequence[str]) -> Iterator[str]:
    from dataclasses import replace

    for table, key, what in list(_models(lake, names)):
        ledger = Ledger(lake)
        entry = ledger.entries(table)[key]
        ledger.record([replace(entry, status=LOST, details={**entry.details, "damage": what})])
        yield f"recorded {table} {key} as lost: {what}. Materialize it"


def _online(
    module: str, platform: PlatformResource, names: Sequence[str], *, repair: bool, told: Told
) -> Iterator[tuple[Finding | None, str | None]]:
    from platform_assets.steps.online import compare, entities_of, make_online, marks_of, rebuild_online

    for view in graph_of(definitions_of(module)).declarations:
        if not isinstance(view, FeatureView | AttributeView) or not view.online:
            continue
        name = f"{view.name}/online"
        if names and name not in names:
            continue
        told(name)
        store, run = platform.online(), platform.run("verify")
        marks = marks_of(view, store)
        if marks is None:
            continue  # never published
        if lost := entities_of(view, store).lost:
            if repair:
                published = make_online(view, run, store, everything=True)
                yield None, f"restored lost entities of {name}: {published.values:,} entities were written"
            else:
                command = f"platform-assets rebuild {view.name} --missing -m {module}"
                yield Finding(name, f"{lost:,} published entities are missing in the store", f"--repair, or: {command}"), None
                continue
        try:
            differ = compare(view, run, store, view.valid_from(marks.watermark)).mismatches
        except DamagedError as error:
            yield Finding(name, f"it cannot be compared: {error}", "Repair the table first"), None
            continue
        if differ and repair:
            published = rebuild_online(view, run, store)
            yield None, f"rebuilt {name} from gold: {published.values:,} entities"
        elif differ:
            what = f"{len(differ)} of the compared values differ from gold, such as {differ[0]}"
            yield Finding(name, what, f"--repair, or: platform-assets rebuild {view.name} -m {module}"), None
