"""Files of which some lines are bad: each costs itself, is kept as it came, and all others are read as they were written."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets import Arrival
from platform_assets.errors import SourceError
from platform_assets.sources import csv_blocks
from platform_assets_tests.sources.dirty import Dirty, dirty

DIRTY = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


def check(home: Path, made: Dirty) -> None:
    (home / "day.csv").write_bytes(made.encoded())
    arrival = Arrival("dirty", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    if made.has_title:
        with pytest.raises(SourceError, match=r"its header has 1 name \(c0\)"):
            arrival.read_csv(home / "day.csv", separator=made.separator, quote=made.quote)
        return
    rows = arrival.read_csv(home / "day.csv", separator=made.separator, quote=made.quote)
    assert rows is not None
    assert [(line.line, line.text) for line in arrival.unparsed] == made.bad, made.text
    assert rows.collect().rows() == made.rows, made.text


@pytest.fixture(params=[csv_blocks.SIZE, 50], ids=["whole", "in small blocks"])
def in_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "SIZE", request.param)


@given(random=st.randoms(use_true_random=False))
@settings(DIRTY, max_examples=60)
def test_a_bad_line_costs_itself(tmp_path: Path, in_blocks: None, random: Random) -> None:
    check(tmp_path, dirty(random))


@pytest.mark.parametrize("between", [0, 1, 3])
def test_a_quote_that_is_opened_in_one_line_and_closed_in_another_takes_no_line_between_with_it(tmp_path: Path, between: int) -> None:
    """Lines that are complete by themselves are not the text of one value, although a parser could read them so."""
    rows = [(str(number), "x", "y") for number in range(between)]
    lines = ['7,"ab,c', *(",".join(row) for row in rows), '8,de",f']
    made = Dirty("a,b,c\n1,2,3\n" + "\n".join(lines) + "\n", 3, [("1", "2", "3"), *rows], [(3, lines[0]), (4 + between, lines[-1])])
    check(tmp_path, made)


def test_a_header_of_one_name_above_lines_of_more_values_is_refused(tmp_path: Path, in_blocks: None) -> None:
    made = Dirty("c0\n1,2\nx\n3,4\n", 1, [("x",)], [(2, "1,2"), (4, "3,4")], parsed=2)
    assert made.has_title
    check(tmp_path, made)


@pytest.mark.slow
def test_thousands_of_dirty_files(tmp_path: Path, in_blocks: None) -> None:
    seed = Random().randrange(1 << 32)
    for number in range(3000):
        try:
            check(tmp_path, dirty(Random(f"{seed} {number}")))
        except Exception as error:
            error.add_note(f"seed {seed}, file {number}")
            raise
