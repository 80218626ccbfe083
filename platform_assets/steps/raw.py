"""Raw: rows as received. A commit holds a range of small partitions or one large one, so that a killed run continues where it stopped."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError, PlatformError, SourceError, is_failure
from platform_assets.sources.receive import READ_BY, Arrived, Received, arrived, keep, raw_table
from platform_assets.sources.replays import supersede, taken_back
from platform_assets.steps.run import Done, Run, entry_of, name_of
from platform_assets.steps.skip_damaged import without_damaged
from platform_assets.stores.delta import Overtaken
from platform_assets.stores.ledger import Entry


def read_otherwise(source: Source, run: Run) -> list[int]:
    """The partitions of raw last read by another version of the source's function: raw keeps what that version read."""
    entries = run.ledger.entries(name_of(raw_table(source))).values()
    return [source.partitions.number(entry.partition) for entry in entries if entry.details.get(READ_BY, source.read_by) != source.read_by]


BYTES_AT_ONCE, PARTITIONS_AT_ONCE = 1 << 26, 100
"""A commit holds at most about this many bytes, or a single partition. It takes as long for one small partition as for many."""


def make_raw(source: Source, first: int, last: int, run: Run) -> Done:
    """Like receive_all, but raises SourceError for partitions that cannot be received, after all others have been written."""
    done = receive_all(source, first, last, run)
    if done.broken is not None:
        raise done.broken
    return done


@without_damaged
def receive_all(source: Source, first: int, last: int, run: Run) -> Done:
    """Receives the partitions first..last. Those without a delivery are refused; all others that can be read are written.

    If deliveries of the source arrive now (deliveries="arrives_now"), rows of partitions that were delivered again go to the newest
    partition: it is then among the entries, even if it is outside first..last.
    """
    receiving = _Receiving(source, run)
    table = raw_table(source)
    run.ledger.distrust(run.lake.damaged_files(table, {source.partitions.key(p) for p in range(first, last + 1)}))
    receiving.look()
    # New ones first: repeated deliveries may arrive in one of them.
    indexes = sorted(range(first, last + 1), key=lambda p: (source.partitions.key(p) in receiving.known, p))
    try:
        for partition in indexes:
            receiving.receive(partition)
    finally:  # rows received before a request to stop are kept
        receiving.write()
        run.ledger.record(receiving.recorded)
    received = {*receiving.done.entries, *receiving.done.unchanged} - {*receiving.failed}
    run.ledger.record_failures(name_of(table), receiving.failed, received, run.id, run.now.isoformat(timespec="seconds"))
    for key, entry in take_back_replays(source, run).items():
        receiving.done.entries[key] = entry
    done, broken = receiving.done, receiving.broken
    if broken:
        done.broken = broken[0] if len(broken) == 1 else SourceError(_listed(broken))
    for key in done.entries:  # it may have been up to date until another partition's rows arrived
        done.unchanged.pop(key, None)
    return done


def take_back_replays(source: Source, run: Run) -> dict[str, Entry]:
    """Supersedes replays of rows that were superseded themselves, also where a run has died before; the partitions that keep them."""
    table, written = raw_table(source), dict[str, Entry]()
    while True:
        seen = run.version(table)
        known = run.ledger.entries(name_of(table), at_version=seen)
        if not (found := taken_back(known)):
            return written
        keeper = min(found)
        try:
            made, facts = supersede(source, keeper, found[keeper], run.lake, known, seen, run.id)
        except Overtaken:
            continue
        written[keeper] = entry_of(table, facts, made, source.version, run)
        run.ledger.record([written[keeper]])


