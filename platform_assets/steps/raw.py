"""Raw: what came, a commit a partition, so that a killed range is continued where it stood."""

from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError
from platform_assets.sources.receive import raw_table, receive
from platform_assets.steps.run import Done, Run, name_of
from platform_assets.stores.ledger import Entry


def make_raw(source: Source, first: int, last: int, run: Run) -> Done:
    """Receives the partitions first..last. Those for which nothing came are refused, all others kept."""
    table, done = raw_table(source), Done()
    known = run.ledger.entries(name_of(table))
    try:
        for partition in range(first, last + 1):
            key = source.partitions.key(partition)
            try:
                received = receive(source, partition, run.lake, known.get(key), now=run.now, run=run.id)
            except NotReadyError as error:
                done.refused[key] = error
                continue
            if received.written is None:
                done.unchanged[key] = known[key]
                continue
            facts = received.facts
            done.written[table] = received.written
            done.entries[key] = Entry(
                name_of(table), key, received.written.version, source.version, facts.rows, facts.status, facts.tier, run.id, facts.details
            )
    finally:
        run.ledger.record(done.entries.values())
    return done
