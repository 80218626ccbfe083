"""What a server says of itself (INFO): whether it may be written, and whether it keeps what was written."""

from dataclasses import dataclass

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore, Session

_EVICTS = "allkeys"
"""What the policies are called that remove keys without an expiry: those of entities have none."""


@dataclass(frozen=True)
class Server:
    """A server at one moment.

    run_id: drawn at its start. policy: its maxmemory-policy; "" when it does not say. evicted: keys removed for want of memory since its
    start. primary: the server that it replicates; "" when it is none's replica. is_cluster: whether it is a node of a cluster.
    """

    run_id: str
    policy: str
    evicted: int
    primary: str
    is_cluster: bool

    @property
    def may_evict(self) -> bool:
        """Whether it removes entities when its memory is full, in silence."""
        return self.policy.startswith(_EVICTS)

    def has_evicted_since(self, complete: "Complete") -> int:
        """How many keys it may have removed of those that were there.

        Under a policy for keys with an expiry the count is that of other programs' keys, which says nothing.
        """
        if not self.may_evict and self.policy != "noeviction":
            return 0
        return max(0, self.evicted - (complete.evicted if complete.run_id == self.run_id else 0))


@dataclass(frozen=True)
class Complete:
    """What the marks keep of the last moment at which all entities of a view were known to be there.

    run_id, evicted: of the server then. keys: how many keys its database had.
    """

    run_id: str
    evicted: int
    keys: int


def parsed_info(text: bytes) -> Server:
    """The answer to INFO."""
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
    """What `Complete` is kept as; None where it is not there, or not readable: then everything is published again."""
    run_id, *numbers = (text or b"").decode(errors="replace").split(" ")
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return Complete(run_id, *map(int, numbers))


def server_of(session: Session) -> Server:
    """The server behind a connection."""
    return parsed_info(session.call("INFO"))


def check_keeps(server: Server, store: OnlineStore) -> None:
    """OnlineError: what is published here would be refused, or would not stay."""
    if server.is_cluster:
        raise OnlineError(
            f"the online store {store.address} is a node of a cluster, which is not supported: views share a hash of marks, and a cluster "
            "would place it apart from the entities. Set PLATFORM_REDIS_URL to a single server."
        )
    if server.primary:
        raise OnlineError(
            f"the online store {store.address} is a replica, which takes no writes of its own. To publish, set PLATFORM_REDIS_URL to its "
            f"primary, {server.primary}; reading from a replica is fine."
        )
    if server.may_evict:
        raise OnlineError(
            f"the online store {store.address} has the maxmemory-policy {server.policy}: when its memory is full it removes entities in "
            "silence, and they would be answered as if nothing had ever happened to them. Nothing is published. Set it to noeviction "
            "(CONFIG SET maxmemory-policy noeviction), or use a server that is no cache."
        )


def check_kept(before: Server, after: Server, store: OnlineStore) -> None:
    """OnlineError: what was written since `before` may be gone already."""
    check_keeps(after, store)
    removed = after.has_evicted_since(Complete(before.run_id, before.evicted, 0))
    if removed:
        raise OnlineError(
            f"the online store {store.address} has removed {removed} keys for want of memory while it was written. Give it more memory, "
            "set its maxmemory-policy to noeviction, and publish again: all of it is written then."
        )


def _field(text: bytes, name: bytes) -> str:
    _, found, rest = text.partition(b"\n" + name + b":")
    return rest.partition(b"\n")[0].strip().decode(errors="replace") if found else ""
