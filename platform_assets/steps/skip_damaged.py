"""Steps over damaged storage: a partition that reads damaged files is refused, all others are made."""

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
    """Makes a step begin again when a read fails on damaged files: the ledger then says of their partitions that they are damaged, and
    the step refuses what reads them, as it does what reads missing ones. Partitions made before are made once more.

    An error that no damaged file explains is raised as it is.
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
    """What an error is about: a scan that was refused says so itself, any other failed read is looked into."""
    return list(error.found) if isinstance(error, DamagedError) and error.found else look()
