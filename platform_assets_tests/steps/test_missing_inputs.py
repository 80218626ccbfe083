"""What a reader lacks is counted and named once for a whole run, with a command that works when it is pasted."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.declare.partitions import hourly
from platform_assets.errors import NotReadyError
from platform_assets.steps.missing_inputs import MISSING, MissingInput, reported_once
from platform_assets.steps.run import Done
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.steps.business import Business

RAW = "dagster asset materialize -m your_module --select 'key:\"sales/raw\"'"
BOTH = 'dagster asset materialize -m your_module --select \'key:"sales/raw" or key:"sales/silver"\''


def told(business: Business, table: str, first: int, last: int) -> str:
    """The lines of a step's error after its first, which counts the refused partitions."""
    with pytest.raises(NotReadyError) as error:
        business.make(table, business.first + first, business.first + last).check()
    return str(error.value).partition("\n")[2]


def test_all_missing_partitions_are_counted_and_one_command_makes_them(tmp_path: Path) -> None:
    business = Business(tmp_path)
    a, b = business.day(3), business.day(5)
    assert told(business, "silver", 5, 5) == (
        f"sales/silver {b} needs 3 partitions of sales/raw that are missing: {a} to {b}. "
        f"Materialize them: {RAW} --partition-range {a}...{b}"
    )


def test_a_range_of_readers_is_one_message(tmp_path: Path) -> None:
    business = Business(tmp_path)
    first, last = business.day(0), business.day(7)
    with pytest.raises(NotReadyError) as error:
        business.make("silver", business.first, business.last).check()
    assert str(error.value) == (
        f"8 partitions could not be made ({first} to {last}). \nsales/silver needs 8 partitions of sales/raw that are missing: "
        f"{first} to {last}. Materialize them: {RAW} --partition-range {first}...{last}"
    )


def test_missing_partitions_that_are_not_consecutive_are_counted_and_the_first_named(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for day in (1, 3, 5):
        business.make("raw", business.first + day, business.first + day)
    days = [business.day(day) for day in (0, 2, 4)]
    last = business.day(7)
    assert told(business, "silver", 0, 7).startswith(
        f"sales/silver needs 5 partitions of sales/raw that are missing: {', '.join(days)} and 2 more up to {last}. "
    )


def test_where_silver_and_raw_are_missing_the_command_makes_both(tmp_path: Path) -> None:
    business = Business(tmp_path)
    assert told(business, "report", 2, 2).endswith(f"which is missing. Materialize it: {BOTH} --partition {business.day(2)}")


def test_silver_of_another_version_is_made_again_without_raw(tmp_path: Path) -> None:
    business = Business(tmp_path)
    business.make_range()
    changed = Business(tmp_path, declared={"rules": {}})
    old, new, a, b = business.source.version, changed.source.version, business.day(4), business.day(7)
    assert told(changed, "gold", 7, 7) == (
        f"spending/gold {b} needs 4 partitions of sales/silver that were made by version {old} of its declaration; the current one is "
        f"{new}: {a} to {b}. Materialize them again: dagster asset materialize -m your_module --select 'key:\"sales/silver\"' "
        f"--partition-range {a}...{b}"
    )


def test_hours_are_named_by_their_keys() -> None:
    hours = hourly("2024-03-01")
    missing = MissingInput("x/silver 2024-03-01T05", ("x", "raw"), hours, MISSING, (hours.first, hours.first + 1))
    assert "that are missing: 2024-03-01T00, 2024-03-01T01. " in str(missing)
    assert str(missing).endswith("--partition-range 2024-03-01T00...2024-03-01T01")


def test_errors_of_other_kinds_stay_each_its_own_and_none_is_told_twice() -> None:
    errors = [NotReadyError("one"), NotReadyError("two"), NotReadyError("one")]
    assert reported_once(errors) == ["one", "two"]
    with pytest.raises(NotReadyError, match=r"^1 partition could not be made \(a\)\. \none$"):
        Done(refused={"a": errors[0]}).check()


MODULE = """
from datetime import datetime
import polars as pl
from platform_assets import Arrival, Entity, FeatureView, build_definitions, count, daily, source

class Sale:
    user: str
    at: datetime

@source(schema=Sale, event_time="at", partitions=daily("2024-03-01", end="2024-03-04"))
def sales(arrival: Arrival) -> pl.DataFrame:
    return pl.DataFrame({"user": ["ada"], "at": [f"{arrival.partition}T10:00Z"]})

spending = FeatureView("spending", entity=Entity("user", keys=["user"]), source=sales, features=[count().over("2d")])
defs = build_definitions(spending)
"""


@pytest.mark.slow
def test_the_command_works_when_it_is_pasted(tmp_path: Path) -> None:
    """In an empty lake gold says what it lacks; that command, then gold again."""
    (tmp_path / "your_module.py").write_text(MODULE)
    home = tmp_path / "dagster"
    home.mkdir()
    environment = {**os.environ, "PLATFORM_HOME": str(tmp_path), "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "true"}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", *shlex.split(command)]
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    gold = "dagster asset materialize -m your_module --select 'key:\"spending/gold\"' --partition-range 2024-03-01...2024-03-03"
    refused = run(gold)
    assert refused.returncode != 0
    (command,) = {line.partition("Materialize them: ")[2] for line in refused.stderr.splitlines() if "Materialize them: " in line}
    assert run(command).returncode == 0
    assert run(gold).returncode == 0
    assert {e.rows for e in Ledger(Lake(str(tmp_path / "lake"))).entries("spending/gold").values()} == {1}
