"""Steps over damaged storage: partitions that read damaged files are refused, all others are computed."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from platform_assets.errors import DamagedError, is_failure
from platform_assets.steps.run import Done, Run
from platform_assets.stores.damage import Damage, damage_in, watched_scans
from platform_assets.stores.storage import with_credentials_hidden

Declared = TypeVar("Declared")
More = ParamSpec("More")
Step = Callable[Concatenate[Declared, int, int, Run, More], Done]


def without_damaged(step: Step[Declared, More]) -> Step[Declared, More]:
    """Restarts a step when a read fails on damaged files: their partitions are then marked as damaged in the ledger, and
    the step refuses partitions that read them, as with missing ones. Partitions that were already computed are computed again.

    An error that is not explained by a damaged file is raised unchanged.
    """

    @wraps(step)
    def made(declaration: Declared, first: int, last: int, run: Run, /, *args: More.args, **kwargs: More.kwargs) -> Done:
        while True:
            with watched_scans(run.ledger.distrusted) as scans:
                try:
                    return step(declaration, first, last, run, *args, **kwargs)
                except BaseException as error:
                    if not is_failure(error):
                        raise
                    if run.ledger.distrust(_damages(error, lambda: damage_in(scans))):
                        continue
                    if hidden := with_credentials_hidden(error, [scanned.storage for scanned in scans]):
                        raise hidden from None
                    raise

    return made


def _damages(error: BaseException, look: Callable[[], list[Damage]]) -> list[Damage]:
    """The damage behind an error: a refused scan lists it, any other failed read is investigated."""
    return list(error.found) if isinstance(error, DamagedError) and error.found else look()
