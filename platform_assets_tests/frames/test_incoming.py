"""Parts of a delivery whose types change: what they cost is proportionate to their number, and what they hold stays."""

import random
from contextlib import ExitStack

import polars as pl
import pytest

from platform_assets.frames import incoming
from platform_assets.frames.incoming import Incoming
from platform_assets.frames.spill import Spill

PARTS = 300


def test_each_part_is_looked_at_a_fixed_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, integers_of = list[str](), incoming.integers_of

    def counted(frame: pl.LazyFrame, column: str) -> bool:
        looked.append(column)
        return integers_of(frame, column)

    monkeypatch.setattr(incoming, "integers_of", counted)
    with ExitStack() as aside:
        taken = Incoming(aside)
        for number in range(PARTS):
            taken.add(pl.DataFrame({"x": [number if number % 2 else number + 0.5], "y": [number if number % 3 else f"{number}"]}))
        rows = taken.rows()
        assert len(looked) <= PARTS, "once for each part of whole numbers in x"
        plan = rows.explain()
        assert plan.count("DF [") + plan.count("SCAN") < 20, "Polars' time grows with the square of the number of frames"
        assert rows.collect().rows() == [(number + 0.5 * (number % 2 == 0), str(number)) for number in range(PARTS)]


def test_many_small_parts_of_one_type_are_one_frame() -> None:
    with Spill() as laid:
        for number in range(PARTS):
            laid.add(pl.DataFrame({"x": [number]}))
        assert laid.rows().explain().count("DF [") == 1
        assert laid.rows().collect()["x"].to_list() == [*range(PARTS)]


@pytest.mark.parametrize("limit", [1, 200, 1 << 26], ids=["each on disk", "some on disk", "in memory"])
def test_many_parts_are_what_few_would_be(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    draw = random.Random(limit)
    kinds = [[1, None], [2.5], [None], ["text", None], [2**60], [], [[1, 2]]]
    parts = [{name: draw.choice(kinds) for name in draw.sample("abcd", draw.randint(1, 4))} for _ in range(60)]
    frames = [pl.DataFrame({name: (values * 2)[:2] or [None, None] for name, values in part.items()}, strict=False) for part in parts]

    def received(stretches_at_once: int, limit: int) -> pl.DataFrame:
        monkeypatch.setattr(incoming, "_STRETCHES_AT_ONCE", stretches_at_once)
        monkeypatch.setattr(incoming, "BYTES_IN_MEMORY", limit)
        with ExitStack() as aside:
            taken = Incoming(aside)
            for frame in frames:
                taken.add(frame)
            assert taken.height == 2 * len(frames)
            return taken.rows().collect()

    assert received(0, limit).equals(expected := received(1000, 1 << 26)) and expected.height == 120
    assert received(0, limit).schema == expected.schema


def test_a_column_of_nothing_but_nulls_has_no_type_in_many_parts_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "_STRETCHES_AT_ONCE", 0)
    monkeypatch.setattr(incoming, "BYTES_IN_MEMORY", 1)
    with ExitStack() as aside:
        taken = Incoming(aside)
        taken.add(pl.DataFrame({"a": [1], "nothing": [None]}))
        taken.add(pl.DataFrame({"a": [1.5]}))
        rows = taken.rows()
        assert rows.collect_schema() == {"a": pl.Float64(), "nothing": pl.Null()}
        assert rows.collect().rows() == [(1.0, None), (1.5, None)]
