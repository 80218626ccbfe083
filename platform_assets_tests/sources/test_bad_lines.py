"""Lines of CSV files that are not rows, however many there are: on disk while they are received, and in their order."""

import json
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from platform_assets.errors import SourceError
from platform_assets.frames.spill import Spill
from platform_assets.sources import arrival, bad_lines, csv_blocks, csv_records
from platform_assets.sources.arrival import Arrival
from platform_assets.sources.unparsed_lines import UnparsedLines


@pytest.mark.parametrize("separator", [",", "||"], ids=["fast", "any dialect"])
def test_lines_beyond_a_limit_are_on_disk_and_come_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: str) -> None:
    monkeypatch.setattr(bad_lines, "_LINES_AT_ONCE", 10)
    small = partial(Spill, bytes_in_memory=1000)
    monkeypatch.setattr(arrival, "Spill", small)
    for name in ("a.csv", "b.csv"):
        rows = [separator.join("xyz"), separator.join("123"), *(f"{name} {number}" for number in range(500)), separator.join("456")]
        (tmp_path / name).write_text("\n".join(rows) + "\n")
    with ExitStack() as aside, small() as laid:
        aside.enter_context(laid)
        came = _arrival(unparsed=UnparsedLines(laid), _aside=aside)
        read = came.read_csv(tmp_path / "*.csv", separator=separator)
        assert read is not None
        assert read.collect().rows() == [("1", "2", "3"), ("4", "5", "6")] * 2
        assert laid.is_on_disk
        assert [line.text for line in came.unparsed] == [f"{name} {number}" for name in ("a.csv", "b.csv") for number in range(500)]
        assert [line.line for line in came.unparsed] == [*range(3, 503)] * 2
        assert len(came.unparsed) == 1000


def test_lines_of_a_file_that_was_refused_do_not_stay_when_it_is_read_in_another_way(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_bytes("x,y\n1\n1,2\né,2\n".encode("latin-1"))
    came = _arrival()
    with pytest.raises(SourceError, match="latin-1"):
        came.read_csv(tmp_path / "day.csv")
    came.read_csv(tmp_path / "day.csv", encoding="latin-1")
    assert [line.text for line in came.unparsed] == ["1"]


@pytest.mark.parametrize("text", ["x" * 3000, "x,y\n" + "1" * 3000, "x,y\n1,2\n" + "1" * 3000 + "\n3,4\n"], ids=["header", "last", "inner"])
def test_a_line_that_is_longer_than_any_is_not_looked_at_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    for module in (csv_records, csv_blocks):
        monkeypatch.setattr(module, "LONGEST", 1000)
    monkeypatch.setattr(csv_blocks, "SIZE", 100)
    (tmp_path / "day.csv").write_text(text)
    with pytest.raises(SourceError, match=r"day\.csv.*a line has more than .* MB: it is not a CSV file"):
        _arrival().read_csv(tmp_path / "day.csv")


STEPS = """
import json, sys
from datetime import UTC, datetime
from platform_assets import daily, source
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

class Row:
    id: int
    at: datetime
    text: str

@source(schema=Row, event_time="at", partitions=daily("2024-03-05"), key=["id"])
def lines(arrival):
    return arrival.read_csv("{partition}.csv")

lake = Lake("lake")
run = Run(lake, Ledger(lake), "test", datetime(2024, 3, 7, tzinfo=UTC))
step = {"raw": make_raw, "silver": make_silver}[sys.argv[1]]
entry = step(lines, lines.partitions.first, lines.partitions.first, run).entries["2024-03-05"]
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1e6
print(json.dumps({"peak": peak, "rows": entry.rows, "received": entry.details.get("received")}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("length", [20, 4000], ids=["short lines", "long lines"])
def test_a_file_of_nothing_but_bad_lines_takes_memory_that_does_not_grow_with_it(tmp_path: Path, length: int) -> None:
    """Unlike its text: 20 and 160 MB, of which raw and silver keep copies with their reasons."""
    peaks = {}
    for megabytes in (20, 160):
        folder = tmp_path / str(megabytes)
        folder.mkdir()
        number = megabytes * 1_000_000 // (length + 5)
        with (folder / "2024-03-05.csv").open("w") as file:
            file.write("id,at,text\n")
            file.writelines(f"{line % 1000}{',' * (1 + 2 * (line % 2))}{'x' * length}\n" for line in range(number))
        for step in ("raw", "silver"):
            done = subprocess.run([sys.executable, "-c", STEPS, step], cwd=folder, check=True, capture_output=True, text=True)
            told = json.loads(done.stdout)
            assert (told["rows"], told["received"]) == ((number, None) if step == "raw" else (0, number))
            peaks[step, megabytes] = told["peak"]
    assert max(peaks.values()) < 1.3, peaks
    for step in ("raw", "silver"):
        assert peaks[step, 160] < peaks[step, 20] + 0.55, peaks


def _arrival(**more: object) -> Arrival:
    return Arrival("orders", "2024-03-05", datetime(2024, 3, 5, tzinfo=UTC), datetime(2024, 3, 6, tzinfo=UTC), **more)  # type: ignore[arg-type]
