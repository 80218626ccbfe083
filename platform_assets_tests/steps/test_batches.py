"""A long range is made in batches of partitions and in chunks of entities: the tables and the ledger do not show it."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

from platform_assets.engines.polars import engine
from platform_assets.frames import laid_aside
from platform_assets.kernels import windows
from platform_assets.steps.batches import PARTITIONS_AT_ONCE, batches
from platform_assets_tests.steps.business import Business, deliver, same


def test_batches_end_in_the_tables_of_one_whole_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, batched = Business(tmp_path / "whole"), Business(tmp_path / "batched")
    for business in (whole, batched):
        deliver(business, Random(5), lines=9)
    whole.make_range()
    monkeypatch.setattr(engine, "ROWS_AT_ONCE", 8)
    monkeypatch.setattr(windows, "ROWS_AT_ONCE", 5)
    batched.make_range()
    same(whole.tables(), batched.tables())
    same(whole.ledger(), batched.ledger())
    for table in ("silver", "gold"):
        name = {"silver": "sales", "gold": "spending"}[table]
        assert batched.lake.version((name, table)) > whole.lake.version((name, table)), "there was more than one batch"


def test_a_batch_has_at_least_one_partition_and_keeps_their_order() -> None:
    rows = {1: 10, 2: 3, 3: 3, 7: 3, 8: 0}
    assert list(batches(list(rows), rows.__getitem__, at_once=6)) == [[1], [2, 3], [7, 8]]
    assert list(batches([], rows.__getitem__, at_once=6)) == []


def test_a_batch_of_small_partitions_has_no_more_of_them_than_may_be_written_at_once() -> None:
    found = list(batches(range(2 * PARTITIONS_AT_ONCE + 1), lambda _: 0, at_once=6))
    assert [len(batch) for batch in found] == [PARTITIONS_AT_ONCE, PARTITIONS_AT_ONCE, 1]
    assert [partition for batch in found for partition in batch] == list(range(2 * PARTITIONS_AT_ONCE + 1))


def test_what_was_laid_aside_is_gone_afterwards_also_when_reading_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laid_aside.tempfile, "tempdir", str(tmp_path))
    chunks = [pl.DataFrame({"partition": [1, 2], "value": [number, number]}) for number in range(3)]
    with pytest.raises(RuntimeError), laid_aside.laid_aside(iter(chunks)) as rows:
        assert rows.filter(pl.col("partition") == 2).collect()["value"].to_list() == [0, 1, 2]
        assert any(tmp_path.iterdir())
        raise RuntimeError
    assert not any(tmp_path.iterdir())
