"""What a step needs and does not find is named, with the command that fixes it; all other partitions are made."""

from datetime import datetime
from pathlib import Path

import pytest

from platform_assets import Arrival, daily, source
from platform_assets.steps.silver import make_silver
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path, declared={"empty_after": None})
    for day in (0, 1, 2, 4, 5, 6, 7):
        business.sell(day, f"{day}0 ada 1")
    return business


def refused(business: Business, table: str) -> list[int]:
    done = business.make(table, business.first, business.last)
    numbers = [business.source.partitions.index_of(key) - business.first for key in done.refused]
    assert len(done.entries) + len(done.unchanged) + len(numbers) == 8
    return numbers


def test_a_missing_partition_holds_back_only_what_reads_it(business: Business) -> None:
    assert [refused(business, table) for table in ("raw", "silver", "gold", "report")] == [[3], [3, 4, 5], [3, 4, 5, 6, 7], [3, 4, 5]]


def test_the_error_names_the_reader_the_missing_partition_and_the_command(business: Business) -> None:
    business.make("raw", business.first, business.last)
    error = business.make("silver", business.first + 5, business.first + 5).refused[business.day(5)]
    assert str(error) == (
        f"sales/silver {business.day(5)} needs sales/raw {business.day(3)}, which is missing. Materialize it: "
        f"dagster asset materialize -m your_module --select 'key:\"sales/raw\"' --partition {business.day(3)}"
    )


def test_nothing_is_needed_from_before_the_first_partition(business: Business) -> None:
    for table in ("raw", "silver", "gold", "report"):
        assert business.make(table, business.first, business.first).refused == {}, table


def test_a_step_of_which_all_partitions_are_refused_writes_nothing(business: Business) -> None:
    assert list(business.make("gold", business.first, business.last).refused) == [business.day(day) for day in range(8)]
    assert not business.lake.exists(("spending", "gold"))


@in_turn("platform_assets/steps/readiness.py", "platform_assets/steps/missing_inputs.py", "platform_assets/steps/run.py")
def test_another_version_of_the_declaration_is_refused_until_it_is_made_again(business: Business, tmp_path: Path) -> None:
    business.sell(3, "30 ada 1")
    business.make_range()
    changed = Business(tmp_path, declared={"empty_after": None, "rules": {"positive": "amount > 0"}})
    changed.deliveries.update(business.deliveries)
    assert changed.stale("raw") == [], "raw is what was received, whatever is declared"
    assert changed.stale("silver") == changed.stale("gold") == changed.stale("report") == list(range(changed.first, changed.last + 1))
    error = changed.make("gold", changed.last, changed.last).refused[changed.day(7)]
    old, new = business.source.version, changed.source.version
    assert f"partitions of sales/silver that were made by version {old} of its declaration; the current one is {new}: " in str(error)
    assert "Materialize them again: dagster asset materialize" in str(error)
    changed.make_stale()
    assert {entry.declaration_version for entry in changed.entries("sales/silver").values()} == {new}
    assert {entry.declaration_version for entry in changed.entries("spending/gold").values()} == {changed.view.version}


class Discounted:
    sale_id: int
    at: datetime
    discount: float


def test_rows_that_came_before_the_schema_had_a_column_are_not_judged_without_it(tmp_path: Path) -> None:
    business = Business(tmp_path)
    business.deliveries[business.day(0)] = [{"sale_id": "1", "user": "ada", "at": "2024-02-25T10:00Z", "amount": "1"}]
    business.make("raw", business.first, business.first)

    @source(schema=Discounted, event_time="at", partitions=daily("2024-02-25"))
    def sales(arrival: Arrival) -> None: ...

    refused = make_silver(sales, business.first, business.first, business.run()).refused[business.day(0)]
    assert str(refused).startswith(
        f"sales/silver {business.day(0)} needs the column 'discount', which sales/raw {business.day(0)} was delivered without. "
        "Remove it from the schema, or add it in the source's function"
    )
