"""Runs the benchmarks one after another: small ones in some minutes, or with --all in full, which takes an hour and writes the page."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
QUICK = ["point_in_time", "window_features", "online_store", "backfill"]
WHOLE = [*QUICK, "temporal", "lifetime", "publish", "online_read", "startup", "ranges", "lifetime"]


def main(whole: bool) -> None:
    for name in WHOLE if whole else QUICK:
        print(f"\n{name}", flush=True)
        command = [sys.executable, str(HERE / f"{name}.py"), *([] if whole else ["--quick"])]
        subprocess.run(command, check=True, cwd=HERE.parent)
    if whole:
        subprocess.run([sys.executable, HERE / "page.py"], check=True)


if __name__ == "__main__":
    main("--all" in sys.argv)
