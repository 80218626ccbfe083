"""What a process of its own does in tests: some steps, together with others."""

import os
import sys
import time
from pathlib import Path
from random import Random

from platform_assets_tests.steps.business import Business, deliver


def main(home: str, layers: str, first: str, last: str, start: str) -> None:
    """start: the path of a file at whose appearance all begin."""
    business = Business(home)
    deliver(business, Random(3))
    Path(f"{start}.{os.getpid()}").touch()
    while not Path(start).exists():
        time.sleep(0.005)
    for layer in layers.split(","):
        business.make(layer, business.first + int(first), business.first + int(last))


if __name__ == "__main__":
    main(*sys.argv[1:])
