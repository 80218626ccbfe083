"""The Spark engine's part of the suite in short, for a package that may be patched: python -m platform_assets_tests.spark.quick

Exit code 0: it agrees with the reference. WRONG_VALUE: it has another value, printed. Any other: something failed.
"""

import sys

from platform_assets.testing.equality import Disagreement
from platform_assets_tests.conformance.grouped import require_group, require_group_of_states
from platform_assets_tests.conformance.named import CASES
from platform_assets_tests.conformance.quick import WRONG_VALUE, load_named_cases
from platform_assets_tests.spark.session import small_tables

HOURS_WITH_COPIES, DAYS_THAT_ARE_BLOCKED, UPDATES = 20, 12, 1
"""Seeds of groups: of hours with duplicates two hours apart; of days of London with two keys and partitions that are blocked; of states."""


COPIES = "a chain of copies: a duplicate makes the next one a duplicate, far beyond the horizon of the first"


def run() -> None:
    """A named case and three groups, always the same; the first wrong value ends it."""
    engine = small_tables()
    load_named_cases()
    CASES[COPIES].check(engine)  # partition by partition, too
    require_group(engine, 12, HOURS_WITH_COPIES)
    require_group_of_states(engine, 24, UPDATES)
    require_group(engine, 12, DAYS_THAT_ARE_BLOCKED)


if __name__ == "__main__":
    try:
        run()
    except Disagreement as wrong:
        print(wrong)
        sys.exit(WRONG_VALUE)
    except AssertionError as wrong:  # what the engine says of its own rows
        print(wrong)
        sys.exit(WRONG_VALUE)
