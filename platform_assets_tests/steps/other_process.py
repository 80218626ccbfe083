"""What a process of its own does in tests: some steps, together with others, or until it is killed before it tells the ledger."""

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

from platform_assets.steps.run import Run
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets_tests.steps.business import Business, deliver


class Killed(Ledger):
    """A ledger whose process dies, as by the kernel's hand, when a step has written its data and wants to tell."""

    def record(self, entries: Iterable[Entry]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Dying(Business):
    def run(self, name: str = "killed") -> Run:
        return Run(self.lake, Killed(self.lake), name, self.now)


def correct(business: Business) -> None:
    """Another edition of the fifth day."""
    key = business.day(4)
    business.deliveries[key] = [{**row, "amount": "11"} for row in (business.deliveries.get(key) or [])[1:]]


def main(how: str, home: str, layers: str, first: str, last: str, *more: str) -> None:
    """how: killed or together; together: the path of a file at whose appearance all start."""
    business = Dying(Path(home)) if how == "killed" else Business(Path(home))
    deliver(business, Random(3))
    if "corrected" in more:
        correct(business)
    if how == "together":
        Path(more[0] + f".{os.getpid()}").touch()
        while not Path(more[0]).exists():
            time.sleep(0.005)
    for layer in layers.split(","):
        business.make(layer, business.first + int(first), business.first + int(last))


if __name__ == "__main__":
    main(*sys.argv[1:])
