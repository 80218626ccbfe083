"""What PostgreSQL says when it refuses something, in words that say what to do."""

import re
from collections.abc import Mapping

_CONNECTING = (
    (
        r"password authentication failed|no password supplied|no pg_hba.conf entry",
        "the server refuses the user or password: check {holder}",
    ),
    (r'database "[^"]*" does not exist', "correct the database's name in {holder}"),
    (r"start walsender|start WAL sender", "let an administrator run ALTER ROLE ... REPLICATION for the user in {holder}"),
    (r'role "[^"]*" does not exist|is not permitted to log in', "correct the user in {holder}, or let an administrator create it"),
    (
        r"too many (clients|connections)|remaining connection slots|too many connections for",
        "the server has no connection left: run fewer partitions at once, or raise max_connections",
    ),
    (r"starting up|shutting down|recovery mode|not yet accepting", "the server is being started or stopped: materialize again in a minute"),
    (r"refused|timeout expired|No route|unreachable", "no server answers: check that it runs, and host and port in {holder}"),
    (r"could not translate host name", "the host's name is not known: check it in {holder}"),
    (r"SSL|certificate|GSSAPI", "the encrypted connection is refused: check sslmode= and sslrootcert= in {holder}"),
    (r"invalid|missing|unterminated|out of range", "a parameter of the URL is wrong: check {holder}"),
)


def while_connecting(said: str, holder: str) -> str:
    """Why there is no connection. Of libpq's words only those are shown that come from the server, and what has no part of the URL.

    holder: what holds the URL, such as SHOP_DATABASE_URL.
    """
    fatal = re.search(r"FATAL: +(.*)", said)
    advice = next((advice for pattern, advice in _CONNECTING if re.search(pattern, said)), "check {holder}, and the server's log")
    reason = f" The server says: {fatal[1].strip().rstrip('.')}." if fatal else ""
    return f"cannot connect to the database of {holder}.{reason} {_sentence(advice.format(holder=holder))}"


def while_reading(said: str, state: str | None, reads: str, limits: Mapping[str, str]) -> str:
    """Why something cannot be read.

    said: the driver's words, without secrets. state: SQLSTATE, None if the connection broke. reads: what is read.
    limits: statement_timeout and lock_timeout, as they were declared.
    """
    reason = words_of(said)
    state = state or next(iter(re.findall(r"SQLSTATE: (\w{5})", said)), None) or _state_of(said)
    return f"{reads or 'the database'} cannot be read: {reason}. {_sentence(_advice(state, reason, reads, limits))}"


_STATES = {
    "statement timeout": "57014",
    "user request": "57014",
    "lock timeout": "55P03",
    "permission denied": "42501",
    "row-level security": "42501",
    "read-only transaction": "25006",
    "conflict with recovery": "40001",
}


def _state_of(said: str) -> str | None:
    """The SQLSTATE, which the driver leaves out of what is said while rows come. None: the connection broke."""
    known = next((state for words, state in _STATES.items() if words in said), None)
    return known or ("XX000" if "ERROR:" in said else None)


def words_of(said: str) -> str:
    """What the server said, without the driver's words around it.

    >>> words_of("CANCELLED: [libpq] Execution error [PGRES_FATAL_ERROR]: ERROR:  canceling statement\\n. SQLSTATE: 57014")
    'canceling statement'
    """
    found = re.search(r"(?:ERROR|FATAL|PANIC): +(.*)", said)
    text = found[1] if found else re.sub(r"^.*?\[libpq\] *", "", said, flags=re.DOTALL)
    hint = re.search(r"HINT: +(.*)", said)
    first = text.strip().splitlines()[0].strip().rstrip(".") if text.strip() else "no reason given"
    return f"{first} ({hint[1].strip().rstrip('.')})" if hint and found else first


def _advice(state: str | None, reason: str, reads: str, limits: Mapping[str, str]) -> str:
    if state == "57014" and "statement timeout" in reason:
        return (
            f"it took longer than statement_timeout='{limits.get('statement_timeout', '')}': create an index on the cursor, take smaller "
            "partitions, or declare a longer one. Nothing of the partition was kept"
        )
    if state == "57014":
        return "somebody has cancelled it: materialize the partition again"
    if state == "55P03":
        return (
            f"another session has locked it for longer than lock_timeout='{limits.get('lock_timeout', '')}', as ALTER TABLE does: "
            "materialize again when it is done, or declare a longer one"
        )
    if state == "42501" and "row-level security" in reason:
        return "its policies would leave rows out in silence: grant the user BYPASSRLS, or read a view that has the rows which are meant"
    if state == "42501":
        return f"let an administrator run GRANT SELECT ON {reads.removeprefix('the table ') if 'table' in reads else '...'} TO the user"
    if state in ("25006", "42601", "42P01", "42703", "42883", "42702"):
        return "correct the query: it has to be one SELECT, and cannot write" if "query" in reads else "check the declaration"
    if state == "40001":
        return "the server is a standby, whose rows were replaced while they were read: materialize again, or read from the primary"
    if state is None or state[:2] in ("08", "57"):
        return "the connection broke, or the server was stopped. Nothing of the partition was kept: materialize it again"
    return "correct it there, or leave the column or rows out by postgres_query. Nothing of the partition was kept"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
