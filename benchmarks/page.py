"""Writes the tables of docs/benchmarks.md from the last results: `make bench ALL=1`, or .venv/bin/python benchmarks/page.py.

The page's words are written by hand; what stands between <!-- results: NAME --> and <!-- end --> comes from benchmarks/results/NAME.json.
"""

import json
import re
from pathlib import Path
from typing import Any

from measured import RESULTS, options, shown

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
PLACE = re.compile(r"(<!-- results: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def page(text: str, results: Path = RESULTS) -> str:
    """The page with the tables of the last results."""
    return PLACE.sub(lambda found: found[1] + _shown(results / f"{found[2]}.json") + found[4], text)


def names(text: str) -> list[str]:
    """The results that the page shows."""
    return [found[2] for found in PLACE.finditer(text)]


def _shown(result: Path) -> str:
    return markdown(json.loads(result.read_text())) if result.exists() else "\n*Not measured in full yet.*\n\n"


def markdown(result: dict[str, Any]) -> str:
    """A result as a table, and a line on when, where and with which versions it was measured."""
    rows = [result["headings"], *([shown(cell) for cell in row] for row in result["rows"])]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(result["headings"]))
    machine = result["machine"]
    memory = f", {machine['memory_gb']} GB" if "memory_gb" in machine else ""
    versions = ", ".join(f"{package} {version}" for package, version in result["versions"].items())
    where = f"{result['at'][:10]}, {machine['processor']}, {machine['cores']} cores{memory}, load {result['load'][0]:.0f}"
    return "\n".join(["", *lines, "", f"*{where}; {versions}.*", "", ""])


if __name__ == "__main__":
    options(__doc__)
    PAGE.write_text(page(PAGE.read_text()))
