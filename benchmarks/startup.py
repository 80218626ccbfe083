"""Starting: CPU seconds of loading the code location beside `import dagster`, and of `import platform_assets` beside `import polars`.

    .venv/bin/python benchmarks/startup.py

Each in a fresh process, alternating, the median of five; the first round writes bytecode and does not count.
"""

import os
import resource
import statistics
import subprocess
import sys

from measured import options, report

ROUNDS = 5
PAIRS = [("dagster", "platform_assets.definitions"), ("polars", "platform_assets")]


def main() -> None:
    spent: dict[str, list[float]] = {module: [] for pair in PAIRS for module in pair}
    for _ in range(ROUNDS + 1):
        for module in spent:
            spent[module].append(cpu_seconds(f"import {module}"))
    rows = []
    for pair in PAIRS:
        first = statistics.median(spent[pair[0]][1:])
        for module in pair:
            median, least = statistics.median(spent[module][1:]), min(spent[module][1:])
            rows.append((f"import {module}", median, least, median / first))
    report("startup", ["program", "CPU s", "least", "x first"], rows, ["dagster", "polars", "sqlglot", "numpy", "pydantic-settings"])


def cpu_seconds(program: str) -> float:
    """User and system seconds of a fresh Python that keeps its bytecode."""
    keeps_bytecode = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, env=keeps_bytecode)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    options(__doc__)
    main()
