"""Runs the benchmarks one after another: small ones in some minutes, or with --all in full, which takes an hour and writes the page."""

import subprocess
import sys
from pathlib import Path

from measured import options

HERE = Path(__file__).parent
QUICK = ["point_in_time", "window_features", "online_store", "backfill", "silver"]
WHOLE = [*QUICK, "temporal", "lifetime", "publish", "online_read", "startup", "ranges", "survey"]


def main(whole: bool) -> None:
    chosen = WHOLE if whole else QUICK
    for number, name in enumerate(chosen, start=1):
        about = (HERE / f"{name}.py").read_text().removeprefix('"""').split("\n", 1)[0]
        print(f"\n{number} of {len(chosen)}, {name}: {about}", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py"), *([] if whole else ["--quick"])]
        subprocess.run(command, check=True, cwd=HERE.parent)
    if whole:
        subprocess.run([sys.executable, HERE / "page.py"], check=True)


if __name__ == "__main__":
    main(options(__doc__, "--all").all)
