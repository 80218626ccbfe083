"""The state of a server (INFO): whether it accepts writes, and whether it keeps them."""

from dataclasses import dataclass

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore, Session

_EVICTS = "allkeys"
"""The prefix of policies that evict keys without an expiry, such as those of entities."""


@dataclass(frozen=True)
class Server:
    """The state of a server at one moment.

    run_id: drawn at its start. policy: its maxmemory-policy; "" if unknown. evicted: keys evicted since its
    start. primary: the server that it replicates; "" if it is not a replica. is_cluster: whether it is a node of a cluster.
    """

    run_id: str
    policy: str
    evicted: int
    primary: str
    is_cluster: bool

    @property
    def may_evict(self) -> bool:
        """Whether it silently evicts entities when its memory is full."""
        return self.policy.startswith(_EVICTS)

    def has_evicted_since(self, complete: "Complete") -> int:
        """How many of the earlier keys it may have evicted.

        Under a policy for keys with an expiry it counts other programs' keys, which means nothing.
        """
        if not self.may_evict and self.policy != "noeviction":
            return 0
        return max(0, self.evicted - (complete.evicted if complete.run_id == self.run_id else 0))


@dataclass(frozen=True)
class Complete:
    """The last state recorded in the marks in which all entities of a view were known to exist.

    run_id, evicted: of the server then. keys: the number of keys in its database.
    """

    run_id: str
    evicted: int
    keys: int


def parsed_info(text: bytes) -> Server:
    """Parses the answer to INFO."""
    evicted = _field(text, b"evicted_keys")
    is_replica = _field(text, b"role") in ("slave", "replica")
    return Server(
        run_id=_field(text, b"run_id"),
        policy=_field(text, b"maxmemory_policy"),
        evicted=int(evicted) if evicted.isdigit() else 0,
        primary=f"{_field(text, b'master_host')}:{_field(text, b'master_port')}" if is_replica else "",
        is_cluster=_field(text, b"cluster_enabled") == "1",
    )


def parsed_complete(text: bytes | None) -> Complete | None:
    """Parses the stored `Complete`; None if it is missing or unreadable: then everything is published again."""
    run_id, *numbers = (text or b"").decode(errors="replace").split(" ")
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return Complete(run_id, *map(int, numbers))


def server_of(session: Session) -> Server:
    """The server behind a connection."""
    return parsed_info(session.call("INFO"))


def check_keeps(server: Server, store: OnlineStore) -> None:
    """Raises an OnlineError if published values would be refused or not kept."""
    if server.is_cluster:
        raise OnlineError(
            f"the online store {store.address} is a node of a cluster, which is not supported: views share a hash of marks, and a cluster "
            "would place it apart from the entities. Set PLATFORM_REDIS_URL to a single server."
        )
    if server.primary:
        raise OnlineError(
            f"the online store {store.address} is a replica, which does not accept writes. To publish, set PLATFORM_REDIS_URL to its "
            f"primary, {server.primary}; reading from a replica is fine."
        )
    if server.may_evict:
        raise OnlineError(
            f"the online store {store.address} has the maxmemory-policy {server.policy}: when its memory is full it silently evicts "
            "entities, which would then be served as empty. Nothing is published. Set it to noeviction "
            "(CONFIG SET maxmemory-policy noeviction), or use a server that is not a cache."
        )


def check_kept(before: Server, after: Server, store: OnlineStore) -> None:
    """Raises an OnlineError if values written since `before` may already be lost."""
    check_keeps(after, store)
    removed = after.has_evicted_since(Complete(before.run_id, before.evicted, 0))
    if removed:
        raise OnlineError(
            f"the online store {store.address} evicted {removed} keys during the publication because its memory was full. Give it more "
            "memory, set its maxmemory-policy to noeviction, and publish again: all of it is written then."
        )


def _field(text: bytes, name: bytes) -> str:
    _, found, rest = text.partition(b"\n" + name + b":")
    return rest.partition(b"\n")[0].strip().decode(errors="replace") if found else ""
