"""Whether all rows of a time can be seen: rows carry the time at which their transaction began, and are seen when it has committed.

A server's `now()` is the start of the transaction. So rows of before a moment may appear as long as a transaction is open that began
before it. When none is, and only then, a snapshot taken afterwards has all of them (docs/adr/0048).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from platform_assets.errors import SourceError
from platform_assets.sources.postgres_session import APPLICATION, Session

SETTLES = timedelta(seconds=1)
"""After a partition's end: a transaction that is just beginning has its time a moment before others can see that it is there."""

_SERVER = (
    "SELECT clock_timestamp() AS clock, pg_is_in_recovery() AS is_standby, current_user::text AS account, "
    "(pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AND current_setting('track_activities')::bool) AS sees_all"
)
# Vacuum and the senders of replication write no rows; parallel workers belong to a session that is listed; our own sessions only read.
_OPEN = f"""
SELECT pid::int8 AS pid, usename::text AS account, began, state, application_name AS program FROM (
  SELECT *, coalesce(xact_start, CASE WHEN state = 'active' THEN query_start END) AS began FROM pg_catalog.pg_stat_activity
) AS sessions
WHERE datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid() AND began IS NOT NULL
  AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'parallel worker', 'walsender')
  AND application_name NOT LIKE '{APPLICATION}: %'
ORDER BY began LIMIT 1
"""
# When it began is not kept: any of them may have begun before.
_PREPARED = """
SELECT gid::text AS name, owner::text AS account, prepared FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
ORDER BY prepared LIMIT 1
"""


@dataclass(frozen=True)
class OpenTransactions:
    """What was open at a moment by the server's clock."""

    clock: datetime
    since: datetime | None
    """When the oldest open transaction began; None: there is none, or it was not to be waited for."""
    oldest: str
    """Which one it is."""

    def why_not_all_of(self, end: datetime) -> str | None:
        """Why rows of before `end` may still appear; None: they are all there, for whoever begins to read now."""
        if self.clock < end + SETTLES:
            return f"by the server's clock, {self.clock:%Y-%m-%d %H:%M:%S} UTC, the partition has not ended"
        if self.since is not None and self.since < end:
            return (
                f"{self.oldest} is open since {self.since:%Y-%m-%d %H:%M:%S} UTC, and may still commit rows of this partition. "
                "It is received when that has ended. If it is forgotten, end it"
            )
        return None


def open_transactions(session: Session, *, waits: bool) -> OpenTransactions:
    """Looks which transactions are open.

    waits: whether they matter.

    Raises:
        SourceError: they cannot be seen: the user may not, or the server is a standby.
    """
    # In this order: a transaction that is listed nowhere had not begun at the time that the clock has shown, or has ended.
    ((clock, is_standby, account, sees_all),) = session.rows(_SERVER)
    if not waits:
        return OpenTransactions(clock, None, "")
    otherwise = "Or declare late_commits='ignore', and overlap= as long as the longest transaction, such as overlap='1h'."
    if is_standby:
        raise SourceError(
            f"{session.where}: the server is a standby, which does not know which transactions are open on its primary, so rows that are "
            f"committed late would be missed. Read from the primary. {otherwise}"
        )
    if not sees_all:
        raise SourceError(
            f"{session.where}: the user {account} may not see when other sessions' transactions began, so rows that are committed "
            f"late would be missed. Let an administrator run GRANT pg_read_all_stats TO {account}. {otherwise}"
        )
    opened, prepared = session.rows(_OPEN), session.rows(_PREPARED)
    if prepared:
        name, owner, _ = prepared[0]
        told = f"the prepared transaction {name!r} of {owner}, which ROLLBACK PREPARED or COMMIT PREPARED ends,"
        return OpenTransactions(clock, datetime.fromisoformat("0001-01-01T00:00:00+00:00"), told)
    if not opened:
        return OpenTransactions(clock, None, "")
    pid, owner, began, state, program = opened[0]
    told = (
        f"the transaction of {owner or 'a background process'} (pid {pid}{f', {program}' if program else ''}, {state or 'state unknown'})"
    )
    return OpenTransactions(clock, began, told)
