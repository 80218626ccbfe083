"""What every benchmark says besides its figures: the machine, the versions, and a table."""

import json
import os
import platform
import resource
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def report(name: str, headings: Sequence[str], rows: Sequence[Sequence[Any]], packages: Sequence[str]) -> None:
    """Prints a table, and writes it with the machine and the versions to benchmarks/results/<name>.json."""
    cells = [[str(heading) for heading in headings], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for place, row in enumerate(cells):
        first, *others = zip(row, widths, strict=True)
        print("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]))
        if place == 0:
            print("  ".join("-" * width for width in widths))
    RESULTS.mkdir(exist_ok=True)
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "system": platform.platform()},
        "load": os.getloadavg(),
        "versions": {"python": platform.python_version(), **{package: version(package) for package in packages}},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "headings": list(headings),
        "rows": [list(row) for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")


def _text(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
