"""Polluted files: read equal, or the polluted lines are set aside and no others, or refused with the option that reads them."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_assets import Arrival
from platform_assets.errors import SourceError
from platform_assets_tests.sources.polluted import Polluted, polluted


def outcome(home: Path, made: Polluted, **options: object) -> str:
    """What became of a file: equal, lines (exactly the polluted ones set aside), refused, or different."""
    (home / "day.csv").write_bytes(made.content)
    arrival = Arrival("polluted", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC))
    try:
        frame = arrival.read_csv(home / "day.csv", **options)  # type: ignore[arg-type]
    except SourceError as error:
        named = all(f"{name}=" in str(error) for name in made.options)
        return "refused" if named else f"refused without a word on {list(made.options)}: {error}"
    assert frame is not None
    rows = [tuple(value or "" for value in row) for row in frame.collect().rows()]
    texts = [line.text for line in arrival.unparsed]
    if tuple(frame.collect_schema()) == made.columns and rows == list(made.rows):
        if texts == list(made.bad):
            return "lines" if made.bad else "equal"
        # The lines of a record with a broken quote are set aside one by one.
        if "\n".join(texts).split() == "\n".join(made.bad).split():
            return "lines"
    return f"different: {len(rows)} rows of {len(made.rows)}, set aside {texts}"


def count(home: Path, files: Iterable[Polluted]) -> Counter[str]:
    found: Counter[str] = Counter()
    wrong = []
    for made in files:
        became = outcome(home, made)
        if made.options and became == "refused":
            became = outcome(home, made, **made.options)
        found[became.partition(":")[0]] += 1
        if became not in (("refused",) if made.refused else ("equal", "lines")):
            wrong.append((made.name, became))
    assert not wrong, (len(wrong), wrong[:20])
    return found


def test_pollutions_of_the_whole_file_and_of_a_few_rows(tmp_path: Path) -> None:
    count(tmp_path, [m for m in polluted() if not m.name.startswith("row ") or m.name.partition(":")[0] in ("row 4", "row 7", "row 83")])


@pytest.mark.slow
def test_no_polluted_file_is_read_differently_in_silence(tmp_path: Path) -> None:
    found = count(tmp_path, polluted())
    print(dict(found))
    assert found["equal"] + found["lines"] >= 0.95 * found.total()
