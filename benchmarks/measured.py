"""What every benchmark has: options, CPU seconds and peak memory of a process, the machine, the versions, and a table.

Knows nothing but the standard library: the peers' environment runs it too.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

Size = TypeVar("Size")

RESULTS = Path(__file__).parent / "results"
QUICK = RESULTS / "quick"
"""What smaller runs say: not kept."""
LIMIT_GB = 6.0
"""A way that takes more memory is stopped, and said so."""
LIMIT_SECONDS = 900.0
"""And of CPU."""


@dataclass(frozen=True)
class Spent:
    """What one run of a way took. stopped: why it was ended before its end, or "". said: what it tells of its answer."""

    cpu: float
    peak_gb: float
    stopped: str
    said: dict[str, Any]


def command_line(about: str | None) -> argparse.ArgumentParser:
    """The options of a script; --help prints what it says of itself."""
    return argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)


def options(about: str | None, *switches: str, **numbers: int) -> argparse.Namespace:
    """What a script is asked for: switches, and numbers in this order with what they are when they are left out."""
    command = command_line(about)
    for switch in switches:
        command.add_argument(switch, action="store_true")
    for name, default in numbers.items():
        command.add_argument(name, nargs="?", type=int, default=default, help=f"{default:,} when it is left out")
    return command.parse_args()


def number_given(place: int, default: int) -> int:
    """A number on the command line, for what is declared before options are read, in a script and in the processes that it starts."""
    try:
        return int(sys.argv[place])
    except (IndexError, ValueError):  # what is no number the options refuse
        return default


def sizes_asked(about: str | None, sizes: Sequence[Size], small: Sequence[Size]) -> tuple[Sequence[Size], bool]:
    """Of a script that takes [--quick | SIZE]: the sizes to measure, all without either, and whether they are the small ones."""
    command = command_line(about)
    either = command.add_mutually_exclusive_group()
    either.add_argument("--quick", action="store_true", help="a small size instead")
    either.add_argument("size", metavar="SIZE", nargs="?", type=int, choices=range(1, len(sizes) + 1), help="one of them only")
    asked = command.parse_args()
    if asked.quick:
        return small, True
    return sizes if asked.size is None else [sizes[asked.size - 1]], False


def say(run: Callable[[], dict[str, Any]]) -> None:
    """In a process of its own: runs a way, and prints what it took, whatever was imported and prepared before not counted as CPU."""
    before = cpu_seconds()
    told = run()
    print(json.dumps({"cpu": cpu_seconds() - before, "peak_gb": peak_gb(), "said": told}))


def cpu_seconds() -> float:
    """User and system seconds of this process and of its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def peak_gb() -> float:
    """The most memory that this process ever had; getrusage would also count the one that it was forked from."""
    kilobytes = _status(os.getpid(), "VmHWM")
    return (kilobytes if kilobytes is not None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1e6


def spawned(*command: object, python: str = sys.executable, limit_gb: float = LIMIT_GB, limit_seconds: float = LIMIT_SECONDS) -> Spent:
    """Runs a script that ends with `say` in a process of its own, and tells on stderr that it has; one that takes too much is stopped."""
    process = subprocess.Popen([python, *map(str, command)], stdout=subprocess.PIPE, text=True)
    peak = spent = 0.0
    while process.poll() is None:
        peak = max(peak, (_status(process.pid, "VmRSS") or 0) / 1e6)
        spent = max(spent, process_cpu(process.pid))
        if peak > limit_gb or spent > limit_seconds:
            process.kill()
            process.wait()
            return Spent(spent, peak, f"> {limit_gb:g} GB" if peak > limit_gb else f"> {limit_seconds:g} s", {})
        time.sleep(0.05)
    out = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {process.returncode}")
    told = json.loads(out.strip().splitlines()[-1])
    print(f"  {Path(str(command[0])).stem} {' '.join(map(_short, command[1:]))}: {told['cpu']:.2f} CPU s", file=sys.stderr, flush=True)
    return Spent(told["cpu"], told["peak_gb"], "", told["said"])


def _short(word: object) -> str:
    return Path(str(word)).name


def typical(runs: Sequence[Spent]) -> Spent:
    """The medians of several runs of a way; they are stopped alike, and tell the same."""
    return Spent(median(run.cpu for run in runs), median(run.peak_gb for run in runs), runs[0].stopped, runs[0].said)


def is_same(said: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether a way found what another has: numbers may differ by a billionth of themselves, counts below a billion not at all."""
    return bool(answer) and all(abs(said[name] - value) <= 1e-9 * abs(value) for name, value in answer.items())


def process_cpu(pid: int) -> float:
    """CPU seconds that another process has taken; 0 where nothing tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(
    name: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[Any]],
    packages: Sequence[str],
    *,
    quick: bool = False,
    peers: dict[str, str] | None = None,
    whole: bool = True,
) -> None:
    """Prints a table, and writes it with the machine and the versions to benchmarks/results/<name>.json.

    packages: whose versions count. peers: versions of what runs in another environment. quick: a smaller run, which does not replace
    the last whole one. whole: False for some sizes only: those of another first cell stay, if they were measured with the same versions.
    """
    print(table(headings, rows))
    folder = QUICK if quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    found = {"python": platform.python_version(), **versions(packages), **(peers or {})}
    last = folder / f"{name}.json"
    if not whole and last.exists() and (before := json.loads(last.read_text()))["versions"] == found:
        again = {row[0] for row in rows}
        rows = [*(row for row in before["rows"] if row[0] not in again), *rows]
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "versions": found,
        "headings": list(headings),
        "rows": [list(row) for row in rows],
    }
    last.write_text(json.dumps(facts, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"processor": _processor(), "cores": os.cpu_count(), "memory_gb": round(memory / 1e9), "system": platform.system()}


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of the packages that are there."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """For a terminal."""
    cells = [[str(heading) for heading in headings], *([shown(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        first, *others = zip(row, widths, strict=True)
        lines.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]))
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def in_short(count: int) -> str:
    """2M or 500k."""
    return f"{count // 1_000_000}M" if count >= 1_000_000 else f"{count // 1000}k"


def shown(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else "" if cell is None else str(cell)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _status(pid: int, field: str) -> int | None:
    """A field of a process's status, in kB; None when there is no such process, or no such system."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith(f"{field}:")]
    return int(found[0]) if found else None
