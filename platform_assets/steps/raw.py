"""Raw: what came, a commit a partition, so that a killed range is continued where it stood."""

from collections.abc import Sequence

from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError, PlatformError, SourceError, is_failure
from platform_assets.sources.receive import Received, raw_table, receive
from platform_assets.steps.damaged import without_damaged
from platform_assets.steps.run import Done, Run, entry_of, name_of
from platform_assets.stores.delta import Overtaken, Table
from platform_assets.stores.ledger import Entry


def make_raw(source: Source, first: int, last: int, run: Run) -> Done:
    """As receive_all, but raises SourceError for what cannot be received, after all others have been kept."""
    done = receive_all(source, first, last, run)
    if done.broken is not None:
        raise done.broken
    return done


@without_damaged
def receive_all(source: Source, first: int, last: int, run: Run) -> Done:
    """Receives the partitions first..last. Those for which nothing came are refused, all others kept that can be read.

    If deliveries of the source arrive now, the rows of partitions that were delivered again are kept in the newest partition:
    then that one is among the entries, also when it lies outside of first..last.
    """
    table, done = raw_table(source), Done()
    run.ledger.distrust(run.lake.damaged_files(table, {source.partitions.key(p) for p in range(first, last + 1)}))
    seen, known = _known(table, run)
    recorded: list[Entry] = []
    broken: list[PlatformError] = []
    # New ones first: what is delivered again may arrive in one of them.
    indexes = sorted(range(first, last + 1), key=lambda p: (source.partitions.key(p) in known, p))
    try:
        for partition in indexes:
            key = source.partitions.key(partition)
            try:
                received: Received | None = None
                while received is None:
                    try:
                        received = receive(source, partition, run.lake, known, seen, now=run.now, run=run.id)
                    except Overtaken:  # another run has received an edition of it meanwhile: what came is judged beside that one
                        seen, known = _known(table, run)
            except NotReadyError as error:
                done.refused[key] = error
                continue
            except BaseException as error:
                if not is_failure(error):
                    raise
                broken.append(_of_the_partition(source, key, error))  # the partitions after it do not wait for it
                continue
            facts = received.facts
            if received.written is not None:
                done.written[table] = received.written
                known[facts.partition] = done.entries[facts.partition] = entry_of(table, facts, received.written, source.version, run)
                recorded.append(known[facts.partition])
                if received.written.version == seen + 1:
                    seen += 1
                else:  # others write, too
                    seen, known = _known(table, run)
            if key != facts.partition or received.written is None:
                done.unchanged[key] = known[key]
    finally:
        run.ledger.record(recorded)
    if broken:
        done.broken = broken[0] if len(broken) == 1 else SourceError(_listed(broken))
    for key in done.entries:  # may have been as it should be until another's rows came
        done.unchanged.pop(key, None)
    return done


_LISTED = 10


def _listed(errors: Sequence[PlatformError]) -> str:
    more = f"\n... and {len(errors) - _LISTED} more" if len(errors) > _LISTED else ""
    return "\n".join(map(str, errors[:_LISTED])) + more


def _of_the_partition(source: Source, key: str, error: BaseException) -> PlatformError:
    """The error with the partition that it is about."""
    if isinstance(error, SourceError):
        return error
    what = str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"
    found = SourceError(f"source {source.name!r}, partition {key}: {what}")
    found.__cause__ = error
    return found


def _known(table: Table, run: Run) -> tuple[int, dict[str, Entry]]:
    """The version at which raw is, and what the ledger says of it then."""
    version = run.version(table)
    return version, run.ledger.entries(name_of(table), at_version=version)
