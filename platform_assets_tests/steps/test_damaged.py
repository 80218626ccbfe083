"""Each kind of file of each layer, damaged in each way: it is named, the other partitions are made, and after a repair all is equal."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from platform_assets.cli.main import cli
from platform_assets.errors import DamagedError, LakeError
from platform_assets.stores.damage import damage_named
from platform_assets.stores.ledger import LEDGER
from platform_assets.stores.tables import table_named
from platform_assets_tests.lakes import on_disk
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.damaging import (
    HARMS,
    OF_STEP,
    bring_up,
    copied,
    data_file,
    emptied,
    log_file,
    overwritten,
)
from platform_assets_tests.steps.pipeline import Pipeline, pipeline_with

TABLES = [table for tables in OF_STEP.values() for table in tables]
UNSEEN_WHEN_READ = ("a bit flipped in the middle", "a bit flipped at the end")
"""Parquet has no checksums here: a flipped bit may give other values. Where it does not, it is named or has done no harm."""


def some_slow(names: Iterable[str], *fast: str) -> list[Any]:
    """The names as parameters; all but some are slow."""
    return [pytest.param(name, marks=() if name in fast else pytest.mark.slow) for name in names]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("whole")
    pipeline = pipeline_with(home)
    for day in range(pipeline.first, pipeline.last + 1):  # a commit for each
        pipeline.make("raw", day, day)
    bring_up(pipeline)
    return home


@pytest.fixture(scope="module")
def state(whole: Path) -> dict[str, Any]:
    return pipeline_with(whole).state(exact=False)


@pytest.fixture
def pipeline(whole: Path, home: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.setenv("PLATFORM_LAKE", f"{home}/lake")
    yield copied(whole, home)
    shutil.rmtree(on_disk(home))


def verify(*arguments: str) -> Result:
    found = CliRunner().invoke(cli, ["verify", *arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


def findings(*arguments: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(verify("--json", *arguments).stdout)["findings"]
    return found


def key_of_file(file: Path) -> str:
    return file.parent.name.partition("=")[2]


def assert_equal_after_repair(pipeline: Pipeline, state: dict[str, Any]) -> None:
    verify("--repair", "--deep")
    bring_up(pipeline)
    repaired = pipeline.state(exact=False)
    assert {name for name in state if repaired[name] != state[name]} == set()
    assert verify("--deep").exit_code == 0


def test_nothing_is_wrong_with_a_whole_lake(pipeline: Pipeline) -> None:
    done = verify()
    assert (done.exit_code, done.stdout.strip()) == (0, "Nothing is damaged.")


@pytest.mark.parametrize("harm", some_slow([harm for harm in HARMS if harm not in UNSEEN_WHEN_READ], "overwritten"))
def test_a_damaged_file_of_any_table_is_named_by_its_reader_and_by_verify(pipeline: Pipeline, harm: str) -> None:
    files = {table: data_file(pipeline, table) for table in TABLES}
    for table, file in files.items():
        HARMS[harm](file)
        with (
            pytest.raises(DamagedError, match=rf"{table} {key_of_file(file)}.*{file.name}.*--partition {key_of_file(file)}"),
            damage_named(),
        ):
            pipeline.lake.scan(table_named(table)).collect()
    found = {(one["table"], one["partition"]) for one in findings()}
    assert found == {(table, key_of_file(file)) for table, file in files.items()}
    assert verify().exit_code == 1


@pytest.mark.parametrize(
    ("harm", "table", "step"),
    [
        ("deleted", "sales/raw", "silver"),
        ("overwritten", "sales/silver", "gold"),
        pytest.param("emptied", "sales/silver", "report", marks=pytest.mark.slow),
        pytest.param("cut in the middle", "spending/gold", "predictions", marks=pytest.mark.slow),
        pytest.param("overwritten", "sales/raw", "silver", marks=pytest.mark.slow),
    ],
)
def test_a_step_makes_the_partitions_that_do_not_read_the_damaged_one(pipeline: Pipeline, harm: str, table: str, step: str) -> None:
    file = data_file(pipeline, table)
    HARMS[harm](file)
    done = pipeline.make(step, pipeline.first, pipeline.last)
    assert done.refused and done.entries and not set(done.refused) & set(done.entries)
    for error in done.refused.values():
        assert isinstance(error, DamagedError) and f"{table} {key_of_file(file)}" in str(error)
    assert any(file.name in str(error) for error in done.refused.values())
    assert all(entry.status != "blocked" for entry in pipeline.entries(OF_STEP[step][0]).values())  # nothing was taken back


@in_turn("platform_assets/stores/", "platform_assets/steps/skip_damaged.py")
@pytest.mark.parametrize("harm", some_slow(HARMS, "overwritten"))
def test_repaired_and_made_again_all_tables_are_equal(pipeline: Pipeline, state: dict[str, Any], harm: str) -> None:
    """One partition of every table at once, and the ledger."""
    for table in TABLES:
        HARMS[harm](data_file(pipeline, table))
    HARMS[harm](next(on_disk(pipeline.lake.uri(LEDGER)).glob("table=*silver/*.parquet")))
    if harm in UNSEEN_WHEN_READ and (verify("--deep").exit_code == 0):
        pytest.skip("no flipped bit made a file that cannot be decoded")
    assert_equal_after_repair(pipeline, state) if harm not in UNSEEN_WHEN_READ else verify("--repair", "--deep")


@pytest.mark.parametrize("table", ["sales/raw", "coming/training"])
@pytest.mark.parametrize("harm", ["emptied", "cut in the middle", "deleted", "overwritten"])
@pytest.mark.slow
def test_a_damaged_log_entry_is_repaired(pipeline: Pipeline, state: dict[str, Any], table: str, harm: str) -> None:
    last = pipeline.lake.version(table_named(table))
    for version in {1, last or 0}:
        HARMS[harm](log_file(pipeline, table, version))
    found = findings(table)
    assert found and all(one["table"] == table for one in found)
    assert_equal_after_repair(pipeline, state)


@pytest.mark.parametrize("broken", some_slow(["first entry", "whole log", "checkpoint", "ledger's last entry", "ledger"], "whole log"))
def test_a_log_that_cannot_be_opened_is_repaired(pipeline: Pipeline, state: dict[str, Any], broken: str) -> None:
    table = LEDGER if "ledger" in broken else table_named("takings/gold")
    log = on_disk(pipeline.lake.uri(table)) / "_delta_log"
    if broken == "first entry":
        overwritten(log / f"{0:020d}.json")
    elif broken == "whole log":
        shutil.rmtree(log)
    elif broken == "checkpoint":
        pipeline.lake.open(table).create_checkpoint()
        emptied(next(log.glob("*.checkpoint.parquet")))
    elif broken == "ledger's last entry":
        overwritten(max(log.glob("*.json")))
    else:
        shutil.rmtree(log.parent)
    if broken != "ledger":
        assert verify().exit_code == 1
        with pytest.raises(LakeError, match="verify"):
            pipeline.entries("takings/gold")
    assert_equal_after_repair(pipeline, state)


def test_rows_of_an_emptied_log_entry_are_not_left_out_in_silence(pipeline: Pipeline) -> None:
    emptied(log_file(pipeline, "sales/raw", 3))
    done = pipeline.make("silver", pipeline.first, pipeline.last)
    [[key, damage]] = [(key, entry.damage) for key, entry in pipeline.entries("sales/raw").items() if entry.damage]
    assert "the ledger has" in damage and key in done.refused
    assert f"sales/raw {key}" in str(done.refused[key]) and len(done.refused) == 3  # it, and those whose duplicates it decides about


def test_raw_is_not_received_as_empty_when_its_source_has_nothing_for_it_any_more(pipeline: Pipeline) -> None:
    file = data_file(pipeline, "sales/raw")
    file.unlink()
    pipeline.deliveries[key_of_file(file)] = None
    done = pipeline.make("raw", pipeline.first, pipeline.last)
    [error] = done.refused.values()
    assert isinstance(error, DamagedError) and "has nothing for it any more" in str(error)
    assert pipeline.entries("sales/raw")[key_of_file(file)].rows > 0


@pytest.mark.parametrize("harm", some_slow(["deleted", "emptied", "a bit flipped in the middle"], "deleted"))
def test_a_damaged_model_stops_the_days_that_it_scores_alone(pipeline: Pipeline, harm: str) -> None:
    entries = [entry for entry in pipeline.entries("coming/model").values() if entry.status == "ok"]
    if not entries:
        pytest.skip("no month has a model")
    file = next(
        path
        for path in on_disk(pipeline.lake.models.path(entries[0].details["artifact"])).iterdir()
        if path.suffix not in (".sha256", ".json")
    )
    HARMS[harm](file)
    assert [one["table"] for one in findings()] == ["coming/model"]
    done = pipeline.make("predictions", pipeline.first, pipeline.last)
    assert set(done.refused) and "coming/model" in str(next(iter(done.refused.values())))


def test_a_table_that_is_not_there_cannot_be_verified(pipeline: Pipeline) -> None:
    found = verify("sales/rawe")
    assert found.exit_code == 2 and "sales/raw" in found.stderr