class _Receiving:
    """A run that receives partitions one after another, and writes consecutive ones together."""

    def __init__(self, source: Source, run: Run) -> None:
        self.source, self.run, self.done = source, run, Done()
        self.seen, self.known = -1, dict[str, Entry]()
        """Raw's version, and its ledger entries at that version."""
        self.recorded: list[Entry] = []
        self.broken: list[PlatformError] = []
        self.failed: dict[str, str] = {}
        """Why partitions could not be received, by key."""
        self._waiting: list[Arrived] = []
        self._columns: list[str] | None = None

    def look(self) -> None:
        table = raw_table(self.source)
        self.seen, self._columns = self.run.version(table), None
        self.known = self.run.ledger.entries(name_of(table), at_version=self.seen)

    def receive(self, partition: int) -> None:
        """Reads the deliveries of a partition; they are written together with the next ones, or earlier."""
        key = self.source.partitions.key(partition)
        if self.source.deliveries == "arrives_now" and key in self.known:
            self.write()  # its rows may belong in a partition that is waiting
        with self._failures_noted(key):
            came = arrived(self.source, partition, self.known, self._spelled, self.run.now, self.run.lake)
            if isinstance(came, Received):
                self._note_unchanged(key, came.facts.partition)
                return
            if self._waiting and not self._belongs_together(came):
                self.write()
            self._waiting.append(came)
            if sum(one.returned.bytes for one in self._waiting) >= BYTES_AT_ONCE or len(self._waiting) == PARTITIONS_AT_ONCE:
                self.write()

    def write(self) -> None:
        """Writes the waiting partitions in one commit; if that fails, one by one, so that an error belongs to a single partition."""
        waiting, self._waiting = self._waiting, []
        with ExitStack() as aside:
            for one in waiting:
                aside.enter_context(one.aside)
            try:
                received = keep(self.source, waiting, self.run.lake, self.known, self.seen, self.run.id) if waiting else []
            except BaseException as error:
                if not is_failure(error):
                    raise
                failed = error
            else:
                self._note(waiting, received)
                return
        if len(waiting) > 1 or isinstance(failed, Overtaken):
            for one in waiting:
                self._receive_alone(self.source.partitions.number(one.key))
        else:
            self._note_failure(waiting[0].key, failed)

    def _receive_alone(self, partition: int) -> None:
        key = self.source.partitions.key(partition)
        while True:
            # Another run may have received it in the meantime: the delivery is compared with that one.
            self.look()
            with self._failures_noted(key):
                came = arrived(self.source, partition, self.known, self._spelled, self.run.now, self.run.lake)
                if isinstance(came, Received):
                    self._note_unchanged(key, came.facts.partition)
                    return
                with came.aside:
                    try:
                        received = keep(self.source, [came], self.run.lake, self.known, self.seen, self.run.id)
                    except Overtaken:
                        continue
                self._note([came], received)
            return

    def _note_unchanged(self, key: str, kept_in: str) -> None:
        """Records that raw already has the delivery, and which version of the source's function checked it."""
        entry = self.known[kept_in]
        if kept_in == key and entry.details.get(READ_BY) != self.source.read_by:
            entry = replace(entry, details={**entry.details, READ_BY: self.source.read_by})
            self.known[key] = entry
            self.recorded.append(entry)
        self.done.unchanged[key] = entry

    def _belongs_together(self, came: Arrived) -> bool:
        """Whether a delivery can be written in the same commit as the waiting ones."""
        last = self._waiting[-1]
        return came.keeper == last.keeper + 1 and not came.delivery.of and not last.delivery.of

    def _spelled(self) -> list[str]:
        """The columns of raw, including those about to be added."""
        if self._columns is None:
            self._columns = list(self.run.lake.schema(raw_table(self.source)))
        return [*self._columns, *(column for one in self._waiting for column in one.returned.columns)]

    def _note(self, waiting: Sequence[Arrived], received: Sequence[Received]) -> None:
        """Records what was written."""
        version, table = self.seen, raw_table(self.source)
        for one, (facts, written) in zip(waiting, ((r.facts, r.written) for r in received), strict=True):
            assert written is not None, "it was written"
            version = written.version
            self.done.written[table] = written
            entry = entry_of(table, facts, written, self.source.version, self.run)
            self.known[facts.partition] = self.done.entries[facts.partition] = entry
            self.recorded.append(entry)
            if one.key != facts.partition:
                self.done.unchanged[one.key] = self.known[one.key]
        self._columns = None
        if version == self.seen:
            return
        if version == self.seen + 1:
            self.seen += 1
        else:  # other runs write, too
            self.look()

    @contextmanager
    def _failures_noted(self, key: str) -> Iterator[None]:
        """Wraps a partition, so that a failure does not hold up the next ones."""
        try:
            yield
        except BaseException as error:
            self._note_failure(key, error)

    def _note_failure(self, key: str, error: BaseException) -> None:
        if isinstance(error, NotReadyError):
            self.done.refused[key] = error
        elif is_failure(error):
            self.broken.append(_of_the_partition(self.source, key, error))
            self.failed[key] = str(self.broken[-1])
        else:
            raise error


_LISTED = 10


def _listed(errors: Sequence[PlatformError]) -> str:
    more = f"\n... and {len(errors) - _LISTED} more" if len(errors) > _LISTED else ""
    return "\n".join(map(str, errors[:_LISTED])) + more


def _of_the_partition(source: Source, key: str, error: BaseException) -> PlatformError:
    """The error with its partition."""
    if isinstance(error, SourceError):
        return error
    what = str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"
    found = SourceError(f"source {source.name!r}, partition {key}: {what}")
    found.__cause__ = error
    return found
