"""Which version of a source's function has read a partition of raw last."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival
from platform_assets.declare.source import Source
from platform_assets.steps.raw import make_raw, read_otherwise
from platform_assets.stores.ledger import Ledger
from platform_assets_tests.steps.business import Business


@pytest.fixture
def business(tmp_path: Path) -> Business:
    business = Business(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    business.make("raw", business.first, business.last)
    return business


def reading(business: Business, function: Any) -> Source:
    return replace(business.source, read=function)


def test_partitions_that_give_the_same_rows_are_only_noted(business: Business) -> None:
    def same(arrival: Arrival) -> pl.DataFrame | None:
        rows = business.source.read(arrival)
        return rows if rows is None or len(rows) else None

    changed, run, version = reading(business, same), business.run(), business.lake.version(("sales", "raw"))
    assert read_otherwise(business.source, run) == []
    assert read_otherwise(changed, run) == [*range(business.first, business.last + 1)]
    done = make_raw(changed, business.first + 1, business.first + 2, run)
    assert (len(done.unchanged), len(done.entries)) == (2, 0)
    assert business.lake.version(("sales", "raw")) == version, "nothing was written"
    assert read_otherwise(changed, business.run()) == [business.first, *range(business.first + 3, business.last + 1)]
    appended = business.lake.version(("_platform", "ledger"))
    make_raw(changed, business.first + 1, business.first + 2, business.run())
    assert business.lake.version(("_platform", "ledger")) == appended, "once"


def test_the_note_is_no_other_edition_for_readers(business: Business) -> None:
    def same(arrival: Arrival) -> pl.DataFrame | None:
        found: pl.DataFrame | None = business.source.read(arrival)
        return found

    business.make("silver", business.first, business.last)
    make_raw(reading(business, same), business.first, business.last, business.run())
    assert business.stale("silver") == []
    assert len(Ledger(business.lake).entries("sales/raw")) == 8


def test_an_entry_of_an_earlier_edition_says_nothing(business: Business) -> None:
    run = business.run()
    entries = run.ledger.entries("sales/raw").values()
    run.ledger.record([replace(entry, details={k: v for k, v in entry.details.items() if k != "read_by"}) for entry in entries])
    assert read_otherwise(reading(business, lambda arrival: None), business.run()) == []
